// The memory that training is said to take, against what a real device's pool hands out for it.
import { afterAll, expect, it } from "vitest";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { evaluateLoss } from "../src/training/evaluate.ts";
import { memoryNeeds } from "../src/training/memory-needs.ts";
import type { BatchShape } from "../src/training/memory-needs.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { TrainingStep } from "../src/training/step.ts";

const device = await requestDevice();
afterAll(() => device.destroy());

/** Peak of the pool over three real updates with random tokens, in bytes. */
async function measured(device: Device, config: GPT2Config, shape: BatchShape, evaluation?: BatchShape) {
  const { batchSize, length, tokenTypes } = shape;
  const { pool } = device;
  const model = GPT2LMHeadModel.fromConfig(device, config);
  model.transformer.training = true;
  const optimizer = new AdamW(model.parameters);
  const step = new TrainingStep(model, optimizer, { maxGradNorm: 1 });
  for (let i = 0; i < 3; i++) {
    const rows = Array.from({ length: batchSize }, (_, b) =>
      Array.from({ length }, (_, t) => (b * 37 + t * 11 + i * 5 + ((t * t) % 7)) % config.vocabSize),
    );
    const attentionMask = rows.map((row, b) => row.map((_, t) => (b === 1 && t > length - 3 ? 0 : 1)));
    const tokenTypeIds = tokenTypes ? rows : undefined;
    const { result } = await step.run([{ inputIds: rows, labels: rows, attentionMask, tokenTypeIds }], 1e-3);
    await result;
  }
  if (evaluation) {
    const ids = Array.from({ length: evaluation.length }, (_, i) => i);
    const set = Array.from({ length: evaluation.batchSize }, () => ({
      ids,
      types: Uint8Array.from(ids),
      trimmed: false,
    }));
    await evaluateLoss(model, set, { batchSize: evaluation.batchSize, padId: 0, lossOn: "all" });
  }
  const bytes = pool.peakAllocatedBytes + device.batch.ownBytes;
  for (const each of [step, optimizer, model]) each.destroy();
  return bytes;
}

const config = (fields: object): GPT2Config =>
  new GPT2Config({ nPositions: 96, nLayer: 2, nHead: 2, nEmbd: 32, ...fields });

it.each<[string, GPT2Config, BatchShape]>([
  ["many tokens of a large vocabulary", config({ vocabSize: 3000 }), { batchSize: 4, length: 96 }],
  ["layers and a small vocabulary", config({ vocabSize: 130, nLayer: 5, nEmbd: 64 }), { batchSize: 3, length: 50 }],
  ["heavy weights, one short sequence", config({ vocabSize: 2000, nEmbd: 64 }), { batchSize: 1, length: 7 }],
  ["token types", config({ vocabSize: 700 }), { batchSize: 6, length: 33, tokenTypes: true }],
])("%s", async (_what, config, shape) => {
  const needs = await memoryNeeds(device, config, shape);
  const own = await requestDevice();
  const real = await measured(own, config, shape).finally(() => own.destroy());
  expect(needs.peak / real).toBeGreaterThan(0.95);
  expect(needs.peak / real).toBeLessThan(1.05);
  const { parameters, gradients, moments, activations, logits, staging, peak, largestBuffer } = needs;
  expect(parameters + gradients + moments + activations + logits + staging).toBe(peak);
  expect([gradients, moments]).toEqual([parameters, 2 * parameters].map((bytes) => expect.closeTo(bytes, -4)));
  expect(logits).toBeGreaterThanOrEqual(4 * shape.batchSize * shape.length * config.vocabSize);
  expect(Math.min(activations, staging)).toBeGreaterThan(0);
  expect(largestBuffer).toBeGreaterThanOrEqual(Math.max(parameters, logits));
});

it("counts a larger batch of evaluation", async () => {
  const gpt2 = config({ vocabSize: 500 });
  const [shape, evaluation] = [
    { batchSize: 2, length: 20 },
    { batchSize: 5, length: 96 },
  ];
  const { peak } = await memoryNeeds(device, gpt2, shape, { evaluation });
  const own = await requestDevice();
  const real = await measured(own, gpt2, shape, evaluation).finally(() => own.destroy());
  expect(peak / real).toBeCloseTo(1, 2);
  expect(peak).toBeGreaterThan(1.2 * (await memoryNeeds(device, gpt2, shape)).peak);
});

it("takes nothing of the device, and says so of GPT-2 in a moment", async () => {
  const live = device.pool.allocatedBytes;
  const needs = await memoryNeeds(device, new GPT2Config(), { batchSize: 1, length: 1024 });
  expect(needs.parameters / 4).toBeGreaterThan(124e6);
  expect(needs.peak).toBeLessThan(4e9);
  expect(device.pool.allocatedBytes).toBe(live);
});
