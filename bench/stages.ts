// Long measurements in stages: each is one of the programs in src with its own flags, printed as it starts, and leaves
// a file behind; where that is there already, the stage is not run again, so a measurement that was stopped goes on.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { UserError } from "../src/errors.ts";

/** Flags and values, in groups as they are read best. */
export type Arguments = readonly (string | readonly string[])[];

/**
 * Runs src/<program>.ts where the file `result` is not there yet (without one: always); its output goes to stderr.
 * Throws UserError when it fails: it has said why.
 */
export function runStage(program: string, result: string | undefined, parts: Arguments): void {
  if (result !== undefined && existsSync(result)) return;
  const args = parts.flat();
  process.stderr.write(`\n> src/${program}.ts ${args.join(" ")}\n`);
  const file = fileURLToPath(new URL(`../src/${program}.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, ["--import", "tsx", file, ...args], {
    stdio: ["inherit", process.stderr.fd, "inherit"],
  });
  if (status !== 0)
    throw new UserError(`src/${program}.ts ended with ${status}; mend that and start again: it goes on.`);
}

/** What src/train.ts is told about its output folder: to go on from a checkpoint where there is one. */
export function goingOn(folder: string): string {
  const begun = existsSync(folder) && readdirSync(folder).some((name) => name.startsWith("checkpoint-"));
  return begun ? "--should_continue" : "--overwrite_output_dir";
}

/** As Markdown; the first row is the header. */
export function markdownRows(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => `| ${row.join(" | ")} |\n`);
  return [lines[0], `|${"---|".repeat(rows[0]!.length)}\n`, ...lines.slice(1)].join("");
}

/** A figure with its interval, as src/evaluate.ts writes it into evaluation.json. */
export type Interval = { readonly value: number; readonly low: number; readonly high: number } | null;

/** "0.021 (0.013 to 0.030)"; "" where there is none. */
export function shownInterval(figure: Interval | undefined, digits: number, scale = 1): string {
  if (!figure) return "";
  const [value, low, high] = [figure.value, figure.low, figure.high].map((each) => (scale * each).toFixed(digits));
  return `${value} (${low} to ${high})`;
}
