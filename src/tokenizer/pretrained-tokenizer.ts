// PreTrainedTokenizer: text to ids and back, with added and special tokens, loading and saving. The vocabulary and its
// merges never change; only added tokens do.
import { UserError } from "../errors.ts";
import type { Folder } from "../files/folder.ts";
import { quote } from "../files/quote.ts";
import { AddedTokens, plainToken } from "./added-tokens.ts";
import { BytePairEncoder } from "./bpe.ts";
import { pieceToBytes } from "./byte-alphabet.ts";
import { decodeStream } from "./decode-stream.ts";
import type { DecodeStream } from "./decode-stream.ts";
import { readTokenizer } from "./files.ts";
import { ROLES } from "./parts.ts";
import type { Role, TokenizerParts } from "./parts.ts";
import { firstMerges, mergesOf, withMerges } from "./reduce.ts";
import { writeTokenizer } from "./saved-files.ts";

/** What the rest of the engine needs of a tokenizer. */
export interface Tokenizer {
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
  readonly eosTokenId: number;
}

export interface EncodeOptions {
  /** False: special tokens in the text are read as plain text, as text from strangers should be. Default true. */
  readonly allowSpecial?: boolean;
}

export interface DecodeOptions {
  /** True: special tokens leave no text. Default false. */
  readonly skipSpecialTokens?: boolean;
}

/** A token to add: its text, or its text with the matching rules (all false by default). */
export type NewToken =
  | string
  | { readonly content: string; readonly lstrip?: boolean; readonly rstrip?: boolean; readonly singleWord?: boolean };

/** Special tokens by role. Ids are given in the order of the keys. */
export type NewSpecialTokens = Readonly<Partial<Record<Role, NewToken>>> & {
  readonly additionalSpecialTokens?: readonly NewToken[];
};

export type { DecodeStream } from "./decode-stream.ts";

/**
 * A byte-level BPE tokenizer as a model's folder has it. It brings no vocabulary of its own, unlike GPT2Tokenizer, so a
 * page that only uses models carries none.
 */
export class PreTrainedTokenizer implements Tokenizer {
  private readonly parts: TokenizerParts; // its added tokens and roles are the initial ones
  private readonly encoder: BytePairEncoder;
  private readonly added: AddedTokens;
  private readonly roles: Partial<Record<Role, string>>;
  private readonly additional: Set<string>;
  private readonly tokenOfId: string[] = [];
  private readonly bytesOfId: (Uint8Array | undefined)[] = []; // filled as ids are decoded

  /** `parts`: such as checkParts accepts. */
  constructor(parts: TokenizerParts) {
    this.parts = parts;
    this.encoder = new BytePairEncoder(parts.vocab, parts.merges);
    this.added = new AddedTokens(parts.addedTokens);
    this.roles = { ...parts.roles };
    this.additional = new Set(parts.additionalSpecialTokens);
    for (const [piece, id] of parts.vocab) this.tokenOfId[id] = piece;
    for (const token of parts.addedTokens) this.tokenOfId[token.id] = token.content;
  }

  /**
   * From tokenizer.json, or vocab.json + merges.txt. Throws UserError when they are missing, damaged or of another
   * kind.
   */
  static async fromPretrained(folder: Folder): Promise<PreTrainedTokenizer> {
    return new PreTrainedTokenizer(await readTokenizer(folder));
  }

  /**
   * A smaller tokenizer for small models: the 256 bytes, the first `mergeCount` merges, then the added tokens,
   * renumbered from 0 in that order. Throws UserError unless 0 <= mergeCount <= merges and the vocabulary has every
   * byte.
   */
  truncate(mergeCount: number): PreTrainedTokenizer {
    return new PreTrainedTokenizer(withMerges(this.currentParts(), firstMerges(this.parts, mergeCount), "truncate"));
  }

  /**
   * As truncate, but with the merges that make up the tokens of `ids`: text that consists of these tokens is encoded as
   * before, since each piece comes from one merge only; other text falls into smaller pieces. Throws UserError on an id
   * out of range.
   */
  prune(ids: Iterable<number>): PreTrainedTokenizer {
    const pieces = Array.from(ids, (id) => this.idToToken(id));
    return new PreTrainedTokenizer(withMerges(this.currentParts(), mergesOf(this.parts, pieces), "prune"));
  }

  /** Number of tokens, added ones included; ids run from 0 to vocabSize - 1. */
  get vocabSize(): number {
    return this.tokenOfId.length;
  }

  /** Longest input of the model in tokens, where the files say so. */
  get modelMaxLength(): number | undefined {
    return this.parts.modelMaxLength;
  }

  /** Throws UserError when no token has this role. */
  get eosTokenId(): number {
    const id = this.idOfRole("eosToken");
    if (id === undefined)
      throw new UserError(
        "The tokenizer has no end-of-text token; name one with eos_token in tokenizer_config.json or " +
          "addSpecialTokens({ eosToken }).",
      );
    return id;
  }

  get padTokenId(): number | undefined {
    return this.idOfRole("padToken");
  }

  get bosTokenId(): number | undefined {
    return this.idOfRole("bosToken");
  }

