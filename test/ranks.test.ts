// Several processes that train together, here as several trainers in one: what comes out is what one process makes of
// the same updates, whatever their number, now or on the way.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collate } from "../src/examples/collate.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import type { TrainingArguments } from "../src/training/arguments.ts";
import { AdamW } from "../src/training/optimizer.ts";
import type { Ranks } from "../src/training/ranks.ts";
import { Shards } from "../src/training/shards.ts";
import { TrainingStep } from "../src/training/step.ts";
import type { MicroBatch } from "../src/training/step.ts";
import { Trainer } from "../src/training/trainer.ts";
import type { TrainerOptions } from "../src/training/trainer-options.ts";
import { openDevice } from "./check-kernel.ts";
import { ranksInProcess } from "./ranks-in-process.ts";
import { example, MemoryStore, tinyArgs, tinyConfig } from "./training-runs.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const DROPOUT = { embdPdrop: 0.1, attnPdrop: 0.1, residPdrop: 0.1 };
const train = Array.from({ length: 22 }, (_, i) => example(3 + ((i * 5) % 10), i));
const evaluation = Array.from({ length: 7 }, (_, i) => example(4 + i, 40 + i));
/** Weights would wander where nothing but rounding drives them: the keys' bias has no gradient in exact arithmetic. */
const ARGS = {
  ...tinyArgs,
  adamEpsilon: 1e-2,
  perDeviceEvalBatchSize: 2,
  maxGradNorm: 0.5,
} satisfies TrainingArguments;

type Changes = Partial<TrainerOptions> & { readonly from?: string };

/** One run by all `ranks` (undefined: one process alone): their stores, logs and final weights. */
async function run(ranks: readonly (Ranks | undefined)[], args: Partial<TrainingArguments>, changes: Changes = {}) {
  const { from, store = new MemoryStore(), ...options } = changes;
  const others = ranks.slice(1).map(() => new MemoryStore());
  const one = async (each: Ranks | undefined, i: number) => {
    const saved = from === undefined ? undefined : (store as MemoryStore).folders.get(from)!;
    const model = saved
      ? await GPT2LMHeadModel.fromPretrained(device, saved, { gradients: true })
      : GPT2LMHeadModel.fromConfig(device, tinyConfig.with(DROPOUT), { seed: 1 });
    const trainer = new Trainer({
      model,
      args: { ...ARGS, ...args },
      train,
      evaluation,
      padId: 0,
      store: i === 0 ? store : others[i - 1],
      ranks: each,
      ...options,
    });
    if (saved) await trainer.resume(saved);
    const { logHistory } = await trainer.train();
    const weights = await device.read(model.parameters.chunks[0].values);
    trainer.destroy();
    model.destroy();
    return { logHistory, weights };
  };
  const results = await Promise.all(ranks.map(one));
  return { results, store: store as MemoryStore, others, ...results[0] };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

const TWENTY = { maxSteps: 20, evalSteps: 10, saveSteps: 0, loggingSteps: 5 };

test.each([2, 3, 4])(
  "%i ranks make the model of one process, with dropout, unequal batches and epochs' ends",
  async (n) => {
    const alone = await run([undefined], TWENTY, { worldSize: n });
    const together = await run(ranksInProcess(n), TWENTY);
    expect(largestDifference(together.weights, alone.weights)).toBeLessThan(1e-6);
    for (const { weights, logHistory } of together.results) {
      expect(largestDifference(weights, together.weights)).toBe(0);
      expect(logHistory).toEqual(together.logHistory);
    }
    for (const [i, entry] of together.logHistory.entries())
      for (const [name, value] of Object.entries(entry)) expect(value).toBeCloseTo(alone.logHistory[i][name], 5);
    expect(together.logHistory.map(({ step }) => step)).toEqual(alone.logHistory.map(({ step }) => step));
    expect(largestDifference((await run(ranksInProcess(n), TWENTY)).weights, together.weights)).toBe(0);
    // Rank 0 alone writes.
    expect([...together.store.folders.keys()].sort()).toEqual(["", "checkpoint-20"]);
    expect(together.others.flatMap(({ folders }) => [...folders.keys()])).toEqual([]);
    // The control: it is not what one process makes of updates of its own size.
    expect(largestDifference((await run([undefined], TWENTY)).weights, alone.weights)).toBeGreaterThan(1e-3);
  },
);

test("an update of two ranks has the bits of one process that adds their gradients in turn", async () => {
  const batches = [[9, 4, 12], [3, 2], [7]].map((lengths): MicroBatch =>
    collate(
      lengths.map((length) => example(length, length)),
      { padId: 0, lossOn: "all" },
    ),
  );
  const begin = (options: { readonly ranks?: Ranks; readonly bucket?: number } = {}) => {
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig, { seed: 1 });
    const shards = options.ranks && new Shards(model.parameters, options.ranks, options.bucket);
    return { model, shards, optimizer: new AdamW(model.parameters, { shards, weightDecay: 0.1 }) };
  };
  const settings = { maxGradNorm: 0.01 };

  const alone = begin();
  const gradientsOf = async (batch: MicroBatch): Promise<Float32Array> => {
    const step = new TrainingStep(alone.model, alone.optimizer);
    await step.sum([batch]);
    const values = await device.read(alone.model.parameters.chunks[0].grads!);
    alone.model.parameters.zeroGrad();
    step.destroy();
    return values;
  };
  const norms: number[] = [];
  for (let update = 0; update < 3; update++) {
    const [first, ...others] = [
      await gradientsOf(batches[0]),
      await gradientsOf(batches[1]),
      await gradientsOf(batches[2]),
    ];
    for (const other of others) for (let i = 0; i < first.length; i++) first[i] += other[i];
    device.batch.write(alone.model.parameters.chunks[0].grads!, first);
    alone.optimizer.step(1e-2, { ...settings, gradientScale: 1 / (25 - 3 + 3 + 6) });
    norms.push((await device.read(alone.optimizer.gradNorm))[0]);
    alone.model.parameters.zeroGrad();
  }
  const want = await device.read(alone.model.parameters.chunks[0].values);

  // Of many small buckets, too, which cut parameters anywhere.
  for (const bucket of [undefined, 300]) {
    let bytes = 0;
    const weights = await Promise.all(
      ranksInProcess(3).map(async (ranks, rank) => {
        const { model, optimizer, shards } = begin({ ranks, bucket });
        const step = new TrainingStep(model, optimizer, { ...settings, exchange: shards!.exchange });
        for (let update = 0; update < 3; update++) {
          const sent = await step.run([batches[rank]], 1e-2);
          expect(sent.counts).toEqual({ labels: 25 - 3 + 3 + 6, microBatches: 3 });
          expect((await sent.result).gradNorm).toBe(norms[update]);
        }
        bytes += shards!.meter.bytes;
        return device.read(model.parameters.chunks[0].values);
      }),
    );
    for (const each of weights) expect(largestDifference(each, want)).toBe(0);
    // Gradients but for a rank's own part, and new values to all others: 8 P (N - 1) together, in each update.
    expect(bytes).toBe(3 * 8 * want.length * (3 - 1));
  }
});

