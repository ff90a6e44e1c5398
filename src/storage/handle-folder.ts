// A Folder behind a directory handle of the browser: in the origin's private file system (OPFS), or one that the user
// picked. A file changes when its writer is closed, so that a full disk or an aborted write leaves what was there.
import { UserError } from "../errors.ts";
import { checkFileName, checkRange } from "../files/file-name.ts";
import type { FileData, Store } from "../files/folder.ts";
import { HandleCheckpoints } from "./handle-checkpoints.ts";
import type { DirectoryHandle, StoredFile, WritableFile } from "./handles.ts";

/** A file that is being written: nothing of it shows until it is closed. */
interface Pending {
  readonly directory: DirectoryHandle;
  readonly base: string;
  readonly path: string;
  /** Asking for the handle has made an empty file. */
  readonly isNew: boolean;
  writable?: WritableFile;
  closed?: true;
}

export class HandleFolder implements Store {
  readonly name: string;
  private readonly root: DirectoryHandle;
  private readonly path: readonly string[];

  /** The folder `path` below `root`, which is made when something is written; `name` is for messages. */
  constructor(name: string, root: DirectoryHandle, path: readonly string[] = []) {
    this.name = name;
    this.root = root;
    this.path = path;
  }

  async list(): Promise<string[]> {
    try {
      const directory = await this.directory(this.path, false);
      if (!directory.values) throw new UserError(`${this.name}: this browser cannot list a folder's files.`);
      const names: string[] = [];
      for await (const { kind, name } of directory.values()) if (kind === "file") names.push(name);
      return names.sort();
    } catch (error) {
      return explain(error, "list", this.name);
    }
  }

  async has(file: string): Promise<boolean> {
    checkFileName(this.name, file);
    try {
      await this.file(file);
      return true;
    } catch (error) {
      if (["NotFoundError", "TypeMismatchError"].includes((error as Error).name)) return false;
      return explain(error, "read", `${this.name}/${file}`);
    }
  }

  async size(file: string): Promise<number> {
    return this.reading(file, async ({ size }) => size);
  }

  async read(file: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    return this.reading(file, async (stored, path) => {
      const { offset, length } = range ?? { offset: 0, length: stored.size };
      checkRange(path, { offset, length }, stored.size);
      return new Uint8Array(await stored.slice(offset, offset + length).arrayBuffer());
    });
  }

  /**
   * As Folder.write; where there was no file, a process that dies meanwhile may leave an empty one, which no reader
   * takes for a model's.
   */
  async write(files: ReadonlyMap<string, FileData>): Promise<void> {
    const pending: Pending[] = [];
    let current = this.name;
    try {
      for (const [file, data] of files) {
        current = `${this.name}/${file}`;
        const opened = await this.begin(file, current);
        pending.push(opened);
        const writable = await openWritable(opened);
        opened.writable = writable;
        await writeAll(writable, data);
      }
      for (const each of pending) {
        current = each.path;
        await each.writable!.close();
        each.closed = true;
      }
    } catch (error) {
      for (const each of pending) await undo(each);
      explain(error, "write", current);
    }
  }

  async remove(file: string): Promise<void> {
    checkFileName(this.name, file);
    try {
      const { directory, base } = await this.place(file, false);
      await directory.removeEntry(base);
    } catch (error) {
      if ((error as Error).name !== "NotFoundError") explain(error, "remove", `${this.name}/${file}`);
    }
  }

  /** Removes the folder's files and folders; a picked folder itself stays. */
  async clear(): Promise<void> {
    try {
      const directory = await this.directory(this.path, false);
      const names: string[] = [];
      for await (const { name } of directory.values?.() ?? []) names.push(name);
      for (const name of names) await directory.removeEntry(name, { recursive: true });
    } catch (error) {
      if ((error as Error).name !== "NotFoundError") explain(error, "remove", this.name);
    }
  }

  /** As the place where training keeps its checkpoints: TrainerOptions.store. */
  checkpoints(): HandleCheckpoints {
    return new HandleCheckpoints(this);
  }

  /** The folder `name` in it, which is made when something is written; "" is this one. */
  sub(name: string): HandleFolder {
    if (name === "") return this;
    checkFileName(this.name, name);
    return new HandleFolder(`${this.name}/${name}`, this.root, [...this.path, name]);
  }

