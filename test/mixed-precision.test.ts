// Training in mixed precision: it follows training in f32 and Hugging Face's float64 losses, the loss scale finds its
// place, a resumed run is the uninterrupted one, and it works with what else a run may ask for, or says what to leave
// out.
import { afterAll, describe, expect, test } from "vitest";
import { collate } from "../src/examples/collate.ts";
import { collatePacked } from "../src/examples/pack.ts";
import type { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Trainable } from "../src/gpt2/pretrained.ts";
import type { TrainingArguments } from "../src/training/arguments.ts";
import { memoryNeeds } from "../src/training/memory-needs.ts";
import { MixedPrecision } from "../src/training/mixed-precision.ts";
import type { MixedPrecisionOptions } from "../src/training/mixed-precision.ts";
import { AdamW, decayAllButBiases, decayMatrices } from "../src/training/optimizer.ts";
import type { Ranks } from "../src/training/ranks.ts";
import { TrainingStep } from "../src/training/step.ts";
import type { MicroBatch, StepResult, TrainingStepOptions } from "../src/training/step.ts";
import { Trainer } from "../src/training/trainer.ts";
import { openDevice } from "./check-kernel.ts";
import { loadModelCase } from "./oracle/fixtures.ts";
import { ranksInProcess } from "./ranks-in-process.ts";
import { example, MemoryStore, tinyArgs, tinyConfig } from "./training-runs.ts";

const device = await openDevice();
afterAll(() => device.destroy());
const supported = device.gpu.features.has("shader-f16");
const DROPOUT = { embdPdrop: 0.1, attnPdrop: 0.1, residPdrop: 0.1 };

const batchOf = (...lengths: number[]): MicroBatch =>
  collate(
    lengths.map((length) => example(length, length)),
    { padId: 0, lossOn: "all" },
  );

interface Run extends Omit<TrainingStepOptions, "precision"> {
  readonly precision?: "f32" | MixedPrecisionOptions;
  readonly config?: GPT2Config;
  readonly gradients?: Trainable;
  readonly gradientCheckpointing?: boolean;
}

/** A model of seed 1, in mixed precision unless `precision` is "f32". */
function begin({
  precision = {},
  config = tinyConfig,
  gradients = true,
  gradientCheckpointing = false,
  ...options
}: Run) {
  const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 1, gradients });
  model.transformer.training = true;
  model.transformer.gradientCheckpointing = gradientCheckpointing;
  const mixed = precision === "f32" ? undefined : new MixedPrecision(model, precision);
  // An epsilon above rounding: the bias of the keys has no gradient in exact arithmetic.
  const optimizer = new AdamW(model.parameters, { eps: 1e-3, lossScale: mixed?.dynamic });
  const step = new TrainingStep(model, optimizer, { maxGradNorm: 1, ...options, precision: mixed });
  model.parameters.zeroGrad();
  const weights = (): Promise<Float32Array> => device.read(model.parameters.chunks[0].values);
  const end = (): void => [step, optimizer, mixed, model].forEach((each) => each?.destroy());
  return { model, optimizer, step, weights, end };
}

/** Updates from these micro-batches, the same each time: what became of each, and the weights at the end. */
async function updates(count: number, micro: readonly MicroBatch[], options: Run = {}, learningRate = 1e-2) {
  const run = begin(options);
  const results: StepResult[] = [];
  for (let i = 0; i < count; i++) results.push(await (await run.step.run(micro, learningRate)).result);
  const weights = await run.weights();
  run.end();
  return { results, weights, losses: results.map(({ loss, count }) => loss / count) };
}

const apart = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0) / b.reduce((sum, x) => sum + x * x, 0));