describe("a checkpoint of two ranks", () => {
  const SIX = { maxSteps: 6, saveSteps: 3 };

  test.each([1, 2, 3])("is gone on with by %i", async (n) => {
    const whole = await run(ranksInProcess(2), SIX);
    const { store } = whole;
    const ranks = n === 1 ? [undefined] : ranksInProcess(n);
    const resumed = await run(ranks, SIX, { store, from: "checkpoint-3", worldSize: 2 });
    if (n === 2) expect(largestDifference(resumed.weights, whole.weights)).toBe(0);
    expect(largestDifference(resumed.weights, whole.weights)).toBeLessThan(1e-6);
    expect(resumed.logHistory.length).toBe(whole.logHistory.length);
    for (const [i, { loss }] of resumed.logHistory.entries())
      if (loss !== undefined) expect(loss).toBeCloseTo(whole.logHistory[i].loss, 5);
  });

  test("holds the moments and the losses that one process would have saved", async () => {
    const args = { maxSteps: 4, saveSteps: 3, loggingSteps: 50 };
    const alone = await run([undefined], args, { worldSize: 2 });
    const together = await run(ranksInProcess(2), args);
    const read = async (store: MemoryStore) => {
      const folder = store.folders.get("checkpoint-3")!;
      return JSON.parse(new TextDecoder().decode(await folder.read("trainer_state.json")));
    };
    const [want, got] = [await read(alone.store), await read(together.store)];
    expect(got.pending.count).toBe(want.pending.count);
    expect(got.pending.loss / want.pending.loss).toBeCloseTo(1, 6);
    expect(got.fingerprint).toEqual(want.fingerprint);
    const moments = async (store: MemoryStore) => store.folders.get("checkpoint-3")!.read("optimizer.safetensors");
    const [a, b] = [await moments(alone.store), await moments(together.store)];
    expect(b.length).toBe(a.length);
    const floats = (bytes: Uint8Array): Float32Array => {
      const start = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
      return new Float32Array(bytes.slice(start).buffer);
    };
    expect(largestDifference(floats(a), floats(b))).toBeLessThan(1e-7);
    expect(floats(a).some((value) => Math.abs(value) > 1e-4)).toBe(true);
  });
});

test("ranks divide the moments' memory, to a block", () => {
  const config = tinyConfig.with({ nEmbd: 64, nLayer: 2 });
  const bytesWith = (ranks?: Ranks): number => {
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 1 });
    const before = device.pool.liveBytes;
    const optimizer = new AdamW(model.parameters, { shards: ranks && new Shards(model.parameters, ranks) });
    const bytes = device.pool.liveBytes - before;
    optimizer.destroy();
    model.destroy();
    return bytes;
  };
  const whole = bytesWith();
  const parts = ranksInProcess(3).map(bytesWith);
  for (const part of parts) expect(Math.abs(part - whole / 3)).toBeLessThan(3 * 8 * 4224);
});

test("ranks stop after the same update when one is told to, and end together at NaN gradients", async () => {
  const stops = [new AbortController(), new AbortController()];
  const models = stops.map(() => GPT2LMHeadModel.fromConfig(device, tinyConfig, { seed: 1 }));
  const trainers = ranksInProcess(2).map(
    (ranks, rank) =>
      new Trainer({
        model: models[rank],
        args: { ...ARGS, maxSteps: 50 },
        train,
        padId: 0,
        ranks,
        onStep: ({ step }) => {
          if (rank === 1 && step === 2) stops[1].abort();
        },
      }),
  );
  const ended = await Promise.all(trainers.map((trainer, i) => trainer.train(stops[i].signal)));
  expect(ended.map(({ finished }) => finished)).toEqual([false, false]);
  expect(ended.map(({ logHistory }) => logHistory.at(-1)!.step)).toEqual([2, 2]);

  const name = "transformer.h.1.mlp.c_fc.bias";
  for (const model of models) {
    const { value } = model.parameters.get(name);
    device.batch.write(value, new Float32Array(value.shape[0]).fill(NaN));
  }
  const failed = await Promise.allSettled(trainers.map((trainer) => trainer.train()));
  for (const result of failed) expect(String((result as PromiseRejectedResult).reason)).toMatch(/diverged|not finite/);
});
