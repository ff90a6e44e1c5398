// A file as a cached folder keeps it: in pieces of one size, each a file of its own, so that what has come is kept
// however a download ends, and beside them what is known of it. Any Store will do: OPFS, a picked folder, memory.
import { readText } from "../files/folder.ts";
import type { Store } from "../files/folder.ts";
import { isObject } from "../files/json.ts";
import type { Edition } from "./remote.ts";

/** What is known of a file; undefined (JSON: null) as the edition of one that the server does not have. */
export interface Entry {
  readonly edition: Edition | undefined;
  /** All its pieces are there. */
  readonly whole: boolean;
}

/** Bytes that a place still takes; undefined where nobody knows. */
export type FreeBytes = () => Promise<number | undefined>;

export class PieceStore {
  readonly pieceBytes: number;
  private readonly store: Store;
  private readonly place: string;

  /** Below the folder `place` of `store`. */
  constructor(store: Store, place: string, pieceBytes: number) {
    this.store = store;
    this.place = place;
    this.pieceBytes = pieceBytes;
  }

  /** undefined where nothing is known; what cannot be read counts as nothing. */
  async entry(file: string): Promise<Entry | undefined> {
    const name = this.entryName(file);
    if (!(await this.store.has(name))) return undefined;
    try {
      const { edition, whole, pieceBytes } = JSON.parse(await readText(this.store, name)) as Record<string, unknown>;
      if (edition === null) return { edition: undefined, whole: false };
      if (!isObject(edition) || typeof edition.version !== "string" || pieceBytes !== this.pieceBytes) return undefined;
      const size = typeof edition.size === "number" ? edition.size : undefined;
      return { edition: { version: edition.version, size }, whole: whole === true };
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async setEntry(file: string, { edition, whole }: Entry): Promise<void> {
    const text = JSON.stringify({ edition: edition ?? null, whole, pieceBytes: this.pieceBytes });
    await this.store.write(new Map([[this.entryName(file), text]]));
  }

  /** Bytes from the file's start that are there, in whole pieces; `size` where all of it is. */
  async bytesThere(file: string, size: number): Promise<number> {
    for (let at = 0; at < size; at += this.pieceBytes) {
      const name = this.pieceAt(file, at);
      const wanted = Math.min(this.pieceBytes, size - at);
      if (!(await this.store.has(name)) || (await this.store.size(name)) !== wanted) return at;
    }
    return size;
  }

  async writePiece(file: string, offset: number, bytes: Uint8Array): Promise<void> {
    await this.store.write(new Map([[this.pieceAt(file, offset), bytes]]));
  }

  /** Throws UserError where a piece is missing or short. */
  async read(file: string, { offset, length }: { offset: number; length: number }): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const inPiece = (offset + done) % this.pieceBytes;
      const count = Math.min(length - done, this.pieceBytes - inPiece);
      const piece = await this.store.read(this.pieceAt(file, offset + done), { offset: inPiece, length: count });
      if (count === length) return piece;
      bytes.set(piece, done);
      done += count;
    }
    return bytes;
  }

  /** Removes the file's pieces and what is known of it. */
  async drop(file: string, edition: Edition | undefined): Promise<void> {
    await this.store.remove(this.entryName(file));
    // Of a size that was never known there may be any number; they come one after the other.
    const isLast = async (at: number): Promise<boolean> =>
      edition?.size === undefined ? !(await this.store.has(this.pieceAt(file, at))) : at >= edition.size;
    for (let at = 0; !(await isLast(at)); at += this.pieceBytes) await this.store.remove(this.pieceAt(file, at));
  }

  private pieceAt(file: string, offset: number): string {
    return `${this.place}/${file}.${Math.floor(offset / this.pieceBytes)}.piece`;
  }

  private entryName(file: string): string {
    return `${this.place}/${file}.entry.json`;
  }
}
