// A figure with the range in which it would lie on other books (or chapters) of the same kind: a cluster bootstrap.
// Examples of a chapter share passages, people and style, so what is drawn with replacement is whole books or, where
// there are few, whole chapters (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8:
// drawing only at the highest level comes nearest to the true variance). The interval is the expanded percentile
// interval of Hesterberg ("What Teachers Should Know About the Bootstrap", 2015): its share of the tails is that which
// makes it as wide as Student's t interval of a mean, where plain percentiles are too narrow for few clusters.
import { Random } from "../random.ts";
import type { Cluster } from "./places.ts";

/** `low` to `high`: the interval of LEVEL. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Books or chapters that were drawn from; with one, `low` and `high` are the value and say nothing. */
  readonly clusters: number;
}

/** What one example adds to the numerator and to the denominator. */
export interface Part {
  readonly amount: number;
  readonly weight: number;
  /** Absent: independent of all others. */
  readonly cluster?: Cluster;
}

/** What one example adds to each sum of a statistic. */
export interface Sums {
  readonly sums: readonly number[];
  readonly cluster?: Cluster;
}

/** What an estimate was made of, from which its difference from another can be drawn. */
interface Source {
  readonly parts: readonly Sums[];
  readonly statistic: (sums: readonly number[]) => number;
}
const SOURCES = new WeakMap<Estimate, Source>();

export const LEVEL = 0.95;
export const RESAMPLES = 2000;
/** Fewer say nothing of others like them: below it chapters are drawn instead of books, and no verdict is given. */
export const FEWEST_CLUSTERS = 5;

/** Sum of amounts over sum of weights; undefined where nothing weighs. */
export function ratio(parts: readonly Part[], seed: number): Estimate | undefined {
  const counted = parts.filter(({ weight }) => weight > 0);
  return estimate(
    counted.map(({ amount, weight, cluster }) => ({ sums: [amount, weight], cluster })),
    ([amount, weight]) => amount / weight,
    seed,
  );
}

/**
 * A statistic of the examples' sums; undefined without examples. The same seed draws the same clusters for every
 * figure.
 */
export function estimate(
  parts: readonly Sums[],
  statistic: (sums: readonly number[]) => number,
  seed: number,
): Estimate | undefined {
  if (parts.length === 0) return undefined;
  return from({ parts, statistic }, seed);
}

function from(source: Source, seed: number): Estimate {
  const clusters = clusterSums(source.parts);
  const value = source.statistic(added(clusters));
  if (clusters.length === 1) return made({ value, low: value, high: value, clusters: 1 }, source);
  const resampled = resample(clusters, seed)
    .map(source.statistic)
    .sort((a, b) => a - b);
  const tail = expandedTail(clusters.length);
  const [low, high] = [quantile(resampled, tail), quantile(resampled, 1 - tail)];
  return made({ value, low, high, clusters: clusters.length }, source);
}

function made(figure: Estimate, source: Source): Estimate {
  SOURCES.set(figure, source);
  return figure;
}

/** The same estimate on another scale; `scale` must be increasing. */
export function rescale(figure: Estimate | undefined, scale: (value: number) => number): Estimate | undefined {
  if (!figure) return undefined;
  const scaled = { ...figure, value: scale(figure.value), low: scale(figure.low), high: scale(figure.high) };
  const source = SOURCES.get(figure);
  return source ? made(scaled, { ...source, statistic: (sums) => scale(source.statistic(sums)) }) : scaled;
}

/**
 * How far `second` lies from `first`, an estimate of the same examples, with its own interval: both are drawn from the
 * same books or chapters each time (a paired bootstrap), so what makes these hard for both cancels out. Undefined where
 * examples have no known place, or no chapter has both.
 */
