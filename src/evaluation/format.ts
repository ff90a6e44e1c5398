// Figures as people read them.
import type { Retrieval } from "./context-use.ts";
import type { Estimate } from "./estimate.ts";

export type Figure = Pick<Estimate, "value"> & Partial<Estimate>;

export const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;
/** Of a difference of shares, which a chart from 0 to 1 cannot hold. */
export const signedShare = (value: number): string => `${value > 0 ? "+" : ""}${percent(value)}`;
export const nats = (value: number): string => value.toFixed(3).replace(/^-(0\.0*)$/, "$1");
/** As `format`, with the sign of a difference. */
export const signed =
  (format: (value: number) => string) =>
  (value: number): string =>
    `${value > 0 ? "+" : ""}${format(value)}`;
export const number = (value: number): string => (value >= 999.5 ? value.toFixed(0) : value.toPrecision(3));

/** "10", or "2 to 4" where a small file had not as many for each. */
export function among({ fewest, candidates }: Pick<Retrieval, "fewest" | "candidates">): string {
  return fewest === candidates ? String(candidates) : `${fewest} to ${candidates}`;
}

/** "6.21 (5.98 to 6.45)", "0" where there is no range, or a dash. */
export function cell(figure: Figure | undefined, format: (value: number) => string): string {
  if (!figure) return "–";
  const { value, low, high } = figure;
  return low === undefined || high === undefined || low === high
    ? format(value)
    : `${format(value)} (${format(low)} to ${format(high)})`;
}
