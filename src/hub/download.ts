// One file from the Hub into the cache's blobs. downloadFileToCacheDir of @huggingface/hub does this too, but it begins
// again at byte 0 after a cut, checks neither length nor hash, tells no progress and prints on stdout; hence this one.
// It reads the plain address of a file, never the chunked "xet" storage, because only there a partial file can be gone
// on with.
import type { Hash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Patience } from "../files/patience.ts";
import { startHash } from "./blob-hash.ts";
import { fileSize } from "./file-size.ts";
import { HubError, openAnswer, unreachable } from "./request.ts";
import type { Asked } from "./request.ts";

export interface RemoteFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /**
   * What the Hub says its content hashes to: SHA-256 for large files (Git LFS), else Git's SHA-1 of a blob. It names
   * the blob, too.
   */
  readonly hash: string;
}

export interface Download {
  readonly file: RemoteFile;
  readonly url: string;
  /** Where the whole file goes; until then it is `<blob>.incomplete`, the name that all libraries use. */
  readonly blob: string;
  readonly asked: Asked;
  /** Called with the bytes that are on disk. */
  onBytes(done: number): void;
}

/**
 * Tries in a row with hardly a new byte before the network is believed to be gone, and the wait before the second,
 * doubled for each further one.
 */
const TRIES = 4;
const FRUIT_BYTES = 1 << 14;
const FIRST_WAIT_MS = 500;
const READ_CHUNK = 1 << 20;

/**
 * Fetches the file, going on from what an earlier try left, and puts it in place once its hash is right.
 * Throws HubError when the Hub refuses, the connection stays cut (what came is kept) or the hash is wrong (it is
 * deleted); system errors of the disk; the signal's reason.
 */
export async function download(job: Download): Promise<void> {
  const partial = `${job.blob}.incomplete`;
  const { resumed, hash } = await fill(partial, job);
  if (hash === job.file.hash) return place(partial, job);
  await rm(partial, { force: true });
  job.onBytes(0);
  if (resumed) return download(job); // the bad bytes may be the ones that lay there
  throw new HubError(
    `${job.file.path} arrived damaged: its hash is ${hash}, the Hub says ${job.file.hash}; it was deleted, try ` +
      "again (a proxy on the way may change files).",
  );
}

async function place(partial: string, { blob, file }: Download): Promise<void> {
  try {
    await rename(partial, blob);
  } catch (error) {
    if ((await fileSize(blob)) !== file.size) throw error; // else another process that fetched it was faster
  }
}

/** Makes the partial file whole; returns its hash, and whether some of it was there before. */
async function fill(partial: string, job: Download): Promise<{ resumed: boolean; hash: string }> {
  const { size } = job.file;
  const handle = await openPartial(partial);
  try {
    let done = (await handle.stat()).size;
    if (done > size) {
      await handle.truncate();
      done = 0;
    }
    const resumed = done > 0;
    const hash = startHash(job.file.hash, size);
    await hashStart(handle, done, hash);
    job.onBytes(done);
    for (let fruitless = 0; done < size;) {
      const before = done;
      try {
        for await (const chunk of bytesFrom(done, job)) {
          if (done + chunk.length > size) return { resumed, hash: `that of more than ${size} bytes` };
          await writeAll(handle, chunk, done);
          hash.update(chunk);
          done += chunk.length;
          job.onBytes(done);
        }
        if (done < size) throw new HubError("The answer ended early.", { transient: true });
      } catch (error) {
        if (!(error instanceof HubError) || !error.transient) throw error;
        fruitless = done - before >= FRUIT_BYTES ? 1 : fruitless + 1;
        if (fruitless === TRIES)
          throw new HubError(
            `${job.file.path} came to ${done} of ${size} bytes only. ${error.message} The same command goes on ` +
              "from there.",
            { cause: error },
          );
        await sleep(FIRST_WAIT_MS * 2 ** (fruitless - 1), undefined, { signal: job.asked.signal });
      }
    }
    await handle.sync();
    return { resumed, hash: hash.digest("hex") };
  } finally {
    await handle.close();
  }
}

/**
 * Written by position, never appended: two processes that fetch the same file write the same bytes to the same places.
 * A link that somebody planted there would lead the bytes into another file, so it goes.
 */
async function openPartial(path: string): Promise<FileHandle> {
  const found = await lstat(path).catch(() => undefined);
  if (found && (!found.isFile() || found.nlink > 1)) await rm(path);
  return open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0)); // Windows has no O_NOFOLLOW
}

/** The file's bytes from `offset`. Throws HubError, transient when the connection is cut or stalls. */
async function* bytesFrom(offset: number, { url, asked }: Download): AsyncGenerator<Uint8Array> {
  const patience = new Patience(asked.signal, asked.settings.patienceMs);
  try {
    // Compressed, the bytes of a range would be those of the compressed file.
    const headers = { "accept-encoding": "identity", ...(offset > 0 && { range: `bytes=${offset}-` }) };
    const response = await openAnswer(asked, url, { headers, signal: patience.signal });
    let skip = response.status === 206 ? 0 : offset; // a server without ranges sends all of it again
    for await (const chunk of response.body ?? []) {
      patience.refresh(chunk.length);
      if (skip < chunk.length) yield chunk.subarray(skip);
      skip = Math.max(0, skip - chunk.length);
    }
  } catch (error) {
    throw unreachable(error, asked);
  } finally {
    patience.stop();
  }
}

async function hashStart(handle: FileHandle, length: number, hash: Hash): Promise<void> {
  const bytes = new Uint8Array(Math.min(READ_CHUNK, length));
  for (let at = 0; at < length;) {
    const { bytesRead } = await handle.read(bytes, 0, Math.min(bytes.length, length - at), at);
    if (bytesRead === 0)
      throw new Error(`download: cannot read the partial file: it has ${at} bytes, ${length} are wanted`);
    hash.update(bytes.subarray(0, bytesRead));
    at += bytesRead;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;)
    at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
}
