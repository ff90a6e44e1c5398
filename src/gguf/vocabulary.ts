// A tokenizer as GGUF holds it: the tokens by id, what each of them is, and the merges; llama.cpp's "gpt2" tokenizer
// with its "gpt-2" pre-tokenizer, which splits text by GPT-2's own pattern.
import { UserError } from "../errors.ts";
import { printable, quote } from "../files/quote.ts";
import type { TokenizerParts } from "../tokenizer/parts.ts";

/** llama_token_type. */
const TOKEN_TYPES = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const;

export interface GgufVocabulary {
  /** By id: pieces in the byte alphabet, added tokens as plain text. */
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  /** "left right", the best first. */
  readonly merges: readonly string[];
  /** What llama.cpp will do otherwise, a clause each. */
  readonly notes: readonly string[];
}

/**
 * `vocabSize`: the model's rows; ids that the tokenizer lacks become unused tokens, and added tokens that the model
 * lacks are left out and noted. Throws UserError when the model lacks a piece of the vocabulary itself.
 */
export function ggufVocabulary(parts: TokenizerParts, vocabSize: number): GgufVocabulary {
  const tokens: (string | undefined)[] = Array.from({ length: vocabSize }, () => undefined);
  const types: number[] = tokens.map(() => TOKEN_TYPES.unused);
  const addedIds = new Set(parts.addedTokens.map(({ id }) => id));
  for (const [piece, id] of parts.vocab) {
    if (id < vocabSize) {
      tokens[id] = piece;
      types[id] = TOKEN_TYPES.normal;
    } else if (!addedIds.has(id)) {
      throw new UserError(
        `The tokenizer's piece ${quote(piece)} is token ${id}, and the model has tokens 0 to ${vocabSize - 1}; use ` +
          "the tokenizer that belongs to the model.",
      );
    }
  }
  const lacking: string[] = [];
  const stripping: string[] = [];
  for (const { id, content, special, lstrip, rstrip, singleWord } of parts.addedTokens) {
    if (id >= vocabSize) {
      lacking.push(content);
      continue;
    }
    tokens[id] = content;
    types[id] = special ? TOKEN_TYPES.control : TOKEN_TYPES.userDefined;
    if (lstrip || rstrip || singleWord) stripping.push(content);
  }
  const notes = [
    ...(lacking.length > 0 ? [`${shown(lacking)} left out: the model has no embedding for it`] : []),
    ...(stripping.length > 0
      ? [`${shown(stripping)} found as plain text: GGUF holds no lstrip, rstrip or single_word of a token`]
      : []),
    ...(parts.addPrefixSpace
      ? ["llama.cpp puts no space before a text, as this tokenizer does: begin prompts with one"]
      : []),
  ];
  return { tokens: named(tokens), types, merges: mergeLines(parts), notes };
}

/** Names for ids without a token; no two tokens may have one name. */
function named(tokens: readonly (string | undefined)[]): string[] {
  const taken = new Set(tokens);
  return tokens.map((token, id) => {
    if (token !== undefined) return token;
    let name = `[PAD${id}]`; // as llama.cpp's own conversion has it
    while (taken.has(name)) name = `[${name}]`;
    taken.add(name);
    return name;
  });
}

/** Of a pair that is listed twice llama.cpp takes the first rank, Hugging Face and this engine the last: only that. */
function mergeLines({ merges }: TokenizerParts): string[] {
  const lines = merges.map(([left, right]) => `${left} ${right}`);
  const last = new Map(lines.map((line, rank) => [line, rank]));
  return lines.filter((line, rank) => last.get(line) === rank);
}

function shown(tokens: readonly string[]): string {
  const some = tokens.slice(0, 3).map((token) => printable(token, 30));
  const more = tokens.length > some.length ? ` and ${tokens.length - some.length} more` : "";
  return `${some.join(", ")}${more} ${tokens.length === 1 ? "is" : "are"}`;
}
