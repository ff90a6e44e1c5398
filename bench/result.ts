// What a benchmark hands out: a JSON line on stdout for programs, an aligned row on stderr for people.
import type { Ceiling } from "../src/profile/ceiling.ts";
import type { Timing } from "../src/profile/measure.ts";

export type Sizes = Readonly<Record<string, number | string>>;

/** One JSON line. Times are milliseconds; rates are 10^9 a second. */
export interface Result extends Timing {
  readonly name: string;
  readonly sizes: Sizes;
  /** Key of the adapter, and the kernel variant where there are several. */
  readonly adapter: string;
  readonly variant?: string;
  readonly gflops?: number;
  readonly gbs?: number;
  /** Of the multiply-add rate where gflops is given, else of the copy rate, both measured in the same run. */
  readonly share_of_ceiling?: number;
  /** What one kind of benchmark reports besides. */
  readonly details?: Readonly<Record<string, number | string>>;
}

/** Operations or bytes that one launch needs at least. */
export interface Work {
  readonly flops?: number;
  readonly bytes?: number;
}

/** Rates of `work` done in `timing`, and their share of what the adapter can do. */
export function rates(
  { flops, bytes }: Work,
  { median_ms }: Timing,
  ceiling: Ceiling,
): Pick<Result, "gflops" | "gbs" | "share_of_ceiling"> {
  if (flops !== undefined) {
    const gflops = flops / median_ms / 1e6;
    return { gflops, share_of_ceiling: gflops / ceiling.gflops };
  }
  if (bytes === undefined) return {};
  const gbs = bytes / median_ms / 1e6;
  return { gbs, share_of_ceiling: gbs / ceiling.gbs };
}

const significant = (value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;

/** The line for programs: four significant digits. */
export function jsonLine(result: Result): string {
  return JSON.stringify(result, (_key, value) => significant(value));
}

const COLUMNS = [38, 36, 10, 17, 13, 8] as const;

/** A row of the table for people; the first cell may be a heading. */
function tableRow(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i < 2 ? cell.padEnd(COLUMNS[i]) : cell.padStart(COLUMNS[i])))
    .join(" ")
    .trimEnd();
}

export const tableHead = tableRow(["name", "sizes", "median ms", "quartiles", "rate", "ceiling"]);

export function tableLines(result: Result): string {
  const { name, variant, sizes, median_ms, spread, gflops, gbs, share_of_ceiling, details } = result;
  const rate = gflops !== undefined ? `${digits(gflops)} GFLOP/s` : gbs !== undefined ? `${digits(gbs)} GB/s` : "";
  const row = tableRow([
    variant ? `${name} (${variant})` : name,
    sizesText(sizes),
    digits(median_ms),
    `${digits(spread.q1)} - ${digits(spread.q3)}`,
    rate,
    share_of_ceiling === undefined ? "" : `${Math.round(100 * share_of_ceiling)}%`,
  ]);
  return details ? `${row}\n    ${sizesText(details)}` : row;
}

export function sizesText(sizes: Sizes): string {
  return Object.entries(sizes)
    .map(([key, value]) => `${key}=${typeof value === "number" ? digits(value) : value}`)
    .join(" ");
}

/** Three digits that matter, without an exponent. */
function digits(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
