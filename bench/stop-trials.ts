// Stops small training runs as people do: Ctrl-C on a terminal, the terminal closed, SIGTERM or SIGINT to the command
// in front; through `npx tsx src/train.ts`, `npm run train` and node itself; before the first update and at any moment
// after. The run must end by itself with what it has saved, leave no process, and, gone on with, come to the same files
// as an uninterrupted one. `npx tsx bench/stop-trials.ts --trials 24`; needs util-linux's `script` for terminals.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { Random } from "../src/random.ts";
import { differences, filesOf, ROOT, smallRun, writeText } from "./small-run.ts";

const flags = defineFlags({
  trials: { type: "int", min: 1, default: 24, group: "What", help: "How many runs." },
  seed: { type: "int", min: 0, default: 1, group: "What", help: "Of when they are stopped." },
});

const STEPS = 60;
const COMMANDS = { npx: "npx tsx src/train.ts", npm: "npm run train --", node: "node --import tsx src/train.ts" };
/** How a run is stopped, and what its exit code says then. */
const WAYS = ["Ctrl-C", "terminal closed", "SIGTERM in front", "SIGINT in front"] as const;
type Way = (typeof WAYS)[number];

interface Trial {
  readonly command: keyof typeof COMMANDS;
  readonly way: Way;
  /** Milliseconds after the first update was shown; undefined: as soon as the adapter is. */
  readonly after: number | undefined;
}

interface Ended {
  readonly said: string;
  readonly code: number | null;
}

class StopTrials {
  private readonly folder: string;
  private whole = new Map<string, Buffer>();

  constructor(folder: string) {
    this.folder = folder;
    writeText(folder);
  }

  async prepare(): Promise<void> {
    const out = join(this.folder, "whole");
    await this.complete(out, []);
    this.whole = filesOf(out);
  }

  /** What went wrong; empty: nothing. Throws Error where the run could not be ended. */
  async run(trial: Trial): Promise<string[]> {
    const out = join(this.folder, "trial");
    rmSync(out, { recursive: true, force: true });
    const { said, code } = await this.stopped(trial, out);
    const left = processesWith(out);
    if (left.length > 0) return [`processes ${left.join(", ")} are left`];
    const names = [...filesOf(out).keys()];
    const checkpoints = new Set(names.map((name) => name.split("/")[0]).filter((name) => /^checkpoint-/.test(name)));
    if (trial.after === undefined && checkpoints.size === 0) {
      // It was stopped before the first update: it must leave nothing that stands in the way of the same command.
      if (names.length > 0) return [`nothing was to be saved and there is ${names.join(", ")}`];
      if (trial.way !== "terminal closed" && !/nothing to save/.test(said)) return [`no word of it: ${said}`];
      await this.complete(out, []);
    } else {
      const finished = names.includes("all_results.json");
      if (checkpoints.size === 0) return [`no checkpoint; exit code ${code}: ${said.slice(-2000)}`];
      if (trial.way === "Ctrl-C" && !finished && !/Stopped; go on with/.test(said)) return [`no word of it: ${said}`];
      if (!finished) await this.complete(out, ["--should_continue"]);
    }
    return differences(this.whole, withoutStop(filesOf(out), this.whole));
  }

  private async complete(out: string, more: readonly string[]): Promise<void> {
    const args = ["--import", "tsx", "src/train.ts", ...this.arguments(out), ...more];
    const { said, code } = await ended(spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] }));
    if (code !== 0) throw new Error(said);
  }

  private arguments(out: string): string[] {
    return [...smallRun(this.folder, STEPS, 1000), "--output_dir", out];
  }

  /** Starts the command, stops it, and waits until all that it started has ended. */
  private async stopped({ command, way, after }: Trial, out: string): Promise<Ended> {
    const line = `${COMMANDS[command]} ${this.arguments(out).join(" ")}`;
    const onTerminal = way === "Ctrl-C" || way === "terminal closed";
    const child = onTerminal
      ? spawn("script", ["-qefc", line, "/dev/null"], { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] })
      : spawn("sh", ["-c", `exec ${line}`], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const end = ended(child);
    await spoken(child, after === undefined ? /Adapter/ : /train .*\b[1-9]\d*\/\d+ steps|step \d+: /);
    if (after !== undefined) await wait(after);
    if (way === "Ctrl-C") child.stdin!.write("\x03");
    else if (way === "terminal closed") child.kill("SIGKILL");
    else child.kill(way === "SIGTERM in front" ? "SIGTERM" : "SIGINT");
    const result = await end;
    for (let waited = 0; waited < 60 && processesWith(out).length > 0; waited++) await wait(500);
    return result;
  }
}

/** Of a stopped run: it has a checkpoint more, where it stood. */
function withoutStop(files: Map<string, Buffer>, whole: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  return new Map([...files].filter(([name]) => whole.has(name) || !/^checkpoint-\d+\//.test(name)));
}

function spoken({ stdout, stderr }: ChildProcess, wanted: RegExp): Promise<void> {
  let said = "";
  return new Promise((done) => {
    for (const stream of [stdout!, stderr!]) {
      stream.on("data", (data) => wanted.test((said += String(data))) && done());
      stream.on("close", done); // it ended before
    }
  });
}

function ended(child: ChildProcess): Promise<Ended> {
  let said = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (data) => (said += String(data)));
  return new Promise((done) => {
    child.on("close", (code) => done({ said, code }));
  });
}

/** Ids of the processes that have this path among their arguments (Linux). */
function processesWith(path: string): string[] {
  const own = String(process.pid);
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === own) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(path);
    } catch {
      return false; // it has just ended
    }
  });
}

await runCli(async ({ argv, signal }) => {
  const { values } = parseFlags(
    { command: "npx tsx bench/stop-trials.ts", summary: "Stops training runs as people do.", flags },
    argv,
  );
  const folder = mkdtempSync(join(tmpdir(), "stop-trials-"));
  try {
    const trials = new StopTrials(folder);
    await trials.prepare();
    const random = new Random(values.seed, 0);
    const commands = Object.keys(COMMANDS) as (keyof typeof COMMANDS)[];
    let identical = 0;
    for (let i = 0; i < values.trials && !signal.aborted; i++) {
      const after = i % 6 === 5 ? undefined : Math.round(1500 * random.float());
      const trial = { command: commands[i % 3], way: WAYS[Math.floor(i / 3) % WAYS.length], after };
      const found = await trials.run(trial).catch((error: Error) => [error.message]);
      if (found.length === 0) identical++;
      process.stdout.write(`${i + 1} ${JSON.stringify(trial)}: ${found.join("; ") || "identical"}\n`);
    }
    process.stdout.write(`${values.trials} trials, ${identical} identical\n`);
    return identical === values.trials ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
