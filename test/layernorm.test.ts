// Layer norm against a float64 oracle, forward and backward, in both row variants.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { layerNormBackwardDparams, layerNormBackwardDx, layerNormForward } from "../src/kernels/layernorm.ts";
import { centralDifferences, expectClose, garbage, openDevice, randomNormal, ROW_VARIANTS } from "./check-kernel.ts";
import { layerNorm, layerNormBackward } from "./oracle/ops.ts";

const EPS = 1e-5;
const TABLE = [
  { N: 1, C: 5, mean: 0 },
  { N: 7, C: 1, mean: 0.5 },
  { N: 33, C: 60, mean: 0 },
  { N: 130, C: 253, mean: 0 },
  { N: 4, C: 768, mean: 0 },
  { N: 5, C: 64, mean: 1000 },
];

describe.each(ROW_VARIANTS)("layernorm, rows by $rows", (tuning) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning });
  });
  afterAll(() => device.destroy());

  it.each(TABLE)("N=$N C=$C mean=$mean", async ({ N, C, mean }) => {
    const xs = randomNormal([N, C], 1, { mean }),
      ws = randomNormal([C], 2),
      bs = randomNormal([C], 3),
      dys = randomNormal([N, C], 4);
    const x = device.tensor(xs, [N, C]),
      weight = device.tensor(ws, [C]),
      bias = device.tensor(bs, [C]),
      dy = device.tensor(dys, [N, C]);
    const y = garbage(device, [N, C]),
      stats = garbage(device, [N, 2]),
      dx = garbage(device, [N, C]);
    layerNormForward(device.batch, { x, weight, bias, y, stats, eps: EPS });
    // At mean 1000 the inputs themselves carry 3e-5 of rounding.
    const tolerance = mean === 1000 ? { atol: 1e-3, rtol: 1e-3 } : { atol: 1e-5, rtol: 1e-4 };
    expectClose("y", await device.read(y), layerNorm(xs, ws, bs, EPS).y, [N, C], tolerance);

    const want = layerNormBackward(dys, ws, layerNorm(xs, ws, bs, EPS));
    layerNormBackwardDx(device.batch, { dy, x, weight, stats, dx, accumulate: false });
    expectClose("dx", await device.read(dx), want.dx, [N, C], tolerance);
    layerNormBackwardDx(device.batch, { dy, x, weight, stats, dx, accumulate: true });
    expectClose(
      "dx twice",
      await device.read(dx),
      want.dx.map((v) => 2 * v),
      [N, C],
      tolerance,
    );

    const start = randomNormal([C], 5);
    const dweight = device.tensor(start, [C]),
      dbias = device.tensor(start, [C]);
    layerNormBackwardDparams(device.batch, { dy, x, stats, dweight, dbias });
    const reduction = { atol: 2e-6 * N + tolerance.atol, rtol: tolerance.rtol };
    expectClose(
      "dweight",
      await device.read(dweight),
      want.dweight.map((v, c) => v + start[c]),
      [C],
      reduction,
    );
    expectClose(
      "dbias",
      await device.read(dbias),
      want.dbias.map((v, c) => v + start[c]),
      [C],
      reduction,
    );
    for (const tensor of [x, weight, bias, dy, y, stats, dx, dweight, dbias]) device.pool.release(tensor);
  });
});

it.each(ROW_VARIANTS)("rows beyond one binding go by windows, with the same numbers, rows by $rows", async (tuning) => {
  const N = 700,
    C = 60;
  const values = { x: randomNormal([N, C], 1), dy: randomNormal([N, C], 4) },
    weights = randomNormal([C], 2),
    biases = randomNormal([C], 3);
  const run = async (maxStorageBufferBindingSize?: number) => {
    const device = await openDevice({ maxStorageBufferBindingSize, tuning });
    const x = device.tensor(values.x, [N, C]),
      dy = device.tensor(values.dy, [N, C]),
      weight = device.tensor(weights, [C]),
      bias = device.tensor(biases, [C]);
    const y = garbage(device, [N, C]),
      stats = garbage(device, [N, 2]),
      dx = garbage(device, [N, C]);
    const dweight = device.tensor(new Float32Array(C), [C]),
      dbias = device.tensor(new Float32Array(C), [C]);
    layerNormForward(device.batch, { x, weight, bias, y, stats, eps: EPS });
    layerNormBackwardDx(device.batch, { dy, x, weight, stats, dx, accumulate: false });
    layerNormBackwardDparams(device.batch, { dy, x, stats, dweight, dbias });
    const read = [await device.read(y), await device.read(dx), await device.read(dweight), await device.read(dbias)];
    device.destroy();
    return read;
  };
  const [whole, windows] = [await run(), await run(65536)];
  whole.forEach((want, i) => expectClose(`output ${i}`, windows[i], want, [want.length], { atol: 1e-4, rtol: 1e-5 }));
});

it("the oracle's gradient agrees with central differences", () => {
  const N = 3,
    C = 5,
    x = randomNormal([N, C], 6),
    w = randomNormal([C], 7),
    dy = randomNormal([N, C], 8);
  const f = (point: Float64Array) =>
    layerNorm(point, w, new Float64Array(C), EPS).y.reduce((sum, v, i) => sum + v * dy[i], 0);
  expectClose(
    "dx",
    layerNormBackward(dy, w, layerNorm(x, w, new Float64Array(C), EPS)).dx,
    centralDifferences(f, x),
    [N, C],
    { atol: 1e-7, rtol: 1e-6 },
  );
});

it("a wrong shape is refused by name", async () => {
  const device = await openDevice();
  const t = (shape: number[]) => device.pool.acquire(shape);
  expect(() =>
    layerNormForward(device.batch, {
      x: t([2, 8]),
      weight: t([9]),
      bias: t([8]),
      y: t([2, 8]),
      stats: t([2, 2]),
      eps: EPS,
    }),
  ).toThrow("layernorm: cannot bind weight: shape is [9], expected [8] (C of x)");
  device.destroy();
});
