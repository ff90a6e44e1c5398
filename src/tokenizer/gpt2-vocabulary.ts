// GPT-2's own vocabulary, from the r50k ranks that the package gpt-tokenizer carries. A rank list says which byte
// strings are tokens but not which two pieces each was merged from; that is recovered here, because files in the
// Hugging Face layout need it.
import r50kRanks from "gpt-tokenizer/bpeRanks/r50k_base";
import type { Merge } from "./bpe.ts";
import { bytesInIdOrder, bytesToPiece } from "./byte-alphabet.ts";
import { MergeTable } from "./merge-table.ts";
import { END_OF_TEXT } from "./parts.ts";

export interface Vocabulary {
  /** Piece, in the byte alphabet -> id. */
  readonly vocab: ReadonlyMap<string, number>;
  readonly merges: readonly Merge[];
}

let loaded: Vocabulary | undefined;

/** 256 bytes, 50,000 merges and <|endoftext|> = 50256; computed once. */
export function gpt2Vocabulary(): Vocabulary {
  loaded ??= recover();
  return loaded;
}

/**
 * Token r is what merge r - 256 makes, and merges only ever use pieces of lower rank. So encoding a token's bytes with
 * the merges below its rank leaves exactly the two pieces that its own merge joins.
 */
function recover(): Vocabulary {
  const utf8 = new TextEncoder();
  const tokens = r50kRanks.map((token) => (typeof token === "string" ? utf8.encode(token) : token));
  const pieces = tokens.map(bytesToPiece);
  const idOfByte = new Map(bytesInIdOrder.map((byte, id) => [byte, id]));
  const table = new MergeTable(pieces.length);
  const merges: Merge[] = [];
  for (let id = bytesInIdOrder.length; id < pieces.length; id++) {
    const parts = table.apply(Array.from(tokens[id], (byte) => idOfByte.get(byte)!));
    if (parts.length !== 2)
      throw new Error(`gpt2_vocabulary: cannot split token ${id}: it has ${parts.length} parts, wanted 2`);
    merges.push([pieces[parts[0]], pieces[parts[1]]]);
    table.add(parts[0], parts[1], id);
  }
  return { vocab: new Map([...pieces, END_OF_TEXT].map((piece, id) => [piece, id])), merges };
}
