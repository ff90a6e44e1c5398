// What was measured, for people and for programs.
import { printable } from "../../src/files/quote.ts";
import { formatBytes } from "../../src/cli/shared/format.ts";
import type { Result } from "../result.ts";
import { markdownRows } from "../stages.ts";
import type { Outcome } from "./turns.ts";

/** All systems at one work. */
export interface Measured {
  /** "forward 1 x 128 (4x256)" */
  readonly title: string;
  readonly outcomes: readonly Outcome[];
}

const HEAD = ["work", "system", "median", "quartiles", "ours / theirs", "quartiles", "peak memory"];

/** Markdown; then, by name, what was not measured and why. */
export function table(measured: readonly Measured[]): string {
  const rows = measured.flatMap(({ title, outcomes }) =>
    outcomes.flatMap(({ system, version, timing, ratio, peakBytes }) =>
      timing && ratio
        ? [
            [
              title,
              `${system.title} ${version}`,
              time(timing.median_ms),
              `${time(timing.spread.q1)} to ${time(timing.spread.q3)}`,
              outcomes[0].system === system ? "" : ratio.median_ms.toFixed(2),
              outcomes[0].system === system ? "" : `${ratio.spread.q1.toFixed(2)} to ${ratio.spread.q3.toFixed(2)}`,
              peakBytes === undefined ? "" : formatBytes(peakBytes),
            ],
          ]
        : [],
    ),
  );
  return (rows.length > 0 ? markdownRows([HEAD, ...rows]) : "") + leftOut(measured);
}

/** One line a reason: a system with the works that it holds for. */
function leftOut(measured: readonly Measured[]): string {
  const works = new Map<string, string[]>();
  for (const { title, outcomes } of measured)
    for (const { system, why } of outcomes) {
      if (why === undefined) continue;
      const key = `${system.title}: ${printable(why, 400)}`;
      works.set(key, [...(works.get(key) ?? []), title]);
    }
  const lines = [...works].map(([key, titles]) => {
    const everywhere = measured.length > 1 && titles.length === measured.length;
    return `Not measured: ${key} (${everywhere ? "all works" : titles.join(", ")})\n`;
  });
  return lines.length > 0 ? `\n${lines.join("")}` : "";
}

/** Milliseconds, or seconds from ten on. */
function time(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1000).toPrecision(3)} s` : `${Number(ms.toPrecision(3))} ms`;
}

/** A line for each figure, as the other benchmarks print them. */
export function resultsOf(measured: readonly Measured[], adapter: string): Result[] {
  return measured.flatMap(({ title, outcomes }) =>
    outcomes.flatMap(({ system, version, timing, ratio, peakBytes }) =>
      timing && ratio
        ? [
            {
              name: title,
              variant: system.title,
              sizes: {},
              adapter,
              ...timing,
              details: {
                version: version!,
                ours_over_theirs: ratio.median_ms,
                ratio_q1: ratio.spread.q1,
                ratio_q3: ratio.spread.q3,
                ...(peakBytes !== undefined && { peak_mb: peakBytes / 1e6 }),
              },
            },
          ]
        : [],
    ),
  );
}
