// Products of few rows, as decoding makes them: right in both variants, and a row's result does not depend on the other
// rows.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import { matmul } from "../src/kernels/matmul.ts";
import type { Epilogue } from "../src/kernels/matmul.ts";
import { normalizesInside } from "../src/kernels/matmul-plan.ts";
import { asKept, expectClose, garbage, KEPT, keptTensor, openDevice, randomNormal, VARIANTS } from "./check-kernel.ts";
import type { Kept } from "./check-kernel.ts";
import { gelu, layerNorm } from "./oracle/ops.ts";

const CASES = [
  { layout: "nn", M: 1, N: 69, K: 301 },
  { layout: "nn", M: 7, N: 68, K: 36 },
  { layout: "nt", M: 1, N: 100, K: 516 },
  { layout: "nt", M: 5, N: 131, K: 70 },
] as const;
// With a layer norm before: rows that fill a turn and that do not, rows that take more than one load a thread or lane,
// and one whose mean is large against its spread. The workgroup variant, slow to compile on software adapters, takes
// the first few.
const NORMED = [
  { layout: "nn", M: 1, N: 36, K: 1036, epilogue: "bias_gelu" },
  { layout: "nn", M: 3, N: 132, K: 4, epilogue: "bias" },
  { layout: "nt", M: 5, N: 131, K: 72, epilogue: undefined },
  { layout: "nn", M: 7, N: 68, K: 36, epilogue: "bias" },
  { layout: "nt", M: 1, N: 69, K: 516, epilogue: undefined },
] as const;
const NORMED_HALVES = [
  { layout: "nn", M: 1, N: 36, K: 1036, epilogue: "bias_gelu" },
  { layout: "nt", M: 5, N: 131, K: 72, epilogue: undefined },
] as const;
const APART = [
  { why: "rows are not read by fours", layout: "nn", M: 2, N: 8, K: 6, epilogue: "bias" },
  { why: "columns are not read by fours", layout: "nn", M: 2, N: 7, K: 8, epilogue: undefined },
  { why: "rows are not few", layout: "nn", M: 9, N: 8, K: 8, epilogue: "bias_gelu" },
] as const;
const EPSILON = 1e-5;
// Rows that count as few, and a number to compare one row with: for many rows where that kernel compiles fast.
const ROWS = { subgroup: { few: 8, most: 17 }, workgroup: { few: 32, most: 32 } };

/** x normalised, times b, plus bias, gelu, in the number of launches that is expected. */
async function checkNormed(
  device: Device,
  {
    layout,
    M,
    N,
    K,
    epilogue: kind,
    kept = "f32",
  }: {
    readonly layout: "nn" | "nt";
    readonly M: number;
    readonly N: number;
    readonly K: number;
    readonly epilogue: "bias" | "bias_gelu" | undefined;
    readonly kept?: Kept;
  },
  inside: boolean,
  launches = inside ? 1 : 2,
): Promise<void> {
  const xs = randomNormal([M, K], 1),
    ws = asKept(randomNormal([K, N], 2, { scale: K ** -0.5 }), kept),
    biases = randomNormal([N], 3);
  for (let k = 0; k < K; k++) xs[k] += 1000;
  const stored =
    layout === "nn" ? ws : Float32Array.from({ length: N * K }, (_, i) => ws[(i % K) * N + Math.floor(i / K)]);
  const gains = randomNormal([K], 4, { mean: 1, scale: 0.3 }),
    shifts = randomNormal([K], 5);
  const x = device.tensor(xs, [M, K]),
    b = keptTensor(device, stored, layout === "nn" ? [K, N] : [N, K], kept),
    bias = device.tensor(biases, [N]);
  const norm = { weight: device.tensor(gains, [K]), bias: device.tensor(shifts, [K]), epsilon: EPSILON };
  const stride = layout === "nt" ? Math.ceil(N / 64) * 64 : N,
    out = device.tensor(new Float32Array(M * stride).fill(7), [M, stride]);
  const { dispatches } = device.batch.counters;
  const live = device.pool.liveBytes;
  expect(normalizesInside(device, layout, M, b)).toBe(inside);
  matmul(device.batch, { a: x, b, out, layout, n: N, norm, epilogue: kind && ({ kind, bias } as Epilogue) });
  expect(device.batch.counters.dispatches - dispatches).toBe(launches);
  expect(device.pool.liveBytes).toBe(live);
  const { y } = layerNorm(xs, gains, shifts, EPSILON);
  const want = Float64Array.from({ length: M * stride }, (_, i) => {
    const row = Math.floor(i / stride),
      column = i % stride;
    if (column >= N) return 7;
    let sum = kind ? biases[column] : 0;
    for (let k = 0; k < K; k++) sum += y[row * K + k] * ws[k * N + column];
    return kind === "bias_gelu" ? gelu(sum) : sum;
  });
  const got = await device.read(out);
  expectClose("the row of large mean", got.subarray(0, stride), want.subarray(0, stride), [stride], {
    atol: 2e-3,
    rtol: 1e-3,
  });
  expectClose("the others", got.subarray(stride), want.subarray(stride), [M - 1, stride], { atol: 1e-5, rtol: 1e-5 });
}

