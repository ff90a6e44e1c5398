// The training loop as a property: a run that is stopped and resumed ends in the same bits as one that was not; and
// what is logged, saved and refused.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MemoryFolder } from "../src/files/folder.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { TOKEN_TYPE } from "../src/examples/encoded-example.ts";
import type { EncodedExample } from "../src/examples/encoded-example.ts";
import { DEFAULT_ARGUMENTS, totalSteps } from "../src/training/arguments.ts";
import type { TrainingArguments } from "../src/training/arguments.ts";
import { lossChart } from "../src/training/loss-chart.ts";
import { niceTicks } from "../src/drawing/ticks.ts";
import type { Exchange } from "../src/training/exchange.ts";
import { Trainer } from "../src/training/trainer.ts";
import type { LogEntry } from "../src/training/trainer-state.ts";
import { openDevice } from "./check-kernel.ts";
import { example, MemoryStore } from "./training-runs.ts";

const config = new GPT2Config({
  vocabSize: 37,
  nPositions: 12,
  nEmbd: 16,
  nLayer: 1,
  nHead: 2,
  embdPdrop: 0.1,
  attnPdrop: 0.1,
  residPdrop: 0.1,
  initializerRange: 0.1,
});
const examples: EncodedExample[] = Array.from({ length: 11 }, (_, i) => {
  const ids = Array.from({ length: 6 + (i % 5) }, (_, t) => (i * 7 + t * 3) % 37);
  return { ids, types: new Uint8Array(ids.length).fill(TOKEN_TYPE.target) };
});
const args: TrainingArguments = {
  ...DEFAULT_ARGUMENTS,
  perDeviceTrainBatchSize: 2,
  gradientAccumulationSteps: 2,
  learningRate: 1e-2,
  warmupSteps: 2,
  maxSteps: 8,
  loggingSteps: 3,
  saveSteps: 5,
  weightDecay: 0.1,
  seed: 3,
};

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const fresh = () => GPT2LMHeadModel.fromConfig(device, config, { seed: 1 });

