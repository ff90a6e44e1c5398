// A folder of files as loaders and savers see it, so that the same code reads a disk in Node and a URL or memory in a
// browser. open.ts opens real ones; MemoryFolder is the one that needs nothing.
import { UserError } from "../errors.ts";

/** Characters that a string holds in V8 (2^29 - 24), so as many bytes always fit. */
const MAX_TEXT_BYTES = 2 ** 29 - 24;

export interface Folder {
  /** How messages name it: the path or address as the user gave it. */
  readonly name: string;
  list(): Promise<string[]>;
  has(file: string): Promise<boolean>;
  /** Bytes in `file`. Throws UserError when it is missing. */
  size(file: string): Promise<number>;
  /** The file's bytes, or `length` of them from `offset`. Throws UserError when it is missing or shorter than asked. */
  read(file: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array>;
  /**
   * Replaces or adds these files; each is written aside, flushed and renamed, so a crash leaves the old file or the new
   * one, never a half. Creates the folder when needed. Throws UserError where the place cannot be written, and whatever
   * a stream throws, having changed nothing.
   */
  write(files: ReadonlyMap<string, FileData>): Promise<void>;
}

/** A folder that also loses files. */
export interface Store extends Folder {
  /** Does nothing where there is no such file. Throws UserError where it cannot be removed. */
  remove(file: string): Promise<void>;
}

/** A file's text, its bytes, or its bytes piece by piece: a large file is then never in memory as a whole. */
export type FileData = string | Uint8Array | AsyncIterable<Uint8Array>;

/**
 * UTF-8 text of a file. Throws UserError on bytes that are not UTF-8 (a leading byte-order mark is kept), and, before
 * the file is read, when it has more than `maxBytes`.
 */
export async function readText(folder: Folder, file: string, maxBytes = MAX_TEXT_BYTES): Promise<string> {
  const what = `${folder.name}/${file}`;
  checkSize(await folder.size(file), maxBytes, what);
  return decodeUtf8(await folder.read(file), what);
}

/**
 * Strict UTF-8. Throws UserError naming `what` and the byte offset of the first bad sequence, or when there is more
 * text than a string holds. `offset`: of these bytes in all of `what`.
 */
export function decodeUtf8(bytes: Uint8Array, what: string, offset = 0): string {
  checkSize(bytes.byteLength, MAX_TEXT_BYTES, what);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UserError(
      `${what}: not valid UTF-8 (first bad byte at offset ${offset + firstBadByte(bytes)}); save the file as UTF-8 ` +
        "and try again.",
    );
  }
}

function checkSize(bytes: number, limit: number, what: string): void {
  if (bytes <= limit) return;
  throw new UserError(
    `${what}: has ${Math.ceil(bytes / 1e6)} MB, and at most ${Math.floor(limit / 1e6)} are read as one such text; ` +
      "check that it is the right file, or split it.",
  );
}

const DECODED_AT_ONCE = 1 << 16;

function firstBadByte(bytes: Uint8Array): number {
  const decodes = (length: number, stream: boolean): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(start, start + length), { stream });
      return true;
    } catch {
      return false;
    }
  };
  let start = 0; // always the start of a character: the last of a piece may be unfinished, and is looked at again
  while (start + DECODED_AT_ONCE < bytes.length && decodes(DECODED_AT_ONCE, true)) {
    start += DECODED_AT_ONCE;
    while ((bytes[start] & 0xc0) === 0x80) start--;
  }
  // The longest prefix that decodes when its last character may be unfinished, by bisection; then back to that one's
  // start.
  let good = 0;
  let bad = Math.min(DECODED_AT_ONCE, bytes.length - start);
  while (good < bad) {
    const middle = (good + bad + 1) >> 1;
    if (decodes(middle, true)) good = middle;
    else bad = middle - 1;
  }
  while (good > 0 && !decodes(good, false)) good--;
  return start + good;
}

export class MemoryFolder implements Store {
  readonly name: string;
  private readonly files: Map<string, Uint8Array>;

  constructor(name: string, files: ReadonlyMap<string, Uint8Array | string> = new Map()) {
    this.name = name;
    this.files = new Map();
    for (const [file, data] of files) this.files.set(file, toBytes(data));
  }

  async list(): Promise<string[]> {
    return [...this.files.keys()].sort();
  }

  async has(file: string): Promise<boolean> {
    return this.files.has(file);
  }

  async size(file: string): Promise<number> {
    return this.get(file).byteLength;
  }

  async read(file: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    const bytes = this.get(file);
    if (!range) return bytes;
    if (range.offset + range.length > bytes.byteLength) {
      throw new UserError(
        `${this.name}/${file}: wanted bytes ${range.offset} to ${range.offset + range.length}, the file has ` +
          `${bytes.byteLength}; fetch it again.`,
      );
    }
    return bytes.subarray(range.offset, range.offset + range.length);
  }

  async write(files: ReadonlyMap<string, FileData>): Promise<void> {
    const whole = new Map<string, Uint8Array>();
    for (const [file, data] of files) whole.set(file, await readStream(data));
    for (const [file, bytes] of whole) this.files.set(file, bytes);
  }

  async remove(file: string): Promise<void> {
    this.files.delete(file);
  }

  private get(file: string): Uint8Array {
    const bytes = this.files.get(file);
    if (!bytes)
      throw new UserError(
        `${this.name}: no file ${file}; it holds ${[...this.files.keys()].sort().join(", ") || "nothing"}.`,
      );
    return bytes;
  }
}

/** All of a file's bytes. A stream's pieces are copied: their owner may use that memory again. */
export async function readStream(data: FileData): Promise<Uint8Array> {
  if (typeof data === "string" || data instanceof Uint8Array) return toBytes(data);
  const pieces: Uint8Array[] = [];
  for await (const piece of data) pieces.push(piece.slice());
  return joinBytes(pieces);
}

/** One after the other. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function toBytes(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}
