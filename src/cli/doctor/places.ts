// Where the command line keeps what it downloads and unpacks: whether it can write there, and how much room there is.
import { randomUUID } from "node:crypto";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSettings } from "../../hub/settings.ts";

export interface CacheReport {
  /** Folder of downloaded models: the Hub's cache, shared with Hugging Face's Python libraries. */
  readonly path: string;
  readonly writable: boolean;
  /** Why it is not. */
  readonly reason?: string;
  /** Bytes that this disk has left for this user. */
  readonly freeBytes?: number;
}

/** Leaves nothing behind: what it made, the folder too, is removed. Throws UserError for a wrong setting of the Hub. */
export async function examineCache(env: NodeJS.ProcessEnv = process.env): Promise<CacheReport> {
  const { cacheDir: path } = await readSettings(env);
  let made: string | undefined;
  try {
    made = await mkdir(path, { recursive: true });
    const file = join(path, `.gpt2-webgpu-doctor-${randomUUID()}`);
    await writeFile(file, "right");
    await rm(file);
    const { bavail, bsize } = await statfs(path);
    return { path, writable: true, freeBytes: bavail * bsize };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return { path, writable: false, reason: message };
  } finally {
    if (made !== undefined) await rm(made, { recursive: true });
  }
}

export const cacheProblem = ({ path, reason }: CacheReport): string =>
  `Models cannot be kept in ${path} (${reason}): set HF_HOME to a folder that you may write to.`;
