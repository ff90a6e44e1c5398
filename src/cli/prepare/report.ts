// What src/prepare.ts tells about the examples it made.
import { SPECIAL_TOKENS } from "../../infill/books/measure.ts";
import type { PlacedExample, SplitExamples } from "../../infill/split.ts";
import { SPLITS } from "../../infill/split.ts";
import type { LengthBounds } from "../../infill/length-class.ts";
import { lengthClass } from "../../infill/length-class.ts";

const BAR = 40;
const BUCKETS = 12;

/** Counts of each part and what was left out between them. */
export function splitReport({ parts, across, repeated }: SplitExamples): string {
  const total = SPLITS.reduce((sum, split) => sum + parts[split].length, 0);
  return (
    `Examples ${total}: ${SPLITS.map((split) => `${parts[split].length} ${split}`).join(", ")}; ` +
    `left out ${across} across the borders between them, ${repeated} that repeat held-out text`
  );
}

/** How many of `tokens` (of p2) are in each length class. */
export function classReport(tokens: readonly number[], bounds: LengthBounds): string {
  const share = (name: string): string => {
    const count = tokens.filter((each) => lengthClass(each, bounds) === name).length;
    return `${count} (${percent(count, tokens.length)})`;
  };
  return (
    `Length   S up to ${bounds[0]} tokens: ${share("S")}, M up to ${bounds[1]}: ${share("M")}, L beyond: ` +
    `${share("L")}`
  );
}

/** A histogram of `lengths`, one bar a line, the last bucket open where a few are far longer than the rest. */
export function histogram(lengths: readonly number[], unit: string): string[] {
  const sorted = [...lengths].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const width = Math.max(8, Math.ceil((at(0.99) + 1) / BUCKETS / 8) * 8);
  const counts = new Array<number>(BUCKETS).fill(0);
  for (const length of sorted) counts[Math.min(BUCKETS - 1, Math.floor(length / width))]!++;
  const last = counts.findLastIndex((count) => count > 0);
  const most = Math.max(...counts);
  const digits = String(BUCKETS * width).length;
  return [
    `Tokens   ${unit}: ${sorted[0]} to ${sorted.at(-1)}, median ${at(0.5)}`,
    ...counts.slice(0, last + 1).map((count, i) => {
      const open = i === BUCKETS - 1 && sorted.at(-1)! >= BUCKETS * width;
      const end = open ? "+".padEnd(digits + 1) : `-${String((i + 1) * width - 1).padEnd(digits)}`;
      const range = `${String(i * width).padStart(digits)}${end}`;
      return `         ${range} ${"█".repeat(Math.ceil((count / most) * BAR))}${count > 0 ? " " : ""}${count}`;
    }),
  ];
}

/** How many examples --block_size would cut, and how many leave out. */
export function blockReport(examples: readonly PlacedExample[], blockSize: number): string {
  const dropped = examples.filter(({ tokens }) => tokens + SPECIAL_TOKENS > blockSize).length;
  const trimmed = examples.filter(({ total }) => total > blockSize).length - dropped;
  return (
    `Block    of ${blockSize} tokens (--block_size): ${trimmed} (${percent(trimmed, examples.length)}) would ` +
    `have their context trimmed, ${dropped} be left out because p2 does not fit`
  );
}

function percent(part: number, whole: number): string {
  const share = (100 * part) / whole;
  return `${share > 0 && share < 9.95 ? share.toFixed(1) : Math.round(share)}%`;
}