  /** Ids of the special tokens, ascending. */
  get specialTokenIds(): number[] {
    return this.added
      .list()
      .filter((token) => token.special)
      .map((token) => token.id);
  }

  isSpecial(id: number): boolean {
    return this.added.withId(id)?.special ?? false;
  }

  /** Id of a whole token: an added token's text, or a piece in the byte alphabet ("Ġthe"). */
  tokenToId(token: string): number | undefined {
    return this.added.get(token)?.id ?? this.parts.vocab.get(token);
  }

  /** Inverse of tokenToId. Throws UserError on an id out of range. */
  idToToken(id: number): string {
    this.checkId(id);
    return this.tokenOfId[id];
  }

  /** Ids of `text`; nothing is added in front or behind, nothing is stripped. Lone surrogates count as U+FFFD. */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const ids: number[] = [];
    for (const segment of this.added.split(text, options.allowSpecial ?? true)) {
      if (typeof segment === "number") ids.push(segment);
      else this.encoder.encode(this.parts.addPrefixSpace && !segment.startsWith(" ") ? ` ${segment}` : segment, ids);
    }
    return ids;
  }

  /** Text of `ids`; bytes that are not UTF-8 become U+FFFD. Throws UserError on an id out of range. */
  decode(ids: readonly number[], options: DecodeOptions = {}): string {
    const stream = this.createDecodeStream(options);
    let text = "";
    for (const id of ids) text += stream.push(id);
    return text + stream.end();
  }

  createDecodeStream(options: DecodeOptions = {}): DecodeStream {
    return decodeStream((id) => {
      this.checkId(id);
      return options.skipSpecialTokens && this.isSpecial(id) ? undefined : this.bytesOf(id);
    });
  }

  /** Adds tokens that are not special; known ones are from now on found whole. Returns how many new ids there are. */
  addTokens(tokens: readonly NewToken[]): number {
    return this.countNew(() => tokens.forEach((token) => this.add(token, false)));
  }

  /**
   * Adds special tokens, with roles where given, and gives roles to known ones. Returns how many new ids there are,
   * which is how many rows the model's embeddings lack. Throws UserError on an empty token or an unknown role.
   */
  addSpecialTokens(tokens: readonly NewToken[] | NewSpecialTokens): number {
    const byRole: NewSpecialTokens = Array.isArray(tokens)
      ? { additionalSpecialTokens: tokens }
      : (tokens as NewSpecialTokens);
    const keys = Object.keys(byRole) as (keyof NewSpecialTokens)[];
    const unknown = keys.find((key) => key !== "additionalSpecialTokens" && !ROLES.includes(key));
    if (unknown)
      throw new UserError(
        `addSpecialTokens: no role ${quote(unknown)}; the roles are ${ROLES.join(", ")} and ` +
          "additionalSpecialTokens.",
      );
    return this.countNew(() => {
      for (const key of keys) {
        if (key === "additionalSpecialTokens") {
          for (const token of byRole[key] ?? []) this.additional.add(this.add(token, true));
        } else if (byRole[key] !== undefined) {
          this.roles[key] = this.add(byRole[key], true);
        }
      }
    });
  }

  /** File name -> text of a Hugging Face tokenizer folder. */
  save(): Map<string, string> {
    return writeTokenizer(this.currentParts());
  }

  /** What it is made of now, added tokens and their roles included. */
  currentParts(): TokenizerParts {
    return {
      ...this.parts,
      addedTokens: this.added.list(),
      roles: this.roles,
      additionalSpecialTokens: [...this.additional],
    };
  }

  private add(token: NewToken, special: boolean): string {
    const {
      content,
      lstrip = false,
      rstrip = false,
      singleWord = false,
    } = typeof token === "string" ? { content: token } : token;
    if (content === "") throw new UserError("A token to add is empty; give it at least one character.");
    const known = this.added.get(content);
    if (known && typeof token === "string") {
      this.added.set({ ...known, special: special || known.special });
    } else {
      const id = this.tokenToId(content) ?? this.vocabSize;
      this.added.set({ ...plainToken(id, content, special), lstrip, rstrip, singleWord });
      this.tokenOfId[id] = content;
      this.bytesOfId[id] = undefined;
    }
    return content;
  }

  private countNew(change: () => void): number {
    const before = this.vocabSize;
    change();
    return this.vocabSize - before;
  }

  private idOfRole(role: Role): number | undefined {
    const content = this.roles[role];
    return content === undefined ? undefined : this.tokenToId(content);
  }

  private bytesOf(id: number): Uint8Array {
    return (this.bytesOfId[id] ??= this.added.withId(id)
      ? new TextEncoder().encode(this.tokenOfId[id])
      : pieceToBytes(this.tokenOfId[id]));
  }

  private checkId(id: number): void {
    if (!Number.isInteger(id) || id < 0 || id >= this.vocabSize) {
      throw new UserError(
        `Token id ${id} is out of range: this tokenizer has ids 0 to ${this.vocabSize - 1}; use the tokenizer ` +
          "that belongs to the model.",
      );
    }
  }
}
