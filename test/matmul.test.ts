// Matrix products in all layouts and both variants against float64, by themselves, with epilogues, padded and in windows.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { matmul } from "../src/kernels/matmul.ts";
import type { Layout } from "../src/kernels/matmul.ts";
import { geluBackward } from "../src/kernels/gelu.ts";
import { expectClose, garbage, openDevice, randomNormal, VARIANTS } from "./check-kernel.ts";
import { gelu, geluDerivative } from "./oracle/ops.ts";

const LAYOUTS = ["nn", "nt", "tn"] as const;
const SIZES = [
  { M: 1, N: 1, K: 1 }, { M: 33, N: 5, K: 3 }, { M: 35, N: 68, K: 64 }, { M: 70, N: 131, K: 37 }, { M: 130, N: 64, K: 66 }, { M: 40, N: 36, K: 300 },
];

/** a[i, k] and b[k, j] as the layout stores them, in rows of `aStride` and `bStride`. */
function product(a: ArrayLike<number>, b: ArrayLike<number>, layout: Layout, M: number, N: number, K: number, aStride: number, bStride: number): Float64Array {
  const out = new Float64Array(M * N);
  for (let i = 0; i < M; i++) for (let j = 0; j < N; j++) for (let k = 0; k < K; k++) {
    out[i * N + j] += (layout === "tn" ? a[k * aStride + i] : a[i * aStride + k]) * (layout === "nt" ? b[j * bStride + k] : b[k * bStride + j]);
  }
  return out;
}

const shapes = (layout: Layout, M: number, N: number, K: number) => ({
  a: layout === "tn" ? [K, M] : [M, K], b: layout === "nt" ? [N, K] : [K, N],
});
const tolerance = (K: number) => ({ atol: 1e-6 * (4 + K), rtol: 1e-5 });

describe.each(VARIANTS)("matmul, $matmul variant", ({ matmul: variant }) => {
  let device: Device;
  beforeAll(async () => { device = await openDevice({ tuning: { matmul: variant } }); });
  afterAll(() => device.destroy());

  describe.each(LAYOUTS)("%s", (layout) => {
    it.each(SIZES)("M=$M N=$N K=$K", async ({ M, N, K }) => {
      const { a: aShape, b: bShape } = shapes(layout, M, N, K);
      const as = randomNormal(aShape, 1), bs = randomNormal(bShape, 2);
      const a = device.tensor(as, aShape), b = device.tensor(bs, bShape), out = garbage(device, [M, N]);
      const want = product(as, bs, layout, M, N, K, aShape[1], bShape[1]);
      matmul(device.batch, { a, b, out, layout });
      expectClose("out", await device.read(out), want, [M, N], tolerance(K));
      matmul(device.batch, { a, b, out, layout, accumulate: true });
      expectClose("out twice", await device.read(out), want.map((v) => 2 * v), [M, N], tolerance(2 * K));
      for (const tensor of [a, b, out]) device.pool.release(tensor);
    });

    it("padded rows are neither read nor written past the matrix", async () => {
      const M = 37, N = 70, K = 45, pad = 64;
      const wide = (size: number) => Math.ceil(size / pad) * pad;
      const aShape = layout === "tn" ? [K, wide(M)] : [M, wide(K)], bShape = layout === "nt" ? [N, wide(K)] : [K, wide(N)];
      const as = randomNormal(aShape, 1), bs = randomNormal(bShape, 2);
      const [aWidth, bWidth] = [layout === "tn" ? M : K, layout === "nt" ? K : N];
      for (let i = 0; i < as.length; i++) if (i % aShape[1] >= aWidth) as[i] = NaN;
      for (let i = 0; i < bs.length; i++) if (i % bShape[1] >= bWidth) bs[i] = NaN;
      const a = device.tensor(as, aShape), b = device.tensor(bs, bShape);
      const out = device.tensor(new Float32Array(M * wide(N)).fill(7), [M, wide(N)]);
      matmul(device.batch, { a, b, out, layout, m: M, n: N, k: K });
      const got = await device.read(out);
      const want = product(as, bs, layout, M, N, K, aShape[1], bShape[1]);
      const padded = Float64Array.from(got, (_, i) => (i % wide(N) < N ? want[Math.floor(i / wide(N)) * N + i % wide(N)] : 7));
      expectClose("out", got, padded, [M, wide(N)], tolerance(K));
      for (const tensor of [a, b, out]) device.pool.release(tensor);
    });
  });

  it.each([{ M: 35, N: 36, K: 20 }, { M: 34, N: 71, K: 33 }])("epilogues, M=$M N=$N K=$K", async ({ M, N, K }) => {
    const as = randomNormal([M, K], 1), bs = randomNormal([K, N], 2), biases = randomNormal([N], 3), residuals = randomNormal([M, N], 4);
    const a = device.tensor(as, [M, K]), b = device.tensor(bs, [K, N]), bias = device.tensor(biases, [N]), residual = device.tensor(residuals, [M, N]);
    const u = product(as, bs, "nn", M, N, K, K, N).map((v, i) => v + biases[i % N]);
    const run = async (name: string, epilogue: Parameters<typeof matmul>[1]["epilogue"], want: Float64Array) => {
      const out = garbage(device, [M, N]);
      matmul(device.batch, { a, b, out, layout: "nn", epilogue });
      expectClose(name, await device.read(out), want, [M, N], { atol: 5e-5, rtol: 1e-5 });
      device.pool.release(out);
    };
    await run("bias", { kind: "bias", bias }, u);
    await run("bias_residual", { kind: "bias_residual", bias, residual }, u.map((v, i) => v + residuals[i]));
    await run("bias_gelu", { kind: "bias_gelu", bias }, u.map(gelu));
    const preactivation = garbage(device, [M, N]);
    await run("bias_gelu", { kind: "bias_gelu", bias, preactivation }, u.map(gelu));
    expectClose("preactivation", await device.read(preactivation), u, [M, N], { atol: 5e-5, rtol: 1e-5 });
    for (const tensor of [a, b, bias, residual, preactivation]) device.pool.release(tensor);
  });
});

