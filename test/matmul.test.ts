// Matrix products in all layouts and both variants against float64: by themselves, with epilogues, padded and in
// windows. Few sizes in the workgroup variant, whose kernels take seconds to compile on software adapters.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { matmul } from "../src/kernels/matmul.ts";
import type { Epilogue, Layout } from "../src/kernels/matmul.ts";
import { tileOf } from "../src/kernels/matmul-plan.ts";
import { asKept, expectClose, garbage, keptTensor, openDevice, randomNormal, VARIANTS } from "./check-kernel.ts";
import type { Kept } from "./check-kernel.ts";
import { gelu } from "./oracle/ops.ts";

const LAYOUTS = ["nn", "nt", "tn"] as const;
const ALIGNED = { M: 132, N: 68, K: 64 },
  ODD = { M: 70, N: 131, K: 37 };
const SPLIT = { M: 132, N: 68, K: 760 }; // its reduction in parts
const MORE = [
  { M: 33, N: 5, K: 3 },
  { M: 12, N: 1, K: 1 },
  { M: 9, N: 36, K: 301 },
];
const LIMIT = 65536; // bytes a binding may have: what is larger goes by windows

interface Case {
  readonly layout: Layout;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** a[i, k] and b[k, j] as the layout stores them, in rows of `aStride` and `bStride`. */
function product(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { layout, M, N, K }: Case,
  aStride: number,
  bStride: number,
): Float64Array {
  const out = new Float64Array(M * N);
  for (let i = 0; i < M; i++)
    for (let j = 0; j < N; j++)
      for (let k = 0; k < K; k++) {
        out[i * N + j] +=
          (layout === "tn" ? a[k * aStride + i] : a[i * aStride + k]) *
          (layout === "nt" ? b[j * bStride + k] : b[k * bStride + j]);
      }
  return out;
}

// Operands of every layout in several windows: of rows of a and out, of b (nt), and of k (nn, tn).
const WINDOWS = [
  { layout: "nn", M: 300, N: 100, K: 320 },
  { layout: "nt", M: 300, N: 252, K: 129 },
  { layout: "tn", M: 251, N: 120, K: 330 },
] as const;
// As f16 b is half as large.
const HALF_WINDOWS = [
  { layout: "nn", M: 20, N: 132, K: 320 },
  { layout: "nt", M: 9, N: 350, K: 129 },
] as const;
const FUSED = ["bias", "bias_gelu", "bias_gelu_save", "bias_residual"] as const;
type Fused = (typeof FUSED)[number];

interface Plan {
  readonly sizes: readonly Omit<Case, "layout">[];
  readonly fused: readonly (Case & { readonly epilogue: Fused })[];
  readonly windows: readonly Case[];
  /** With b kept as f16. */
  readonly halves: readonly Case[];
}

const PLAN: Readonly<Record<"subgroup" | "workgroup", Plan>> = {
  subgroup: {
    sizes: [ALIGNED, ODD, ...MORE],
    fused: [
      ...FUSED.flatMap((epilogue) => [ALIGNED, ODD].map((size) => ({ layout: "nn" as const, ...size, epilogue }))),
      { ...WINDOWS[0], epilogue: "bias_residual" },
      { ...WINDOWS[0], epilogue: "bias_gelu_save" },
      { ...WINDOWS[1], epilogue: "bias_residual" },
    ],
    windows: WINDOWS,
    halves: [
      { layout: "nn", ...ALIGNED },
      { layout: "nt", ...ODD }, // rows of an odd number of halves: every other one begins within a word
      { layout: "nn", ...ODD },
      ...MORE.flatMap((size) => [
        { layout: "nn" as const, ...size },
        { layout: "nt" as const, ...size },
      ]),
      ...HALF_WINDOWS,
    ],
  },
  workgroup: {
    sizes: [ALIGNED, ODD],
    fused: [
      { layout: "nn", ...ALIGNED, epilogue: "bias_gelu_save" },
      { layout: "nn", ...ODD, epilogue: "bias_residual" },
    ],
    windows: [],
    halves: [
      { layout: "nn", ...ALIGNED },
      { layout: "nt", ...ODD },
    ],
  },
};

const tolerance = (K: number) => ({ atol: 1e-6 * (4 + K), rtol: 1e-5 });

/** Random operands of a product, on the device and as float64 result of what is kept of them. */
function operands(device: Device, { layout, M, N, K }: Case, kept: Kept = "f32") {
  const aShape = layout === "tn" ? [K, M] : [M, K],
    bShape = layout === "nt" ? [N, K] : [K, N];
  const as = randomNormal(aShape, 1),
    bs = randomNormal(bShape, 2);
  return {
    a: device.tensor(as, aShape),
    b: keptTensor(device, bs, bShape, kept),
    out: garbage(device, [M, N]),
    want: product(as, asKept(bs, kept), { layout, M, N, K }, aShape[1], bShape[1]),
  };
}

const release = (device: Device, ...tensors: Tensor[]) => tensors.forEach((tensor) => device.pool.release(tensor));

/** out = a b, then out += a b. */
async function checkProduct(device: Device, { layout, M, N, K }: Case, kept?: Kept): Promise<void> {
  const { a, b, out, want } = operands(device, { layout, M, N, K }, kept);
  matmul(device.batch, { a, b, out, layout });
  expectClose("out", await device.read(out), want, [M, N], tolerance(K));
  matmul(device.batch, { a, b, out, layout, accumulate: true });
  expectClose(
    "out twice",
    await device.read(out),
    want.map((v) => 2 * v),
    [M, N],
    tolerance(2 * K),
  );
  release(device, a, b, out);
}

async function checkEpilogue(device: Device, { layout, M, N, K }: Case, fused: Fused, kept?: Kept): Promise<void> {
  const { a, b, out, want } = operands(device, { layout, M, N, K }, kept);
  const biases = randomNormal([N], 3),
    residuals = randomNormal([M, N], 4);
  const bias = device.tensor(biases, [N]),
    residual = device.tensor(residuals, [M, N]),
    preactivation = garbage(device, [M, N]);
  const u = want.map((v, i) => v + biases[i % N]);
  const epilogue: Epilogue =
    fused === "bias_gelu_save" ? { kind: "bias_gelu", bias, preactivation } : { kind: fused, bias, residual };
  matmul(device.batch, { a, b, out, layout, epilogue });
  const result = {
    bias: u,
    bias_gelu: u.map(gelu),
    bias_gelu_save: u.map(gelu),
    bias_residual: u.map((v, i) => v + residuals[i]),
  }[fused];
  expectClose(fused, await device.read(out), result, [M, N], tolerance(K));
  if (fused === "bias_gelu_save")
    expectClose("preactivation", await device.read(preactivation), u, [M, N], tolerance(K));
  release(device, a, b, out, bias, residual, preactivation);
}

describe("matmul, workgroup variant, the reduction in parts", () => {
  const size = SPLIT;
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning: { matmul: "workgroup", matmulWorkgroups: 100, epilogue: "compiled" } });
  });
  afterAll(() => device.destroy());

  it.each(LAYOUTS)("%s", (layout) => checkProduct(device, { layout, ...size }));
  it.each(FUSED)("with %s", (each) => checkEpilogue(device, { layout: "nn", ...size }, each));
  it("b kept as f16", () => checkEpilogue(device, { layout: "nn", ...size }, "bias_residual", "f16"));
});

