// The statistics of an evaluation: intervals over books and chapters, checked against what theory gives, and verdicts
// on made-up losses whose truth is known.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contextUse } from "../src/evaluation/context-use.ts";
import type { Control } from "../src/evaluation/controls.ts";
import {
  difference,
  estimate,
  expandedTail,
  levels,
  quantile,
  ratio,
  rescale,
  RESAMPLES,
  studentQuantile,
} from "../src/evaluation/estimate.ts";
import type { Part } from "../src/evaluation/estimate.ts";
import type { ScoredExample } from "../src/evaluation/score-examples.ts";
import { SMALL_CHANGE, verdicts } from "../src/evaluation/verdicts.ts";
import type { Finding } from "../src/evaluation/verdicts.ts";
import { Random } from "../src/random.ts";

describe("estimates", () => {
  it("are ratios of sums, not means of ratios", () => {
    const parts = [
      { amount: 1, weight: 1 },
      { amount: 0, weight: 9 },
      { amount: 7, weight: 0 },
    ];
    expect(ratio(parts, 1)!.value).toBeCloseTo(0.1, 12);
    expect(ratio([], 1)).toBeUndefined();
    expect(ratio([{ amount: 1, weight: 0 }], 1)).toBeUndefined();
    expect(ratio([{ amount: 3, weight: 2 }], 1)).toEqual({ value: 1.5, low: 1.5, high: 1.5, clusters: 1 });
  });

  it("of a difference are those of each example's difference, whatever both find hard", () => {
    const random = new Random(4);
    const places = Array.from({ length: 60 }, (_, i) => ({ book: `b${i}`, chapter: `b${i}` }));
    const hard = places.map(() => 20 * random.normal());
    const gains = places.map(() => 1 + 0.5 * random.normal());
    const first = places.map((cluster, i) => ({ amount: hard[i]!, weight: 1, cluster }));
    const second = places.map((cluster, i) => ({ amount: hard[i]! + gains[i]!, weight: 1, cluster }));
    const [a, b] = [ratio(first, 7)!, ratio(second, 7)!];
    const own = ratio(
      places.map((cluster, i) => ({ amount: gains[i]!, weight: 1, cluster })),
      7,
    )!;
    const found = difference(b, a, 7)!;
    expect(found.clusters).toBe(60);
    for (const key of ["value", "low", "high"] as const) expect(found[key]).toBeCloseTo(own[key], 9);
    expect(found.low).toBeGreaterThan(0);
    expect(b.low).toBeLessThan(a.high); // apart they could not be told
    expect(difference(a, a, 7)).toMatchObject({ value: 0, low: 0, high: 0 });
    const times = difference(rescale(b, Math.exp)!, rescale(a, Math.exp)!, 7, (y, x) => y / x)!;
    expect(times.value).toBeCloseTo(Math.exp(found.value), 9);
  });

  it("of a difference need places, and chapters that both have", () => {
    const part = (i: number, amount: number): Part => ({ amount, weight: 1, cluster: { book: "b", chapter: `c${i}` } });
    const placeless = ratio([{ amount: 1, weight: 1 }], 1)!;
    expect(difference(placeless, placeless, 1)).toBeUndefined();
    expect(difference({ value: 1, low: 1, high: 1, clusters: 1 }, placeless, 1)).toBeUndefined();
    const [a, b] = [ratio([part(0, 1), part(1, 2), part(2, 9)], 1)!, ratio([part(0, 2), part(1, 4), part(3, 0)], 1)!];
    expect(difference(b, a, 1)).toMatchObject({ value: 1.5, clusters: 2 });
    expect(difference(ratio([part(5, 1)], 1)!, a, 1)).toBeUndefined();
  });

  it("repeat with the seed, and only with it", () => {
    const random = new Random(3);
    const parts = Array.from({ length: 30 }, () => ({ amount: random.float(), weight: 1 }));
    expect(ratio(parts, 5)).toEqual(ratio(parts, 5));
    expect(ratio(parts, 6)).not.toEqual(ratio(parts, 5));
  });

  it("have the interval that theory gives: 1.96 standard errors for a mean", () => {
    const random = new Random(8);
    const parts = Array.from({ length: 400 }, () => ({ amount: 5 + 2 * random.normal(), weight: 1 }));
    const { value, low, high } = ratio(parts, 1)!;
    const deviation = Math.sqrt(parts.reduce((sum, { amount }) => sum + (amount - value) ** 2, 0) / parts.length);
    for (const reach of [value - low, high - value])
      expect(Math.abs(reach / ((1.96 * deviation) / Math.sqrt(400)) - 1)).toBeLessThan(0.15);
  });

  it("hold the true value in about 95% of samples", () => {
    const inside = Array.from({ length: 150 }, (_, seed) => {
      const random = new Random(seed, 1);
      const { low, high } = ratio(
        Array.from({ length: 40 }, () => ({ amount: Number(random.float() < 0.3), weight: 1 })),
        seed,
      )!;
      return low <= 0.3 && 0.3 <= high;
    }).filter(Boolean).length;
    expect(inside / 150).toBeGreaterThan(0.88);
    expect(inside / 150).toBeLessThan(1);
  });

  it("keep low <= value of the parts <= high of the parts, on any scale", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ amount: fc.double({ min: -5, max: 5, noNaN: true }), weight: fc.integer({ min: 1, max: 9 }) }),
          { minLength: 1, maxLength: 8 },
        ),
        (parts) => {
          const found = rescale(ratio(parts, 2), Math.exp)!;
          const each = parts.map(({ amount, weight }) => Math.exp(amount / weight));
          expect(found.low).toBeLessThanOrEqual(found.high);
          for (const value of [found.value, found.low, found.high]) {
            expect(value).toBeGreaterThanOrEqual(Math.min(...each) * (1 - 1e-9));
            expect(value).toBeLessThanOrEqual(Math.max(...each) * (1 + 1e-9));
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it("take quantiles between neighbors", () =>
    expect([0, 0.25, 0.9, 1].map((share) => quantile([0, 10, 20, 30, 40], share))).toEqual([0, 10, 36, 40]));
});

