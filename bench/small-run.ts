// A training run of a few seconds, and whether two of its folders are the same: for trials that stop or kill one, and
// go on with it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "../src/random.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WORDS = "the miller went down to a river and saw his boat with an old man who sang of stars".split(" ");

/** Writes the text that is learned into `folder`. */
export function writeText(folder: string): void {
  const random = new Random(1, 0);
  const line = (): string => Array.from({ length: 12 }, () => random.pick(WORDS)).join(" ");
  writeFileSync(textOf(folder), Array.from({ length: 60 }, line).join("\n"));
}

const textOf = (folder: string): string => join(folder, "text.txt");

/** Arguments of src/train.ts but for --output_dir, after writeText(). */
export function smallRun(folder: string, steps: number, saveSteps: number): string[] {
  const arrange =
    `--config_overrides n_layer=2,n_embd=16,n_head=2,n_positions=16 --vocab_from_data --max_steps ${steps} ` +
    `--per_device_train_batch_size 2 --logging_steps 1 --save_steps ${saveSteps} --save_total_limit 2 --dropout 0.1`;
  return [...arrange.split(" "), "--train_data_file", textOf(folder)];
}

/** Figures of how long a run took: those of one that was gone on with are of its last part. */
const OF_TIME = /^ *"\w+_(runtime|per_second|data_wait)": .*\n/gm;
const RESULTS = /_results\.json$/;
const CARD = /\bREADME\.md$/;
/** Shows how fast the run was. */
const REPORT = /\breport\.(html|jsonl)$/;

/**
 * Every file below a folder but the report, by its path there; results without what depends on the clock, the card
 * without the folder's name.
 */
export function filesOf(folder: string): Map<string, Buffer> {
  if (!existsSync(folder)) return new Map();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !REPORT.test(path))
      .map((path) => [path.slice(folder.length + 1), comparable(path, basename(folder))]),
  );
}

function comparable(path: string, name: string): Buffer {
  if (RESULTS.test(path)) return Buffer.from(readFileSync(path, "utf8").replace(OF_TIME, ""));
  if (CARD.test(path)) return Buffer.from(readFileSync(path, "utf8").replaceAll(name, "run"));
  return readFileSync(path);
}

/** What is wrong with `got`, a line a file; empty: nothing. */
export function differences(want: ReadonlyMap<string, Buffer>, got: ReadonlyMap<string, Buffer>): string[] {
  return [...new Set([...want.keys(), ...got.keys()])].flatMap((name) => {
    const [wanted, found] = [want.get(name), got.get(name)];
    if (!found) return [`${name} is missing`];
    if (!wanted) return [`${name} should not be there`];
    return wanted.equals(found) ? [] : [`${name} differs`];
  });
}