describe.each(VARIANTS)("matmul in windows of 65536 bytes, $matmul variant", ({ matmul: variant }) => {
  let device: Device;
  beforeAll(async () => { device = await openDevice({ maxStorageBufferBindingSize: 65536, tuning: { matmul: variant } }); });
  afterAll(() => device.destroy());

  it.each([
    { layout: "nn", M: 300, N: 100, K: 320 }, { layout: "nt", M: 300, N: 300, K: 129 }, { layout: "tn", M: 257, N: 120, K: 330 },
  ] as const)("$layout, every operand larger than a binding", async ({ layout, M, N, K }) => {
    const { a: aShape, b: bShape } = shapes(layout, M, N, K);
    const as = randomNormal(aShape, 1), bs = randomNormal(bShape, 2), biases = randomNormal([N], 3), residuals = randomNormal([M, N], 4);
    const a = device.tensor(as, aShape), b = device.tensor(bs, bShape), bias = device.tensor(biases, [N]), residual = device.tensor(residuals, [M, N]);
    const out = garbage(device, [M, N]), preactivation = garbage(device, [M, N]);
    const sum = product(as, bs, layout, M, N, K, aShape[1], bShape[1]);
    const u = sum.map((v, i) => v + biases[i % N]);
    matmul(device.batch, { a, b, out, layout, epilogue: { kind: "bias_residual", bias, residual } });
    expectClose("bias_residual", await device.read(out), u.map((v, i) => v + residuals[i]), [M, N], tolerance(K));
    matmul(device.batch, { a, b, out, layout, epilogue: { kind: "bias_gelu", bias, preactivation } });
    expectClose("bias_gelu", await device.read(out), u.map(gelu), [M, N], tolerance(K));
    expectClose("preactivation", await device.read(preactivation), u, [M, N], tolerance(K));
    matmul(device.batch, { a, b, out, layout });
    matmul(device.batch, { a, b, out, layout, accumulate: true });
    expectClose("accumulated", await device.read(out), sum.map((v) => 2 * v), [M, N], tolerance(2 * K));
    const dys = randomNormal([M, N], 5);
    const dy = device.tensor(dys, [M, N]);
    geluBackward(device.batch, { dy, u: preactivation });
    expectClose("gelu backward", await device.read(dy), u.map((v, i) => dys[i] * geluDerivative(v)), [M, N], { atol: 1e-4, rtol: 1e-5 });
  });
});

it("gelu's derivative is finite and right for large arguments", async () => {
  const device = await openDevice();
  const values = Float32Array.from([-1e10, -60, -20, -3, -1e-3, 0, 0.5, 3, 20, 60, 1e10]);
  const u = device.tensor(values, [11]), dy = device.tensor(new Float32Array(11).fill(1), [11]);
  geluBackward(device.batch, { dy, u });
  expectClose("derivative", await device.read(dy), Array.from(values, geluDerivative), [11], { atol: 1e-5, rtol: 1e-5 });
  device.destroy();
});

it("shapes that do not fit are refused by name", async () => {
  const device = await openDevice();
  const t = (...shape: number[]) => device.pool.acquire(shape);
  const { batch } = device;
  expect(() => matmul(batch, { a: t(4, 8), b: t(9, 5), out: t(4, 5), layout: "nn" })).toThrow("matmul nn: cannot bind b: shape is [9,5], expected [8,5]");
  expect(() => matmul(batch, { a: t(4, 64), b: t(9, 5), out: t(4, 5), layout: "nn", k: 9 })).not.toThrow();
  expect(() => matmul(batch, { a: t(4, 8), b: t(5, 8), out: t(4, 64), layout: "nt" })).toThrow("matmul nt: cannot bind b: shape is [5,8], expected [64,8]");
  expect(() => matmul(batch, { a: t(4, 8), b: t(8, 5), out: t(4, 5), layout: "nn", epilogue: { kind: "bias", bias: t(4) } })).toThrow("expected [5] (columns of out)");
  device.destroy();
});