describe("intervals over books and chapters", () => {
  /** `books` of `chapters` of `each` examples; amounts by their numbers. */
  const library = (
    books: number,
    chapters: number,
    each: number,
    amountOf: (book: number, chapter: number) => number,
  ): Part[] =>
    Array.from({ length: books }, (_, b) =>
      Array.from({ length: chapters }, (_, c) =>
        Array.from({ length: each }, () => ({
          amount: amountOf(b, c),
          weight: 1,
          cluster: { book: `b${b}`, chapter: `b${b}c${c}` },
        })),
      ).flat(),
    ).flat();

  it("draw whole books: as wide as Student's t makes the mean of the books' means", () => {
    const random = new Random(5);
    const shift = Array.from({ length: 40 }, () => random.normal());
    const parts = library(40, 3, 7, (book) => 2 + shift[book] + 0.5 * random.normal());
    const means = Array.from({ length: 40 }, (_, b) => {
      const own = parts.filter(({ cluster }) => cluster!.book === `b${b}`);
      return own.reduce((sum, { amount }) => sum + amount, 0) / own.length;
    });
    const mean = means.reduce((sum, each) => sum + each, 0) / 40;
    const deviation = Math.sqrt(means.reduce((sum, each) => sum + (each - mean) ** 2, 0) / 39);
    const { value, low, high, clusters } = ratio(parts, 1)!;
    expect([value, clusters]).toEqual([expect.closeTo(mean, 10), 40]);
    const theory = (studentQuantile(39) * deviation) / Math.sqrt(40);
    for (const reach of [value - low, high - value]) expect(Math.abs(reach / theory - 1)).toBeLessThan(0.12);
  });

  it("are no narrower for overlapping examples: a chapter told ten times is one chapter", () => {
    const random = new Random(6);
    const shift = Array.from({ length: 9 }, () => random.normal());
    const once = library(9, 1, 1, (book) => shift[book]);
    const tenTimes = library(9, 1, 10, (book) => shift[book]);
    const [a, b] = [ratio(once, 3)!, ratio(tenTimes, 3)!];
    expect(b.low).toBeCloseTo(a.low, 10);
    expect(b.high).toBeCloseTo(a.high, 10);
    const apart = ratio(
      tenTimes.map(({ amount, weight }) => ({ amount, weight })),
      3,
    )!;
    expect(apart.high - apart.low).toBeLessThan(0.5 * (b.high - b.low)); // what counting examples would claim
  });

  it("hold the truth in about 95% of small samples of books, where counting examples does in half", () => {
    const covers = (clustered: boolean): number =>
      Array.from({ length: 120 }, (_, seed) => {
        const random = new Random(seed, 7);
        const shift = Array.from({ length: 8 }, () => random.normal());
        const parts = library(8, 2, 5, (book) => shift[book] + random.normal());
        const { low, high } = ratio(clustered ? parts : parts.map((part) => ({ ...part, cluster: undefined })), seed)!;
        return low <= 0 && 0 <= high;
      }).filter(Boolean).length / 120;
    expect(covers(true)).toBeGreaterThan(0.9);
    expect(covers(false)).toBeLessThan(0.7);
  });

  it("draw chapters where there are fewer than five books", () => {
    const places = (books: number, chapters: number) =>
      library(books, chapters, 2, () => 0).map((each) => each.cluster);
    expect(levels(places(4, 3))).toEqual({ books: 4, chapters: 12, drawn: "chapters" });
    expect(levels(places(5, 3))).toEqual({ books: 5, chapters: 15, drawn: "books" });
    expect(levels([undefined, undefined])).toEqual({ books: 2, chapters: 2, drawn: "chapters" });
    expect(
      ratio(
        library(4, 3, 2, (b, c) => b + c),
        1,
      )!.clusters,
    ).toBe(12);
    expect(
      ratio(
        library(5, 3, 2, (b, c) => b + c),
        1,
      )!.clusters,
    ).toBe(5);
  });

  it("widen for few clusters as Student's t does", () => {
    for (const [freedom, want] of [
      [1, 12.706],
      [4, 2.776],
      [5, 2.571],
      [9, 2.262],
      [30, 2.042],
      [1e6, 1.96],
    ])
      expect(studentQuantile(freedom)).toBeCloseTo(want, 2);
    expect(expandedTail(1e6)).toBeCloseTo(0.025, 5);
    expect(expandedTail(5)).toBeCloseTo(0.00096, 4);
  });

  it("are of any statistic of sums", () => {
    const parts = [
      [3, 1, 2],
      [1, 5, 0],
    ].map((sums) => ({ sums }));
    expect(estimate(parts, ([a, b, c]) => a * b - c, 1)!.value).toBe(4 * 6 - 2);
    expect(estimate([], ([a]) => a, 1)).toBeUndefined();
    expect(RESAMPLES).toBeGreaterThanOrEqual(1000);
  });
});