describe.runIf(supported)("mixed precision", () => {
  test("200 updates follow those of f32, the mean loss of each ten within 0.2%, while they fall", async () => {
    const micro = [batchOf(12, 7, 9)];
    const [single, mixed] = [
      await updates(200, micro, { precision: "f32" }, 3e-4),
      await updates(200, micro, {}, 3e-4),
    ];
    expect(single.losses[199]).toBeLessThan(0.7 * single.losses[0]);
    const means = ({ losses }: { readonly losses: readonly number[] }): number[] =>
      Array.from({ length: 20 }, (_, i) => losses.slice(10 * i, 10 * i + 10).reduce((sum, loss) => sum + loss, 0) / 10);
    const exact = means(single);
    const off = means(mixed).map((mean, i) => Math.abs(mean / exact[i] - 1));
    expect(Math.max(...off)).toBeLessThan(2e-3);
    expect(Math.max(...off)).toBeGreaterThan(0); // it was another computation
    expect(mixed.results.some(({ overflowed }) => overflowed)).toBe(false);
  });

  test.each(["adamw_torch", "hf_adamw_2020"] as const)(
    "Hugging Face's float64 losses, %s, within 0.2%",
    async (optim) => {
      const { reference, folder } = await loadModelCase("tiny");
      const run = reference.training.find(({ optimizer }) => optimizer === optim)!;
      const model = await GPT2LMHeadModel.fromPretrained(device, folder, { gradients: true });
      const mixed = new MixedPrecision(model);
      const optimizer = new AdamW(model.parameters, {
        betas: run.betas,
        eps: run.eps,
        weightDecay: run.weight_decay,
        form: run.optimizer,
        decay: run.grouping === "2020_script" ? decayAllButBiases : decayMatrices,
        lossScale: mixed.dynamic,
      });
      const options = {
        lossReduction: "mean_of_means",
        maxGradNorm: run.max_grad_norm ?? 0,
        precision: mixed,
      } as const;
      const step = new TrainingStep(model, optimizer, options);
      model.parameters.zeroGrad();
      const per = run.gradient_accumulation_steps;
      for (let i = 0; i < run.steps; i++) {
        const micro = run.micro_batches.slice(i * per, (i + 1) * per).map((ids) => ({ inputIds: ids, labels: ids }));
        const { loss, count, gradNorm } = await (await step.run(micro, run.lr[i])).result;
        expect(Math.abs(loss / count / run.loss[i] - 1)).toBeLessThan(2e-3);
        expect(Math.abs(gradNorm! / run.grad_norm[i] - 1)).toBeLessThan(2e-2);
      }
      for (const each of [step, optimizer, mixed, model]) each.destroy();
    },
  );

  test("a scale that is too large is halved until nothing overflows; what is skipped changes nothing", async () => {
    const run = begin({ precision: { initialScale: 2 ** 24 }, maxSkippedUpdates: 1 });
    let before = await run.weights();
    let scale = 2 ** 24;
    const results: StepResult[] = [];
    for (let i = 0; i < 20; i++) {
      const done = await (await run.step.run([batchOf(12, 7)], 1e-2)).result;
      const after = await run.weights();
      if (done.overflowed) expect(after).toEqual(before);
      else expect(apart(after, before)).toBeGreaterThan(0);
      scale /= done.overflowed ? 2 : 1;
      expect(done.lossScale).toBe(scale);
      before = after;
      results.push(done);
    }
    const made = results.filter(({ overflowed }) => !overflowed);
    expect(results[0].overflowed).toBe(true);
    expect(results.slice(-5).some(({ overflowed }) => overflowed)).toBe(false);
    expect(results.every(({ skippedInARow }) => skippedInARow === 0)).toBe(true); // so that the run has not ended
    expect(made.every(({ gradNorm }) => Number.isFinite(gradNorm))).toBe(true);
    expect(made.at(-1)!.loss).toBeLessThan(0.9 * made[0].loss);
    run.end();
  });

  test("without a scale small gradients vanish, which these tests would see", async () => {
    // Labels that are predicted all but surely: what is left to learn is small.
    const normOf = async (precision: Run["precision"]) =>
      (await updates(1, [batchOf(12)], { precision })).results[0].gradNorm!;
    const exact = await normOf("f32");
    expect(Math.abs((await normOf({})) / exact - 1)).toBeLessThan(2e-3);
    expect(Math.abs((await normOf({ initialScale: 2 ** -24 })) / exact - 1)).toBeGreaterThan(0.1);
  });

  test("costs the launches of f32, and in steady state no WebGPU object", async () => {
    const launches: number[] = [];
    for (const precision of ["f32", {}] as const) {
      const run = begin({ precision, config: tinyConfig.with(DROPOUT) });
      const { counters } = device.batch;
      const look = () => [
        device.pool.created + counters.bindGroups + counters.pipelines,
        counters.dispatches,
        counters.submits,
      ];
      let cost: number[] = [];
      for (let i = 0; i < 4; i++) {
        const before = look();
        await (
          await run.step.run([batchOf(6, 3), batchOf(7, 2)], 1e-3)
        ).result;
        cost = look().map((value, at) => value - before[at]);
      }
      expect([cost[0], cost[2]]).toEqual([0, 1]);
      launches.push(cost[1]);
      run.end();
    }
    expect(launches[1]).toBe(launches[0]);
  });

  test("gradient checkpointing gives the same bits, chunks of logits and packing the same update", async () => {
    const config = tinyConfig.with(DROPOUT);
    const plain = await updates(3, [batchOf(12, 7)], { config });
    const again = await updates(3, [batchOf(12, 7)], { config, gradientCheckpointing: true });
    expect(again.weights).toEqual(plain.weights);
    const chunks = await updates(3, [batchOf(12, 12, 12, 12, 12, 12, 12)], { logitsChunk: 64 });
    const whole = await updates(3, [batchOf(12, 12, 12, 12, 12, 12, 12)]);
    expect(apart(chunks.weights, whole.weights)).toBeLessThan(1e-3);
    const packed = collatePacked([example(5, 1), example(6, 2), example(4, 3)], {
      padId: 0,
      lossOn: "all",
      maxLength: 12,
    });
    const padded = collate([example(5, 1), example(6, 2), example(4, 3)], { padId: 0, lossOn: "all" });
    expect(packed.inputIds.length).toBeLessThan(3);
    expect(apart((await updates(3, [packed])).weights, (await updates(3, [padded])).weights)).toBeLessThan(1e-3);
  });

  test("frozen weights stay, the others learn as in f32", async () => {
    const gradients = (name: string): boolean => name.includes("h.1.");
    const frozen = await updates(4, [batchOf(12, 7)], { gradients });
    const single = await updates(4, [batchOf(12, 7)], { gradients, precision: "f32" });
    for (const [i, loss] of frozen.losses.entries()) expect(Math.abs(loss - single.losses[i])).toBeLessThan(5e-3);
    expect(frozen.losses[3]).toBeLessThan(frozen.losses[0]);
    expect(apart(frozen.weights, single.weights)).toBeLessThan(1e-2);
  });

  test("odd widths, and heads whose size is no multiple of four", async () => {
    const config = tinyConfig.with({ nEmbd: 15, nHead: 3, ...DROPOUT });
    const micro = [batchOf(12, 7)];
    const single = await updates(5, micro, { config, precision: "f32" });
    const mixed = await updates(5, micro, { config, precision: { initialScale: 1024 } });
    expect(mixed.results.some(({ overflowed }) => overflowed)).toBe(false);
    for (const [i, loss] of mixed.losses.entries()) expect(Math.abs(loss - single.losses[i])).toBeLessThan(1e-2);
  });
});

