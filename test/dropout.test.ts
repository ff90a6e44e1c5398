// Dropout against the CPU twin of its generator: the same mask forward and backward, other masks at other counters.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dropout } from "../src/autograd/dropout.ts";
import { Tape } from "../src/autograd/tape.ts";
import type { Variable } from "../src/autograd/variable.ts";
import type { Device } from "../src/gpu/device.ts";
import { dropout as launch } from "../src/kernels/dropout.ts";
import { expectClose, garbage, openDevice, randomNormal } from "./check-kernel.ts";
import { keep } from "./oracle/random.ts";

const TABLE = [
  { shape: [1, 1], probability: 0.5 },
  { shape: [57, 253], probability: 0.1 },
  { shape: [3, 5], probability: 0.9 },
  { shape: [130, 768], probability: 0.25 },
];

function oracle(
  x: ArrayLike<number>,
  { probability, seed, step, site }: { probability: number; seed: number; step: number; site: number },
): Float64Array {
  return Float64Array.from(x, (value, i) =>
    keep(seed, step, site, i, Math.round(probability * 2 ** 32)) ? value / (1 - probability) : 0,
  );
}

describe.each([{ limit: undefined }, { limit: 65536 }])("dropout, binding limit $limit", ({ limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  it.each(TABLE)("$shape, probability $probability", async ({ shape, probability }) => {
    const options = { probability, seed: 0xfedcba98, step: 3, site: 17 };
    const xs = randomNormal(shape, 1),
      dys = randomNormal(shape, 2),
      starts = randomNormal(shape, 3);
    const live = device.pool.liveBytes;
    const given: Variable = { value: garbage(device, [1]), requiresGrad: true, name: "given" };
    const upstream = device.tensor(dys, shape);
    const tape = new Tape(device, true);
    let dx: Promise<Float32Array> | undefined;
    const x = tape.record("x", [given], device.tensor(xs, shape), [], (dy) => {
      dx = device.read(dy);
    });
    const y = dropout(tape, x, options);
    const forward = await device.read(y.value);
    tape.backward(
      tape.record("loss", [y], tape.acquire([1]), [], (_dy, into) =>
        into.write(y, (dst) => device.batch.copy(upstream, dst)),
      ),
    );
    expectClose("y", forward, oracle(xs, options), shape, { atol: 0, rtol: 2e-7 });
    expectClose("dx", (await dx)!, oracle(dys, options), shape, { atol: 0, rtol: 2e-7 });
    device.pool.release(given.value);
    expect(device.pool.liveBytes).toBe(live + upstream.buffer.size);

    const sum = device.tensor(starts, shape);
    launch(device.batch, { x: upstream, y: sum, dropout: options, accumulate: true });
    expectClose(
      "accumulated",
      await device.read(sum),
      oracle(dys, options).map((v, i) => v + starts[i]),
      shape,
      { atol: 1e-6, rtol: 1e-6 },
    );
    for (const tensor of [upstream, sum]) device.pool.release(tensor);
  });

  it("draws another mask at another seed, step or site, and drops the asked share", async () => {
    const shape = [64, 250],
      N = 16000,
      base = { probability: 0.3, seed: 1, step: 2, site: 3 };
    const ones = device.tensor(new Float32Array(N).fill(1), shape),
      y = garbage(device, shape);
    const dropped = async (options: typeof base): Promise<boolean[]> => {
      launch(device.batch, { x: ones, y, dropout: options, accumulate: false });
      return Array.from(await device.read(y), (v) => v === 0);
    };
    const first = await dropped(base);
    const share = (mask: boolean[]): number => mask.filter(Boolean).length / N;
    expect(Math.abs(share(first) - 0.3)).toBeLessThan(0.015); // four standard deviations
    for (const other of [
      { ...base, seed: 2 },
      { ...base, step: 3 },
      { ...base, site: 4 },
    ]) {
      const mask = await dropped(other);
      // Independent masks drop an element in both with probability 0.09.
      expect(Math.abs(share(mask.map((is, i) => is && first[i])) - 0.09)).toBeLessThan(0.01);
    }
    for (const tensor of [ones, y]) device.pool.release(tensor);
  });

  it("is nothing at all at probability 0", () => {
    const tape = new Tape(device, true);
    const x: Variable = { value: garbage(device, [4]), requiresGrad: true, name: "x" };
    const { dispatches } = device.batch.counters;
    expect(dropout(tape, x, { probability: 0, seed: 1, step: 1, site: 1 })).toBe(x);
    expect(device.batch.counters.dispatches).toBe(dispatches);
    device.pool.release(x.value);
  });
});
