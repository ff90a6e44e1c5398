// A folder of files as loaders and savers see it, so that the same code reads a disk in Node and a URL or memory in a
// browser. open.ts opens real ones; MemoryFolder is the one that needs nothing.
import { UserError } from "../errors.ts";

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
   * one, never a half. Creates the folder when needed. Throws UserError where the place cannot be written.
   */
  write(files: ReadonlyMap<string, Uint8Array | string>): Promise<void>;
}

/** UTF-8 text of a file; throws UserError on bytes that are not UTF-8 (a leading byte-order mark is kept). */
export async function readText(folder: Folder, file: string): Promise<string> {
  return decodeUtf8(await folder.read(file), `${folder.name}/${file}`);
}

/** Parsed JSON of a file; throws UserError naming the file when it is not JSON. */
export async function readJson(folder: Folder, file: string): Promise<unknown> {
  const text = await readText(folder, file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(
      `${folder.name}/${file}: not valid JSON (${(error as Error).message}); fetch or save the file again.`,
    );
  }
}

/** Strict UTF-8; throws UserError naming `what` and the byte offset of the first bad sequence. */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UserError(
      `${what}: not valid UTF-8 (first bad byte at offset ${firstBadByte(bytes)}); save the file as UTF-8 and try again.`,
    );
  }
}

function firstBadByte(bytes: Uint8Array): number {
  const decodes = (length: number, stream: boolean): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream });
      return true;
    } catch {
      return false;
    }
  };
  // The longest prefix that decodes when its last character may be unfinished, by bisection; then back to that one's
  // start.
  let good = 0,
    bad = bytes.length;
  while (good < bad) {
    const middle = (good + bad + 1) >> 1;
    if (decodes(middle, true)) good = middle;
    else bad = middle - 1;
  }
  while (good > 0 && !decodes(good, false)) good--;
  return good;
}

export class MemoryFolder implements Folder {
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
        `${this.name}/${file}: wanted bytes ${range.offset} to ${range.offset + range.length}, the file has ${bytes.byteLength}; fetch it again.`,
      );
    }
    return bytes.subarray(range.offset, range.offset + range.length);
  }

  async write(files: ReadonlyMap<string, Uint8Array | string>): Promise<void> {
    for (const [file, data] of files) this.files.set(file, toBytes(data));
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

function toBytes(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}
