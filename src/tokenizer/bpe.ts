// Byte-level BPE, GPT-2's way from text to ids: cut the text into words, take each word's UTF-8 bytes as symbols, join
// neighbours by the merge rules. Knows nothing of added tokens or files.
// Source: OpenAI's GPT-2 encoder.py (Sennrich et al. 2016, on bytes).
import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";
import { charOfByte } from "./byte-alphabet.ts";
import { MergeTable } from "./merge-table.ts";

/** Two pieces, written in the byte alphabet, that join into one. */
export type Merge = readonly [left: string, right: string];

/**
 * GPT-2's split pattern; its matches tile any text without gaps. White_Space is spelt out because JavaScript's \s is
 * another set: it holds U+FEFF, which OpenAI's and Hugging Face's patterns take for a symbol, and lacks U+0085, which
 * they take for white space.
 */
const WORD = new RegExp(
  [
    "'s|'t|'re|'ve|'m|'ll|'d",
    String.raw` ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+`,
    String.raw`\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+`,
  ].join("|"),
  "gu",
);

/** A novel has some 10,000 distinct words; long ones are rarely seen again. The cache is emptied when it is full. */
const CACHED_WORDS = 50_000;
const LONGEST_CACHED_WORD = 32;

const utf8 = new TextEncoder();

export class BytePairEncoder {
  private readonly idOfByte: readonly (number | undefined)[];
  private readonly merges: MergeTable;
  private readonly cache = new Map<string, readonly number[]>();

  /** `vocab`: piece -> id; holds both sides and the result of every merge. `merges`: best first. */
  constructor(vocab: ReadonlyMap<string, number>, merges: readonly Merge[]) {
    let vocabSize = 0;
    for (const id of vocab.values()) vocabSize = Math.max(vocabSize, id + 1);
    this.idOfByte = charOfByte.map((char) => vocab.get(char));
    this.merges = new MergeTable(vocabSize);
    for (const [left, right] of merges) this.merges.add(vocab.get(left)!, vocab.get(right)!, vocab.get(left + right)!);
  }

  /**
   * Appends the ids of `text` to `ids`; lone surrogates count as U+FFFD. Throws UserError when the text needs a byte
   * that the vocabulary lacks (never with a full byte alphabet).
   */
  encode(text: string, ids: number[]): void {
    WORD.lastIndex = 0;
    for (let start = 0; start < text.length; start = WORD.lastIndex) {
      WORD.test(text);
      for (const id of this.encodeWord(text.slice(start, WORD.lastIndex))) ids.push(id);
    }
  }

  private encodeWord(word: string): readonly number[] {
    const known = this.cache.get(word);
    if (known) return known;
    const ids = this.merges.apply(
      Array.from(utf8.encode(word), (byte) => this.idOfByte[byte] ?? missingByte(byte, word)),
    );
    if (word.length <= LONGEST_CACHED_WORD) {
      if (this.cache.size >= CACHED_WORDS) this.cache.clear();
      this.cache.set(copied(word), ids);
    }
    return ids;
  }
}

/**
 * The same text in memory of its own. Engines keep a slice as a part of what it was cut from (V8 from 13 characters
 * on), and a cached word would hold all of that: pieces of 256 kB, tens of MB in a thread that encodes novels.
 */
function copied(word: string): string {
  return String.fromCharCode(...Array.from({ length: word.length }, (_, at) => word.charCodeAt(at)));
}

function missingByte(byte: number, word: string): never {
  throw new UserError(
    `The text has ${quote(word)}, and the tokenizer's vocabulary lacks its byte ` +
      `0x${byte.toString(16).padStart(2, "0")} (${JSON.stringify(charOfByte[byte])}); remove such characters ` +
      "or use a tokenizer trained with the whole " +
      "byte alphabet.",
  );
}
