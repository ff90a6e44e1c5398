// Every kernel of mixed precision against the float64 oracle: activations and their gradients in f16, all else in f32.
// Inputs are halves already, so an f16 result may differ by its rounding alone, half a unit of the last place (2^-11),
// and what f32 sums lose: tolerance HALF; f32 results by SINGLE. Attention's gradient is made with its own rounded
// output, and has the tolerance ATTENTION.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeFloat16, floatToHalf } from "../src/files/float16.ts";
import type { Device } from "../src/gpu/device.ts";
import type { Shape, Tensor } from "../src/gpu/tensor.ts";
import { adamw } from "../src/kernels/adamw.ts";
import { attentionForward } from "../src/kernels/attention.ts";
import { attentionBackward } from "../src/kernels/attention-backward.ts";
import { columnSum } from "../src/kernels/column-sum.ts";
import { crossEntropyByRow, IGNORED } from "../src/kernels/cross-entropy.ts";
import { geluBackward } from "../src/kernels/gelu.ts";
import { gradNorm } from "../src/kernels/grad-norm.ts";
import { halfCopy } from "../src/kernels/half-copy.ts";
import { layerNormBackwardDparams, layerNormBackwardDx, layerNormForward } from "../src/kernels/layernorm.ts";
import { matmul } from "../src/kernels/matmul.ts";
import type { Epilogue, Layout } from "../src/kernels/matmul.ts";
import { asKept, expectClose, garbage, keptTensor, openDevice, randomNormal, VARIANTS } from "./check-kernel.ts";
import type { Kept } from "./check-kernel.ts";
import { attention, attentionBackward as attentionOracle, gelu, geluDerivative } from "./oracle/ops.ts";
import { layerNorm, layerNormBackward } from "./oracle/ops.ts";

const HALF = { atol: 2e-5, rtol: 5.5e-4 };
const SINGLE = { atol: 2e-5, rtol: 1e-4 };
const ATTENTION = { atol: 5e-3, rtol: 5e-3 };
const EPS = 1e-5;

const probe = await openDevice();
const supported = probe.gpu.features.has("shader-f16");
probe.destroy();

/** Seeded halves. */
const halves = (shape: Shape, seed: number, scale = 1): Float32Array =>
  asKept(randomNormal(shape, seed, { scale }), "f16");

