// One update: what it sums, what is exchanged with other processes, when it is not made, what it costs.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collate } from "../src/examples/collate.ts";
import type { GPT2Config } from "../src/gpt2/config.ts";
import type { Counts, Exchange } from "../src/training/exchange.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { TrainingStep } from "../src/training/step.ts";
import type { MicroBatch, TrainingStepOptions } from "../src/training/step.ts";
import { expectClose, openDevice } from "./check-kernel.ts";
import { example, tinyConfig } from "./training-runs.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const batchOf = (...lengths: number[]): MicroBatch =>
  collate(
    lengths.map((length) => example(length, length)),
    { padId: 0, lossOn: "all" },
  );

/** A model of seed 1 with its optimizer and step; `weights` reads all values one after the other. */
function begin(options: TrainingStepOptions = {}, config: GPT2Config = tinyConfig) {
  const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 1 });
  // An epsilon above rounding: the bias of the keys has no gradient in exact arithmetic.
  const optimizer = new AdamW(model.parameters, { eps: 1e-2 });
  const step = new TrainingStep(model, optimizer, options);
  const weights = async (): Promise<Float32Array> => device.read(model.parameters.chunks[0].values);
  const end = (): void => {
    step.destroy();
    optimizer.destroy();
    model.destroy();
  };
  return { model, optimizer, step, weights, end };
}

/** The weights after one update from these micro-batches, and what became of it. */
async function update(microBatches: MicroBatch[], options: TrainingStepOptions = {}) {
  const run = begin({ maxGradNorm: 1, ...options });
  const sent = await run.step.run(microBatches, 1e-2);
  const result = await sent.result;
  const weights = await run.weights();
  for (const { grads } of run.model.parameters.chunks)
    expect((await device.read(grads!)).every((g) => g === 0)).toBe(true);
  run.end();
  return { weights, counts: sent.counts, ...result };
}

/** Adds to each gradient tensor on the CPU, as a process without a faster way would. */
async function addTo(gradients: readonly Tensor[], others: readonly Float32Array[]): Promise<void> {
  for (const [i, tensor] of gradients.entries()) {
    const values = await device.read(tensor);
    device.batch.write(
      tensor,
      values.map((value, at) => value + others[i][at]),
    );
  }
}

describe("the sum", () => {
  test("weighs every label alike: two micro-batches of unequal lengths are one batch of both", async () => {
    const whole = await update([batchOf(12, 3, 2)]);
    const parts = await update([batchOf(12), batchOf(3, 2)]);
    expect(whole.counts).toEqual({ labels: 14, microBatches: 1 });
    expect(parts.counts).toEqual({ labels: 14, microBatches: 2 });
    expect(parts.loss / parts.count).toBeCloseTo(whole.loss / whole.count, 5);
    expect(Math.abs(parts.gradNorm! / whole.gradNorm! - 1)).toBeLessThan(1e-5);
    // As means of means they are another update.
    const means = await update([batchOf(12), batchOf(3, 2)], { lossReduction: "mean_of_means" });
    expect(means.count).toBe(2);
    expect(Math.abs(means.gradNorm! / whole.gradNorm! - 1)).toBeGreaterThan(0.01);
  });

  test.each(["token_mean", "mean_of_means"] as const)(
    "a micro-batch without a label contributes nothing to %s",
    async (lossReduction) => {
      const without = await update([batchOf(5), batchOf(4, 3)], { lossReduction });
      const among = await update([batchOf(1), batchOf(5), batchOf(1, 1), batchOf(4, 3)], { lossReduction });
      expect(among).toEqual(without);
    },
  );

  test("an update without a label changes nothing, and asks nothing of the optimizer", async () => {
    const run = begin();
    const before = await run.weights();
    const { counts, result } = await run.step.run([batchOf(1), batchOf(1, 1)], 1e-2);
    expect(counts).toEqual({ labels: 0, microBatches: 0 });
    expect(await result).toEqual({ loss: 0, count: 0, gradNorm: undefined, skippedInARow: 0 });
    expect(await run.weights()).toEqual(before);
    expect(run.optimizer.stepCount).toBe(0);
    run.end();
  });

  test("a loss scale is divided out again", async () => {
    const plain = await update([batchOf(9, 4), batchOf(6)]);
    const scaled = await update([batchOf(9, 4), batchOf(6)], { precision: { name: "scaled", lossScale: 1024 } });
    expect(scaled.loss).toBeCloseTo(plain.loss, 5);
    expect(Math.abs(scaled.gradNorm! / plain.gradNorm! - 1)).toBeLessThan(1e-6);
    expectClose("weights", scaled.weights, plain.weights, [plain.weights.length], { atol: 1e-6, rtol: 1e-6 });
  });
});

