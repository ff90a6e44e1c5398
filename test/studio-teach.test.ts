// What Teach decides and keeps, without a page: passages that fit, looks, the three gaps, a journal that is gone on
// with.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partsOf } from "../studio/src/teach/duration-parts.ts";
import {
  bestOf,
  columnsOf,
  EMPTY,
  goneOnWith,
  sampledSteps,
  withEntry,
  withSample,
} from "../studio/src/teach/journal.ts";
import type { Journal } from "../studio/src/teach/journal.ts";
import type { LogEntry } from "../src/training/log-entry.ts";
import { argumentsOf, gapsOf, learningRateFor, passageSize, secondsOf, spread } from "../studio/src/teach/plan.ts";
import { updatesOf } from "../studio/src/teach/plan.ts";
// oxlint-disable-next-line import/no-unassigned-import -- it sets the seed
import "./property-seed.ts";

const WISH = { passes: 2, batchSize: 8, learningRate: 1e-3, seed: 42 };

describe("a run's plan", () => {
  it("takes passages of 600 to 900 characters where the model sees enough, shorter ones where it does not", () => {
    expect(passageSize(1024, 4)).toMatchObject({ minP2: 600, maxP2: 900 });
    const small = passageSize(320, 2);
    expect(small).toEqual({ minP2: 171, maxP2: 256, maxTokens: 192 });
    expect(small.maxP2 / 2).toBeLessThan(320 / 2);
  });

  it("looks about twenty times, as often as is wished, and at least every five minutes", () => {
    expect(updatesOf(WISH, 801)).toBe(202);
    expect(argumentsOf(WISH, 801, true)).toMatchObject({ evalSteps: 11, saveSteps: 11, numTrainEpochs: 2 });
    expect(argumentsOf({ ...WISH, lookEvery: 7 }, 801, true)).toMatchObject({ evalSteps: 7, saveSteps: 7 });
    expect(argumentsOf(WISH, 801, true, 60)).toMatchObject({ saveSteps: 5 });
    expect(argumentsOf({ ...WISH, maxSteps: 5 }, 801, true)).toMatchObject({ maxSteps: 5 });
  });

  it("keeps the best only where there is something to choose by", () => {
    expect(argumentsOf(WISH, 801, true)).toMatchObject({ loadBestModelAtEnd: true });
    expect(argumentsOf(WISH, 801, false)).toMatchObject({ loadBestModelAtEnd: false, evalSteps: 0 });
    expect(argumentsOf({ ...WISH, maxSteps: 1 }, 8, true)).toMatchObject({ loadBestModelAtEnd: false });
  });

  it("always saves at evaluations, and within the run", () => {
    const wishes = fc.record({ passes: fc.integer({ min: 1, max: 9 }), batchSize: fc.integer({ min: 1, max: 32 }) });
    const seconds = fc.option(fc.double({ min: 0.01, max: 1000, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(wishes, fc.integer({ min: 1, max: 5000 }), seconds, (wish, examples, each) => {
        const { evalSteps, saveSteps = 0, loggingSteps = 0 } = argumentsOf({ ...WISH, ...wish }, examples, true, each);
        expect(saveSteps).toBe(evalSteps);
        expect(saveSteps).toBeGreaterThanOrEqual(1);
        expect(saveSteps).toBeLessThanOrEqual(updatesOf({ ...WISH, ...wish }, examples));
        expect(loggingSteps).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it("shakes a large model less", () => {
    expect([1e6, 3e7, 1.2e8].map(learningRateFor)).toEqual([1e-3, 3e-4, 5e-5]);
  });

  it("takes three gaps from different places of what is held out", () => {
    const of = (count: number) => Array.from({ length: count }, (_, i) => ({ p1: "", p2: String(i), p3: "" }));
    expect(gapsOf(of(9), of(30)).map(({ p2 }) => p2)).toEqual(["5", "15", "25"]);
    expect(gapsOf(of(9), []).map(({ p2 }) => p2)).toEqual(["1", "4", "7"]);
    expect(gapsOf(of(9), of(1)).map(({ p2 }) => p2)).toEqual(["0", "2", "6"]);
    expect(gapsOf(of(1), of(1)).map(({ p2 }) => p2)).toEqual(["0", "0"]);
    expect(spread([1, 2], 3)).toEqual([1, 2]);
  });

  it("counts the evaluations' time", () => {
    const args = { evalSteps: 10, perDeviceEvalBatchSize: 8 };
    expect(secondsOf({ secondsPerUpdate: 3, totalSteps: 100 }, args, 80)).toBe(300 + 10 * 10);
  });
});

describe("a run's journal", () => {
  const at = (step: number): Journal =>
    [1, 2, 3, 4]
      .filter((each) => each <= step)
      .reduce(
        (journal, each) => withEntry(withSample(journal, sample(each)), { epoch: 0, step: each, loss: 9 - each }),
        { ...EMPTY, step },
      );
  const sample = (step: number) => ({ step, number: 0, text: `after ${step}` });

  it("forgets what a closed page told of later updates, and marks where it was gone on with", () => {
    const once = goneOnWith(at(4), 2);
    expect([columnsOf(once)[0], sampledSteps(once), once.resumed, once.step]).toEqual([[1, 2], [1, 2], [2], 2]);
    const twice = goneOnWith(withEntry(once, { epoch: 0, step: 3, loss: 1 }), 3);
    expect(twice.resumed).toEqual([2, 3]);
    expect(goneOnWith(twice, 2).resumed).toEqual([2]);
    expect(goneOnWith(twice, 0)).toEqual({ ...EMPTY, log: [], samples: [] });
  });

  it("keeps one entry a step of each kind, the last", () => {
    const entries: LogEntry[] = [
      { epoch: 0, step: 1, loss: 5 },
      { epoch: 0, step: 1, eval_loss: 4 },
      { epoch: 0, step: 1, loss: 3 },
      { epoch: 0, step: 2, eval_loss: 6 },
    ];
    const journal = entries.reduce(withEntry, EMPTY);
    expect(columnsOf(journal)).toEqual([
      [1, 2],
      [3, null],
      [4, 6],
    ]);
    expect(bestOf(journal)).toEqual({ step: 1, loss: 4 });
    const texts = [sample(1), { ...sample(1), text: "again" }, { ...sample(1), number: 1 }];
    expect(texts.reduce(withSample, EMPTY).samples.map(({ text }) => text)).toEqual(["again", "after 1"]);
  });
});

describe("a length of time", () => {
  it.each([
    [0.2, [[1, "second"]]],
    [59.6, [[1, "minute"]]],
    [
      95,
      [
        [1, "minute"],
        [35, "second"],
      ],
    ],
    [3599, [[1, "hour"]]],
    [3 * 3600 + 59.9 * 60, [[4, "hour"]]],
    [11.4 * 3600, [[11, "hour"]]],
    [
      30 * 3600,
      [
        [1, "day"],
        [6, "hour"],
      ],
    ],
  ])("of %d seconds", (seconds, wanted) => {
    expect(partsOf(seconds)).toEqual(wanted);
  });
});
