// What a folder must hold to be whole: manifest.json lists its files with their sizes and SHA-256, and is written last.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { FileData, Folder } from "../../files/folder.ts";
import { isObject, readJson } from "../../files/json.ts";
import { openFolder } from "../../files/open.ts";
import { printable } from "../../files/quote.ts";

export const MANIFEST_FILE = "manifest.json";

interface Entry {
  readonly size: number;
  readonly sha256: string;
}

/**
 * Writes the files, then the manifest of what was written: each aside, flushed and renamed (see DiskFolder). Throws
 * UserError where the place cannot be written, and whatever a stream throws.
 */
export async function writeWithManifest(path: string, files: ReadonlyMap<string, FileData>): Promise<void> {
  const folder = await openFolder(path);
  const entries: Record<string, Entry> = {};
  const hashed = [...files].map(
    ([name, data]) => [name, measured(data, (entry) => (entries[name] = entry))] as [string, FileData],
  );
  await folder.write(new Map(hashed));
  await folder.write(new Map([[MANIFEST_FILE, `${JSON.stringify({ format: 1, files: entries }, null, 2)}\n`]]));
}

export async function hasManifest(path: string): Promise<boolean> {
  return (await openFolder(path)).has(MANIFEST_FILE);
}

/** What the folder lacks to be what its manifest says, as a clause; undefined when it is whole. Reads every file. */
export async function faultOf(path: string): Promise<string | undefined> {
  const folder = await openFolder(path);
  if (!(await hasManifest(path)))
    return `it has no ${MANIFEST_FILE}: its writing did not come to its end, or an older version wrote it`;
  let manifest: unknown;
  try {
    manifest = await readJson(folder, MANIFEST_FILE);
  } catch {
    return `its ${MANIFEST_FILE} cannot be read`;
  }
  if (!isObject(manifest) || !isObject(manifest.files)) return `its ${MANIFEST_FILE} is damaged`;
  for (const [name, entry] of Object.entries(manifest.files)) {
    const fault = await fileFault(folder, name, entry);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

async function fileFault(folder: Folder, name: string, entry: unknown): Promise<string | undefined> {
  if (!isObject(entry)) return `its ${MANIFEST_FILE} is damaged`;
  const shown = printable(name);
  try {
    if (!(await folder.has(name))) return `${shown} is missing`;
    const size = await folder.size(name);
    if (size !== entry.size)
      return `${shown} has ${size} bytes, not the ${printable(String(entry.size))} it was saved with`;
    const hash = createHash("sha256");
    await pipeline(createReadStream(join(folder.name, name), { highWaterMark: 1 << 20 }), hash);
    return hash.digest("hex") === entry.sha256 ? undefined : `${shown} is not what was saved (its SHA-256 differs)`;
  } catch (error) {
    return `${shown} cannot be read (${printable((error as Error).message)})`;
  }
}

/** The same bytes, and at their end how many there were and their hash. */
async function* measured(data: FileData, done: (entry: Entry) => void): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const piece of piecesOf(data)) {
    hash.update(piece);
    size += piece.byteLength;
    yield piece;
  }
  done({ size, sha256: hash.digest("hex") });
}

function piecesOf(data: FileData): AsyncIterable<Uint8Array> | Uint8Array[] {
  if (typeof data === "string") return [new TextEncoder().encode(data)];
  return data instanceof Uint8Array ? [data] : data;
}
