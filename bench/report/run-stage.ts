// Runs one stage and keeps what it printed.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { DAWN_FLAGS } from "../../src/gpu/node-gpu.ts";
import type { Result } from "../result.ts";
import type { Stage } from "./stages.ts";

export interface StageOutcome {
  readonly name: string;
  readonly seconds: number;
  /** "stopped": its time was over. */
  readonly ended: "whole" | "stopped" | "failed";
  readonly results: readonly Result[];
  /** What it printed that is no result, its last lines. */
  readonly text: readonly string[];
}

const BENCH = fileURLToPath(new URL("..", import.meta.url));
const LAST_LINES = 40;

export async function runStage(stage: Stage, signal: AbortSignal): Promise<StageOutcome> {
  const [file, ...flags] = stage.command;
  const before = process.env[DAWN_FLAGS];
  const started = performance.now();
  const child = spawn(process.execPath, [...process.execArgv, `${BENCH}${file}`, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // a group of its own
    env: { ...process.env, [DAWN_FLAGS]: [before, stage.toggles].filter(Boolean).join(" ") },
  });
  let ended: StageOutcome["ended"] = "whole";
  const stop = (): void => {
    ended = "stopped";
    process.kill(-child.pid!, "SIGKILL"); // and what it started
  };
  const timer = setTimeout(stop, stage.seconds * 1000);
  signal.addEventListener("abort", stop);
  const results: Result[] = [];
  const text: string[] = [];
  const keep = (line: string): void => {
    const result = resultOf(line);
    if (result) results.push(result);
    else text.push(line);
  };
  createInterface({ input: child.stdout }).on("line", keep);
  createInterface({ input: child.stderr }).on("line", keep);
  const code = await new Promise<number | null>((done) => child.on("close", done));
  clearTimeout(timer);
  signal.removeEventListener("abort", stop);
  if (ended === "whole" && code !== 0) ended = "failed";
  return {
    name: stage.name,
    seconds: (performance.now() - started) / 1000,
    ended,
    results,
    text: text.slice(-LAST_LINES),
  };
}

function resultOf(line: string): Result | undefined {
  if (!line.startsWith('{"name"')) return undefined;
  return JSON.parse(line) as Result;
}
