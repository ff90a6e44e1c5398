// PreTrainedTokenizer: text to ids and back, with added and special tokens, loading and saving. The vocabulary and its
// merges never change; only added tokens do.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import type { Folder } from "../files/folder.ts";
import { openModelFolder } from "../files/open.ts";
import type { HubSourceOptions } from "../files/open.ts";
import { quote } from "../files/quote.ts";
import type { NewToken } from "./added-tokens.ts";
import { BytePairEncoder } from "./bpe.ts";
import { TextCutter } from "./cut.ts";
import { decodeStream } from "./decode-stream.ts";
import type { DecodeStream } from "./decode-stream.ts";
import { readTokenizer } from "./files.ts";
import type { TokenizerParts } from "./parts.ts";
import { firstMerges, mergesOf, withMerges } from "./reduce.ts";
import { writeTokenizer } from "./saved-files.ts";
import { SpecialTokens } from "./special-tokens.ts";
import type { NewSpecialTokens } from "./special-tokens.ts";
import { Vocabulary } from "./vocabulary.ts";

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

const ENCODE_OPTIONS: FieldsOf<EncodeOptions> = { allowSpecial: true };
const DECODE_OPTIONS: FieldsOf<DecodeOptions> = { skipSpecialTokens: true };
const SOURCE_OPTIONS: FieldsOf<HubSourceOptions> = { revision: true, cacheDir: true };

export type { NewToken } from "./added-tokens.ts";
export type { NewSpecialTokens } from "./special-tokens.ts";
export type { DecodeStream } from "./decode-stream.ts";

/**
 * A byte-level BPE tokenizer as a model's folder has it. It brings no vocabulary of its own, unlike GPT2Tokenizer, so a
 * page that only uses models carries none.
 */
export class PreTrainedTokenizer implements Tokenizer {
  private readonly parts: TokenizerParts; // its added tokens and roles are the initial ones
  private readonly encoder: BytePairEncoder;
  private readonly vocabulary: Vocabulary;
  private readonly special: SpecialTokens;

  /** `parts`: such as checkParts accepts. */
  constructor(parts: TokenizerParts) {
    this.parts = parts;
    this.encoder = new BytePairEncoder(parts.vocab, parts.merges);
    this.vocabulary = new Vocabulary(parts.vocab, parts.addedTokens);
    this.special = new SpecialTokens(parts);
  }

  /**
   * From a folder's tokenizer.json, or vocab.json + merges.txt: a path, an address, an opened Folder or, in Node, a
   * model's name on the Hub ("gpt2"), at a revision. Throws UserError when they are missing, damaged or of another
   * kind.
   */
  static async fromPretrained(folder: string | Folder, options: HubSourceOptions = {}): Promise<PreTrainedTokenizer> {
    expectFields("fromPretrained()", options, SOURCE_OPTIONS);
    return new PreTrainedTokenizer(
      await readTokenizer(await openModelFolder(folder, { part: "tokenizer", ...options })),
    );
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
    return this.vocabulary.size;
  }

  /** Longest input of the model in tokens, where the files say so. */
  get modelMaxLength(): number | undefined {
    return this.parts.modelMaxLength;
  }

  /** Special tokens by the keys of Hugging Face's files: eos_token, begin_P1, additional_special_tokens. */
  get specialTokensMap(): Record<string, string | readonly string[]> {
    return this.special.map();
  }

  /** Id of the special token of a role (padToken) or of a name of one's own (begin_P1); undefined without one. */
  specialTokenId(name: string): number | undefined {
    const content = this.special.get(name);
    return content === undefined ? undefined : this.tokenToId(content);
  }

  /** Throws UserError when no token has this role. */
  get eosTokenId(): number {
    const id = this.specialTokenId("eosToken");
    if (id === undefined)
      throw new UserError(
        "The tokenizer has no end-of-text token; name one with eos_token in tokenizer_config.json or " +
          "addSpecialTokens({ eosToken }).",
      );
    return id;
  }

  get padTokenId(): number | undefined {
    return this.specialTokenId("padToken");
  }

  get bosTokenId(): number | undefined {
    return this.specialTokenId("bosToken");
  }

  get unkTokenId(): number | undefined {
    return this.specialTokenId("unkToken");
  }

  /** Ids of the special tokens, ascending. */
  get specialTokenIds(): number[] {
    return this.vocabulary.added
      .list()
      .filter((token) => token.special)
      .map((token) => token.id);
  }

  isSpecial(id: number): boolean {
    return this.vocabulary.isSpecial(id);
  }

  /** Id of a whole token: an added token's text, or a piece in the byte alphabet ("Ġthe"). */
  tokenToId(token: string): number | undefined {
    return this.vocabulary.idOf(token);
  }

  /** Inverse of tokenToId. Throws UserError on an id out of range. */
  idToToken(id: number): string {
    return this.vocabulary.tokenOf(id);
  }

