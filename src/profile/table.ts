// A profile as a text: how the run's time divides between GPU and host, then a line for each kernel with its rates and
// how far they are from what the adapter can do at most.
import type { KernelTime, ProfileReport } from "../gpu/profiler.ts";
import type { Ceiling } from "./ceiling.ts";

export interface ProfileOptions {
  /** Milliseconds by the clock, from the first thing profiled to the last. */
  readonly wall: number;
  /** One line: what computes. */
  readonly adapter: string;
  readonly ceiling: Ceiling;
}

/** Lines of text. Of rates "GFLOP/s" counts a multiply-add as two, "GB/s" what a launch cannot avoid moving. */
export function profileLines(report: ProfileReport, { wall, adapter, ceiling }: ProfileOptions): string[] {
  const { timed, kernels, busy, host } = report;
  const part = (ms: number): string => `${seconds(ms)} (${percent(ms / wall)})`;
  const kinds = [
    ["compile", "compiling"],
    ["record", "recording"],
    ["submit", "sending"],
    ["read", "waiting for results"],
  ] as const;
  const spent = kinds.filter(([kind]) => host.has(kind)).map(([kind, word]) => `${word} ${part(host.get(kind)!)}`);
  const clock = `${seconds(wall)} by the clock: the GPU was ${timed ? "at work" : "given work"} for ${part(busy)}`;
  return [
    `${clock}, without for ${part(Math.max(0, wall - busy))}.`,
    `Host: ${spent.join(", ") || "nothing"}.`,
    `At most, measured here: ${rate(ceiling.gflops)} GFLOP/s, ${rate(ceiling.gbs)} GB/s.`,
    timed
      ? "Each launch was timed in a pass of its own; without --profile launches follow each other sooner."
      : `${adapter} has no timestamp queries: launches and their work are counted, their times are not known.`,
    "",
    ...table(timed ? timedRows(kernels, ceiling) : countedRows(kernels)),
  ];
}

function timedRows(kernels: readonly KernelTime[], { gflops, gbs }: Ceiling): string[][] {
  const all = kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const line = (name: string, { count, milliseconds, longest, flops, bytes }: Omit<KernelTime, "name">): string[] => {
    const operations = flops / milliseconds / 1e6,
      moved = bytes / milliseconds / 1e6;
    return [
      name,
      String(count),
      milliseconds.toFixed(1),
      percent(milliseconds / all),
      longest.toFixed(2),
      ...(flops > 0 ? [rate(operations), percent(operations / gflops)] : ["", ""]),
      rate(moved),
      percent(moved / gbs),
    ];
  };
  return [
    ["kernel", "launches", "ms", "share", "longest", "GFLOP/s", "of most", "GB/s", "of most"],
    ...kernels.map((kernel) => line(kernel.name, kernel)),
    line("all", { ...summed(kernels), milliseconds: all }),
  ];
}

function countedRows(kernels: readonly KernelTime[]): string[][] {
  const line = (name: string, { count, flops, bytes }: Omit<KernelTime, "name">): string[] => [
    name,
    String(count),
    flops > 0 ? (flops / 1e9).toFixed(2) : "",
    (bytes / 1e9).toFixed(2),
  ];
  return [
    ["kernel", "launches", "GFLOP", "GB"],
    ...kernels.map((kernel) => line(kernel.name, kernel)),
    line("all", summed(kernels)),
  ];
}

function summed(kernels: readonly KernelTime[]): Omit<KernelTime, "name"> {
  const sum = (field: "count" | "milliseconds" | "flops" | "bytes"): number =>
    kernels.reduce((total, kernel) => total + kernel[field], 0);
  const longest = kernels.reduce((most, kernel) => Math.max(most, kernel.longest), 0);
  return { count: sum("count"), milliseconds: sum("milliseconds"), longest, flops: sum("flops"), bytes: sum("bytes") };
}

/** The first column flush left, the others right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "),
  );
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const percent = (share: number): string => (Number.isFinite(share) ? `${(100 * share).toFixed(1)}%` : "-");
const rate = (value: number): string =>
  Number.isFinite(value) ? (value >= 100 ? value.toFixed(0) : value.toPrecision(2)) : "-";
