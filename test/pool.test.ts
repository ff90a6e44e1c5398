// What the pool keeps: with batches of many lengths little more than the largest takes, and equal ones make nothing
// new.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import fc from "fast-check";
import { BufferPool } from "../src/gpu/buffer-pool.ts";
import type { Device } from "../src/gpu/device.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { generate } from "../src/generation/generate.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { TrainingStep } from "../src/training/step.ts";
import { openDevice } from "./check-kernel.ts";
// oxlint-disable-next-line import/no-unassigned-import -- the seed of this file's properties
import "./property-seed.ts";

const MB = 2 ** 20;

/** A pool on no device, that counts what is destroyed. */
function open(): { pool: BufferPool; destroyed: () => number } {
  let destroyed = 0;
  const pool = new BufferPool({
    gpu: {} as GPUDevice,
    maxBufferBytes: 2 ** 40,
    sendRecorded: () => {},
    createBuffer: ({ size }) => ({ size, destroy: () => destroyed++ }) as unknown as GPUBuffer,
    fail: (error) => {
      throw error;
    },
  });
  return { pool, destroyed: () => destroyed };
}

/** A step over sizes in bytes: each is held until `depth` others were taken after it. */
function step(pool: BufferPool, sizes: readonly number[], depth = 3): Tensor[] {
  const taken: Tensor[] = [];
  const held: Tensor[] = [];
  for (const size of sizes) {
    const tensor = pool.acquire([Math.ceil(size / 4)]);
    taken.push(tensor);
    held.push(tensor);
    if (held.length > depth) pool.release(held.shift()!);
  }
  for (const tensor of held) pool.release(tensor);
  return taken;
}

describe("the pool", () => {
  it("hands out a larger buffer where none of the size is free, but not a much larger one", () => {
    const { pool } = open();
    const [small, large, huge] = [4, 12, 100].map((size) => pool.acquire([size * MB]));
    for (const tensor of [small, large, huge]) pool.release(tensor);
    const first = pool.acquire([4 * MB]);
    expect(first.buffer).toBe(small.buffer);
    const second = pool.acquire([4 * MB - 9]);
    expect(second.buffer).toBe(large.buffer); // 12 is the smallest that holds 4
    expect(second.shape).toEqual([4 * MB - 9]);
    const third = pool.acquire([4 * MB]);
    expect(third.buffer).not.toBe(huge.buffer);
    expect(pool.created).toBe(4);
  });

  it("keeps little more than the largest of batches of many sizes takes, whatever their order", () => {
    const batch = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 30, maxLength: 60 });
    fc.assert(
      fc.property(batch, fc.integer({ min: 1, max: 6 }), (scales, depth) => {
        const { pool } = open();
        for (const scale of scales)
          step(
            pool,
            [8, 24, 8, 32, 96, 8, 3, 200].map((size) => scale * size * MB),
            depth,
          );
        expect(pool.liveBytes).toBe(0);
        expect(pool.allocatedBytes).toBeLessThan(2.2 * pool.peakBytes + 2 * MB);
      }),
      { numRuns: 60 },
    );
  });

  it("comes to make nothing where steps are equal, or alternate between a few kinds", () => {
    const sizes = fc.array(fc.integer({ min: 1000, max: 40 * MB }), { minLength: 1, maxLength: 25 });
    fc.assert(
      fc.property(fc.array(sizes, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 8 }), (kinds, depth) => {
        const { pool } = open();
        const round = (): GPUBuffer[] => kinds.flatMap((kind) => step(pool, kind, depth).map(({ buffer }) => buffer));
        for (let i = 0; i < 40; i++) round();
        const { created } = pool;
        const buffers = round();
        expect(round()).toEqual(buffers);
        expect(pool.created).toBe(created);
      }),
      { numRuns: 60 },
    );
  });

  it("a step that is no larger than the last begins with the same buffers at once", () => {
    const { pool, destroyed } = open();
    const sizes = [8, 24, 8, 32, 96, 8, 3, 200].map((size) => size * MB);
    step(pool, sizes);
    step(pool, sizes);
    const { created } = pool;
    for (let i = 0; i < 5; i++) step(pool, sizes);
    expect([pool.created, destroyed()]).toEqual([created, 0]);
  });
});

describe("batches of many lengths", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  it("generated from keep no more than about what the longest takes", async () => {
    const config = new GPT2Config({ vocabSize: 1000, nPositions: 256, nEmbd: 128, nLayer: 2, nHead: 2 });
    const model = GPT2LMHeadModel.fromConfig(device, config, { gradients: false });
    const decoder = new GPT2Decoder(model);
    const { pool } = device;
    let before = 0; // what a pool that gives nothing back would have by now, at the least: buffers of other sizes
    for (let i = 0; i < 24; i++) {
      const length = 20 + ((i * 67) % 231);
      const prompt = Array.from({ length }, (_, t) => (i * 97 + t * 31) % 1000);
      const rows = 1 + (i % 4);
      const inputIds = Array.from({ length: rows }, () => prompt);
      await generate(decoder, { inputIds, maxNewTokens: 2, numBeams: 1 + (i % 3), padTokenId: 0, eosTokenId: null });
      before += 4 * rows * length * (4 + 3 + 1 + 1) * config.nEmbd; // c_fc's output, c_attn's, attention's, a residual
    }
    expect(before).toBeGreaterThan(3 * pool.peakBytes);
    expect(pool.allocatedBytes).toBeLessThan(1.6 * pool.peakBytes + 2 * MB);
    for (const each of [decoder, model]) each[Symbol.dispose]();
  });

  it("trained on keep no more than about what the longest takes", async () => {
    const config = new GPT2Config({ vocabSize: 1000, nPositions: 96, nEmbd: 64, nLayer: 2, nHead: 2 });
    const model = GPT2LMHeadModel.fromConfig(device, config);
    const optimizer = new AdamW(model.parameters);
    const run = new TrainingStep(model, optimizer, { maxGradNorm: 1 });
    for (let i = 0; i < 14; i++) {
      const length = 8 + ((i * 37) % 89);
      const inputIds = Array.from({ length: 4 }, (_, b) => Array.from({ length }, (_, t) => (b * 97 + t * 31) % 1000));
      await (
        await run.run([{ inputIds, labels: inputIds }], 1e-3)
      ).result;
    }
    const { pool } = device;
    const parameters = 4 * model.parameters.bytes; // values, gradients, moments
    expect(pool.allocatedBytes).toBeLessThan(1.6 * pool.peakBytes);
    expect(parameters).toBeLessThan(pool.peakBytes * 2);
    for (const each of [run, optimizer, model]) each.destroy();
  });
});
