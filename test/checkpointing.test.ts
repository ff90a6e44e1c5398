// Less memory for the same updates: activations computed again in backward give the same bits, logits by chunks the
// same numbers; both count as memoryNeeds() says, and take no WebGPU object in the steady state.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import type { LoraOptions } from "../src/gpt2/lora-config.ts";
import type { Device } from "../src/gpu/device.ts";
import { evaluateLoss } from "../src/training/evaluate.ts";
import { memoryNeeds } from "../src/training/memory-needs.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { TrainingStep } from "../src/training/step.ts";
import { Trainer } from "../src/training/trainer.ts";
import { expectClose, openDevice } from "./check-kernel.ts";
import { example, MemoryStore, tinyArgs, tinyConfig } from "./training-runs.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const dropping = tinyConfig.with({ embdPdrop: 0.1, attnPdrop: 0.2, residPdrop: 0.3, nPositions: 40 });
const rows = (batchSize: number, length: number): number[][] =>
  Array.from({ length: batchSize }, (_, b) => Array.from({ length }, (_, t) => (b * 11 + t * 7 + t * t) % 37));

interface Way {
  readonly checkpointing?: boolean;
  readonly logitsChunk?: number;
  readonly lora?: LoraOptions;
}

/** Gradients by name of one forward in training, and what it was made of. */
async function gradientsOf({ checkpointing = false, logitsChunk, lora }: Way, inputIds = rows(3, 40)) {
  const model = GPT2LMHeadModel.fromConfig(device, dropping, { gradients: lora === undefined });
  if (lora) {
    model.addAdapter(lora);
    for (const { name, value } of model.trained.all())
      if (name.includes("lora_B"))
        device.batch.write(value, new Float32Array(value.shape[0] * value.shape[1]).fill(0.05));
  }
  model.transformer.training = true;
  model.transformer.gradientCheckpointing = checkpointing;
  const attentionMask = inputIds.map((row, b) => row.map((_, t) => (b === 1 && t > 30 ? 0 : 1)));
  const output = model.forward({ inputIds, labels: inputIds, attentionMask, keepLogits: false, logitsChunk });
  const held = device.pool.liveBytes;
  const loss = await output.loss.item();
  model.transformer.dropoutStep += 5; // another forward before backward draws other masks
  model.transformer.training = false;
  output.loss.backward();
  output.dispose();
  const gradients = new Map<string, Float32Array>();
  for (const { name, grad } of model.trained.trainable()) gradients.set(name, (await device.read(grad!)).slice());
  const live = device.pool.liveBytes;
  model.destroy();
  return { loss, gradients, held: held - live };
}

describe("gradients", () => {
  it.each<[string, Way]>([
    ["all parameters", {}],
    ["an adapter with dropout", { lora: { r: 2, loraDropout: 0.3, targetModules: ["c_attn", "c_proj", "c_fc"] } }],
  ])("activations computed again: the same bits, of %s", async (_what, way) => {
    const live = device.pool.liveBytes;
    const kept = await gradientsOf(way);
    const again = await gradientsOf({ ...way, checkpointing: true });
    expect(again.loss).toBe(kept.loss);
    for (const [name, values] of kept.gradients) expect(again.gradients.get(name), name).toEqual(values);
    expect([...kept.gradients.values()].some((values) => values.some((value) => value !== 0))).toBe(true);
    expect(again.held).toBeLessThan(kept.held / 2);
    expect(device.pool.liveBytes).toBe(live);
  });

  it.each([1, 64, 100, 1000])("logits by %s rows of 120: the same numbers", async (logitsChunk) => {
    const all = await gradientsOf({});
    const parts = await gradientsOf({ logitsChunk, checkpointing: logitsChunk === 64 });
    expect(parts.loss).toBeCloseTo(all.loss, 5);
    for (const [name, values] of all.gradients)
      expectClose(name, parts.gradients.get(name)!, values, [values.length], { atol: 1e-6, rtol: 1e-5 });
    if (logitsChunk < 120) expect(parts.held).toBeLessThan(all.held);
  });

  it("logits by chunks train new tokens' rows, too", async () => {
    const lora = { r: 2, trainableTokenIndices: [3, 4, 30] };
    const all = await gradientsOf({ lora });
    const parts = await gradientsOf({ lora, logitsChunk: 64 });
    for (const [name, values] of all.gradients)
      expectClose(name, parts.gradients.get(name)!, values, [values.length], { atol: 1e-6, rtol: 1e-5 });
  });

  it("chunks are refused where logits are to be kept", () => {
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig);
    const inputIds = rows(1, 5);
    expect(() => model.forward({ inputIds, labels: inputIds, logitsChunk: 64 })).toThrow(UserError);
    expect(() => model.forward({ inputIds, keepLogits: false, logitsChunk: 64 })).toThrow("give labels");
    expect(() => model.forward({ inputIds, labels: inputIds, keepLogits: false, logitsChunk: 0.5 })).toThrow("from 1");
    model.destroy();
  });
});

