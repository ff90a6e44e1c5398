// A Folder on disk, for Node. Writing never leaves half a file: every file is written aside and flushed before the
// first is renamed into place, so a full disk or a crash leaves the old set or, at worst, some files old and some new,
// each whole.
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../errors.ts";
import { checkFileName, checkRange } from "./file-name.ts";
import type { FileData, Store } from "./folder.ts";

const CALL_BYTES = 1 << 30; // one read or write call takes less than 2^31 bytes

/** By its path, or by a file: address. */
export const diskFolderAt = (pathOrUrl: string): DiskFolder =>
  new DiskFolder(/^file:/i.test(pathOrUrl) ? fileURLToPath(pathOrUrl) : pathOrUrl);

export class DiskFolder implements Store {
  readonly name: string;

  constructor(path: string) {
    this.name = path;
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.name, { withFileTypes: true }).catch((error) =>
      explain(error, "list", this.name),
    );
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  }

  async has(file: string): Promise<boolean> {
    const path = this.path(file);
    try {
      return (await stat(path)).isFile();
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      return explain(error, "read", path);
    }
  }

  async size(file: string): Promise<number> {
    return this.reading(file, async (_handle, size) => size);
  }

  async read(file: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    return this.reading(file, async (handle, size, path) => {
      const { offset, length } = range ?? { offset: 0, length: size };
      checkRange(path, { offset, length }, size);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(bytes, done, Math.min(CALL_BYTES, length - done), offset + done);
        if (bytesRead === 0)
          throw new UserError(
            `${path}: the file shrank from ${size} bytes while it was read; let its writer finish and try again.`,
          );
        done += bytesRead;
      }
      return bytes;
    });
  }

  async write(files: ReadonlyMap<string, FileData>): Promise<void> {
    const mark = `.${crypto.randomUUID()}.tmp`;
    const moves: { aside: string; path: string }[] = [];
    let current = this.name;
    try {
      await mkdir(this.name, { recursive: true });
      for (const [file, data] of files) {
        current = this.path(file);
        await mkdir(dirname(current), { recursive: true });
        if (
          await stat(current).then(
            (found) => found.isDirectory(),
            () => false,
          )
        )
          throw new UserError(`Cannot write ${current}: it is a folder; move it or choose another place.`);
        moves.push({ aside: current + mark, path: current });
        const handle = await open(current + mark, "wx");
        try {
          await writeAll(handle, data);
          await handle.sync();
        } finally {
          await handle.close();
        }
      }
      for (const { aside, path } of moves) {
        current = path;
        await rename(aside, path);
      }
      for (const folder of new Set(moves.map(({ path }) => dirname(path)))) await flushFolder(folder);
    } catch (error) {
      await Promise.all(moves.map(({ aside }) => rm(aside, { force: true }).catch(() => {})));
      explain(error, "write", current);
    }
  }

  async remove(file: string): Promise<void> {
    const path = this.path(file);
    await rm(path, { force: true }).catch((error) => explain(error, "remove", path));
  }

  private path(file: string): string {
    checkFileName(this.name, file);
    return join(this.name, file);
  }

  private async reading<R>(
    file: string,
    use: (handle: FileHandle, size: number, path: string) => Promise<R>,
  ): Promise<R> {
    const path = this.path(file);
    try {
      const handle = await open(path, "r");
      try {
        const found = await handle.stat();
        if (!found.isFile())
          throw new UserError(
            `Cannot read ${path}: it is ${found.isDirectory() ? "a folder" : "no regular file"}; name a file.`,
          );
        return await use(handle, found.size, path);
      } finally {
        await handle.close();
      }
    } catch (error) {
      return explain(error, "read", path);
    }
  }
}

async function writeAll(handle: FileHandle, data: FileData): Promise<void> {
  if (typeof data === "string") return handle.writeFile(data);
  if (data instanceof Uint8Array) return writePiece(handle, data);
  for await (const piece of data) await writePiece(handle, piece);
}

/** Appends; one write call takes less than 2^31 bytes and may take fewer than it was given. */
async function writePiece(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(CALL_BYTES, bytes.byteLength - done));
    done += bytesWritten;
  }
}

/** A rename is durable once its folder is flushed. Windows has no such call, and some network disks refuse it. */
async function flushFolder(path: string): Promise<void> {
  const handle = await open(path, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder; check the path",
  EACCES: "permission is denied; choose a place you own or change its permissions",
  EPERM: "permission is denied; choose a place you own or change its permissions",
  EROFS: "this disk is read-only; choose another place",
  ENOSPC: "the disk is full; free some space or choose another disk",
  EDQUOT: "your disk quota is used up; free some space or choose another disk",
  EFBIG: "the file would be larger than this disk allows; choose another disk",
  ENOTDIR: "part of the path is a file, not a folder; check the path",
  EEXIST: "part of the path is a file, not a folder; check the path",
  EISDIR: "it is a folder; name a file",
  ENAMETOOLONG: "the path is too long; choose a shorter one",
  ELOOP: "its links lead in a circle; check the path",
  EMFILE: "too many files are open; close other programs or raise the limit (ulimit -n)",
};

/** Rethrows a system error as a UserError that names the path; other errors pass unchanged. */
function explain(error: unknown, doing: "list" | "read" | "write" | "remove", path: string): never {
  const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ""];
  if (error instanceof UserError || reason === undefined) throw error;
  throw new UserError(`Cannot ${doing} ${path}: ${reason}.`, { cause: error });
}
