// One AdamW update of a flat range against the float64 formulas, in both forms, over windows and with clipping.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { adamw } from "../src/kernels/adamw.ts";
import { expectClose, garbage, openDevice, randomNormal } from "./check-kernel.ts";
import { OracleAdamW } from "./oracle/adamw.ts";

const OPTIONS = { betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0.1 };
const TABLE = [4, 64, 4096 + 60, 50000].flatMap((size) => [
  { size, form: "adamw_torch" as const },
  { size, form: "hf_adamw_2020" as const },
]);

describe.each([{ limit: undefined }, { limit: 65536 }])("adamw, binding limit $limit", ({ limit }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ maxStorageBufferBindingSize: limit });
  });
  afterAll(() => device.destroy());

  it.each(TABLE)("$size values, $form", async ({ size, form }) => {
    const starts = randomNormal([size], 1),
      gradients = [2, 3, 4].map((seed) => randomNormal([size], seed, { scale: 0.01 }));
    const coefficient = 0.25,
      learningRate = 0.01;
    const values = device.tensor(starts, [size]),
      m = device.tensor(new Float32Array(size), [size]),
      v = device.tensor(new Float32Array(size), [size]);
    const factors = garbage(device, [4]);
    const want = new Map([["p", Float64Array.from(starts)]]);
    const oracle = new OracleAdamW({ form, ...OPTIONS, decays: () => true });
    gradients.forEach((gradient, i) => {
      const grads = device.tensor(gradient, [size]);
      const [c1, c2] = OPTIONS.betas.map((beta) => 1 - beta ** (i + 1));
      device.batch.write(factors, Float32Array.of(3, coefficient, 1 / c1, 1 / Math.sqrt(c2)));
      adamw(device.batch, { values, grads, m, v, factors, form, ...OPTIONS, learningRate });
      device.pool.release(grads);
      oracle.step(want, new Map([["p", Float64Array.from(gradient, (g) => g * coefficient)]]), learningRate);
    });
    expectClose("values", await device.read(values), want.get("p")!, [size], { atol: 1e-6, rtol: 1e-6 });
    for (const tensor of [values, m, v, factors]) device.pool.release(tensor);
  });

  it("leaves everything alone when the coefficient is 0", async () => {
    const starts = randomNormal([64], 1),
      moments = randomNormal([64], 2).map(Math.abs);
    const values = device.tensor(starts, [64]),
      m = device.tensor(moments, [64]),
      v = device.tensor(moments, [64]);
    adamw(device.batch, {
      values,
      m,
      v,
      grads: garbage(device, [64]),
      factors: device.tensor(new Float32Array([NaN, 0, 1, 1]), [4]),
      form: "adamw_torch",
      ...OPTIONS,
      learningRate: 0.1,
    });
    expect(await device.read(values)).toEqual(starts);
    expect(await device.read(m)).toEqual(moments);
    expect(await device.read(v)).toEqual(moments);
  });

  it("refuses ranges of another size", () => {
    const four = garbage(device, [4]),
      eight = garbage(device, [8]);
    expect(() =>
      adamw(device.batch, {
        values: eight,
        m: eight,
        v: four,
        grads: eight,
        factors: garbage(device, [4]),
        form: "adamw_torch",
        ...OPTIONS,
        learningRate: 0.1,
      }),
    ).toThrow("adamw: cannot bind v: shape is [4], expected [8] (as values)");
  });
});
