// The Hub's cache on disk, as the Python library lays it out, so that both share one copy of a model:
//   models--<owner>--<name>/blobs/<hash>                  the bytes, named by their hash
//                          /snapshots/<commit>/<file>     links to the blobs
//                          /refs/<revision>               the commit that a branch or tag meant when last asked
import { copyFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { getRepoFolderName, REGEX_COMMIT_HASH } from "@huggingface/hub";
import { missingFiles } from "./model-files.ts";

export class RepoCache {
  /** Folder of this model. */
  readonly path: string;

  constructor(cacheDir: string, repo: string) {
    this.path = join(cacheDir, getRepoFolderName({ type: "model", name: repo }));
  }

  blob(hash: string): string {
    return join(this.path, "blobs", hash);
  }

  snapshot(commit: string): string {
    return join(this.path, "snapshots", commit);
  }

  /**
   * The newest snapshot known for this revision, and which files of a whole model it lacks; undefined when there is
   * none.
   */
  async find(revision: string): Promise<{ readonly folder: string; readonly missing: readonly string[] } | undefined> {
    const commit = REGEX_COMMIT_HASH.test(revision)
      ? revision
      : (await readFile(this.ref(revision), "utf8").catch(() => "")).trim();
    if (!REGEX_COMMIT_HASH.test(commit)) return undefined;
    const folder = this.snapshot(commit);
    if ((await fileSize(folder)) === undefined) return undefined;
    return { folder, missing: await missingFiles(folder) };
  }

  /** Puts a blob into a snapshot under its file name; does nothing when it is there. */
  async link(commit: string, file: string, hash: string): Promise<void> {
    const [blob, pointer] = [this.blob(hash), join(this.snapshot(commit), file)];
    const wanted = await fileSize(blob);
    if ((await fileSize(pointer)) === wanted) return;
    await mkdir(dirname(pointer), { recursive: true });
    await rm(pointer, { force: true });
    try {
      await symlink(relative(dirname(pointer), blob), pointer); // relative: the cache may be moved as a whole
    } catch (error) {
      // Windows without developer mode, FAT disks: no links. Another process may also have been faster.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") await copyFile(blob, pointer);
    }
  }

  /** Remembers what a branch or tag means now. */
  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = this.ref(revision);
    if ((await readFile(path, "utf8").catch(() => "")) === commit) return; // the cache may be read-only
    await mkdir(dirname(path), { recursive: true });
    const aside = `${path}.${crypto.randomUUID()}.tmp`;
    await writeFile(aside, commit);
    await rename(aside, path);
  }

  private ref(revision: string): string {
    return join(this.path, "refs", revision);
  }
}

/** Bytes of the file behind a path or link; undefined when there is none. Other errors are thrown. */
export async function fileSize(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw error;
    },
  );
}