describe("matmul, workgroup variant, tiles of 128", () => {
  /** Four tiles and more are enough for the large form; of two, the reduction is made in two parts. */
  const tuning = { matmul: "workgroup", matmulTile: 128, matmulWorkgroups: 4, epilogue: "compiled" } as const;
  const WHOLE = { M: 260, N: 132, K: 64 },
    RAGGED = { M: 261, N: 131, K: 37 };
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning });
  });
  afterAll(() => device.destroy());

  // A pipeline each, of which every one takes seconds: both kinds of loads, whole and in parts, each layout.
  it.each([
    { layout: "nn", ...SPLIT },
    { layout: "nt", ...RAGGED },
    { layout: "tn", ...WHOLE },
  ] as const)("$layout M=$M N=$N K=$K", (each) => checkProduct(device, each));
  it("with what is fused", () => checkEpilogue(device, { layout: "nn", ...RAGGED }, "bias_residual"));
  it("are taken where there are enough of them, and the device has room", () => {
    expect(tileOf(device, 128, 129)).toBe(128);
    expect(tileOf(device, 128, 128)).toBe(64);
    const small = { ...device.limits, maxComputeWorkgroupStorageSize: 16384 };
    expect(tileOf({ ...device, limits: small } as unknown as Device, 1024, 1024)).toBe(64);
  });
});

describe.each([
  { tuning: { matmul: "subgroup", epilogue: "compiled" }, size: ODD, kernels: 5 },
  { tuning: { matmul: "subgroup", epilogue: "parameter" }, size: ODD, kernels: 2 },
  { tuning: { matmul: "workgroup", matmulWorkgroups: 100, epilogue: "parameter" }, size: SPLIT, kernels: 3 },
] as const)("matmul, $tuning.matmul variant, the epilogue $tuning.epilogue", ({ tuning, size, kernels }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning });
  });
  afterAll(() => device.destroy());

  it.each(FUSED)("with %s", (each) => checkEpilogue(device, { layout: "nn", ...size }, each));
  it("none", () => checkProduct(device, { layout: "nn", ...size }));
  // with its sum, where the reduction is in parts; the one that saves always has a kernel of its own
  it(`takes ${kernels} kernels for all`, () => expect(device.batch.counters.pipelines).toBe(kernels));
});