  /**
   * The tokens of `text` as convertIdsToTokens() spells them ("Ġthe"): those that encode() gives the ids of. Throws
   * UserError as encode().
   */
  tokenize(text: string, options: EncodeOptions = {}): string[] {
    expectFields("tokenize()", options, ENCODE_OPTIONS);
    return this.encode(text, options).map((id) => this.idToToken(id));
  }

  /**
   * Ids of whole tokens, as tokenToId() finds them; a token that the vocabulary lacks has the unknown token's id, as in
   * Hugging Face. Throws UserError for such a token where no token is the unknown one.
   */
  convertTokensToIds(token: string): number;
  convertTokensToIds(tokens: readonly string[]): number[];
  convertTokensToIds(tokens: string | readonly string[]): number | number[] {
    if (typeof tokens !== "string") return tokens.map((token) => this.convertTokensToIds(token));
    const id = this.tokenToId(tokens) ?? this.unkTokenId;
    if (id !== undefined) return id;
    throw new UserError(
      `The vocabulary has no token ${quote(tokens)}, and the tokenizer no unknown token; add it with addTokens(), or ` +
        "name one with addSpecialTokens({ unkToken }).",
    );
  }

  /**
   * Tokens of ids, bytes spelt in the byte alphabet ("Ġthe" begins with a space) and added tokens as they are. Of a
   * list `skipSpecialTokens` leaves special ones out. Throws UserError on an id out of range.
   */
  convertIdsToTokens(id: number, options?: DecodeOptions): string;
  convertIdsToTokens(ids: readonly number[], options?: DecodeOptions): string[];
  convertIdsToTokens(ids: number | readonly number[], options: DecodeOptions = {}): string | string[] {
    expectFields("convertIdsToTokens()", options, DECODE_OPTIONS);
    if (typeof ids === "number") return this.idToToken(ids);
    const kept = options.skipSpecialTokens ? ids.filter((id) => !this.isSpecial(id)) : ids;
    return kept.map((id) => this.idToToken(id));
  }

  /** Ids of `text`; nothing is added in front or behind, nothing is stripped. Lone surrogates count as U+FFFD. */
  encode(text: string, options: EncodeOptions = {}): number[] {
    expectFields("encode()", options, ENCODE_OPTIONS);
    const ids: number[] = [];
    for (const segment of this.vocabulary.added.split(text, options.allowSpecial ?? true)) {
      if (typeof segment === "number") ids.push(segment);
      else this.encoder.encode(this.parts.addPrefixSpace && !segment.startsWith(" ") ? ` ${segment}` : segment, ids);
    }
    return ids;
  }

  /** Where a text can be cut for encode(), by the added tokens of now. */
  textCutter(): TextCutter {
    return new TextCutter(this.vocabulary.added.list(), this.parts.addPrefixSpace);
  }

  /** Text of `ids`; bytes that are not UTF-8 become U+FFFD. Throws UserError on an id out of range. */
  decode(ids: readonly number[], options: DecodeOptions = {}): string {
    const stream = this.createDecodeStream(options);
    let text = "";
    for (const id of ids) text += stream.push(id);
    return text + stream.end();
  }

  createDecodeStream(options: DecodeOptions = {}): DecodeStream {
    expectFields("decode()", options, DECODE_OPTIONS);
    return decodeStream((id) => {
      const bytes = this.vocabulary.bytesOf(id);
      return options.skipSpecialTokens && this.isSpecial(id) ? undefined : bytes;
    });
  }

  /** Adds tokens that are not special; known ones are from now on found whole. Returns how many new ids there are. */
  addTokens(tokens: readonly NewToken[]): number {
    return this.countNew(() => tokens.forEach((token) => this.vocabulary.add(token, false)));
  }

  /**
   * Adds special tokens, with roles or names of one's own where given, and gives these to known ones. Returns how many
   * new ids there are, which is how many rows the model's embeddings lack. Throws UserError on an empty token, and on
   * what can be no name.
   */
  addSpecialTokens(tokens: readonly NewToken[] | NewSpecialTokens): number {
    return this.countNew(() => this.special.take(tokens, (token) => this.vocabulary.add(token, true)));
  }

  /**
   * File name -> text of a Hugging Face tokenizer folder. `modelMaxLength`: the positions of the model that it is saved
   * with; default as it was read.
   */
  save({ modelMaxLength = this.modelMaxLength }: { readonly modelMaxLength?: number } = {}): Map<string, string> {
    return writeTokenizer({ ...this.currentParts(), modelMaxLength });
  }

  /** What it is made of now, added tokens and their roles included. */
  currentParts(): TokenizerParts {
    return { ...this.parts, addedTokens: this.vocabulary.added.list(), ...this.special.parts() };
  }

  private countNew(change: () => void): number {
    const before = this.vocabSize;
    change();
    return this.vocabSize - before;
  }
}
