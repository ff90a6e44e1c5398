// One trial of kill-resume.ts: a small training run, killed somewhere and gone on with, must leave the same files, bit
// for bit, as one that was not.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isLockFile } from "../src/cli/train/folder-lock.ts";
import { differences, filesOf, ROOT, smallRun, writeText } from "./small-run.ts";

const STEPS = 10;
const TRIAL = "trial";

/** How a run is ended. */
export interface Death {
  /** At this call that changes something in its folder. */
  readonly atCall?: number;
  /** After so much of the time that a whole run takes. */
  readonly atShare?: number;
  /** Devices lost, each after so many submits. */
  readonly loseAt?: readonly number[];
  /** No room on the disk from this call on, for so many calls that need some. */
  readonly fullAt?: readonly [call: number, calls: number];
}

export interface Trial {
  /** Over the folder of an earlier run of more steps, with --overwrite_output_dir. */
  readonly over: boolean;
  readonly deaths: readonly Death[];
}

interface Ended {
  readonly code: number | null;
  readonly said: string;
  readonly milliseconds: number;
}

export class KillTrials {
  private readonly folder: string;
  private whole = new Map<string, Buffer>();
  private milliseconds = 0;
  /** What an uninterrupted run changes in its folder, call by call: "rename /.../tmp-checkpoint-4". */
  calls: readonly string[] = [];

  /** `folder` is there and empty. */
  constructor(folder: string) {
    this.folder = folder;
    writeText(folder);
  }

  /** The runs that all others are compared with: an uninterrupted one, and an earlier one of more steps. */
  async prepare(): Promise<void> {
    const log = join(this.folder, "calls.txt");
    const { milliseconds } = await this.complete("whole", STEPS, { KILL_LOG: log });
    this.milliseconds = milliseconds;
    this.calls = readFileSync(log, "utf8").trimEnd().split("\n");
    this.whole = filesOf(join(this.folder, "whole"));
    await this.complete("earlier", 2 * STEPS);
  }

  /** The first and the last call, from 1, whose line in the log this is said of. */
  callsOf(said: RegExp): { readonly first: number; readonly last: number } {
    const at = this.calls.flatMap((line, i) => (said.test(line) ? [i + 1] : []));
    if (at.length === 0) throw new Error(`A run makes no call like ${said}.`);
    return { first: at[0], last: at[at.length - 1] };
  }

  /**
   * The folders that a run leaves where it is killed, one of those that are alike, by the first call that leaves it so:
   * taken from a single run, as it makes these calls.
   */
  async remains(over: boolean): Promise<ReadonlyMap<number, string>> {
    const copies = join(this.folder, over ? "remains-over" : "remains");
    mkdirSync(copies);
    const name = "whole-again";
    this.place(name, over);
    const env = { KILL_COPIES: copies };
    const { code, said } = await this.train(name, over ? ["--overwrite_output_dir"] : [], { env });
    if (code !== 0) throw new Error(said);
    const kinds = new Map<string, number>();
    const calls = readdirSync(copies).map(Number);
    for (const call of calls.sort((a, b) => a - b)) {
      const copy = join(copies, String(call));
      const kind = contentOf(copy);
      if (kinds.has(kind)) rmSync(copy, { recursive: true });
      else kinds.set(kind, call);
    }
    return new Map([...kinds.values()].map((call) => [call, join(copies, String(call))]));
  }

  /** As run(), of a run whose remains these are. */
  goOn(remains: string): Promise<string[]> {
    const place = join(this.folder, TRIAL);
    rmSync(place, { recursive: true, force: true });
    cpSync(remains, place, { recursive: true });
    return this.end(["--should_continue"], []);
  }

  /** What differs in the end from the uninterrupted run; empty: nothing. Throws Error where it could not be ended. */
  run({ over, deaths }: Trial): Promise<string[]> {
    this.place(TRIAL, over);
    return this.end(over ? ["--overwrite_output_dir"] : [], deaths);
  }

  private place(name: string, over: boolean): void {
    const place = join(this.folder, name);
    rmSync(place, { recursive: true, force: true });
    if (over) cpSync(join(this.folder, "earlier"), place, { recursive: true });
    else mkdirSync(place);
  }

  private async end(first: readonly string[], deaths: readonly Death[]): Promise<string[]> {
    let flags = first;
    for (const death of [...deaths, {}] as readonly Death[]) {
      const { code, said } = await this.train(TRIAL, flags, deadline(death, this.milliseconds));
      if (code === 0) break;
      if (code !== null && ALL_DONE.test(said)) break; // killed behind its last write
      if (code !== null && !(death.fullAt && NOT_SAVED.test(said))) {
        if (!flags.includes("--should_continue") || !NOTHING_THERE.test(said)) throw new Error(said);
        // It was killed before the run left anything: then it is started anew.
        const again = await this.train(TRIAL, ["--overwrite_output_dir"], {});
        if (again.code !== 0) throw new Error(again.said);
        break;
      }
      flags = ["--should_continue"];
    }
    return differences(this.whole, filesOf(join(this.folder, TRIAL)));
  }

  private async complete(name: string, steps: number, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const ended = await this.train(name, [], { env, steps });
    if (ended.code !== 0) throw new Error(ended.said);
    return ended;
  }

  private train(
    name: string,
    flags: readonly string[],
    {
      env = {},
      killAfter,
      steps = STEPS,
    }: { readonly env?: NodeJS.ProcessEnv; readonly killAfter?: number; readonly steps?: number },
  ): Promise<Ended> {
    const out = join(this.folder, name);
    const args = ["--import", "tsx", "--import", "./bench/kill-at-call.mjs"];
    if (env.LOSE_AT) args.push("--import", "./bench/lose-device.mjs");
    args.push("src/train.ts", ...smallRun(this.folder, steps, 4));
    const started = performance.now();
    const child = spawn(process.execPath, [...args, "--output_dir", out, ...flags], {
      cwd: ROOT,
      env: { ...process.env, KILL_ROOT: out, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += String(data)));
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
    return new Promise((done) => {
      child.on("close", (code) => {
        clearTimeout(timer);
        done({ code, said, milliseconds: performance.now() - started });
      });
    });
  }
}

/** A digest of all that a folder holds but locks, which name a process that is no more. */
function contentOf(folder: string): string {
  const hash = createHash("sha256");
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    hash.update(`${path.slice(folder.length)}\0`);
    if (entry.isFile() && !isLockFile(entry.name)) hash.update(readFileSync(path));
  }
  return hash.digest("hex");
}

const ALL_DONE = new RegExp(`is at step ${STEPS} and the run has ${STEPS}: nothing is left to do`);

/** A killed run left nothing of its own: no checkpoint, or those of an earlier run that it had not yet touched. */
const NOTHING_THERE = new RegExp(
  `no (whole )?checkpoint to go on from|is at step ${2 * STEPS} and the run has ${STEPS}`,
);

/** A run that found no room for its last save. */
const NOT_SAVED = /The trained model could not be saved: .* go on from it/;

function deadline({ atCall, atShare, loseAt, fullAt }: Death, milliseconds: number) {
  return {
    env: {
      ...(atCall !== undefined && { KILL_AT: String(atCall) }),
      ...(loseAt && { LOSE_AT: loseAt.join() }),
      ...(fullAt && { FULL_AT: fullAt.join() }),
    },
    killAfter: atShare === undefined ? undefined : atShare * milliseconds,
  };
}
