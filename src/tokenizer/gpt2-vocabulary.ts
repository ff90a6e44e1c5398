// GPT-2's own vocabulary, pieced together from its merges: what files in the Hugging Face layout hold of it.
import type { Merge } from "./bpe.ts";
import { bytesInIdOrder, bytesToPiece } from "./byte-alphabet.ts";
import { gpt2Merges } from "./gpt2-merges.ts";
import { END_OF_TEXT } from "./parts.ts";

export interface Vocabulary {
  /** Piece, in the byte alphabet -> id. */
  readonly vocab: ReadonlyMap<string, number>;
  readonly merges: readonly Merge[];
}

let loaded: Vocabulary | undefined;

/** 256 bytes, 50,000 merges and <|endoftext|> = 50256; computed once. */
export function gpt2Vocabulary(): Vocabulary {
  loaded ??= build();
  return loaded;
}

function build(): Vocabulary {
  const pieces = bytesInIdOrder.map((byte) => bytesToPiece([byte]));
  const merges: Merge[] = [];
  for (const [left, right] of gpt2Merges()) {
    const merge: Merge = [pieces[left], pieces[right]];
    merges.push(merge);
    pieces.push(merge.join(""));
  }
  return { vocab: new Map([...pieces, END_OF_TEXT].map((piece, id) => [piece, id])), merges };
}