describe("verdicts", () => {
  /** Losses of p2 with a control, less its own, for `books` of four chapters of two examples. */
  const found = (books: number, control: Control, excess: (book: number, random: Random) => number, foreign = 0) => {
    const random = new Random(31);
    const scored = Array.from({ length: books * 8 }, (_, i): ScoredExample => {
      const book = Math.floor(i / 8);
      const loss = 100 + 10 * random.normal();
      return {
        example: { p1: "a", p2: "b", p3: "c" },
        cluster: { book: `b${book}`, chapter: `b${book}c${Math.floor(i / 2) % 4}` },
        context: { loss: 1, tokens: 1 },
        text: { loss, tokens: 50 },
        p2: { loss, tokens: 50 },
        without: { p1: loss + 50, p3: loss + 50, metadata: loss + 50 },
        controls: { foreignP3: [loss + foreign], [control]: [loss + 50 * excess(book, random)] },
      };
    });
    return verdicts(contextUse(scored, { seed: 2 })).find((verdict) => verdict.control === control)!;
  };
  const noise = (random: Random): number => 0.05 * random.normal();

  it.each<[string, Finding, (book: number, random: Random) => number]>([
    ["another example's costs in every book", "used", (_, random) => 0.1 + noise(random)],
    ["another example's costs little, but always", "used", () => SMALL_CHANGE / 2],
    ["it makes no difference whose it is", "not used", (_, random) => 0.1 * noise(random)],
    ["no difference at all", "not used", () => 0],
    ["another example's does better", "misleading", (_, random) => -0.1 + noise(random)],
    ["books disagree", "cannot tell", (book) => (book % 2 === 0 ? 0.3 : -0.25)],
  ])("where %s: %s, however much p2 misses what is left out", (_, finding, excess) => {
    for (const control of ["foreignP3", "foreignP1", "foreignMetadata", "nearP3", "bookP3", "otherLength"] as const)
      expect(found(10, control, excess)).toMatchObject({ finding, control });
  });

  it("are not given for a few chapters, however large the effect", () => {
    expect(found(1, "foreignP3", () => 3)).toMatchObject({ finding: "cannot tell" });
    expect(found(1, "foreignP3", () => 3).sentence).toMatch(/costs p2 3\.000 nats a token \(4 chapters are too few/);
    expect(found(2, "foreignP3", () => 3)).toMatchObject({ finding: "used" });
  });

  it("are each about their own control", () => {
    const near = found(10, "nearP3", () => 0, 40);
    expect(near).toMatchObject({ claim: "p3 within its chapter", finding: "not used" });
    expect(near.sentence).toBe(
      "p3 within its chapter: not used; the next passage of its chapter gains p2 0.000 nats a token (0.000 to 0.000)",
    );
  });

  it("say in words what is used, and what is not", () => {
    const many = (foreign: number): ScoredExample[] =>
      Array.from({ length: 9 }, (_, i) => ({
        example: { p1: "", p2: "x", p3: "y" },
        context: { loss: 6, tokens: 3 },
        text: { loss: 3, tokens: 3 },
        p2: { loss: 4, tokens: 4 },
        without: { p3: 8 },
        controls: { foreignP3: [4 + foreign + (i % 3)], bookP3: [4 + foreign + (i % 3)] },
      }));
    const first = (foreign: number): string => verdicts(contextUse(many(foreign), { seed: 1 }))[0].sentence;
    expect(first(2)).toMatch(
      /^p3: used; another example's p3 costs p2 0\.750 nats a token .* among 2 in 100\.0% \(chance 50\.0%\)$/,
    );
    expect(first(-1)).toMatch(/^p3: cannot tell; /);
    expect(first(-3)).toMatch(/^p3: misleading; another example's p3 gains p2 0\.500 nats/);
    expect(verdicts(contextUse(many(2), { seed: 1 })).map(({ claim }) => claim)).toEqual(["p3", "p3 within its book"]);
  });
});
