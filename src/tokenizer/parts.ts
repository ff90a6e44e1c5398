// What a tokenizer is made of, whatever files it came from, and the checks that every set of parts must pass.
import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";
import type { AddedToken } from "./added-tokens.ts";
import type { Merge } from "./bpe.ts";

/** GPT-2's only special token: the end of a document, and every other role. */
export const END_OF_TEXT = "<|endoftext|>";

/** The parts that a special token can play -> their keys in Hugging Face's files. */
export const ROLE_KEYS = {
  bosToken: "bos_token",
  eosToken: "eos_token",
  unkToken: "unk_token",
  sepToken: "sep_token",
  padToken: "pad_token",
  clsToken: "cls_token",
  maskToken: "mask_token",
} as const;

export type Role = keyof typeof ROLE_KEYS;
export const ROLES = Object.keys(ROLE_KEYS) as Role[];

/** Keys of tokenizer_config.json, beside which a token's name stands there. */
const CONFIG_KEYS: ReadonlySet<string> = new Set([
  ...Object.values(ROLE_KEYS),
  "add_bos_token",
  "add_eos_token",
  "add_prefix_space",
  "added_tokens_decoder",
  "additional_special_tokens",
  "auto_map",
  "chat_template",
  "clean_up_tokenization_spaces",
  "errors",
  "extra_special_tokens",
  "model_input_names",
  "model_max_length",
  "name_or_path",
  "padding_side",
  "processor_class",
  "special_tokens_map_file",
  "split_special_tokens",
  "tokenizer_class",
  "tokenizer_file",
  "trim_offsets",
  "truncation_side",
  "unk_token_id",
  "use_fast",
]);

/** Whether a special token may have this name: what Python takes for an attribute, and no key of its own. */
export function isTokenName(name: string): boolean {
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !name.startsWith("__") && !CONFIG_KEYS.has(name);
}

export interface TokenizerParts {
  /** Piece, in the byte alphabet -> id. Added tokens may be here too, as <|endoftext|> is in GPT-2's. */
  readonly vocab: ReadonlyMap<string, number>;
  readonly merges: readonly Merge[];
  readonly addedTokens: readonly AddedToken[];
  readonly roles: Readonly<Partial<Record<Role, string>>>;
  /** Special tokens with a name of their own, in Hugging Face's files `extra_special_tokens`. */
  readonly namedSpecialTokens?: Readonly<Record<string, string>>;
  /** Special tokens without a role or a name. */
  readonly additionalSpecialTokens: readonly string[];
  /** Encoding puts a space before each stretch of text that has none in front. */
  readonly addPrefixSpace: boolean;
  /** Longest input the model takes, in tokens, where the files say so. */
  readonly modelMaxLength?: number;
}

/**
 * Throws UserError, naming `source`, unless ids run from 0 without gap or clash and every merge is spelt in the
 * vocabulary.
 */
export function checkParts(parts: TokenizerParts, source: string): void {
  const pieceOfId = new Map<number, string>();
  const place = (piece: string, id: number): void => {
    if (!Number.isSafeInteger(id) || id < 0)
      throw new UserError(`${source}: token ${quote(piece)} has id ${id}; ids are whole numbers from 0.`);
    const other = pieceOfId.get(id);
    if (other !== undefined && other !== piece) {
      throw new UserError(
        `${source}: id ${id} belongs to both ${quote(other)} and ${quote(piece)}; each token needs its own id.`,
      );
    }
    pieceOfId.set(id, piece);
  };
  for (const [piece, id] of parts.vocab) place(piece, id);
  for (const { content, id } of parts.addedTokens) {
    const known = parts.vocab.get(content);
    if (known !== undefined && known !== id) {
      throw new UserError(
        `${source}: added token ${quote(content)} has id ${id}, and id ${known} in the vocabulary; ` +
          "they must agree.",
      );
    }
    place(content, id);
  }
  for (let id = 0; id < pieceOfId.size; id++) {
    if (!pieceOfId.has(id)) {
      throw new UserError(
        `${source}: no token has id ${id}, although there are ${pieceOfId.size}; ids must run from 0 without a gap, ` +
          "and a piece listed twice also leaves one. Fetch the file again.",
      );
    }
  }
  parts.merges.forEach(([left, right], rank) => {
    const missing = [left, right, left + right].find((piece) => !parts.vocab.has(piece));
    if (missing !== undefined) {
      throw new UserError(
        `${source}: merge ${rank + 1} (${quote(`${left} ${right}`)}) needs the piece ${quote(missing)}, ` +
          "which the vocabulary lacks; use a vocabulary and merges of the same tokenizer, fetched whole.",
      );
    }
  });
}