  /** Names of the folders in it; none where it is not made yet. */
  async folders(): Promise<string[]> {
    try {
      const directory = await this.directory(this.path, false);
      const names: string[] = [];
      for await (const { kind, name } of directory.values?.() ?? []) if (kind === "directory") names.push(name);
      return names.sort();
    } catch (error) {
      if ((error as Error).name === "NotFoundError") return [];
      return explain(error, "list", this.name);
    }
  }

  /** Removes the folder `name` with all that is in it, or nothing where there is none. */
  async removeFolder(name: string): Promise<void> {
    checkFileName(this.name, name);
    try {
      await (await this.directory(this.path, false)).removeEntry(name, { recursive: true });
    } catch (error) {
      if ((error as Error).name !== "NotFoundError") explain(error, "remove", `${this.name}/${name}`);
    }
  }

  private async begin(file: string, path: string): Promise<Pending> {
    checkFileName(this.name, file);
    const { directory, base } = await this.place(file, true);
    const isNew = await directory.getFileHandle(base).then(
      () => false,
      (error: Error) => {
        if (error.name === "NotFoundError") return true;
        throw error;
      },
    );
    return { directory, base, path, isNew };
  }

  private async place(file: string, create: boolean): Promise<{ directory: DirectoryHandle; base: string }> {
    const parts = file.split(/[/\\]/);
    return { directory: await this.directory([...this.path, ...parts.slice(0, -1)], create), base: parts.at(-1)! };
  }

  private async directory(path: readonly string[], create: boolean): Promise<DirectoryHandle> {
    let directory = this.root;
    for (const name of path) directory = await directory.getDirectoryHandle(name, { create });
    return directory;
  }

  private async file(file: string): Promise<StoredFile> {
    const { directory, base } = await this.place(file, false);
    return (await directory.getFileHandle(base)).getFile();
  }

  private async reading<R>(file: string, use: (stored: StoredFile, path: string) => Promise<R>): Promise<R> {
    checkFileName(this.name, file);
    const path = `${this.name}/${file}`;
    try {
      return await use(await this.file(file), path);
    } catch (error) {
      return explain(error, "read", path);
    }
  }
}

async function openWritable({ directory, base, path }: Pending): Promise<WritableFile> {
  const handle = await directory.getFileHandle(base, { create: true });
  if (typeof handle.createWritable === "function") return handle.createWritable();
  throw new UserError(
    `Cannot write ${path}: this browser only reads here (it has no createWritable); use a newer one.`,
  );
}

async function writeAll(writable: WritableFile, data: FileData): Promise<void> {
  if (typeof data === "string") return writable.write(new TextEncoder().encode(data));
  if (data instanceof Uint8Array) return writable.write(plain(data));
  for await (const piece of data) await writable.write(plain(piece));
}

/** Browsers refuse views of shared memory. */
const plain = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : Uint8Array.from(bytes);

/** As it was before, as far as the browser lets us. */
async function undo({ writable, closed, directory, base, isNew }: Pending): Promise<void> {
  if (closed) return;
  await writable?.abort().catch(() => {});
  if (isNew) await directory.removeEntry(base).catch(() => {});
}

const REASONS: Readonly<Record<string, string>> = {
  NotFoundError: "there is no such file or folder; check the name",
  TypeMismatchError: "there is a folder where a file is wanted, or a file where a folder is; check the name",
  QuotaExceededError:
    "the storage is full; free some (in the browser's settings for this site, or on the disk) and try again",
  NotAllowedError: "permission is denied or has ended; let the user pick the folder, or allow writing, once more",
  SecurityError:
    "the browser denies this page its storage; check the site's settings, and that no private window is used",
  NoModificationAllowedError: "another tab or worker is writing it; close that, or wait for it",
  InvalidModificationError: "it is no empty folder or is in use; close what uses it",
  NotReadableError: "it was changed or removed while it was read; try again",
  InvalidStateError: "it was changed or removed meanwhile; try again",
};

/** Rethrows the browser's error as a UserError that names the path; other errors pass unchanged. */
export function explain(error: unknown, doing: "list" | "read" | "write" | "remove" | "open", path: string): never {
  const reason = REASONS[(error as Error).name];
  if (error instanceof UserError || reason === undefined) throw error;
  throw new UserError(`Cannot ${doing} ${path}: ${reason}.`, { cause: error });
}