const train = Array.from({ length: 14 }, (_, i) => example(3 + ((i * 5) % 10), i));

/** A run of the Trainer by all ranks; `from`: on from that checkpoint. */
async function trained(
  args: Partial<TrainingArguments>,
  ranks: readonly (Ranks | undefined)[] = [undefined],
  from?: MemoryStore,
) {
  const stores = ranks.map((_, i) => (i === 0 && from) || new MemoryStore());
  const skips: string[] = [];
  const one = async (rank: Ranks | undefined, i: number) => {
    const saved = from?.folders.get("checkpoint-6");
    const model = saved
      ? await GPT2LMHeadModel.fromPretrained(device, saved, { gradients: true })
      : GPT2LMHeadModel.fromConfig(device, tinyConfig.with(DROPOUT), { seed: 1 });
    const trainer = new Trainer({
      model,
      args: {
        ...tinyArgs,
        adamEpsilon: 1e-3,
        maxGradNorm: 0.5,
        maxSteps: 12,
        saveSteps: 6,
        precision: "mixed",
        ...args,
      },
      train,
      evaluation: train.slice(0, 3),
      padId: 0,
      store: stores[i],
      ranks: rank,
      onSkip: (step, reason) => skips.push(`${step} ${reason}`),
    });
    if (saved) await trainer.resume(saved);
    const { logHistory } = await trainer.train();
    trainer.destroy();
    model.destroy();
    return logHistory;
  };
  const [logHistory] = await Promise.all(ranks.map(one));
  const state = JSON.parse(
    new TextDecoder().decode(await stores[0].folders.get("checkpoint-12")!.read("trainer_state.json")),
  ) as Record<string, unknown>;
  return { logHistory, skips, store: stores[0], state, weights: await stores[0].weights("checkpoint-12") };
}