describe("resumed = uninterrupted", () => {
  test("weights, moments and log are the same bits, with accumulation, dropout and a stop", async () => {
    const whole = new MemoryStore();
    const result = await new Trainer({
      model: fresh(),
      args,
      train: examples,
      evaluation: examples.slice(0, 3),
      padId: 0,
      store: whole,
    }).train();
    expect(result.finished).toBe(true);

    const checkpoint = whole.folders.get("checkpoint-5")!;
    const model = await GPT2LMHeadModel.fromPretrained(device, checkpoint, { gradients: true });
    const again = new MemoryStore();
    const trainer = new Trainer({
      model,
      args,
      train: examples,
      evaluation: examples.slice(0, 3),
      padId: 0,
      store: again,
    });
    await trainer.resume(checkpoint);
    const resumed = await trainer.train();
    expect(resumed.logHistory).toEqual(result.logHistory);
    for (const file of ["model.safetensors", "optimizer.safetensors", "trainer_state.json"]) {
      expect(await again.folders.get("checkpoint-8")!.read(file), file).toEqual(
        await whole.folders.get("checkpoint-8")!.read(file),
      );
    }
    // And the control: without the moments it ends elsewhere.
    const other = new Trainer({
      model: await GPT2LMHeadModel.fromPretrained(device, checkpoint, { gradients: true }),
      args,
      train: examples,
      padId: 0,
      store: again,
    });
    await other.resume(checkpoint);
    const { moments, stepCount } = other.optimizer.state();
    await other.optimizer.load({
      stepCount,
      shapes: new Map([...moments].map(([name, { shape }]) => [name, shape])),
      read: (name) => new Float32Array(moments.get(name)!.shape.reduce((a, b) => a * b)),
    });
    await other.train();
    expect(await again.folders.get("checkpoint-8")!.read("model.safetensors")).not.toEqual(
      await whole.folders.get("checkpoint-8")!.read("model.safetensors"),
    );
  });

  test("with the optimizer's moments in many files, too", async () => {
    const options = { args: { ...args, saveSteps: 4 }, train: examples, padId: 0, maxShardBytes: 2000 };
    const whole = new MemoryStore();
    await new Trainer({ ...options, model: fresh(), store: whole }).train();
    const checkpoint = whole.folders.get("checkpoint-4")!;
    const files = await checkpoint.list();
    expect(files).toContain("optimizer.safetensors.index.json");
    expect(files.filter((file) => /^optimizer-\d{5}-of-\d{5}\.safetensors$/.test(file)).length).toBeGreaterThan(3);
    const model = await GPT2LMHeadModel.fromPretrained(device, checkpoint, { gradients: true });
    const again = new MemoryStore();
    const trainer = new Trainer({ ...options, model, store: again });
    await trainer.resume(checkpoint);
    await trainer.train();
    for (const file of await again.folders.get("checkpoint-8")!.list()) {
      const want = await whole.folders.get("checkpoint-8")!.read(file);
      expect(await again.folders.get("checkpoint-8")!.read(file), file).toEqual(want);
    }
  });

  test("a signal stops after the update in work and leaves a checkpoint that goes on", async () => {
    const store = new MemoryStore();
    const stop = new AbortController();
    const trainer = new Trainer({
      model: fresh(),
      args,
      train: examples,
      padId: 0,
      store,
      onStep: ({ step }) => {
        if (step === 4) stop.abort();
      },
    });
    expect((await trainer.train(stop.signal)).finished).toBe(false);
    expect([...store.folders.keys()]).toEqual(["checkpoint-4"]);
  });

  test("a signal before the first update leaves nothing, since there is nothing to go on from", async () => {
    const store = new MemoryStore();
    const trainer = new Trainer({ model: fresh(), args, train: examples, padId: 0, store });
    const ended = await trainer.train(AbortSignal.abort());
    expect(ended).toEqual({ finished: false, finalStep: 0, logHistory: [] });
    expect(store.folders.size).toBe(0);
  });

  test.each<[string, string | undefined, RegExp]>([
    ["trainer_state.json", undefined, /no trainer_state\.json; wanted a checkpoint/],
    ["trainer_state.json", "{}", /fingerprint is missing, wanted a JSON object/],
    ["trainer_state.json", "null", /its content is null, wanted a JSON object/],
    ["trainer_state.json", "{", /not valid JSON/],
  ])("a checkpoint whose %s is %s is refused", async (file, text, message) => {
    const store = new MemoryStore();
    const trainer = new Trainer({ model: fresh(), args: { ...args, maxSteps: 1 }, train: examples, padId: 0, store });
    await trainer.train();
    const whole = store.folders.get("checkpoint-1")!;
    const files = new Map<string, Uint8Array | string>();
    for (const name of await whole.list()) files.set(name, await whole.read(name));
    if (text === undefined) files.delete(file);
    else files.set(file, text);
    await expect(trainer.resume(new MemoryFolder("c", files))).rejects.toThrow(message);
  });
});

test("the loss falls, the log has Hugging Face's fields, old checkpoints go", async () => {
  const store = new MemoryStore();
  const logged: LogEntry[] = [];
  const model = GPT2LMHeadModel.fromConfig(device, config.with({ embdPdrop: 0, attnPdrop: 0, residPdrop: 0 }), {
    seed: 1,
  });
  const trainer = new Trainer({
    model,
    args: { ...args, maxSteps: 30, warmupSteps: 0, loggingSteps: 10, evalSteps: 10, saveSteps: 10, saveTotalLimit: 2 },
    train: examples,
    evaluation: examples,
    padId: 0,
    store,
    extraFiles: new Map([["beside.txt", "x"]]),
    onLog: (entry) => logged.push(entry),
  });
  await trainer.train();
  const losses = logged.filter((entry) => "loss" in entry);
  expect(losses.map(({ step }) => step)).toEqual([10, 20, 30]);
  expect(losses[2].loss).toBeLessThan(0.8 * losses[0].loss);
  expect(Object.keys(losses[0]).sort()).toEqual(["epoch", "grad_norm", "learning_rate", "loss", "step"]);
  expect(logged.filter((entry) => "eval_loss" in entry).map(({ step }) => step)).toEqual([10, 20, 30]);
  expect([...store.folders.keys()].sort()).toEqual(["", "checkpoint-20", "checkpoint-30"]);
  expect(await store.folders.get("")!.has("beside.txt")).toBe(true);
  const state = JSON.parse(
    new TextDecoder().decode(await store.folders.get("checkpoint-30")!.read("trainer_state.json")),
  );
  expect(state).toMatchObject({ global_step: 30, max_steps: 30, save_steps: 10, train_batch_size: 2 });

  // Evaluation is the mean over tokens, whatever the batches.
  const one = await new Trainer({
    model,
    args: { ...args, perDeviceEvalBatchSize: 1 },
    train: examples,
    padId: 0,
  }).evaluate(examples);
  const many = await new Trainer({
    model,
    args: { ...args, perDeviceEvalBatchSize: 7 },
    train: examples,
    padId: 0,
  }).evaluate(examples);
  expect(many.loss).toBeCloseTo(one.loss, 5);
  expect(many.tokens).toBe(examples.reduce((sum, { ids }) => sum + ids.length - 1, 0));
});