describe.runIf(supported).each(VARIANTS)("mixed precision, products by $matmul", (variants) => {
  const tuning = { ...variants, matmulTile: 64, matmulWorkgroups: 8 } as const;
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning });
  });
  afterAll(() => device.destroy());
  const half = (values: Float32Array, shape: Shape): Tensor => device.tensor(values, shape, "f16");
  const nothing = (shape: Shape, kept: Kept): Tensor => garbage(device, shape, kept === "f16" ? kept : undefined);

  it("rounds to nearest, ties to even, and what is beyond to infinity", async () => {
    const bits = new Float32Array(1);
    const word = new Uint32Array(bits.buffer);
    const random = randomNormal([3000], 1);
    const large = [0, -0, 1, 65504, 65519.99, 65520, 65536, -65520, 1e6, -1e38, Infinity, -Infinity];
    const small = [6e-8, 2.98e-8, 2.99e-8, -8.9e-8, 6.1e-5, 6.09e-5, 2049, 2051, 4098];
    const xs = Float32Array.from([
      ...large,
      ...small,
      ...Array.from(random, (z, i) => {
        word[0] = 0x33000000 + Math.floor(Math.abs(z) * 1e8) + i * 65536;
        return i % 2 ? bits[0] : -bits[0];
      }),
    ]);
    const x = device.tensor(xs, [xs.length]),
      y = nothing([xs.length], "f16");
    halfCopy(device.batch, { x, y });
    const got = new Uint16Array(await device.stage(y)(), 0, xs.length);
    for (const [i, value] of xs.entries()) expect([value, got[i]]).toEqual([value, floatToHalf(value)]);
    const nan = device.tensor(Float32Array.of(NaN, 1), [2]);
    const of = nothing([2], "f16");
    halfCopy(device.batch, { x: nan, y: of });
    expect([...(await device.read(of))]).toEqual([NaN, 1]);
  });

  it.each([
    { N: 7, C: 1 },
    { N: 33, C: 61 },
    { N: 5, C: 768 },
  ])("layer norm, N=$N C=$C", async ({ N, C }) => {
    const xs = randomNormal([N, C], 1),
      ws = randomNormal([C], 2),
      bs = randomNormal([C], 3),
      dys = halves([N, C], 4);
    const x = device.tensor(xs, [N, C]),
      weight = device.tensor(ws, [C]),
      bias = device.tensor(bs, [C]),
      dy = half(dys, [N, C]);
    const y = nothing([N, C], "f16"),
      stats = garbage(device, [N, 2]),
      dx = garbage(device, [N, C]);
    layerNormForward(device.batch, { x, weight, bias, y, stats, eps: EPS });
    const forward = layerNorm(xs, ws, bs, EPS);
    expectClose("y", await device.read(y), forward.y, [N, C], HALF);
    const want = layerNormBackward(dys, ws, forward);
    layerNormBackwardDx(device.batch, { dy, x, weight, stats, dx, accumulate: false });
    expectClose("dx", await device.read(dx), want.dx, [N, C], SINGLE);
    const dweight = device.tensor(new Float32Array(C), [C]),
      dbias = device.tensor(new Float32Array(C), [C]);
    layerNormBackwardDparams(device.batch, { dy, x, stats, dweight, dbias });
    expectClose("dweight", await device.read(dweight), want.dweight, [C], { atol: 1e-4, rtol: 1e-4 });
    expectClose("dbias", await device.read(dbias), want.dbias, [C], { atol: 1e-4, rtol: 1e-4 });
  });

  it("sums of columns, and gelu's gradient in place", async () => {
    const [N, C] = [301, 37];
    const xs = halves([N, C], 1);
    const out = garbage(device, [C]);
    columnSum(device.batch, { x: half(xs, [N, C]), out });
    const want = Float64Array.from({ length: C }, (_, c) => xs.reduce((sum, v, i) => (i % C === c ? sum + v : sum), 0));
    expectClose("sum", await device.read(out), want, [C], { atol: 1e-4, rtol: 1e-5 });
    const us = halves([N, C], 2, 3);
    const dy = half(xs, [N, C]);
    geluBackward(device.batch, { dy, u: half(us, [N, C]) });
    const gradient = xs.map((dy, i) => dy * geluDerivative(us[i]));
    expectClose("du", await device.read(dy), gradient, [N, C], HALF);
  });

  // What training multiplies: see src/autograd/linear.ts. a, b and out.
  const PRODUCTS: [what: string, Layout, Kept, Kept, Kept, Epilogue["kind"]?][] = [
    ["forward", "nn", "f16", "f16", "f16", "bias"],
    ["forward with gelu", "nn", "f16", "f16", "f16", "bias_gelu"],
    ["forward into the residual stream", "nn", "f16", "f16", "f32", "bias_residual"],
    ["dx", "nt", "f16", "f16", "f16"],
    ["dx of what joins the residual stream", "nt", "f32", "f16", "f16"],
    ["dw", "tn", "f16", "f16", "f32"],
    ["dw of what joins the residual stream", "tn", "f16", "f32", "f32"],
    ["logits", "nt", "f16", "f16", "f32"],
    ["dx of the head", "nn", "f32", "f16", "f16"],
    ["dwte", "tn", "f32", "f16", "f32"],
  ];
  it.each(PRODUCTS)("%s: %s of %s and %s in %s, %s", async (what, layout, ofA, ofB, ofOut, kind) => {
    // Tiles in workgroup memory take seconds each to compile on software adapters: some forms of those are left out.
    const tiles = tuning.matmul === "workgroup";
    const sizes = [
      { M: 70, N: 68, K: 64 },
      ...(!tiles || what === "forward" || what === "dw" ? [{ M: 9, N: 35, K: 37 }] : []),
      // few rows; and by tiles a reduction in parts
      ...(!tiles || what.startsWith("dx of") || kind === "bias_gelu" ? [{ M: 2, N: 8, K: 300 }] : []),
    ];
    for (const { M, N, K } of sizes) {
      const aShape = layout === "tn" ? [K, M] : [M, K],
        bShape = layout === "nt" ? [N, K] : [K, N];
      const as = asKept(randomNormal(aShape, 1), ofA),
        bs = asKept(randomNormal(bShape, 2, { scale: 0.3 }), ofB);
      const biases = randomNormal([N], 3),
        residuals = randomNormal([M, N], 4),
        starts = asKept(randomNormal([M, N], 5), ofOut);
      const sums = new Float64Array(M * N);
      for (let i = 0; i < M; i++)
        for (let j = 0; j < N; j++)
          for (let k = 0; k < K; k++)
            sums[i * N + j] +=
              (layout === "tn" ? as[k * M + i] : as[i * K + k]) * (layout === "nt" ? bs[j * K + k] : bs[k * N + j]);
      const a = keptTensor(device, as, aShape, ofA),
        b = keptTensor(device, bs, bShape, ofB);
      const tolerance = ofOut === "f16" ? HALF : { atol: 5e-5, rtol: 1e-4 };
      const out = nothing([M, N], ofOut);
      const bias = device.tensor(biases, [N]),
        residual = device.tensor(residuals, [M, N]),
        preactivation = nothing([M, N], ofOut);
      const epilogue: Epilogue | undefined =
        kind === "bias_gelu"
          ? { kind, bias, preactivation }
          : kind === "bias_residual"
            ? { kind, bias, residual }
            : kind && { kind, bias };
      matmul(device.batch, { a, b, out, layout, epilogue });
      const u = sums.map((sum, i) => sum + (kind ? biases[i % N] : 0));
      if (kind === "bias_gelu") expectClose("u", await device.read(preactivation), u, [M, N], tolerance);
      const want =
        kind === "bias_gelu" ? u.map(gelu) : kind === "bias_residual" ? u.map((v, i) => v + residuals[i]) : u;
      expectClose(`${M} x ${N} x ${K}`, await device.read(out), want, [M, N], tolerance);
      if (kind) continue;
      const added = keptTensor(device, starts, [M, N], ofOut);
      matmul(device.batch, { a, b, out: added, layout, accumulate: true });
      const both = sums.map((sum, i) => sum + starts[i]);
      expectClose("added", await device.read(added), both, [M, N], tolerance);
    }
  });

  it.each([
    { B: 2, T: 33, NH: 2, HS: 36, masked: true },
    { B: 1, T: 40, NH: 3, HS: 5, masked: false },
  ])("attention, B=$B T=$T NH=$NH HS=$HS", async ({ masked, ...sizes }) => {
    const { B, T, NH, HS } = sizes;
    const C = NH * HS;
    const qkvs = halves([B * T, 3 * C], 1),
      douts = halves([B * T, C], 2);
    const masks = Uint32Array.from({ length: B * T }, (_, i) => (i % T < 3 && i < T ? 0 : 1));
    const want = attention(qkvs, masked ? masks : null, sizes);
    const qkv = half(qkvs, [B * T, 3 * C]),
      dout = half(douts, [B * T, C]),
      out = nothing([B * T, C], "f16"),
      lse = garbage(device, [B * NH * T]),
      dqkv = nothing([B * T, 3 * C], "f16");
    const mask = masked ? device.tensor(masks, [B, T]) : undefined;
    const options = { batch: B, length: T, heads: NH, mask };
    attentionForward(device.batch, { qkv, out, lse, ...options });
    expectClose("out", await device.read(out), want.y, [B, T, C], HALF);
    attentionBackward(device.batch, { dout, qkv, out, lse, dqkv, ...options });
    const gradient = attentionOracle(douts, qkvs, want.probs, sizes);
    expectClose("dqkv", await device.read(dqkv), gradient, [B, T, 3, NH, HS], ATTENTION);
    attentionBackward(device.batch, { dout, qkv, out, lse, dqkv, accumulate: true, ...options });
    const twice = gradient.map((value) => 2 * value);
    expectClose("twice", await device.read(dqkv), twice, [B, T, 3, NH, HS], ATTENTION);
  });

  it("a loss's gradient is scaled by what stands on the GPU, the loss itself is not", async () => {
    const [N, V] = [5, 130];
    const values = randomNormal([N, 192], 1, { scale: 3 });
    const targets = device.tensor(Uint32Array.of(0, V - 1, 7, IGNORED, 64), [N]);
    const run = async (scale?: number) => {
      const logits = device.tensor(values, [N, 192]),
        losses = garbage(device, [N]);
      const scaling = scale === undefined ? undefined : device.tensor(Float32Array.of(scale, 0), [2]);
      crossEntropyByRow(device.batch, { logits, targets, losses, vocabSize: V, gradientScale: 0.5, scaling });
      return [await device.read(losses), await device.read(logits)];
    };
    const [[plain, gradient], [scaled, large]] = [await run(), await run(4096)];
    expect(scaled).toEqual(plain);
    expect(large).toEqual(gradient.map((value) => 4096 * value));
    expect(gradient.some((value) => value !== 0)).toBe(true);
  });

  it("the optimizer writes each weight twice, and neither where an update is skipped", async () => {
    const n = 4 * 37;
    const start = randomNormal([n], 1);
    for (const coefficient of [1, 0]) {
      const values = device.tensor(start, [n]),
        copies = device.tensor(start, [n], "f16"),
        grads = device.tensor(randomNormal([n], 2), [n]);
      const [m, v] = [0, 0].map(() => device.tensor(new Float32Array(n), [n]));
      const factors = device.tensor(Float32Array.of(1, coefficient, 10, 31.6), [4]);
      const settings = {
        form: "adamw_torch",
        learningRate: 0.1,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weightDecay: 0.1,
      } as const;
      adamw(device.batch, { values, grads, m, v, halves: copies, factors, ...settings });
      const got = await device.read(values);
      expect(got.some((value, i) => value !== start[i])).toBe(coefficient === 1);
      expect(new Uint16Array(await device.stage(copies)(), 0, n)).toEqual(encodeFloat16(got));
    }
  });

  it("the loss scale is halved at an overflow, doubled after so many good updates, within its bounds", async () => {
    const result = device.pool.acquire([4]),
      updates = device.tensor(new Uint32Array(2), [2]);
    const good = device.tensor(new Float32Array(8).fill(0.5), [8]),
      bad = device.tensor(new Float32Array(8).fill(Infinity), [8]);
    const scaling = device.tensor(Float32Array.of(8, 0), [2]);
    const step = async (grads: Tensor) => {
      const lossScale = { scaling, growthInterval: 3 };
      const settings = { maxNorm: 0, limit: 2, lossScale, result, updates };
      gradNorm(device.batch, { grads: [grads], ...settings });
      const [norm, coefficient] = await device.read(result);
      const [skipped, made] = await device.readU32(updates);
      const [scale, count] = await device.read(scaling);
      return { norm, coefficient, skipped, made, scale, count };
    };
    const norm = Math.sqrt(8 * 0.25);
    expect(await step(good)).toMatchObject({ coefficient: 1 / 8, skipped: 0, made: 1, scale: 8, count: 1 });
    expect((await step(good)).norm).toBeCloseTo(norm / 8, 6);
    expect(await step(good)).toMatchObject({ made: 3, scale: 16, count: 0 }); // the third doubles it
    expect((await step(good)).coefficient).toBe(1 / 16);
    // A scale above 1 may be to blame: none of these counts as one of those in a row that end a run.
    for (const scale of [8, 4, 2, 1])
      expect(await step(bad)).toMatchObject({ coefficient: 0, skipped: 0, made: 4, scale, count: 0 });
    expect(await step(bad)).toMatchObject({ coefficient: 0, skipped: 1, scale: 0.5 });
    expect(await step(good)).toMatchObject({ coefficient: 2, skipped: 0, made: 5, scale: 0.5, count: 1 });
    device.batch.write(scaling, Float32Array.of(2 ** 24, 2));
    expect(await step(good)).toMatchObject({ scale: 2 ** 24, count: 0 });
    device.batch.write(scaling, Float32Array.of(2 ** -24, 2));
    expect(await step(bad)).toMatchObject({ scale: 2 ** -24, count: 0 });
  });
});