describe("training", () => {
  it("a run is the same with activations computed again, evaluation by chunks included", async () => {
    const run = async (changes: object): Promise<MemoryStore> => {
      const store = new MemoryStore();
      const model = GPT2LMHeadModel.fromConfig(device, tinyConfig.with({ residPdrop: 0.2 }), { seed: 2 });
      const train = Array.from({ length: 6 }, (_, i) => example(4 + (i % 4), i));
      const trainer = new Trainer({
        model,
        args: { ...tinyArgs, ...changes },
        train,
        evaluation: train,
        padId: 0,
        store,
      });
      await trainer.train();
      trainer.destroy();
      model.destroy();
      return store;
    };
    const plain = await (await run({})).weights("");
    const again = await (await run({ gradientCheckpointing: true })).weights("");
    const both = await (await run({ gradientCheckpointing: true, logitsChunk: 64 })).weights("");
    for (const [name, values] of plain) {
      expect(again.get(name), name).toEqual(values);
      if (!name.includes("c_attn.bias"))
        expectClose(name, both.get(name)!, values, [values.length], { atol: 1e-4, rtol: 1e-3 });
    }
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig);
    const set = [example(9, 1), example(12, 2)];
    const settings = { batchSize: 2, padId: 0, lossOn: "all" } as const;
    const { loss } = await evaluateLoss(model, set, settings);
    expect((await evaluateLoss(model, set, { ...settings, logitsChunk: 64 })).loss).toBeCloseTo(loss, 5);
    model.destroy();
  });

  const config = (fields: object): GPT2Config =>
    new GPT2Config({ nPositions: 96, nLayer: 4, nHead: 2, nEmbd: 64, vocabSize: 900, ...fields });
  it.each<[string, GPT2Config, { batchSize: number; length: number }, object]>([
    ["recomputed", config({}), { batchSize: 3, length: 96 }, { gradientCheckpointing: true }],
    ["by chunks", config({ vocabSize: 3000 }), { batchSize: 4, length: 80 }, { logitsChunk: 64 }],
    ["both", config({ nLayer: 6 }), { batchSize: 2, length: 96 }, { gradientCheckpointing: true, logitsChunk: 64 }],
  ])("%s: the memory that was foreseen, and no new object in the steady state", async (_what, config, shape, way) => {
    const needs = await memoryNeeds(device, config, shape, way);
    expect(needs.peak).toBeLessThan(0.9 * (await memoryNeeds(device, config, shape)).peak);
    const own = await openDevice();
    try {
      const model = GPT2LMHeadModel.fromConfig(own, config);
      model.transformer.training = true;
      model.transformer.gradientCheckpointing = "gradientCheckpointing" in way;
      const optimizer = new AdamW(model.parameters);
      const step = new TrainingStep(model, optimizer, {
        maxGradNorm: 1,
        ...("logitsChunk" in way && { logitsChunk: 64 }),
      });
      const counters: string[] = [];
      for (let i = 0; i < 4; i++) {
        const inputIds = Array.from({ length: shape.batchSize }, (_, b) =>
          Array.from({ length: shape.length }, (_, t) => b * shape.length + t),
        );
        const attentionMask = inputIds.map((row, b) => row.map((_, t) => (b === 0 && t > 90 ? 0 : 1)));
        await (
          await step.run([{ inputIds, labels: inputIds, attentionMask }], 1e-3)
        ).result;
        const { pipelines, bindGroups } = own.batch.counters;
        counters.push([own.pool.created, pipelines, bindGroups].join());
      }
      expect(counters[3]).toBe(counters[2]);
      const real = own.pool.peakAllocatedBytes + own.batch.ownBytes;
      expect(needs.peak / real).toBeGreaterThan(0.9);
      expect(needs.peak / real).toBeLessThan(1.1);
    } finally {
      own.destroy();
    }
  });
});