test("padding to a multiple changes no loss, though rows are longer", async () => {
  const run = async (padToMultipleOf: number): Promise<{ losses: number[]; positions: number }> => {
    const model = GPT2LMHeadModel.fromConfig(device, config.with({ embdPdrop: 0, attnPdrop: 0, residPdrop: 0 }), {
      seed: 1,
    });
    let positions = 0;
    const trainer = new Trainer({
      model,
      args: { ...args, maxSteps: 3, loggingSteps: 1, padToMultipleOf },
      train: examples,
      padId: 0,
      onStep: (step) => {
        positions = step.positions;
      },
    });
    const { logHistory } = await trainer.train();
    return { losses: logHistory.flatMap((entry) => ("loss" in entry ? [Number(entry.loss)] : [])), positions };
  };
  const [tight, padded] = [await run(1), await run(8)];
  expect(padded.positions).toBeGreaterThan(tight.positions);
  expect(padded.losses).toHaveLength(3);
  padded.losses.forEach((loss, i) => expect(loss).toBeCloseTo(tight.losses[i], 5));
});

test("a loss that is no longer a number ends the run with the reason", async () => {
  const trainer = new Trainer({
    model: fresh(),
    args: { ...args, learningRate: 1e30, warmupSteps: 0, maxGradNorm: 0, loggingSteps: 1 },
    train: examples,
    padId: 0,
  });
  await expect(trainer.train()).rejects.toThrow(/diverged.*lower --learning_rate/);
});

test("gradients that are not finite skip updates, are counted, and so many in a row end the run by name", async () => {
  /** Another process's gradient of one parameter is NaN in the updates named. */
  const poison = (model: GPT2LMHeadModel, updates: readonly number[]): Exchange => {
    let at = 0;
    return (_, counts) => {
      at++;
      // What is looked at again after the end is as it was.
      if (updates.includes(at) || at > 8)
        device.batch.write(model.parameters.get(bad).grad!, Float32Array.of(Infinity));
      return counts;
    };
  };
  const bad = "transformer.h.0.mlp.c_fc.bias";
  const skipped: number[] = [];
  const run = (updates: readonly number[], store: MemoryStore) => {
    const model = fresh();
    const options = { args: { ...args, loggingSteps: 4, saveSteps: 1, maxSkippedUpdates: 2 }, train: examples };
    const exchange = poison(model, updates);
    return new Trainer({ ...options, model, padId: 0, store, exchange, onSkip: (step) => skipped.push(step) });
  };
  const some = new MemoryStore();
  const { finished, logHistory } = await run([2, 4, 7], some).train();
  expect(finished).toBe(true);
  expect(skipped).toEqual([2, 4, 7]);
  expect(logHistory.map((entry) => entry.skipped_updates)).toEqual([2, 1]);
  expect(logHistory.every((entry) => Number.isFinite(entry.loss) && Number.isFinite(entry.grad_norm))).toBe(true);
  expect(await some.weights("checkpoint-4")).toEqual(await some.weights("checkpoint-3"));
  expect(await some.weights("checkpoint-5")).not.toEqual(await some.weights("checkpoint-4"));

  const store = new MemoryStore();
  const trainer = run([2, 4, 5, 6, 7, 8], store);
  await expect(trainer.train()).rejects.toThrow(
    /last 2 updates in a row up to step 5 are not finite, first in transformer\.h\.0\.mlp\.c_fc\.bias: .*diverged/,
  );
  expect([...store.folders.keys()]).toEqual(["checkpoint-1", "checkpoint-2", "checkpoint-3", "checkpoint-4"]);
});

