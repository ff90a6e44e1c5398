// A folder of encoded files, each by what decides its content: the file's digest, the tokenizer's, and how it is
// encoded. So a file that was changed is another entry, and an entry needs no date. Of an entry the description is
// written last, and holds sizes and digests of the rest: without one that fits there is no entry.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../errors.ts";
import { readJsonObject } from "../../../files/json.ts";
import { openFolder } from "../../../files/open.ts";
import { cacheFolder } from "../../shared/cache-folder.ts";
import { fileDigest } from "./text-pieces.ts";

/** Raised whenever the same text would be encoded otherwise, or stored otherwise. */
const FORMAT = 1;

/** All that decides what an entry holds, by name. */
export type EntryKey = Readonly<Record<string, string | number | boolean | null>>;

/** What there is to know of an entry beside its files. */
export interface EntryNotes {
  readonly tokens: number;
  /** Infilling examples that were wanted, those that do not fit included. */
  readonly taken?: number;
  /** Fields of theirs that the template lacks, and how many had them. */
  readonly left?: readonly (readonly [field: string, count: number])[];
}

export interface CacheEntry {
  /** Path of the file of records. */
  readonly records: string;
  /** Words of 32 bits, such as the length of each record. */
  readonly index: Uint32Array;
  readonly notes: EntryNotes;
}

/** What is stored: the records as they come, and when all have come, the rest. */
export interface NewEntry {
  readonly records: AsyncIterable<Uint8Array>;
  readonly rest: () => { readonly index: Uint32Array; readonly notes: EntryNotes };
}

/** XDG_CACHE_HOME/gpt2-webgpu/datasets, else in ~/.cache. */
export function defaultCacheDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(cacheFolder(env), "datasets");
}

/** Of what a killed process left, and whose like is still being written by another. */
const LEFTOVER_HOURS = 24;

export class TokenCache {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The entry of this key, its files read through and found as they were written; undefined without one. */
  async find(key: EntryKey, signal?: AbortSignal): Promise<CacheEntry | undefined> {
    const stem = stemOf(key);
    const folder = await openFolder(this.path);
    try {
      const { files, notes } = (await readJsonObject(folder, `${stem}.json`)) as unknown as Description;
      for (const name of [`${stem}.ids`, `${stem}.index`]) {
        const { bytes, sha256 } = files[name];
        if ((await folder.size(name)) !== bytes) return undefined;
        if ((await fileDigest(join(this.path, name), signal)) !== sha256) return undefined;
      }
      const index = await folder.read(`${stem}.index`);
      return { records: join(this.path, `${stem}.ids`), index: new Uint32Array(index.buffer), notes };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UserError || error instanceof TypeError) return undefined; // missing, unreadable, damaged
      throw error;
    }
  }

  /**
   * Writes the entry of this key, in the place of any other, and returns it. Throws UserError where the folder cannot
   * be written, and whatever the records throw; then nothing has changed.
   */
  async write(key: EntryKey, { records, rest }: NewEntry): Promise<CacheEntry> {
    await this.removeLeftovers();
    const stem = stemOf(key);
    const files: Record<string, StoredFile> = {};
    const stored = (name: string, data: () => AsyncIterable<Uint8Array>): [string, AsyncIterable<Uint8Array>] => [
      name,
      measured(data, (file) => (files[name] = file)),
    ];
    let last: ReturnType<NewEntry["rest"]>;
    const index = async function* (): AsyncGenerator<Uint8Array> {
      last = rest();
      yield new Uint8Array(last.index.buffer, last.index.byteOffset, last.index.byteLength);
    };
    const description = async function* (): AsyncGenerator<Uint8Array> {
      const json: Description = { key: { format: FORMAT, ...key }, files, notes: last.notes };
      yield new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
    };
    const folder = await openFolder(this.path);
    await folder.write(
      new Map([stored(`${stem}.ids`, () => records), stored(`${stem}.index`, index), [`${stem}.json`, description()]]),
    );
    return { records: join(this.path, `${stem}.ids`), index: last!.index, notes: last!.notes };
  }

  private async removeLeftovers(): Promise<void> {
    const names = await readdir(this.path).catch(() => []);
    for (const name of names.filter((name) => name.endsWith(".tmp"))) {
      const path = join(this.path, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (Date.now() - mtimeMs > LEFTOVER_HOURS * 3_600_000) await rm(path, { force: true });
    }
  }
}

interface StoredFile {
  readonly bytes: number;
  readonly sha256: string;
}

interface Description {
  readonly key: EntryKey;
  readonly files: Readonly<Record<string, StoredFile>>;
  readonly notes: EntryNotes;
}

function stemOf(key: EntryKey): string {
  const named = Object.entries({ format: FORMAT, ...key }).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(named)).digest("hex").slice(0, 40);
}

/** `data` as it is, and at its end what it was. */
async function* measured(
  data: () => AsyncIterable<Uint8Array>,
  done: (file: StoredFile) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of data()) {
    hash.update(piece);
    bytes += piece.byteLength;
    yield piece;
  }
  done({ bytes, sha256: `sha256:${hash.digest("hex")}` });
}

/** Bytes of a file, wherever they stand, at once: of what was just read or written the system has most in memory. */
export class RandomAccessFile {
  private readonly path: string;
  private readonly descriptor: number;

  /** Open until close(), also when the file is removed or another takes its name. */
  constructor(path: string) {
    this.path = path;
    this.descriptor = openSync(path, "r");
  }

  read(offset: number, length: number): ArrayBuffer {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const count = readSync(this.descriptor, bytes, done, length - done, offset + done);
      if (count === 0) throw new UserError(`${this.path}: the file was cut while it was read; run again.`);
      done += count;
    }
    return bytes.buffer;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
