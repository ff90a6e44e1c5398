// Memory of a training step grows no faster than what it works on: straight lines in length, batch, layers and
// vocabulary, since no kernel keeps a square of the length. Counted on a device without a GPU, to the byte.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exponent } from "../bench/exponent.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import type { Device } from "../src/gpu/device.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { memoryNeeds } from "../src/training/memory-needs.ts";

const BASE = { batchSize: 2, length: 256, nLayer: 2, nEmbd: 64, nHead: 2, vocabSize: 1024, nPositions: 4096 };

describe("the memory of a training step", () => {
  let device: Device;
  beforeAll(async () => void (device = await requestDevice()));
  afterAll(() => device.destroy());

  it.each([
    ["length", [256, 512, 1024, 2048, 4096]],
    ["batchSize", [2, 4, 8, 16, 32]],
    ["nLayer", [2, 4, 8, 16]],
    ["vocabSize", [1024, 2048, 4096, 8192]],
  ] as const)("is a straight line over %s", async (axis, xs) => {
    const peaks: number[] = [];
    for (const x of xs) {
      const { batchSize, length, ...config } = { ...BASE, [axis]: x };
      peaks.push((await memoryNeeds(device, new GPT2Config(config), { batchSize, length })).peak);
    }
    // From one doubling to the next the increase doubles; what is rounded to whole tiles and blocks may add a little.
    const steps = peaks.slice(1).map((peak, i) => peak - peaks[i]);
    for (const [i, step] of steps.slice(1).entries()) expect(step / steps[i]).toBeLessThan(2.05);
    expect(exponent(xs, peaks)).toBeLessThan(1);
  });
});

describe("the exponent of a growth", () => {
  it("is that of the power it follows", () => {
    expect(exponent([1, 2, 4, 8], [3, 12, 48, 192])).toBeCloseTo(2, 12);
    expect(exponent([10, 100], [7, 7])).toBeCloseTo(0, 12);
    expect(exponent([1, 2, 4], [8, 4, 2])).toBeCloseTo(-1, 12);
  });
});