describe("labels", () => {
  const lengths = [1, 1, 1, 5, 1, 6, 1, 1];
  test.each([{ groupByLength: false }, { groupByLength: true }])(
    "examples of one token stop nothing: batches of 1, group by length $groupByLength",
    async ({ groupByLength }) => {
      const seen: { step: number; reason: string }[] = [];
      const some = {
        ...args,
        perDeviceTrainBatchSize: 1,
        gradientAccumulationSteps: 1,
        groupByLength,
        loggingSteps: 1,
      };
      const trainer = new Trainer({
        model: fresh(),
        args: { ...some, maxSteps: 16, saveSteps: 0 },
        train: lengths.map(example),
        evaluation: [3, 1].map(example),
        padId: 0,
        onSkip: (step, reason) => seen.push({ step, reason }),
      });
      const { finished, logHistory } = await trainer.train();
      expect(finished).toBe(true);
      expect(seen).toHaveLength(12);
      expect(seen[0].reason).toMatch(/no label/);
      expect(logHistory.filter((entry) => "loss" in entry)).toHaveLength(4);
      expect(trainer.optimizer.stepCount).toBe(4);
    },
  );

  test("data without any are refused, those to evaluate on, too", () => {
    const options = { model: fresh(), args, padId: 0 };
    expect(() => new Trainer({ ...options, train: [1, 1].map(example) })).toThrow(
      "None of the 2 training examples has a token to learn",
    );
    expect(() => new Trainer({ ...options, train: examples, evaluation: [example(1, 1)] })).toThrow(
      "None of the 1 evaluation examples has a token to learn",
    );
  });
});

test("a device lost in mid-run ends it with the reason, and what was saved is whole", async () => {
  const own = await openDevice();
  const store = new MemoryStore();
  const model = GPT2LMHeadModel.fromConfig(own, config, { seed: 1 });
  const trainer = new Trainer({
    model,
    args: { ...args, saveSteps: 2 },
    train: examples,
    padId: 0,
    store,
    onStep: ({ step }) => {
      if (step === 3) own.gpu.destroy();
    },
  });
  await expect(trainer.train()).rejects.toThrow(/device was lost/);
  expect([...store.folders.keys()]).toEqual(["checkpoint-2"]);
  await GPT2LMHeadModel.fromPretrained(device, store.folders.get("checkpoint-2")!);
});

test("a trainer that is destroyed has given its memory back", async () => {
  const model = fresh();
  const before = device.pool.liveBytes;
  const trainer = new Trainer({ model, args: { ...args, maxSteps: 2 }, train: examples, padId: 0 });
  await trainer.train();
  trainer.destroy();
  expect(device.pool.liveBytes).toBe(before);
});

test("updates are counted as Hugging Face's Trainer does: what is left at an epoch's end is one, so is a part", () => {
  const count = (batches: number, numTrainEpochs: number, gradientAccumulationSteps: number): number =>
    totalSteps({ ...args, maxSteps: -1, numTrainEpochs, gradientAccumulationSteps }, batches);
  expect([count(6, 2, 3), count(7, 2, 3), count(3, 0.1, 4), count(8, 1.5, 2), count(5, 3, 1)]).toEqual([
    4, 6, 1, 6, 15,
  ]);
  expect(() => count(3, 0, 4)).toThrow("3 batches an epoch, 0 epochs and 4 batches an update");
});

test("the loss chart of a million entries is drawn, with its extremes, and stays small", () => {
  const history = Array.from({ length: 1_000_000 }, (_, i) => ({
    step: i + 1,
    epoch: 0,
    ...(i % 10 === 9 ? { eval_loss: 5 } : { loss: i === 777_777 ? 99 : 3 + Math.sin(i) }),
  }));
  const chart = lossChart(history);
  expect(chart.length).toBeLessThan(300_000);
  const heights = chart
    .match(/points="([^"]*)"/)![1]
    .split(" ")
    .map((point) => Number(point.split(",")[1]));
  expect(heights.length).toBeGreaterThan(700);
  expect(heights.filter((y) => y < 40)).toHaveLength(1); // the one peak
});

test("the loss chart is an SVG with a point for each entry and round ticks", () => {
  const chart = lossChart([
    { step: 1, epoch: 0, loss: 3 },
    { step: 2, epoch: 0, loss: 2 },
    { step: 2, epoch: 0, eval_loss: 2.5 },
  ]);
  expect(chart).toMatch(/^<svg[^>]*>/);
  expect(chart.match(/points="([^"]*)"/)![1].split(" ")).toHaveLength(2);
  expect(chart.match(/<circle/g)).toHaveLength(1);
  expect(niceTicks(0, 10)).toEqual([0, 2, 4, 6, 8, 10]);
  expect(niceTicks(5, 5).length).toBeGreaterThan(1);
});
