// From a piece of a file to the records that the cache keeps: what worker threads run, and the main one where there are
// none.
import type { TokenizerParts } from "../../../tokenizer/parts.ts";
import { PreTrainedTokenizer } from "../../../tokenizer/pretrained-tokenizer.ts";
import { textLinesOf } from "../../../training/text-dataset.ts";
import { gapEncoder } from "./gap-encoder.ts";
import type { GapSetup } from "./gap-encoder.ts";
import { idArray, idBytes } from "./piece.ts";
import type { EncodedPiece, Piece } from "./piece.ts";

export interface TextSetup {
  readonly parts: TokenizerParts;
  /** text: the ids of the whole; lines: each line that is not blank by itself, its length in the index. */
  readonly kind: "text" | "lines";
}

/** What is encoded, and how; cloned to every thread. */
export type EncoderSetup = TextSetup | GapSetup;

/** Throws UserError for what is wrong with a piece. */
export type PieceEncoder = (piece: Piece) => EncodedPiece;

export function pieceEncoder(setup: EncoderSetup): PieceEncoder {
  return setup.kind === "gaps" ? gapEncoder(setup) : textEncoder(setup);
}

function textEncoder({ parts, kind }: TextSetup): PieceEncoder {
  const tokenizer = new PreTrainedTokenizer(parts);
  const Ids = idArray(idBytes(tokenizer.vocabSize));
  return ({ text }) => {
    const records =
      kind === "text" ? [tokenizer.encode(text)] : textLinesOf(text).map((line) => tokenizer.encode(line));
    const index = kind === "text" ? new Uint32Array(0) : Uint32Array.from(records, ({ length }) => length);
    const tokens = records.reduce((sum, { length }) => sum + length, 0);
    const ids = new Ids(tokens);
    let at = 0;
    for (const record of records) {
      ids.set(record, at);
      at += record.length;
    }
    return { bytes: new Uint8Array(ids.buffer), index, tokens };
  };
}