export function difference(
  second: Estimate,
  first: Estimate,
  seed: number,
  between: (second: number, first: number) => number = (a, b) => a - b,
): Estimate | undefined {
  const [a, b] = [SOURCES.get(second), SOURCES.get(first)];
  if (!a || !b || [...a.parts, ...b.parts].some(({ cluster }) => cluster === undefined)) return undefined;
  const chaptersOf = ({ parts }: Source): Set<string> => new Set(parts.map(({ cluster }) => cluster!.chapter));
  const [inA, inB] = [chaptersOf(a), chaptersOf(b)];
  const both = ({ cluster }: Sums): boolean => inA.has(cluster!.chapter) && inB.has(cluster!.chapter);
  const width = a.parts[0].sums.length;
  const [zeros, zerosB] = [a.parts[0].sums.map(() => 0), b.parts[0].sums.map(() => 0)];
  const parts = [
    ...a.parts.filter(both).map(({ sums, cluster }) => ({ sums: [...sums, ...zerosB], cluster })),
    ...b.parts.filter(both).map(({ sums, cluster }) => ({ sums: [...zeros, ...sums], cluster })),
  ];
  const statistic = (sums: readonly number[]): number =>
    between(a.statistic(sums.slice(0, width)), b.statistic(sums.slice(width)));
  return estimate(parts, statistic, seed);
}

/** Of sorted values, linear between neighbors. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at),
    above = Math.ceil(at);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

/** How many books and chapters parts come from, and which of them a bootstrap draws. */
export function levels(clusters: readonly (Cluster | undefined)[]): {
  readonly books: number;
  readonly chapters: number;
  readonly drawn: "books" | "chapters";
} {
  const count = (level: keyof Cluster): number => new Set(clusters.map((each, i) => each?.[level] ?? i)).size;
  const [books, chapters] = [count("book"), count("chapter")];
  return { books, chapters, drawn: books >= FEWEST_CLUSTERS ? "books" : "chapters" };
}

/** The sums of each book, or of each chapter. */
function clusterSums(parts: readonly Sums[]): number[][] {
  const level = levels(parts.map(({ cluster }) => cluster)).drawn === "books" ? "book" : "chapter";
  const found = new Map<string | number, number[]>();
  parts.forEach(({ sums, cluster }, i) => {
    const key = cluster?.[level] ?? i;
    const before = found.get(key);
    if (before) sums.forEach((value, s) => (before[s] += value));
    else found.set(key, [...sums]);
  });
  return [...found.values()];
}

/** RESAMPLES times the sums of as many clusters as there are, drawn with replacement. */
function resample(clusters: readonly (readonly number[])[], seed: number): number[][] {
  const random = new Random(seed);
  const [count, width] = [clusters.length, clusters[0].length];
  const flat = Float64Array.from(clusters.flat());
  return Array.from({ length: RESAMPLES }, () => {
    const sums = Array<number>(width).fill(0);
    for (let i = 0; i < count; i++) {
      const at = width * Math.floor(count * random.float());
      for (let s = 0; s < width; s++) sums[s] += flat[at + s];
    }
    return sums;
  });
}

function added(rows: readonly (readonly number[])[]): number[] {
  const sums = rows[0].map(() => 0);
  for (const row of rows) for (let s = 0; s < sums.length; s++) sums[s] += row[s];
  return sums;
}

/** Of each tail that is left out, for a mean of n: Phi(-sqrt(n / (n - 1)) t), t of n - 1 degrees of freedom. */
export function expandedTail(n: number): number {
  return normalTail(Math.sqrt(n / (n - 1)) * studentQuantile(n - 1));
}

/** 97.5% quantiles of Student's t: the first ones, then the expansion 26.7.5 of Abramowitz and Stegun (1964). */
export function studentQuantile(freedom: number): number {
  const few = [12.7062, 4.3027, 3.1824, 2.7764][freedom - 1];
  if (few !== undefined) return few;
  const z = 1.959964;
  return (
    z +
    (z ** 3 + z) / (4 * freedom) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * freedom ** 3)
  );
}

/** P(Z > z) for z >= 0: 26.2.17 of Abramowitz and Stegun, to 7.5e-8. */
function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const coefficients = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const polynomial = coefficients.reduceRight((sum, coefficient) => (sum + coefficient) * t, 0);
  return Math.max(0, (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial);
}
