// The order of training data: every example once an epoch, exact resume, bucketing that saves padding; and the
// generator below it.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataLoader } from "../src/examples/data-loader.ts";
import type { Position } from "../src/examples/data-loader.ts";
import { Random } from "../src/random.ts";

const options = fc.record({
  batchSize: fc.integer({ min: 1, max: 9 }),
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  shuffle: fc.boolean(),
  dropLast: fc.boolean(),
  bucketByLength: fc.boolean(),
});
const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 9, maxLength: 700 });
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

function take(loader: DataLoader, count: number, start?: Position): { indices: readonly number[]; next: Position }[] {
  const taken: { indices: readonly number[]; next: Position }[] = [];
  for (const batch of loader.batches(start)) {
    if (taken.push(batch) === count) break;
  }
  return taken;
}

describe("DataLoader", () => {
  it("gives every example once an epoch, in batches of the size asked for", () => {
    fc.assert(
      fc.property(lengths, options, fc.integer({ min: 0, max: 5 }), (sizes, opts, epoch) => {
        const loader = new DataLoader(sizes, opts);
        const batches = loader.epoch(epoch);
        expect(batches.length).toBe(loader.batchesPerEpoch);
        const indices = ascending(batches.flat());
        const rest = sizes.length % opts.batchSize;
        expect(new Set(indices).size).toBe(indices.length);
        expect(indices.length).toBe(opts.dropLast ? sizes.length - rest : sizes.length);
        expect([indices[0]! >= 0, indices.at(-1)! < sizes.length]).toEqual([true, true]);
        expect(batches.filter((batch) => batch.length !== opts.batchSize).map((batch) => batch.length)).toEqual(
          opts.dropLast || rest === 0 ? [] : [rest],
        );
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it("resumes anywhere exactly as if it had not stopped", () => {
    fc.assert(
      fc.property(
        lengths,
        options,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        (sizes, opts, before, after) => {
          const whole = take(new DataLoader(sizes, opts), before + after);
          const saved = JSON.parse(JSON.stringify(whole[before - 1]!.next)) as Position;
          expect(take(new DataLoader(sizes, opts), after, saved)).toEqual(whole.slice(before));
        },
      ),
      { numRuns: 60, seed: 2 },
    );
  });

  it("changes order with the epoch and the seed, and keeps it without shuffling", () => {
    const sizes = Array.from({ length: 100 }, (_, i) => (i * 37) % 50);
    const order = (seed: number, epoch: number, shuffle = true): number[] =>
      new DataLoader(sizes, { batchSize: 4, seed, shuffle }).epoch(epoch).flat();
    expect(order(1, 0)).toEqual(order(1, 0));
    expect(order(1, 0)).not.toEqual(order(1, 1));
    expect(order(1, 0)).not.toEqual(order(2, 0));
    expect(order(1, 3, false)).toEqual(sizes.map((_, i) => i));
  });

  it("leaves out different examples in different epochs when it drops the last", () => {
    const loader = new DataLoader(new Array(10).fill(1), {
      batchSize: 4,
      seed: 1,
      dropLast: true,
      bucketByLength: true,
    });
    const used = new Set([0, 1, 2, 3, 4, 5, 6, 7].flatMap((epoch) => loader.epoch(epoch).flat()));
    expect(used.size).toBe(10);
  });

  it("pads less when bucketed, and says how much", () => {
    const random = new Random(5);
    const sizes = Array.from({ length: 2000 }, () => 20 + random.below(200));
    const plain = new DataLoader(sizes, { batchSize: 8, seed: 1 }).padShare(0);
    const bucketed = new DataLoader(sizes, { batchSize: 8, seed: 1, bucketByLength: true }).padShare(0);
    expect(plain).toBeGreaterThan(0.3);
    expect(bucketed).toBeLessThan(0.05);
    expect(new DataLoader([3, 1], { batchSize: 2, seed: 1 }).padShare(0)).toBeCloseTo(2 / 6, 12);
    expect(new DataLoader([3, 1], { batchSize: 2, seed: 1, padToMultipleOf: 4 }).padShare(0)).toBeCloseTo(4 / 8, 12);
  });

  it("does not feed bucketed batches in order of length", () => {
    const sizes = Array.from({ length: 400 }, (_, i) => i);
    const means = new DataLoader(sizes, { batchSize: 8, seed: 1, bucketByLength: true })
      .epoch(0)
      .map((batch) => batch[0]!);
    expect(means).not.toEqual(ascending(means));
  });

  it("refuses to make no batches", () => {
    expect(() => new DataLoader([], { batchSize: 2, seed: 1 })).toThrow(/0 examples/);
    expect(() => new DataLoader([5], { batchSize: 2, seed: 1, dropLast: true })).toThrow(
      /1 examples, wanted at least one full batch of 2/,
    );
    expect(() => new DataLoader([5], { batchSize: 0, seed: 1 })).toThrow(/batch size is 0/);
  });
});

describe("Random", () => {
  it("repeats by seed words and is pinned: other values would change resumed runs", () => {
    const first = (...words: number[]): number[] => {
      const random = new Random(...words);
      return [random.uint32(), random.uint32(), random.uint32()];
    };
    expect(first(42, 0)).toEqual(first(42, 0));
    expect(first(42, 0)).not.toEqual(first(42, 1));
    expect(first(42, 1)).not.toEqual(first(1, 42));
    expect(first(42, 0)).toEqual([381860970, 1030145412, 92396590]); // from an independent implementation in Python
  });

  it("is uniform: floats in [0, 1), below(n) and shuffles without favorites", () => {
    const random = new Random(7);
    const draws = 60_000,
      counts = new Array<number>(6).fill(0),
      places = Array.from({ length: 3 }, () => [0, 0, 0]);
    let sum = 0,
      lowest = 1,
      highest = 0;
    for (let i = 0; i < draws; i++) {
      const x = random.float();
      lowest = Math.min(lowest, x);
      highest = Math.max(highest, x);
      sum += x;
      counts[random.below(6)]!++;
      random.shuffle([0, 1, 2]).forEach((value, place) => places[value]![place]!++);
    }
    expect([lowest >= 0, highest < 1]).toEqual([true, true]);
    expect(Math.abs(sum / draws - 0.5)).toBeLessThan(0.006); // 5 sigma: sqrt(1/12/60000) = 0.0012
    for (const count of counts) expect(Math.abs(count - draws / 6)).toBeLessThan(5 * Math.sqrt((draws * 5) / 36));
    for (const count of places.flat()) expect(Math.abs(count - draws / 3)).toBeLessThan(5 * Math.sqrt((draws * 2) / 9));
  });

  it("refuses an empty range", () => {
    for (const n of [0, -1, 1.5, 2 ** 33, NaN]) expect(() => new Random(1).below(n)).toThrow(/Random\.below/);
  });
});
