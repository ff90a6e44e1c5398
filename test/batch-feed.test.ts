// Batches made ahead: each once and in order, at most one before it is needed; the time that counts is what the GPU was
// without work.
import { describe, expect, it } from "vitest";
import { BatchFeed } from "../src/training/batch-feed.ts";
import type { MicroBatch } from "../src/training/step.ts";

const SECONDS = 0.02;

/** Batches whose number is their first token, each of which takes a while to make. */
function slowBatches() {
  const made: number[] = [];
  const batches = (function* (): Generator<MicroBatch[], never, undefined> {
    for (let number = 0; ; number++) {
      const until = performance.now() + 1000 * SECONDS;
      while (performance.now() < until);
      made.push(number);
      yield [{ inputIds: [[number]] } as unknown as MicroBatch];
    }
  })();
  return { made, batches };
}

const numberOf = ([batch]: MicroBatch[]): number => batch.inputIds[0][0];

describe("a feed of batches", () => {
  it("gives each once, in order, and makes one ahead where it is told to", async () => {
    const { made, batches } = slowBatches();
    const feed = new BatchFeed(batches, () => false);
    expect(numberOf(await feed.take())).toBe(0);
    expect(made).toEqual([0]);
    await feed.prepare();
    await feed.prepare();
    expect(made).toEqual([0, 1]);
    expect(numberOf(await feed.take())).toBe(1);
    expect(numberOf(await feed.take())).toBe(2);
    expect(made).toEqual([0, 1, 2]);
  });

  it("counts no time while the GPU works", async () => {
    const feed = new BatchFeed(slowBatches().batches, () => false);
    await feed.take();
    await feed.prepare();
    await feed.take();
    expect(feed.waited).toBe(0);
  });

  it("counts the time of a batch that the GPU had to wait for, also where it is heard of only then", async () => {
    let idle = true;
    const feed = new BatchFeed(slowBatches().batches, () => idle);
    await feed.take();
    expect(feed.waited).toBeGreaterThanOrEqual(SECONDS);
    const before = feed.waited;
    idle = false;
    setTimeout(() => (idle = true), 1); // its end is heard when the event loop turns, after the batch is made
    await feed.prepare();
    expect(feed.waited - before).toBeGreaterThanOrEqual(SECONDS);
  });
});
