// Products of few rows, as decoding makes them: right in both variants, and a row's result does not depend on the other rows.
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { matmul } from "../src/kernels/matmul.ts";
import { expectClose, garbage, openDevice, randomNormal, VARIANTS } from "./check-kernel.ts";
import { gelu } from "./oracle/ops.ts";

const CASES = [
  { layout: "nn", M: 1, N: 69, K: 301 }, { layout: "nn", M: 7, N: 68, K: 36 }, { layout: "nt", M: 1, N: 100, K: 516 }, { layout: "nt", M: 5, N: 131, K: 70 },
] as const;
// Rows that count as few, and a number to compare one row with: for many rows where that kernel compiles fast.
const ROWS = { subgroup: { few: 8, most: 17 }, workgroup: { few: 32, most: 32 } };

describe.each(VARIANTS)("products of few rows, $matmul variant", ({ matmul: variant }) => {
  const { few, most } = ROWS[variant];
  let device: Device;
  beforeAll(async () => { device = await openDevice({ tuning: { matmul: variant, matvecRows: few } }); });
  afterAll(() => device.destroy());

  it.each(CASES)("$layout M=$M N=$N K=$K, bias and gelu", async ({ layout, M, N, K }) => {
    const xs = randomNormal([M, K], 1), ws = randomNormal([K, N], 2), biases = randomNormal([N], 3);
    const stored = layout === "nn" ? ws : Float32Array.from({ length: N * K }, (_, i) => ws[(i % K) * N + Math.floor(i / K)]);
    const x = device.tensor(xs, [M, K]), weight = device.tensor(stored, layout === "nn" ? [K, N] : [N, K]), bias = device.tensor(biases, [N]);
    const out = garbage(device, [M, N]);
    matmul(device.batch, { a: x, b: weight, out, layout, epilogue: { kind: "bias_gelu", bias } });
    const want = Float64Array.from({ length: M * N }, (_, i) => {
      let sum = biases[i % N];
      for (let k = 0; k < K; k++) sum += xs[Math.floor(i / N) * K + k] * ws[k * N + i % N];
      return gelu(sum);
    });
    expectClose("out", await device.read(out), want, [M, N], { atol: 1e-6 * K, rtol: 1e-5 });
  });

  it("a row is the same alone and among others", async () => {
    const N = 100, K = 516;
    const weight = device.tensor(randomNormal([N, K], 2), [N, K]), bias = device.tensor(randomNormal([N], 3), [N]);
    const xs = randomNormal([most, K], 1);
    const run = async (first: number, M: number) => {
      const x = device.tensor(xs.slice(first * K, (first + M) * K), [M, K]), out = garbage(device, [M, N]);
      matmul(device.batch, { a: x, b: weight, out, layout: "nt", epilogue: { kind: "bias_gelu", bias } });
      return device.read(out);
    };
    const alone = await run(2, 1);
    const close = { atol: 1e-5, rtol: 1e-6 };
    expectClose("among five", (await run(0, 5)).slice(2 * N, 3 * N), alone, [N], close);
    expectClose(`among ${most}`, (await run(0, most)).slice(2 * N, 3 * N), alone, [N], close);
  });
});
