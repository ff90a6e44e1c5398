// From a piece of a file to the records that the cache keeps: what worker threads run, and the main one where there are
// none. Everything here is plain data, so that it can be sent between threads.
import type { TokenizerParts } from "../../../tokenizer/parts.ts";
import { PreTrainedTokenizer } from "../../../tokenizer/pretrained-tokenizer.ts";
import { textLinesOf } from "../../../training/text-dataset.ts";

/** What is encoded, and how; cloned to every thread. */
export interface EncoderSetup {
  readonly parts: TokenizerParts;
  /** text: the ids of the whole; lines: each line that is not blank by itself. */
  readonly kind: "text" | "lines";
}

export interface EncodedPiece {
  /** Ids as they lie in the file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Tokens of each record; none where the text is one. */
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly tokens: number;
}

export type PieceEncoder = (text: string) => EncodedPiece;

/** Bytes of an id in the cache: two where every id of the vocabulary fits. */
export const idBytes = (vocabSize: number): 2 | 4 => (vocabSize <= 1 << 16 ? 2 : 4);

export function pieceEncoder({ parts, kind }: EncoderSetup): PieceEncoder {
  const tokenizer = new PreTrainedTokenizer(parts);
  const Ids = idBytes(tokenizer.vocabSize) === 2 ? Uint16Array : Uint32Array;
  return (text) => {
    const records =
      kind === "text" ? [tokenizer.encode(text)] : textLinesOf(text).map((line) => tokenizer.encode(line));
    const lengths = kind === "text" ? new Uint32Array(0) : Uint32Array.from(records, ({ length }) => length);
    const tokens = records.reduce((sum, { length }) => sum + length, 0);
    const ids = new Ids(tokens);
    let at = 0;
    for (const record of records) {
      ids.set(record, at);
      at += record.length;
    }
    return { bytes: new Uint8Array(ids.buffer), lengths, tokens };
  };
}
