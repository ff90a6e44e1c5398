// What goes to the threads that encode, and what comes back from them: plain data, which can be sent between threads.

export interface Piece {
  readonly text: string;
  /** Of JSON lines: the number of the first one in the file, from 1. */
  readonly firstLine?: number;
  /** Of JSON lines: those that are taken of all that are not blank, by number from 0, ascending; default: all. */
  readonly wanted?: readonly number[];
}

export interface EncodedPiece {
  /** Records as they lie in the cache's file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Words for each record, as whoever encodes defines them; none where the text is one record. */
  readonly index: Uint32Array<ArrayBuffer>;
  readonly tokens: number;
  /** Of infilling examples. */
  readonly found?: FoundGaps;
}

/** What was found in lines of infilling examples beside the records. */
export interface FoundGaps {
  /** Lines that hold an example. */
  readonly lines: number;
  /** Examples taken of them, those that do not fit included. */
  readonly taken: number;
  /** Fields that the template lacks, and how many examples had them. */
  readonly left: readonly (readonly [field: string, count: number])[];
  /** Templates that lines record, each with the first line that does. */
  readonly recorded: readonly { readonly where: string; readonly record: unknown }[];
}

/** Bytes of an id in the cache: two where every id of the vocabulary fits. */
export const idBytes = (vocabSize: number): 2 | 4 => (vocabSize <= 1 << 16 ? 2 : 4);

export const idArray = (bytes: 2 | 4): Uint16ArrayConstructor | Uint32ArrayConstructor =>
  bytes === 2 ? Uint16Array : Uint32Array;
