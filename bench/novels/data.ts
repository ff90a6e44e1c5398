// Books to examples: each part of the split through src/prepare.ts by itself, with the length bounds that the training
// books give; then the training examples in random order, and the gaps that are filled.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../src/random.ts";
import { TEMPLATE_FILE, parseTemplate } from "../../src/infill/template.ts";
import type { InfillTemplate } from "../../src/infill/template.ts";
import { runStage } from "../stages.ts";
import type { NovelsValues } from "./flags.ts";
import { PARTS } from "./split.ts";
import type { BookSplit, Part } from "./split.ts";

/** Seed words of what is drawn here. */
const ORDER = 1,
  GAPS = 2;

export interface Data {
  readonly files: Readonly<Record<Part, string>>;
  /** With length bounds. */
  readonly template: InfillTemplate;
  /** Training examples, JSON Lines, in random order. */
  readonly trainingExamples: number;
}

export function makeData(folder: string, split: BookSplit, tokenizerFolder: string, values: NovelsValues): Data {
  mkdirSync(folder, { recursive: true });
  const files = Object.fromEntries(PARTS.map((part) => [part, join(folder, `${part}.jsonl`)])) as Data["files"];
  let bounds: readonly string[] = [];
  for (const part of PARTS) {
    const made = join(folder, part);
    const manifest = join(folder, `${part}-books.json`);
    const listed = split[part].map((book) => ({ ...book, size: undefined }));
    writeFileSync(manifest, `${JSON.stringify(listed, null, 1)}\n`);
    if (existsSync(files[part])) {
      bounds = boundsOf(made);
      continue;
    }
    runStage("prepare", join(made, "train.jsonl"), [
      ["--manifest", manifest, "--output_dir", made, "--validation_share", "0", "--test_share", "0"],
      ["--template", join(tokenizerFolder, TEMPLATE_FILE), "--tokenizer_name", tokenizerFolder, ...bounds],
      ["--min_p2", String(values.minP2), "--max_p2", String(values.maxP2), "--seed", String(values.seed)],
    ]);
    bounds = boundsOf(made);
    const lines = linesOf(join(made, "train.jsonl"));
    if (part === "train") new Random(values.seed, ORDER).shuffle(lines);
    writeWhole(files[part], lines);
  }
  return { files, template: readTemplate(join(folder, "train")), trainingExamples: linesOf(files.train).length };
}

/**
 * `count` lines of the test in `file`, as many of each book as can be, drawn at random; by length class, so that gaps
 * in a row can be filled together.
 */
export function drawGaps(file: string, testFile: string, count: number, seed: number): void {
  if (existsSync(file)) return;
  const books = new Map<string, string[]>();
  for (const line of new Random(seed, GAPS).shuffle(linesOf(testFile))) {
    const { meta } = JSON.parse(line) as { meta: { title: string } };
    books.set(meta.title, [...(books.get(meta.title) ?? []), line]);
  }
  const rounds = Math.max(...[...books.values()].map(({ length }) => length));
  const inTurn = Array.from({ length: rounds }, (_, i) =>
    [...books.values()].flatMap((lines) => lines[i] ?? []),
  ).flat();
  const lengthOf = (line: string): string => (JSON.parse(line) as { meta: { length: string } }).meta.length;
  const chosen = inTurn.slice(0, count).sort((a, b) => lengthOf(a).localeCompare(lengthOf(b)));
  writeWhole(file, chosen);
}

export function linesOf(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").filter(Boolean);
}

function boundsOf(folder: string): string[] {
  return ["--length_bounds", readTemplate(folder).lengthBounds!.join(",")];
}

function readTemplate(folder: string): InfillTemplate {
  const file = join(folder, TEMPLATE_FILE);
  return parseTemplate(JSON.parse(readFileSync(file, "utf8")), file);
}

/** Never half a file under its name: what is there counts as done. */
function writeWhole(file: string, lines: readonly string[]): void {
  writeFileSync(`${file}.part`, lines.map((line) => `${line}\n`).join(""));
  renameSync(`${file}.part`, file);
}
