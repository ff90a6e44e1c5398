// Writes a tokenizer in the layout of a Hugging Face folder, both forms at once: tokenizer.json for the fast
// tokenizers, vocab.json + merges.txt + added_tokens.json + special_tokens_map.json for older readers,
// tokenizer_config.json for all.
import type { AddedToken } from "./added-tokens.ts";
import type { TokenizerParts } from "./parts.ts";
import { specialTokensMap } from "./special-tokens.ts";

/** File name -> text. GPT-2's own tokenizer gives vocab.json and merges.txt byte for byte as OpenAI published them. */
export function writeTokenizer(parts: TokenizerParts): Map<string, string> {
  const vocab = [...parts.vocab].sort((a, b) => a[1] - b[1]);
  const added = parts.addedTokens.toSorted((a, b) => a.id - b.id);
  const merges = parts.merges.map(([left, right]) => `${left} ${right}`);
  const special = specialTokensMap(parts);
  const { namedSpecialTokens: named = {} } = parts;

  const byteLevel = { type: "ByteLevel", add_prefix_space: parts.addPrefixSpace, trim_offsets: true, use_regex: true };
  const tokenizerJson = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.map((token) => ({ id: token.id, ...flags(token) })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: { ...byteLevel, add_prefix_space: true, trim_offsets: false },
    decoder: { ...byteLevel, add_prefix_space: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
  const config = {
    add_prefix_space: parts.addPrefixSpace,
    added_tokens_decoder: Object.fromEntries(added.map((token) => [token.id, flags(token)])),
    ...special,
    ...(Object.keys(named).length > 0 && { extra_special_tokens: named }),
    clean_up_tokenization_spaces: false,
    errors: "replace",
    model_max_length: parts.modelMaxLength,
    tokenizer_class: "GPT2Tokenizer",
  };
  const addedOutsideVocab = added
    .filter((token) => !parts.vocab.has(token.content))
    .map((token) => [token.content, token.id] as const);
  return new Map([
    ["tokenizer.json", toJson(tokenizerJson)],
    ["tokenizer_config.json", toJson(config)],
    ["vocab.json", asciiJson(vocab)],
    ["merges.txt", ["#version: 0.2", ...merges, ""].join("\n")],
    ["special_tokens_map.json", toJson(special)],
    ["added_tokens.json", toJson(Object.fromEntries(addedOutsideVocab))],
  ]);
}

function flags(token: AddedToken) {
  return {
    content: token.content,
    lstrip: token.lstrip,
    normalized: token.normalized,
    rstrip: token.rstrip,
    single_word: token.singleWord,
    special: token.special,
  };
}

const toJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** One line in the style of Python's json.dumps. Not through an object, which would put pieces like "10" first. */
function asciiJson(entries: readonly (readonly [string, number])[]): string {
  const text = entries.map(([piece, id]) => `${JSON.stringify(piece)}: ${id}`).join(", ");
  return `{${text.replace(/[^\0-\x7f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)}}`;
}
