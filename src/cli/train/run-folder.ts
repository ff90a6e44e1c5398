// A training run's folder on disk: checkpoints in sub-folders, each whole or not there, the final model, the log, the
// loss curve. One run at a time has it. What a killed process left is mended when the folder is next opened:
//
//   tmp-checkpoint-<step>   being written, or being removed: goes
//   old-checkpoint-<step>   another of the same step was being put in its place: comes back where that did not happen
//   overwritten.json        an earlier run's checkpoints were being removed for a new run: they go
//   <file>.<uuid>.tmp       a file that was being written beside the one it would replace: goes
import { mkdirSync, rmdirSync } from "node:fs";
import { appendFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import type { FileData, Folder } from "../../files/folder.ts";
import { readJson } from "../../files/json.ts";
import { openFolder } from "../../files/open.ts";
import { listCheckpoints, stepOf, StoreLostError } from "../../training/checkpoint.ts";
import type { CheckpointStore } from "../../training/checkpoint.ts";
import { WEIGHTS_FILE } from "../../gpt2/checkpoint-files.ts";
import { hasOthersReadme, MODEL_CARD_FILE } from "../../training/model-card.ts";
import { RESULT_FILES } from "../../training/results.ts";
import { lossChart } from "../../training/loss-chart.ts";
import type { LogEntry } from "../../training/trainer-state.ts";
import { FolderLock, isLockFile } from "./folder-lock.ts";
import { faultOf, MANIFEST_FILE, writeWithManifest } from "./manifest.ts";

const METRICS_FILE = "metrics.jsonl";
export const CHART_FILE = "loss.svg";
export const REPORT_FILE = "report.html";
/** What the report shows beside the log. */
export const REPORT_LOG_FILE = "report.jsonl";
/** Lists the checkpoints of an earlier run that are on their way out. */
const OVERWRITTEN_FILE = "overwritten.json";
const ASIDE = /\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.tmp$/;

export class RunFolder implements CheckpointStore {
  /** As the user gave it, for messages. */
  readonly path: string;
  /** It stays the same place when the working folder is removed, where a relative path would be none. */
  private readonly place: string;
  /** Made for this run: where nothing is written into it, it goes again. */
  private readonly made: boolean;
  private lock: FolderLock | undefined;
  private logging: Promise<void> = Promise.resolve();

  /** `lock`: of the folder, which is there; without one others may write into it. */
  constructor(path: string, { lock, made = false }: { readonly lock?: FolderLock; readonly made?: boolean } = {}) {
    this.path = path;
    this.place = resolve(path);
    this.made = made;
    this.lock = lock;
    if (lock) process.once("exit", this.release);
  }

  /**
   * Takes `wanted`, which is refused when it holds something and `overwrite` is false; without it the next free
   * output/run-<n>. The folder is made, and tried by writing into it. Throws UserError where that cannot be, or where
   * another run has it.
   */
  static async choose(wanted: string | undefined, overwrite: boolean): Promise<RunFolder> {
    const from = workingFolder();
    if (wanted === undefined) return RunFolder.next(from);
    const place = resolve(from, wanted);
    const made = (await usable(wanted, () => mkdir(place, { recursive: true }))) !== undefined;
    const run = await RunFolder.take(wanted, place, made);
    const files = await run.list();
    if (files.length > 0 && !overwrite) {
      run.release();
      throw new UserError(
        `${wanted} is not empty (${files.slice(0, 3).join(", ")}${files.length > 3 ? ", ..." : ""}); ` +
          `choose another --output_dir, or pass --overwrite_output_dir, ` +
          `or --should_continue to go on from its newest checkpoint.`,
      );
    }
    return run;
  }

  private static async next(from: string): Promise<RunFolder> {
    await usable("output", () => mkdir(join(from, "output"), { recursive: true }));
    for (let n = 1; ; n++) {
      const path = join("output", `run-${n}`);
      const place = join(from, path);
      // Exclusively: of two runs that start together one makes it.
      const made = await usable(path, async () => mkdirSync(place)).then(
        () => true,
        (error: Error) => {
          if ((error.cause as NodeJS.ErrnoException | undefined)?.code === "EEXIST") return false;
          throw error;
        },
      );
      if (made) return RunFolder.take(path, place, true);
    }
  }

  private static async take(path: string, place: string, made: boolean): Promise<RunFolder> {
    return new RunFolder(path, { made, lock: await usable(path, () => FolderLock.take(place, path)) });
  }

  /** Its last part, whatever path names it. */
  get name(): string {
    return basename(this.place);
  }

  /** Lets others have it. */
  readonly release = (): void => {
    process.off("exit", this.release);
    this.lock?.release();
    if (!this.made) return;
    try {
      rmdirSync(this.place);
    } catch {
      // it holds something
    }
  };

  open(name: string): Promise<Folder> {
    return openFolder(join(this.place, name));
  }

  async list(): Promise<string[]> {
    try {
      return (await readdir(this.place)).filter((name) => !isLockFile(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw cannotUse(this.path, error);
    }
  }

  async write(name: string, files: ReadonlyMap<string, FileData>): Promise<void> {
    const removed = this.lock?.holds() === false;
    // Made again before it is told of: what the run has must not be lost with its folder.
    if (removed) await this.takeAgain();
    if (name === "") {
      await this.removeEntry(MANIFEST_FILE);
      if (!files.has(WEIGHTS_FILE)) await this.removeEntry(WEIGHTS_FILE); // loaders would take it before the shards
      await writeWithManifest(this.place, files);
    } else {
      await this.writeAside(name, files);
    }
    if (removed)
      throw new StoreLostError(
        `${this.path} was removed while the run was writing into it: it was made again and holds ` +
          `${name === "" ? "the final model" : `${name}, where the run stood; go on with --should_continue`}.`,
      );
  }

  async remove(name: string): Promise<void> {
    const aside = `tmp-${name}`;
    await this.removeEntry(aside);
    // Renamed first: half a checkpoint is none.
    await rename(join(this.place, name), join(this.place, aside)).catch(ignoreMissing);
    await this.removeEntry(aside);
  }

  fault(name: string): Promise<string | undefined> {
    return faultOf(join(this.place, name));
  }

  /** Mends what a killed process left; returns the names of what it removed. */
  async mend(): Promise<string[]> {
    const removed: string[] = [];
    const names = await this.list();
    if (names.includes(OVERWRITTEN_FILE)) removed.push(...(await this.finishOverwriting()));
    for (const name of names) {
      if (/^tmp-checkpoint-\d+$/.test(name) || ASIDE.test(name)) {
        await this.removeEntry(name);
        removed.push(name);
      } else if (/^old-checkpoint-\d+$/.test(name)) {
        await this.settleReplaced(name.slice("old-".length));
      }
    }
    return removed;
  }

  /** Removes the checkpoints and the log of an earlier run, so that none is taken for this one's. */
  async startOver(): Promise<void> {
    const checkpoints = await listCheckpoints(this);
    if (checkpoints.length > 0) {
      await this.put(OVERWRITTEN_FILE, `${JSON.stringify(checkpoints)}\n`);
      await this.finishOverwriting();
    }
    const files = [MANIFEST_FILE, METRICS_FILE, CHART_FILE, REPORT_FILE, REPORT_LOG_FILE, ...RESULT_FILES];
    for (const file of files) await this.removeEntry(file);
    if (!(await hasOthersReadme(await this.open("")))) await this.removeEntry(MODEL_CARD_FILE);
  }

  /** Adds a line to metrics.jsonl, after those that were added before: appends at once would come in any order. */
  log(entry: LogEntry): Promise<void> {
    const written = this.logging.then(() => appendFile(join(this.place, METRICS_FILE), lineOf(entry)));
    this.logging = written.catch(() => {}); // the caller is told; the next line is tried again
    return written;
  }

  /**
   * Makes metrics.jsonl and loss.svg those of this history: a resumed run's, with no step twice and none to come.
   * Returns the curve's path.
   */
  async writeLog(history: readonly LogEntry[]): Promise<string> {
    await this.logging;
    await this.put(METRICS_FILE, history.map(lineOf).join(""));
    return this.drawLoss(history);
  }

  /** Draws loss.svg from the log; returns its path. */
  async drawLoss(history: readonly LogEntry[]): Promise<string> {
    await this.logging;
    await this.put(CHART_FILE, lossChart(history));
    return join(this.path, CHART_FILE);
  }

  private async takeAgain(): Promise<void> {
    this.lock?.release();
    await mkdir(this.place, { recursive: true });
    this.lock = await FolderLock.take(this.place, this.path).catch((error: Error) => {
      throw new StoreLostError(error.message, { cause: error });
    });
  }

  private async writeAside(name: string, files: ReadonlyMap<string, FileData>): Promise<void> {
    const at = (prefix: string): string => join(this.place, prefix + name);
    try {
      await this.removeEntry(`tmp-${name}`);
      await this.settleReplaced(name);
      await writeWithManifest(at("tmp-"), files);
      await rename(at(""), at("old-")).catch(ignoreMissing);
      await rename(at("tmp-"), at(""));
      await flush(this.place);
      await this.removeEntry(`old-${name}`);
    } catch (error) {
      await this.removeEntry(`tmp-${name}`).catch(() => {});
      await this.settleReplaced(name).catch(() => {});
      throw error;
    }
  }

  /** The checkpoint that was to be replaced comes back where no other stands in its place, else it goes. */
  private async settleReplaced(name: string): Promise<void> {
    const names = await this.list();
    if (!names.includes(`old-${name}`)) return;
    if (names.includes(name)) await this.removeEntry(`old-${name}`);
    else await rename(join(this.place, `old-${name}`), join(this.place, name));
  }

  private async finishOverwriting(): Promise<string[]> {
    const listed = await readJson(await this.open(""), OVERWRITTEN_FILE).catch(() => []);
    const names = Array.isArray(listed) ? listed.filter((name) => stepOf(String(name)) !== undefined).map(String) : [];
    for (const name of names) await this.remove(name);
    await this.removeEntry(OVERWRITTEN_FILE);
    return names;
  }

  private async put(file: string, text: string): Promise<void> {
    await (await this.open("")).write(new Map([[file, text]]));
  }

  private removeEntry(name: string): Promise<void> {
    return rm(join(this.place, name), { recursive: true, force: true });
  }
}

const lineOf = (entry: LogEntry): string => `${JSON.stringify(entry)}\n`;

function workingFolder(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new UserError("The working folder was removed; change to one that exists (cd) and start again.", {
      cause: error,
    });
  }
}

async function usable<R>(path: string, act: () => Promise<R>): Promise<R> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof UserError ? error : cannotUse(path, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "a folder on the way to it does not exist",
  EACCES: "permission to write there is denied",
  EPERM: "permission to write there is denied",
  EROFS: "its disk is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "your disk quota is used up",
  ENOTDIR: "part of the path is a file, not a folder",
  EEXIST: "there is a file of that name",
  ENAMETOOLONG: "the path is too long",
};

function cannotUse(path: string, error: unknown): UserError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new UserError(
    `Cannot use ${path} as the output folder: ${REASONS[code ?? ""] ?? message}; choose another --output_dir.`,
    { cause: error },
  );
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

/** A rename is durable once its folder is flushed. Windows has no such call, and some network disks refuse it. */
async function flush(path: string): Promise<void> {
  const handle = await open(path, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
