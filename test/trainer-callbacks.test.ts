// What a Trainer tells while it runs, in its order, by what gpt2-webgpu/train exports; and that looking at the model in
// the midst of a run changes nothing of it.
import { afterAll, beforeAll, expect, test } from "vitest";
import { Trainer } from "../src/entries/train.ts";
import type { Evaluation, LogEntry, Progress, TrainerOptions } from "../src/entries/train.ts";
import { UserError } from "../src/errors.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { generate } from "../src/generation/generate.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { directoryFolder } from "../src/storage/browser-folders.ts";
import { openDevice } from "./check-kernel.ts";
import { contentsOf, FakeDisk } from "./fake-handles.ts";
import { example, tinyArgs, tinyConfig } from "./training-runs.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const train = [4, 5, 6, 7, 5].map(example);
const args = { ...tinyArgs, maxSteps: 5, loggingSteps: 2, evalSteps: 2, saveSteps: 3 };
const config = tinyConfig.with({ residPdrop: 0.2, embdPdrop: 0.1 });

/** The losses of a run, and what `watch` makes of its model. */
async function run(watch: (model: GPT2LMHeadModel) => Partial<TrainerOptions>): Promise<unknown> {
  const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 1 });
  const trainer = new Trainer({ model, args, train, evaluation: train.slice(0, 2), padId: 0, ...watch(model) });
  try {
    return (await trainer.train()).logHistory;
  } finally {
    trainer.destroy();
    model.destroy();
  }
}

test("steps, logs, evaluations, samples and saves are told, each when it is", async () => {
  const told: string[] = [];
  const evaluations: Evaluation[] = [];
  const disk = new FakeDisk();
  await run(() => ({
    onStep: ({ step }) => void told.push(`step ${step}`),
    onLog: (entry) => void told.push(`log ${entry.step} ${"eval_loss" in entry ? "eval_loss" : "loss"}`),
    onEvaluation: (evaluation, { step }) => {
      evaluations.push(evaluation);
      told.push(`evaluation ${step}`);
    },
    sampleSteps: 3,
    onSample: async ({ step }) => void told.push(`sample ${step}`),
    store: directoryFolder(disk.root).checkpoints(),
    onSave: (name) => void told.push(`save ${name}`),
  }));
  const updates = [
    "step 1",
    "log 2 loss, step 2, log 2 eval_loss, evaluation 2",
    "step 3, sample 3, save checkpoint-3",
    "log 4 loss, step 4, log 4 eval_loss, evaluation 4",
    "log 5 loss, step 5, log 5 eval_loss, evaluation 5, sample 5, save checkpoint-5, save ",
  ];
  expect(told.join(", ")).toBe(updates.join(", "));
  expect(evaluations.map(({ loss, perplexity }) => perplexity / Math.exp(loss))).toEqual([1, 1, 1]);
  const files = Object.keys(contentsOf(disk.root));
  expect(files).toEqual(
    expect.arrayContaining(["checkpoint-3/model.safetensors", "checkpoint-5/trainer_state.json", "model.safetensors"]),
  );
});

test("who watches is told the smoothed loss and the norm of what is done", async () => {
  const seen: Progress[] = [];
  const logged = await run(() => ({
    args: { ...args, loggingSteps: 1, evalSteps: 0, saveSteps: 0 },
    // as many labels in each update, so that a mean of losses is one of labels
    train: [0, 1, 2, 3].map((seed) => example(5, seed)),
    onStep: (progress) => void seen.push(progress),
  }));
  const losses = (logged as LogEntry[]).filter((entry) => "loss" in entry);
  expect(seen).toHaveLength(5);
  for (const [i, { smoothedLoss, gradNorm, loss }] of seen.entries()) {
    const weights = losses.slice(0, i + 1).map((_, k) => 0.95 ** (i - k));
    const sum = weights.reduce((total, weight, k) => total + weight * losses[k].loss, 0);
    expect(smoothedLoss).toBeCloseTo(sum / weights.reduce((a, b) => a + b), 5);
    expect([gradNorm, loss]).toEqual([losses[i].grad_norm, losses[i].loss]);
  }
  const unlogged: Progress[] = [];
  await run(() => ({
    args: { ...args, loggingSteps: 9, evalSteps: 0, saveSteps: 0 },
    onStep: (progress) => void unlogged.push(progress),
  }));
  const known = unlogged.map(({ smoothedLoss }) => smoothedLoss !== undefined);
  expect(known).toEqual([false, false, true, true, true]); // the GPU may be two updates behind
  expect(unlogged[3].loss).toBeUndefined();
});

test("checkpoints in a picked folder are rotated, and a run goes on from them", async () => {
  const disk = new FakeDisk();
  const store = directoryFolder(disk.root).checkpoints();
  const rotating = { ...args, saveSteps: 1, saveTotalLimit: 2 };
  const whole = await run(() => ({ args: rotating, store }));
  expect(await store.list()).toEqual(["checkpoint-4", "checkpoint-5"]);
  const from = await store.open("checkpoint-4");
  const model = await GPT2LMHeadModel.fromPretrained(device, from, { gradients: true });
  const trainer = new Trainer({ model, args: rotating, train, evaluation: train.slice(0, 2), padId: 0, store });
  await trainer.resume(from);
  expect((await trainer.train()).logHistory).toEqual(whole);
  trainer.destroy();
  model.destroy();
});

test("sampling in the midst of a run changes nothing of it, dropout included", async () => {
  const texts: number[][] = [];
  const sampled = await run((model) => ({
    sampleSteps: 1,
    onSample: async () => {
      using decoder = new GPT2Decoder(model);
      const request = { inputIds: [[1, 2, 3]], maxNewTokens: 3 };
      texts.push((await generate(decoder, request)).generated[0]);
      const losses: number[] = [];
      for (let i = 0; i < 2; i++) {
        const output = model.forward({ inputIds: [[1, 2, 3]], labels: [[1, 2, 3]] });
        losses.push(await output.loss!.item());
        output.dispose();
      }
      expect(losses[1]).toBe(losses[0]); // without dropout
    },
  }));
  expect(texts.length).toBe(5);
  expect(sampled).toEqual(await run(() => ({})));
});

test("what onSample throws ends the run", async () => {
  const failing = run(() => ({ sampleSteps: 2, onSample: () => Promise.reject(new UserError("no more")) }));
  await expect(failing).rejects.toThrow("no more");
});