describe("exchange", () => {
  test("with a process that has the same: twice the gradients by twice the count, so the same bits", async () => {
    const alone = await update([batchOf(9, 4), batchOf(6)]);
    let calls = 0;
    const twice: Exchange = async (gradients, { labels, microBatches }) => {
      calls++;
      const same = await Promise.all(gradients.map((tensor) => device.read(tensor)));
      await addTo(gradients, same);
      return { labels: 2 * labels, microBatches: 2 * microBatches };
    };
    const both = await update([batchOf(9, 4), batchOf(6)], { exchange: twice });
    expect(calls).toBe(1);
    expect(both.counts).toEqual({ labels: 2 * alone.counts.labels, microBatches: 4 });
    expect(both.gradNorm).toBe(alone.gradNorm);
    expect(both.weights).toEqual(alone.weights);
    // What is logged is this process's own.
    expect([both.loss, both.count]).toEqual([alone.loss, alone.count]);
  });

  test.each([
    { name: "halves", first: [batchOf(12)], second: [batchOf(3, 2)] },
    { name: "all of it and nothing", first: [batchOf(1)], second: [batchOf(12), batchOf(3, 2)] },
  ])("two processes with $name of a batch make the update of the whole", async ({ first, second }) => {
    const whole = await update([batchOf(12, 3, 2)]);
    let others: Float32Array[] = [];
    let counted: Counts = { labels: 0, microBatches: 0 };
    await update(second, {
      exchange: async (gradients, counts) => {
        others = await Promise.all(gradients.map((tensor) => device.read(tensor)));
        return (counted = counts);
      },
    });
    const shared = await update(first, {
      exchange: async (gradients, { labels, microBatches }) => {
        await addTo(gradients, others);
        return { labels: labels + counted.labels, microBatches: microBatches + counted.microBatches };
      },
    });
    expect(shared.counts.labels).toBe(whole.counts.labels);
    expect(Math.abs(shared.gradNorm! / whole.gradNorm! - 1)).toBeLessThan(1e-5);
    expectClose("weights", shared.weights, whole.weights, [whole.weights.length], { atol: 2e-5, rtol: 1e-4 });
  });
});

test("what a process that counts nothing reports is 0, whatever the update before it summed", async () => {
  const run = begin({ exchange: (_, { labels, microBatches }) => ({ labels: labels + 5, microBatches }) });
  expect((await (await run.step.run([batchOf(6, 3)], 1e-3)).result).loss).toBeGreaterThan(0);
  const { loss, count, gradNorm } = await (await run.step.run([batchOf(1)], 1e-3)).result;
  expect({ loss, count, gradNorm }).toEqual({ loss: 0, count: 0, gradNorm: 0 });
  run.end();
});

describe("gradients that are not finite", () => {
  /** Poisons the first gradient in the updates named, as another process's would. */
  function poisoning(updates: readonly number[]): Exchange {
    let at = 0;
    return ([first], counts) => {
      if (updates.includes(++at)) device.batch.write(first, Float32Array.of(NaN));
      return counts;
    };
  }

  test("skip the update on the GPU, and from the limit on all that follow", async () => {
    const run = begin({ exchange: poisoning([2, 4, 5]), maxSkippedUpdates: 2 });
    const seen: { skipped: number; changed: boolean }[] = [];
    let before = await run.weights();
    for (let i = 0; i < 7; i++) {
      const { skippedInARow } = await (await run.step.run([batchOf(6, 3)], 1e-3)).result;
      const after = await run.weights();
      expect(after.every(Number.isFinite)).toBe(true);
      seen.push({ skipped: skippedInARow, changed: after.some((value, at) => value !== before[at]) });
      before = after;
    }
    expect(seen.map(({ skipped }) => skipped)).toEqual([0, 1, 0, 1, 2, 3, 4]);
    expect(seen.map(({ changed }) => changed)).toEqual([true, false, true, false, false, false, false]);
    run.end();
  });
});

describe("cost", () => {
  test("in steady state an update creates no WebGPU object, sends one submit and the same launches each", async () => {
    const run = begin({ maxGradNorm: 1 }, tinyConfig.with({ embdPdrop: 0.1, attnPdrop: 0.1, residPdrop: 0.1 }));
    run.model.transformer.training = true;
    const { batch, pool } = device;
    const look = () => ({
      objects: pool.created + batch.counters.bindGroups + batch.counters.pipelines,
      submits: batch.counters.submits,
      launches: batch.counters.dispatches,
    });
    const costs: { objects: number; submits: number; launches: number }[] = [];
    for (let i = 0; i < 5; i++) {
      const before = look();
      const { result } = await run.step.run([batchOf(6, 3), batchOf(1), batchOf(7, 2)], 1e-3);
      const after = look();
      costs.push({
        objects: after.objects - before.objects,
        submits: after.submits - before.submits,
        launches: after.launches - before.launches,
      });
      await result;
    }
    for (const cost of costs.slice(2)) expect(cost).toEqual({ objects: 0, submits: 1, launches: costs[0].launches });

    // Two micro-batches' forward and backward, each one sum of its losses more; the norm and its factor; the ranges of
    // parameters that decay alike.
    const { model } = run;
    const before = look().launches;
    for (const microBatch of [batchOf(6, 3), batchOf(7, 2)]) {
      const output = model.forward({ ...microBatch, keepLogits: false });
      output.loss!.backward();
      output.dispose();
    }
    const forwardBackward = look().launches - before;
    expect(costs[0].launches).toBe(forwardBackward + 2 + 2 + 2);
    await device.finish();
    run.end();
  });

  test("nor where every update has other texts", async () => {
    const run = begin({ maxGradNorm: 1 });
    const { batch, pool } = device;
    const objects = () => pool.created + batch.counters.bindGroups + batch.counters.pipelines;
    const { vocabSize } = tinyConfig;
    const made: number[] = [];
    for (let i = 0; i < 12; i++) {
      // From all tokens different to all the same: gradients of the embedding are added in groups that differ.
      const row = (b: number) => Array.from({ length: 8 }, (_, t) => ((8 * b + t) % (1 + ((5 * i) % 31))) % vocabSize);
      const inputIds = Array.from({ length: 20 }, (_, b) => row(b));
      const before = objects();
      const { result } = await run.step.run([{ inputIds, labels: inputIds }], 1e-3);
      made.push(objects() - before);
      await result;
    }
    expect(made[0]).toBeGreaterThan(0);
    expect(made.slice(3)).toEqual(Array(9).fill(0));
    run.end();
  });

  test("what it took it gives back", () => {
    const before = device.pool.liveBytes;
    begin().end();
    expect(device.pool.liveBytes).toBe(before);
  });
});