/** x times b, plus bias, gelu. */
async function checkPlain(
  device: Device,
  { layout, M, N, K, kept }: (typeof CASES)[number] & { readonly kept: Kept },
): Promise<void> {
  const xs = randomNormal([M, K], 1),
    ws = asKept(randomNormal([K, N], 2), kept),
    biases = randomNormal([N], 3);
  const stored =
    layout === "nn" ? ws : Float32Array.from({ length: N * K }, (_, i) => ws[(i % K) * N + Math.floor(i / K)]);
  const x = device.tensor(xs, [M, K]),
    weight = keptTensor(device, stored, layout === "nn" ? [K, N] : [N, K], kept),
    bias = device.tensor(biases, [N]);
  const out = garbage(device, [M, N]);
  matmul(device.batch, { a: x, b: weight, out, layout, epilogue: { kind: "bias_gelu", bias } });
  const want = Float64Array.from({ length: M * N }, (_, i) => {
    let sum = biases[i % N];
    for (let k = 0; k < K; k++) sum += xs[Math.floor(i / N) * K + k] * ws[k * N + (i % N)];
    return gelu(sum);
  });
  expectClose("out", await device.read(out), want, [M, N], { atol: 1e-6 * K, rtol: 1e-5 });
}

describe.each(VARIANTS)("products of few rows, $matmul variant", ({ matmul: variant }) => {
  const { few, most } = ROWS[variant];
  let device: Device;
  beforeAll(async () => {
    const epilogue = variant === "subgroup" ? "parameter" : "compiled"; // as tuned
    device = await openDevice({ tuning: { matmul: variant, matvecRows: few, epilogue } });
  });
  afterAll(() => device.destroy());

  // kept as f16 in the slow variant one of each layout, read by ones and by fours
  const halves = CASES.filter((_, i) => variant === "subgroup" || i % 2 === 0);
  const plain = KEPT.flatMap((kept) => (kept === "f32" ? CASES : halves).map((sizes) => ({ ...sizes, kept })));
  it.each(plain)("$layout M=$M N=$N K=$K, bias and gelu, weights $kept", (each) => checkPlain(device, each));

  it.each(NORMED_HALVES.slice(0, variant === "subgroup" ? undefined : 1))(
    "layer norm, then weights kept as f16, $layout M=$M N=$N K=$K, $epilogue",
    (each) => checkNormed(device, { ...each, kept: "f16" }, variant === "workgroup" || device.subgroupSize >= 8),
  );

  it.each(NORMED.slice(0, variant === "subgroup" ? undefined : 3))(
    "layer norm, then $layout M=$M N=$N K=$K, $epilogue",
    // four lanes lose by it
    (each) => checkNormed(device, each, variant === "workgroup" || device.subgroupSize >= 8),
  );

  it.each(APART.slice(0, variant === "subgroup" ? undefined : 1))(
    "layer norm in a launch of its own, then $layout M=$M N=$N K=$K: $why",
    (each) => checkNormed(device, each, false),
  );

  it.runIf(variant === "subgroup")("layer norm, then b in windows: of its rows, not of the reduction", async () => {
    const small = await openDevice({
      tuning: { matmul: variant, matvecRows: few },
      maxStorageBufferBindingSize: 65536,
    });
    const inside = small.subgroupSize >= 8;
    // b is [69, 516] in five windows of rows: the norm is made in each of their launches
    await checkNormed(small, { layout: "nt", M: 2, N: 69, K: 516, epilogue: undefined }, inside, inside ? 5 : 6);
    await checkNormed(small, { layout: "nn", M: 2, N: 36, K: 516, epilogue: "bias" }, false, 3);
    small.destroy();
  });

  it("refuses a layer norm of what are not rows", () => {
    const t = (...shape: number[]) => device.pool.acquire(shape);
    const norm = (K: number) => ({ weight: t(K), bias: t(K), epsilon: EPSILON });
    expect(() => matmul(device.batch, { a: t(6, 2), b: t(6, 8), out: t(2, 8), layout: "tn", norm: norm(6) })).toThrow(
      "matmul tn: cannot take a layer norm",
    );
    expect(() =>
      matmul(device.batch, { a: t(2, 9), b: t(8, 8), out: t(2, 8), layout: "nn", k: 8, norm: norm(8) }),
    ).toThrow("whole rows, for the layer norm");
    expect(() => matmul(device.batch, { a: t(2, 8), b: t(8, 8), out: t(2, 8), layout: "nn", norm: norm(4) })).toThrow(
      "norm weight",
    );
  });

  it("a row is the same alone and among others", async () => {
    const N = 100,
      K = 516;
    const weight = device.tensor(randomNormal([N, K], 2), [N, K]),
      bias = device.tensor(randomNormal([N], 3), [N]);
    const xs = randomNormal([most, K], 1);
    const run = async (first: number, M: number) => {
      const x = device.tensor(xs.slice(first * K, (first + M) * K), [M, K]),
        out = garbage(device, [M, N]);
      matmul(device.batch, { a: x, b: weight, out, layout: "nt", epilogue: { kind: "bias_gelu", bias } });
      return device.read(out);
    };
    const alone = await run(2, 1);
    const close = { atol: 1e-5, rtol: 1e-6 };
    expectClose("among five", (await run(0, 5)).slice(2 * N, 3 * N), alone, [N], close);
    expectClose(`among ${most}`, (await run(0, most)).slice(2 * N, 3 * N), alone, [N], close);
  });
});