describe.each(VARIANTS)("matmul, $matmul variant", ({ matmul: variant }) => {
  let device: Device;
  beforeAll(async () => {
    // as tuned
    const tuning = { matmul: variant, epilogue: variant === "subgroup" ? "parameter" : "compiled" } as const;
    device = await openDevice({ maxStorageBufferBindingSize: LIMIT, tuning });
  });
  afterAll(() => device.destroy());

  const { sizes, fused, windows, halves } = PLAN[variant];
  it.each(LAYOUTS.flatMap((layout) => sizes.map((size) => ({ layout, ...size }))))("$layout M=$M N=$N K=$K", (each) =>
    checkProduct(device, each),
  );
  it.each(fused)("$layout M=$M N=$N K=$K with $epilogue", ({ epilogue, ...each }) =>
    checkEpilogue(device, each, epilogue),
  );
  it.each(windows)("$layout in windows, M=$M N=$N K=$K", (each) => checkProduct(device, each));

  it.each(halves)("b kept as f16: $layout M=$M N=$N K=$K", (each) => checkProduct(device, each, "f16"));
  it.each(halves.slice(0, 2))("b kept as f16: $layout M=$M N=$N K=$K with an epilogue", (each) =>
    checkEpilogue(device, each, "bias_gelu", "f16"),
  );

  const padded = [
    ...LAYOUTS.map((layout) => ({ layout, kept: "f32" as const })),
    { layout: "nt", kept: "f16" } as const,
  ];
  it.each(padded)("$layout, b $kept: padded rows are neither read nor written past the matrix", async (each) => {
    const { layout, kept } = each;
    const M = 37,
      N = 70,
      K = 45;
    const wide = (size: number) => Math.ceil(size / 64) * 64;
    const aShape = layout === "tn" ? [K, wide(M)] : [M, wide(K)],
      bShape = layout === "nt" ? [N, wide(K)] : [K, wide(N)];
    const as = randomNormal(aShape, 1),
      bs = randomNormal(bShape, 2);
    const [aWidth, bWidth] = [layout === "tn" ? M : K, layout === "nt" ? K : N];
    for (let i = 0; i < as.length; i++) if (i % aShape[1] >= aWidth) as[i] = NaN;
    for (let i = 0; i < bs.length; i++) if (i % bShape[1] >= bWidth) bs[i] = NaN;
    const a = device.tensor(as, aShape),
      b = keptTensor(device, bs, bShape, kept);
    const out = device.tensor(new Float32Array(M * wide(N)).fill(7), [M, wide(N)]);
    matmul(device.batch, { a, b, out, layout, m: M, n: N, k: K });
    const want = product(as, asKept(bs, kept), { layout, M, N, K }, aShape[1], bShape[1]);
    const filled = Float64Array.from({ length: M * wide(N) }, (_, i) =>
      i % wide(N) < N ? want[Math.floor(i / wide(N)) * N + (i % wide(N))] : 7,
    );
    expectClose("out", await device.read(out), filled, [M, wide(N)], tolerance(K));
    release(device, a, b, out);
  });
});

it("shapes that do not fit are refused by name", async () => {
  const device = await openDevice();
  const t = (...shape: number[]) => device.pool.acquire(shape);
  const { batch } = device;
  expect(() => matmul(batch, { a: t(4, 8), b: t(9, 5), out: t(4, 5), layout: "nn" })).toThrow(
    "matmul nn: cannot bind b: shape is [9,5], expected [8,5]",
  );
  expect(() => matmul(batch, { a: t(4, 8), b: t(5, 8), out: t(4, 64), layout: "nt" })).toThrow(
    "matmul nt: cannot bind b: shape is [5,8], expected [64,8]",
  );
  expect(() => matmul(batch, { a: t(4, 8), b: t(9, 5), out: t(4, 5), layout: "nn", k: 9 })).toThrow(
    "matmul nn: cannot bind a: shape is [4,8], expected [4,9]",
  );
  expect(() =>
    matmul(batch, { a: t(4, 8), b: t(8, 5), out: t(4, 5), layout: "nn", epilogue: { kind: "bias", bias: t(4) } }),
  ).toThrow("expected [5] (columns of out)");
  expect(() =>
    matmul(batch, {
      a: t(4, 8),
      b: t(8, 5),
      out: t(4, 5),
      layout: "nn",
      accumulate: true,
      epilogue: { kind: "bias", bias: t(5) },
    }),
  ).toThrow("cannot accumulate with an epilogue");
  device.destroy();
});