describe.runIf(supported)("a run in mixed precision", () => {
  test("that goes on from a checkpoint is the uninterrupted one, to the bit, loss scale included", async () => {
    const args = { initialLossScale: 2 ** 21, gradientAccumulationSteps: 2 };
    const live = device.pool.liveBytes;
    const whole = await trained(args);
    expect(device.pool.liveBytes).toBe(live);
    expect(whole.skips.length).toBeGreaterThan(0);
    expect(whole.skips[0]).toBe("1 its gradients overflowed half precision, and the loss scale is now 1048576");
    const scale = 2 ** (21 - whole.skips.length);
    expect(whole.state.loss_scale).toEqual({ scale, _growth_tracker: 12 - whole.skips.length });
    expect(whole.logHistory.at(-2)).toMatchObject({ loss_scale: scale });
    expect(whole.state.skipped_updates).toBe(whole.skips.length);
    whole.store.folders.delete("checkpoint-12");
    const resumed = await trained(args, [undefined], whole.store);
    expect(resumed.weights).toEqual(whole.weights);
    expect(resumed.logHistory).toEqual(whole.logHistory);
    expect(resumed.state).toEqual(whole.state);
  });

  test("is another run than one in f32, and one of another initial scale", async () => {
    const { store } = await trained({});
    await expect(trained({ precision: "f32" }, [undefined], store)).rejects.toThrow(
      "--precision was mixed and is float32",
    );
    await expect(trained({ initialLossScale: 1024 }, [undefined], store)).rejects.toThrow("--initial_loss_scale");
  });

  test("of two ranks is that of one process with their micro-batches", async () => {
    const args = { initialLossScale: 2 ** 21 };
    const alone = await trained({ ...args, gradientAccumulationSteps: 2 });
    const together = await trained(args, ranksInProcess(2));
    expect(together.state.loss_scale).toEqual(alone.state.loss_scale);
    for (const [name, values] of together.weights) expect(apart(values, alone.weights.get(name)!)).toBeLessThan(1e-3);
  });
});

describe("what cannot be", () => {
  test.runIf(supported)("an adapter, a scale that is no power of two, attention weights", () => {
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig, { gradients: false });
    model.addAdapter();
    expect(() => new MixedPrecision(model)).toThrow("this one has a LoRA adapter; train that with precision f32");
    expect(() => new MixedPrecision(model, { initialScale: 1000 })).toThrow("wanted a power of 2 from 2^-24 to 2^24");
    expect(() => new MixedPrecision(model, { growthInterval: 0 })).toThrow("wanted at least 1 update");
    model.destroy();
  });

  test("an adapter without half precision is told in one sentence", () => {
    const gpu = { features: new Set() };
    expect(() => new MixedPrecision({ device: { gpu, adapterKey: "swiftshader" } } as never)).toThrow(
      "Mixed precision needs an adapter with the feature shader-f16, which swiftshader lacks; train with precision f32",
    );
  });

  test.runIf(supported)(
    "a step whose optimizer does not know the scale, a Trainer that is told of it elsewhere",
    () => {
      const model = GPT2LMHeadModel.fromConfig(device, tinyConfig);
      const precision = new MixedPrecision(model);
      const optimizer = new AdamW(model.parameters);
      expect(() => new TrainingStep(model, optimizer, { precision })).toThrow("go by different scales");
      expect(() => new Trainer({ model, args: tinyArgs, train, padId: 0, precision })).toThrow(
        'set args.precision to "mixed"',
      );
      for (const each of [optimizer, precision, model]) each.destroy();
    },
  );

  test("a precision that there is not, and a loss scale without one", () => {
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig);
    const make = (args: object) => () => new Trainer({ model, args: { ...tinyArgs, ...args }, train, padId: 0 });
    expect(make({ precision: "f16" })).toThrow('The precision is "f16", wanted "f32" or "mixed".');
    expect(make({ initialLossScale: 8 })).toThrow("initialLossScale belongs to mixed precision");
    model.destroy();
  });
});

test.runIf(supported)("memory is known before, and less than in f32", async () => {
  const config = tinyConfig.with({ vocabSize: 130, nPositions: 64, nEmbd: 64, nLayer: 4 });
  const shape = { batchSize: 4, length: 64 };
  const own = await openDevice();
  const mixedNeeds = await memoryNeeds(own, config, shape, { precision: "mixed" });
  const { activations } = await memoryNeeds(own, config, shape);
  expect(mixedNeeds.activations / activations).toBeLessThan(0.75);
  const model = GPT2LMHeadModel.fromConfig(own, config);
  const mixed = new MixedPrecision(model);
  const optimizer = new AdamW(model.parameters, { lossScale: mixed.dynamic });
  const step = new TrainingStep(model, optimizer, { maxGradNorm: 1, precision: mixed });
  const rows = Array.from({ length: 4 }, (_, b) => Array.from({ length: 64 }, (_, t) => (b * 37 + t * 11) % 130));
  for (let i = 0; i < 3; i++) await (await step.run([{ inputIds: rows, labels: rows }], 1e-3)).result;
  const real = own.pool.peakAllocatedBytes + own.batch.ownBytes;
  expect(mixedNeeds.peak / real).toBeGreaterThan(0.9);
  expect(mixedNeeds.peak / real).toBeLessThan(1.1);
  own.destroy();
});
