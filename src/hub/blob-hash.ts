// What a blob of the cache must hash to: its name. The Hub names large files (Git LFS) by SHA-256 and small ones by
// Git's SHA-1 of a blob.
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { fileSize } from "./file-size.ts";

/** A hash of the kind of `name`, ready for the `size` bytes of the content. */
export function startHash(name: string, size: number): Hash {
  return name.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

/** Whether `name` is such a hash. */
export function isBlobName(name: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name);
}

/**
 * Whether the file has the bytes that its name says: a disk may have lost some, another program written others. Read
 * whole each time, about a second for GPT-2's weights. False when there is no file; throws the signal's reason.
 */
export async function isSound(path: string, name: string, signal: AbortSignal): Promise<boolean> {
  const size = await fileSize(path);
  if (size === undefined) return false;
  const hash = startHash(name, size);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest("hex") === name;
}
