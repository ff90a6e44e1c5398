// The Hub's cache on disk, as the Python library lays it out, so that both share one copy of a model:
//   models--<owner>--<name>/blobs/<hash>                  the bytes, named by their hash
//                          /snapshots/<commit>/<file>     links to the blobs
//                          /refs/<revision>               the commit that a branch or tag meant when last asked
import { constants } from "node:fs";
import { copyFile, mkdir, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { getRepoFolderName, REGEX_COMMIT_HASH } from "@huggingface/hub";
import { isBlobName, isSound } from "./blob-hash.ts";
import { fileSize } from "./file-size.ts";
import { missingFiles, presentFiles } from "./model-files.ts";
import type { Part } from "./model-files.ts";

export interface Snapshot {
  readonly folder: string;
  readonly missing: readonly string[];
}

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

  /** The newest snapshot known for this revision, and which files of `part` it lacks; undefined when there is none. */
  async find(revision: string, part: Part): Promise<Snapshot | undefined> {
    const commit = REGEX_COMMIT_HASH.test(revision)
      ? revision
      : (await readFile(this.ref(revision), "utf8").catch(() => "")).trim();
    if (!REGEX_COMMIT_HASH.test(commit)) return undefined;
    const folder = this.snapshot(commit);
    if ((await fileSize(folder)) === undefined) return undefined;
    return { folder, missing: await missingFiles(folder, part) };
  }

  /**
   * The first file of `part` in a snapshot that has not the bytes that its blob's name says. Copies, which stand for
   * links where a disk has none, bear no such name and are taken as they are.
   */
  async findDamaged(folder: string, part: Part, signal: AbortSignal): Promise<string | undefined> {
    for (const file of await presentFiles(folder, part)) {
      const path = join(folder, file);
      const name = basename(await readlink(path).catch(() => ""));
      if (isBlobName(name) && !(await isSound(path, name, signal))) return path;
    }
    return undefined;
  }

  /** Puts a blob into a snapshot under its file name; does nothing when it is there. */
  async link(commit: string, file: string, hash: string, signal: AbortSignal): Promise<void> {
    const [blob, pointer] = [this.blob(hash), join(this.snapshot(commit), file)];
    const target = await readlink(pointer).catch(() => undefined);
    if (
      target === undefined ? await isSound(pointer, hash, signal) : resolve(dirname(pointer), target) === resolve(blob)
    )
      return;
    await mkdir(dirname(pointer), { recursive: true });
    // Put in place by a rename: another program that has just linked the file never finds it gone.
    const made = `${pointer}.${crypto.randomUUID()}.tmp`;
    try {
      await symlink(relative(dirname(pointer), blob), made) // relative: the cache may be moved as a whole
        .catch(() => copyFile(blob, made, constants.COPYFILE_EXCL)); // Windows as ordinary user, FAT disks: no links
      await rename(made, pointer);
    } catch (error) {
      await rm(made, { force: true });
      throw error;
    }
  }

  /** Remembers what a branch or tag means now. */
  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = this.ref(revision);
    if ((await readFile(path, "utf8").catch(() => "")) === commit) return; // the cache may be read-only
    await mkdir(dirname(path), { recursive: true });
    const aside = `${path}.${crypto.randomUUID()}.tmp`;
    await writeFile(aside, commit, { flag: "wx" });
    await rename(aside, path);
  }

  private ref(revision: string): string {
    return join(this.path, "refs", revision);
  }
}
