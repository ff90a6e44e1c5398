// The global gradient norm and the clip coefficient against float64, over several buffers, many values and windows.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { gradNorm } from "../src/kernels/grad-norm.ts";
import { garbage, openDevice, randomNormal, ROW_VARIANTS } from "./check-kernel.ts";

describe.each([
  ...ROW_VARIANTS.map((tuning) => ({ ...tuning, tuning, limit: undefined })),
  ...[ROW_VARIANTS[0], ROW_VARIANTS[2]].map((tuning) => ({ ...tuning, tuning, limit: 65536 })),
])("gradient norm, rows by $rows, binding limit $limit", ({ tuning, limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning, maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  async function run(chunks: readonly Float32Array[], maxNorm: number, scale?: number): Promise<[number, number]> {
    const grads = chunks.map((chunk) => device.tensor(chunk, [chunk.length])),
      result = garbage(device, [4]),
      updates = device.tensor(Uint32Array.of(0, 0), [2]);
    gradNorm(device.batch, { grads, maxNorm, scale, result, updates });
    const [norm, coefficient] = await device.read(result);
    expect([...(await device.readU32(updates))]).toEqual(coefficient === 0 ? [1, 0] : [0, 1]);
    for (const tensor of [...grads, result, updates]) device.pool.release(tensor);
    return [norm, coefficient];
  }

  it.each([{ sizes: [4] }, { sizes: [64, 192] }, { sizes: [16384] }, { sizes: [16448, 100032] }])(
    "values $sizes",
    async ({ sizes }) => {
      const chunks = sizes.map((size, i) => randomNormal([size], i, { scale: 0.01 }));
      const want = Math.sqrt(chunks.reduce((sum, chunk) => sum + chunk.reduce((part, g) => part + g * g, 0), 0));
      for (const maxNorm of [0, want / 3, want * 2]) {
        const [norm, coefficient] = await run(chunks, maxNorm);
        expect(Math.abs(norm / want - 1)).toBeLessThan(2e-6);
        expect(Math.abs(coefficient - (maxNorm === 0 ? 1 : Math.min(1, maxNorm / (want + 1e-6))))).toBeLessThan(2e-6);
        expect(await run(chunks, maxNorm)).toEqual([norm, coefficient]);
        // Of a sum divided by a count, as of the mean.
        const [ofSum, factor] = await run(chunks, maxNorm / 16, 1 / 16);
        expect(Math.abs((16 * ofSum) / norm - 1)).toBeLessThan(1e-6);
        expect(Math.abs(factor * 16 - Math.min(1, maxNorm === 0 ? 1 : maxNorm / (want + 16e-6)))).toBeLessThan(4e-6);
      }
    },
  );

  it("adds a constant over half a million values without losing digits", async () => {
    // A running f32 sum would be stuck at 2^24 times the first square, or off in the third digit.
    const [norm] = await run([new Float32Array(1 << 19).fill(0.1)], 1);
    expect(Math.abs(norm / (Math.fround(0.1) * Math.sqrt(1 << 19)) - 1)).toBeLessThan(1e-6);
  });

  it("clips all-zero gradients by nothing", async () => {
    expect(await run([new Float32Array(128)], 1)).toEqual([0, 1]);
  });

  it.each([NaN, Infinity, -Infinity, 1e30])("has coefficient 0 for a gradient of %d", async (bad) => {
    const grads = randomNormal([256], 1);
    grads[77] = bad;
    const [norm, coefficient] = await run([grads], 1);
    expect(Number.isFinite(norm)).toBe(false);
    expect(coefficient).toBe(0);
  });

  it("counts what is skipped in a row, and skips for ever from a limit on", async () => {
    const bad = device.tensor(new Float32Array(64).fill(NaN), [64]);
    const good = device.tensor(new Float32Array(64).fill(1), [64]);
    const result = garbage(device, [4]);
    const updates = device.tensor(Uint32Array.of(0, 0), [2]);
    const seen: [number, boolean][] = [];
    for (const grads of [bad, bad, good, bad, bad, bad, good, bad, good]) {
      gradNorm(device.batch, { grads: [grads], maxNorm: 1, limit: 3, result, updates });
      seen.push([(await device.readU32(updates))[0], (await device.read(result))[1] > 0]);
    }
    expect(seen.map(([count]) => count)).toEqual([1, 2, 0, 1, 2, 3, 4, 5, 6]);
    expect(seen.map(([, made]) => made)).toEqual([false, false, true, false, false, false, false, false, false]);
    expect((await device.readU32(updates))[1]).toBe(1);
    for (const tensor of [bad, good, result, updates]) device.pool.release(tensor);
  });

  it("corrects AdamW's bias by how many updates were made, to the last digits at any age", async () => {
    const grads = [device.tensor(new Float32Array(64).fill(1), [64])];
    const result = garbage(device, [4]);
    for (const betas of [
      [0.9, 0.999],
      [0.5, 0.99999],
      [0, 0],
    ] as const)
      for (const t of [1, 2, 3, 6, 7, 50, 499, 693, 694, 5000, 2e6]) {
        const updates = device.tensor(Uint32Array.of(0, t - 1), [2]);
        gradNorm(device.batch, { grads, maxNorm: 0, betas, result, updates });
        const [, , first, second] = await device.read(result);
        const [want1, want2] = betas.map((beta) => 1 - beta ** t);
        expect(Math.abs(first * want1 - 1), `beta ${betas[0]} after ${t}`).toBeLessThan(1e-6);
        expect(Math.abs(second * Math.sqrt(want2) - 1), `beta ${betas[1]} after ${t}`).toBeLessThan(1e-6);
        device.pool.release(updates);
      }
    for (const tensor of [...grads, result]) device.pool.release(tensor);
  });
});
