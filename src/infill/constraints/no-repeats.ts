// "No three words come twice in a text": a logits processor in the manner of Hugging Face's
// NoRepeatNGramLogitsProcessor, by words instead of tokens (of a small vocabulary a name has three) and over the text
// alone (a name that the prompt has may come). A search for words that must occur needs it: the likeliest text of a
// weak model goes round in circles. It edits few tokens by the text alone, so no row of scores is read back for it.
import { fromBytes, tokenBytes } from "./token-bytes.ts";
import type { PieceTokenizer, TokenBytes } from "./token-bytes.ts";

interface Forbidden {
  readonly kind: "set";
  readonly token: number;
  readonly value: number;
}

/** Words of a run. */
const RUN = 3;
/** Letters and digits, with apostrophes between them. */
const WORD = /[\p{L}\p{N}\p{M}]+(?:['’][\p{L}\p{N}\p{M}]+)*/gu;
const ENDS_IN_WORD = /[\p{L}\p{N}\p{M}]$/u;
/** Of a token: what comes before its first word, and that word, of which the token may have the end alone. */
const FIRST_WORD = /^([^\p{L}\p{N}\p{M}'’]*)(['’]?[\p{L}\p{N}\p{M}]+(?:['’][\p{L}\p{N}\p{M}]+)*)/u;

/** Tokens by the word that they begin with, or by the end of one. */
interface FirstWords {
  /** Those with something before it: a space, a quotation mark. */
  readonly beginning: ReadonlyMap<string, readonly number[]>;
  readonly goingOn: ReadonlyMap<string, readonly number[]>;
}

const known = new WeakMap<TokenBytes, FirstWords>();

export class NoRepeatedRunsLogitsProcessor {
  readonly needs = "text";
  private readonly bytes: TokenBytes;
  private readonly start: ((ids: readonly number[]) => number) | undefined;
  /** Runs that may come again: of what must occur. */
  private readonly spared: ReadonlySet<string>;
  private readonly tokens: FirstWords;

  /**
   * `spared`: texts whose runs of words may come again. `start`: the index where the text begins; default: the first
   * token.
   */
  constructor(spared: readonly string[], tokenizer: PieceTokenizer, start?: (ids: readonly number[]) => number) {
    this.bytes = tokenBytes(tokenizer);
    this.start = start;
    this.spared = new Set(spared.flatMap((text) => runsOf(wordsOf(text))));
    this.tokens = firstWords(this.bytes);
  }

  /** Removes the tokens that would end a run of words that the text has already. */
  edits({ ids }: { readonly ids: readonly number[] }): readonly Forbidden[] {
    const { beginning, goingOn } = this.tokens;
    const first = this.start?.(ids) ?? 0;
    let bytes = "";
    for (let i = first; i < ids.length; i++) bytes += this.bytes[ids[i]!];
    const text = fromBytes(bytes);
    const words = wordsOf(text);
    const runs = new Set(runsOf(words));
    const next = this.lastWords(words, runs).flatMap((word) => [
      ...(beginning.get(word) ?? []),
      ...(ENDS_IN_WORD.test(text) ? [] : (goingOn.get(word) ?? [])),
    ]);
    if (!ENDS_IN_WORD.test(text)) return next.map(forbid);
    // The last word may go on, too.
    const open = words.at(-1)!;
    const rests = this.lastWords(words.slice(0, -1), runs).flatMap((word) =>
      word.startsWith(open) ? (goingOn.get(word.slice(open.length)) ?? []) : [],
    );
    return [...next, ...rests].map(forbid);
  }

  /** The words after which a run would be there twice. */
  private lastWords(words: readonly string[], runs: ReadonlySet<string>): string[] {
    const before = words.slice(-(RUN - 1)).join(" ");
    if (words.length < RUN - 1) return [];
    return [...runs].filter((run) => run.startsWith(`${before} `) && !this.spared.has(run)).map((run) => lastOf(run));
  }
}

function firstWords(bytes: TokenBytes): FirstWords {
  let words = known.get(bytes);
  if (words !== undefined) return words;
  const [beginning, goingOn] = [new Map<string, number[]>(), new Map<string, number[]>()];
  for (const [token, piece] of bytes.entries()) {
    const [, before, word] = FIRST_WORD.exec(fromBytes(piece).toLowerCase()) ?? [];
    if (word === undefined) continue;
    const tokens = before === "" ? goingOn : beginning;
    if (!tokens.has(word)) tokens.set(word, []);
    tokens.get(word)!.push(token);
  }
  known.set(bytes, (words = { beginning, goingOn }));
  return words;
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(WORD) ?? [];
const lastOf = (run: string): string => run.slice(run.lastIndexOf(" ") + 1);
const forbid = (token: number): Forbidden => ({ kind: "set", token, value: -Infinity });

function runsOf(words: readonly string[]): string[] {
  return words.slice(RUN - 1).map((_, i) => words.slice(i, i + RUN).join(" "));
}
