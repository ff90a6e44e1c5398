// The counter generator of dropout: the GPU makes the CPU twin's decisions, and the numbers look random along every
// counter.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { dropout } from "../src/kernels/dropout.ts";
import { dropoutParams } from "../src/kernels/random.ts";
import { garbage, openDevice } from "./check-kernel.ts";
import { keep, randomU32 } from "./oracle/random.ts";

const WORDS = ["seed", "step", "site", "index"] as const;

/** The generator with one counter at `value` and the others fixed. */
function along(word: (typeof WORDS)[number], value: number): number {
  const [seed, step, site, index] = WORDS.map((name, i) => (name === word ? value : i + 1));
  return randomU32(seed, step, site, index);
}

describe("on the GPU", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  it.each([
    { seed: 0, step: 0, site: 0, probability: 0.5 },
    { seed: 0xffffffff, step: 0x80000001, site: 0xfffffffe, probability: 0.1 },
    { seed: 42, step: 100_000, site: 37, probability: 0.937 },
    { seed: 1, step: 2, site: 3, probability: 1e-3 },
  ])("the same elements are kept, seed $seed step $step site $site probability $probability", async (options) => {
    const N = 5000,
      x = device.tensor(new Float32Array(N).fill(1), [N]),
      y = garbage(device, [N]);
    dropout(device.batch, { x, y, dropout: options, accumulate: false });
    const { drop_below } = dropoutParams(options);
    const want = Array.from({ length: N }, (_, i) => keep(options.seed, options.step, options.site, i, drop_below));
    expect(Array.from(await device.read(y), (value) => value !== 0)).toEqual(want);
    for (const tensor of [x, y]) device.pool.release(tensor);
  });
});

it("parameters: the threshold is the probability in 2^-32, kept values are scaled, nonsense is refused", () => {
  const at = { seed: 1, step: 2, site: 3 };
  expect(dropoutParams({ ...at, probability: 0.25 })).toEqual({ ...at, drop_below: 2 ** 30, keep_scale: 4 / 3 });
  expect(dropoutParams({ ...at, probability: 0 })).toMatchObject({ drop_below: 0, keep_scale: 1 });
  expect(dropoutParams(undefined)).toMatchObject({ drop_below: 0, keep_scale: 1 });
  expect(dropoutParams({ ...at, probability: 1 - 1e-12 }).drop_below).toBe(2 ** 32 - 1);
  for (const probability of [1, -0.1, NaN])
    expect(() => dropoutParams({ ...at, probability })).toThrow("expected 0 <= probability < 1");
});

describe.each(WORDS)("along %s", (word) => {
  const N = 65536;
  const numbers = Array.from({ length: N }, (_, n) => along(word, n));

  it("every byte is uniform: chi-squared of 256 classes below its 1e-5 quantile", () => {
    for (const shift of [0, 8, 16, 24]) {
      const counts = new Float64Array(256);
      for (const number of numbers) counts[(number >>> shift) & 255]++;
      expect(counts.reduce((sum, count) => sum + (count - N / 256) ** 2 / (N / 256), 0)).toBeLessThan(360);
    }
  });

  it("neighbours are uncorrelated", () => {
    for (const lag of [1, 2, 7, 64, 1024]) {
      let sum = 0;
      for (let n = lag; n < N; n++) sum += (numbers[n] / 2 ** 32 - 0.5) * (numbers[n - lag] / 2 ** 32 - 0.5);
      expect(Math.abs((12 * sum) / N)).toBeLessThan(4.5 / Math.sqrt(N));
    }
  });

  it("a flipped input bit flips each output bit about half the time", () => {
    for (let bit = 0; bit < 32; bit++) {
      const flips = new Float64Array(32);
      for (let n = 0; n < 2000; n++) {
        const difference = numbers[n] ^ along(word, (n ^ (1 << bit)) >>> 0);
        for (let b = 0; b < 32; b++) flips[b] += (difference >>> b) & 1;
      }
      for (const count of flips) expect(Math.abs(count / 2000 - 0.5)).toBeLessThan(0.1);
    }
  });
});

it("the statistics notice a bad generator", () => {
  const counts = new Float64Array(256);
  for (let n = 0; n < 65536; n++) counts[(Math.imul(n, 1664525) >>> 8) & 15]++;
  expect(counts.reduce((sum, count) => sum + (count - 256) ** 2 / 256, 0)).toBeGreaterThan(360);
});
