// A training run's folder on disk: checkpoints in sub-folders, the log, the loss curve.
import { appendFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import type { Folder } from "../../files/folder.ts";
import { openFolder } from "../../files/open.ts";
import type { CheckpointStore } from "../../training/checkpoint.ts";
import { lossChart } from "../../training/loss-chart.ts";
import type { LogEntry } from "../../training/trainer-state.ts";

export class RunFolder implements CheckpointStore {
  readonly path: string;
  private logging: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
  }

  /** `wanted`, refused when it holds something and `overwrite` is false; without it the next free output/run-<n>. */
  static async choose(wanted: string | undefined, overwrite: boolean): Promise<RunFolder> {
    if (wanted === undefined) {
      for (let n = 1; ; n++) {
        const run = new RunFolder(join("output", `run-${n}`));
        if ((await run.list()).length === 0) return run;
      }
    }
    const run = new RunFolder(wanted);
    const files = await run.list();
    if (files.length > 0 && !overwrite) {
      throw new UserError(
        `${wanted} is not empty (${files.slice(0, 3).join(", ")}${files.length > 3 ? ", ..." : ""}); ` +
          `choose another --output_dir, or pass --overwrite_output_dir, ` +
          `or --should_continue to go on from its newest checkpoint.`,
      );
    }
    return run;
  }

  open(name: string): Promise<Folder> {
    return openFolder(join(this.path, name));
  }

  async list(): Promise<string[]> {
    try {
      return await readdir(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw new UserError(
        `Cannot use ${this.path} as the output folder: ${(error as Error).message}; choose another --output_dir.`,
      );
    }
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.path, name), { recursive: true, force: true });
  }

  /** Adds a line to metrics.jsonl, after those that were added before: appends at once would come in any order. */
  log(entry: LogEntry): Promise<void> {
    const written = this.logging.then(async () => {
      await mkdir(this.path, { recursive: true });
      await appendFile(join(this.path, "metrics.jsonl"), `${JSON.stringify(entry)}\n`);
    });
    this.logging = written.catch(() => {}); // the caller is told; the next line is tried again
    return written;
  }

  /** Draws loss.svg from the log; returns its path. */
  async drawLoss(history: readonly LogEntry[]): Promise<string> {
    await this.logging;
    const path = join(this.path, "loss.svg");
    await mkdir(this.path, { recursive: true });
    await writeFile(path, lossChart(history));
    return path;
  }
}
