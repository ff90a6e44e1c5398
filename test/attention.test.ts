// Causal attention against a float64 oracle, forward and backward, in every variant: awkward sizes, padding, dropout,
// and rows that hold several segments.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { attentionForward } from "../src/kernels/attention.ts";
import { attentionBackward } from "../src/kernels/attention-backward.ts";
import { attentionWeights } from "../src/kernels/attention-weights.ts";
import { dropoutParams } from "../src/kernels/random.ts";
import type { Dropout } from "../src/kernels/random.ts";
import { centralDifferences, expectClose, garbage, openDevice, randomNormal, VARIANTS } from "./check-kernel.ts";
import { keep } from "./oracle/random.ts";

interface Case {
  B: number;
  T: number;
  NH: number;
  HS: number;
  mask?: "left" | "right" | "hidden";
  /** Lengths of each row's segments; what is left, and what is negative, is padding. */
  segments?: readonly (readonly number[])[];
  dropout?: number;
  scale?: number;
  subgroupOnly?: boolean;
}

// Several head sizes share a padded one (4, 20, 36, 128 channels) and with it the pipelines, which take seconds each on
// software adapters; there the workgroup variant, barriers and all, takes longest, so it runs two of the four.
const TABLE: readonly Case[] = [
  { B: 1, T: 1, NH: 1, HS: 1 },
  { B: 2, T: 2, NH: 3, HS: 3, mask: "left" },
  { B: 3, T: 7, NH: 2, HS: 33, mask: "right" },
  { B: 1, T: 33, NH: 5, HS: 36 },
  { B: 2, T: 33, NH: 2, HS: 36, mask: "left", dropout: 0.3 },
  { B: 2, T: 130, NH: 3, HS: 3, mask: "left" },
  { B: 1, T: 130, NH: 2, HS: 34, dropout: 0.1 },
  { B: 3, T: 33, NH: 1, HS: 3, mask: "hidden", dropout: 0.5 },
  { B: 2, T: 33, NH: 2, HS: 36, scale: 30, mask: "left" },
  { B: 2, T: 33, NH: 2, HS: 20, mask: "right", subgroupOnly: true },
  { B: 1, T: 1, NH: 1, HS: 36, segments: [[1]] },
  { B: 4, T: 33, NH: 2, HS: 36, segments: [[33], [1, 1, 31], [9, 8, 7, 6], [-5, 20, -4, 3]] },
  {
    B: 2,
    T: 130,
    NH: 3,
    HS: 34,
    dropout: 0.2,
    segments: [
      [64, 1, 40, 25],
      [31, 33, 2],
    ],
  },
  { B: 2, T: 70, NH: 2, HS: 36, segments: [[8, 8, 16, 32, 6], []], scale: 30 },
  { B: 1, T: 33, NH: 2, HS: 64, mask: "left", subgroupOnly: true },
  { B: 2, T: 70, NH: 1, HS: 128, mask: "right", dropout: 0.1, subgroupOnly: true },
];
const COMPILING = 600_000; // milliseconds, on two loaded cores

const dropoutOf = ({ dropout }: Case): Dropout | undefined =>
  dropout === undefined ? undefined : { probability: dropout, seed: 7, step: 3, site: 11 };

function maskOf({ B, T, mask, segments }: Case): Uint32Array | undefined {
  if (segments) return segmentMask(segments, T);
  if (!mask) return undefined;
  return Uint32Array.from({ length: B * T }, (_, at) => {
    const b = Math.floor(at / T),
      t = at % T,
      pads = Math.min(T - 1, Math.ceil((T * (b + 1)) / (B + 2)));
    switch (mask) {
      case "left":
        return t >= pads ? 1 : 0;
      case "right":
        return t < T - pads ? 1 : 0;
      case "hidden":
        return b === 1 ? 0 : Number(t % 5 !== b); // one sequence with nothing to see, holes in the others
      default:
        throw new Error(mask satisfies never);
    }
  });
}

function segmentMask(rows: NonNullable<Case["segments"]>, T: number): Uint32Array {
  const words = new Uint32Array(rows.length * T);
  for (const [b, lengths] of rows.entries()) {
    let start = 0;
    for (const length of lengths) {
      const end = start + Math.abs(length);
      if (length > 0) words.fill(end * 2 ** 16 + start, b * T + start, b * T + end);
      start = end;
    }
  }
  return words;
}

/** y, probabilities before dropout and dropout factors, both [B, NH, T, T], and lse: plain loops in float64. */
function oracle(
  qkv: ArrayLike<number>,
  mask: ArrayLike<number> | undefined,
  dropout: Dropout | undefined,
  { B, T, NH, HS, segments }: Case,
) {
  const C = NH * HS,
    random = dropoutParams(dropout);
  const y = new Float64Array(B * T * C),
    lse = new Float64Array(B * NH * T);
  const p = new Float64Array(B * NH * T * T),
    factor = new Float64Array(B * NH * T * T);
  for (let b = 0; b < B; b++)
    for (let h = 0; h < NH; h++)
      for (let i = 0; i < T; i++) {
        const row = ((b * NH + h) * T + i) * T,
          q = (b * T + i) * 3 * C + h * HS;
        const seen = Array.from({ length: i + 1 }, (_, j) => j).filter(
          (j) => !mask || (mask[b * T + j] && (!segments || mask[b * T + j] === mask[b * T + i])),
        );
        const scores = seen.map((j) => {
          let score = 0;
          for (let d = 0; d < HS; d++) score += qkv[q + d] * qkv[(b * T + j) * 3 * C + C + h * HS + d];
          return score / Math.sqrt(HS);
        });
        const max = Math.max(...scores),
          sum = scores.reduce((total, score) => total + Math.exp(score - max), 0);
        lse[(b * NH + h) * T + i] = seen.length > 0 ? max + Math.log(sum) : 0;
        seen.forEach((j, at) => {
          p[row + j] = Math.exp(scores[at] - max) / sum;
          factor[row + j] = keep(random.seed, random.step, random.site, row + j, random.drop_below)
            ? random.keep_scale
            : 0;
          for (let d = 0; d < HS; d++)
            y[(b * T + i) * C + h * HS + d] +=
              p[row + j] * factor[row + j] * qkv[(b * T + j) * 3 * C + 2 * C + h * HS + d];
        });
      }
  return { y, lse, p, factor };
}

function oracleBackward(
  dy: ArrayLike<number>,
  qkv: ArrayLike<number>,
  mask: ArrayLike<number> | undefined,
  dropout: Dropout | undefined,
  sizes: Case,
): Float64Array {
  const { B, T, NH, HS } = sizes,
    C = NH * HS;
  const { p, factor } = oracle(qkv, mask, dropout, sizes);
  const dqkv = new Float64Array(qkv.length);
  for (let b = 0; b < B; b++)
    for (let h = 0; h < NH; h++)
      for (let i = 0; i < T; i++) {
        const row = ((b * NH + h) * T + i) * T,
          q = (b * T + i) * 3 * C + h * HS,
          o = (b * T + i) * C + h * HS;
        const dp = new Float64Array(T);
        let mean = 0;
        for (let j = 0; j <= i; j++) {
          const v = (b * T + j) * 3 * C + 2 * C + h * HS;
          for (let d = 0; d < HS; d++) {
            dp[j] += dy[o + d] * qkv[v + d] * factor[row + j];
            dqkv[v + d] += p[row + j] * factor[row + j] * dy[o + d];
          }
          mean += p[row + j] * dp[j];
        }
        for (let j = 0; j <= i; j++) {
          const k = (b * T + j) * 3 * C + C + h * HS,
            ds = (p[row + j] * (dp[j] - mean)) / Math.sqrt(HS);
          for (let d = 0; d < HS; d++) {
            dqkv[q + d] += ds * qkv[k + d];
            dqkv[k + d] += ds * qkv[q + d];
          }
        }
      }
  return dqkv;
}

describe.each(VARIANTS)("attention by $attention", ({ attention }) => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice({ tuning: { attention } });
  });
  afterAll(() => device.destroy());

  function given(sizes: Case, on: Device = device) {
    const { B, T, NH, HS, scale = 1, segments } = sizes,
      C = NH * HS,
      packed = segments !== undefined;
    const xs = randomNormal([B * T, 3 * C], 1, { scale: Math.sqrt(scale) }),
      dys = randomNormal([B * T, C], 2),
      masks = maskOf(sizes);
    const qkv = on.tensor(xs, [B * T, 3 * C]),
      dout = on.tensor(dys, [B * T, C]),
      mask = masks && on.tensor(masks, [B, T]);
    const out = garbage(on, [B * T, C]),
      lse = garbage(on, [B * NH * T]),
      dqkv = garbage(on, [B * T, 3 * C]);
    const all = { batch: B, length: T, heads: NH, qkv, mask, packed, dout, out, lse, dqkv, dropout: dropoutOf(sizes) };
    const release = () => {
      for (const tensor of [qkv, dout, out, lse, dqkv, ...(mask ? [mask] : [])] as Tensor[]) on.pool.release(tensor);
    };
    return { xs, dys, masks, all, release };
  }

  function run(sizes: Case, on: Device = device) {
    const it = given(sizes, on);
    attentionForward(on.batch, it.all);
    attentionBackward(on.batch, it.all);
    return it;
  }

  it.each(TABLE.filter(({ subgroupOnly }) => !subgroupOnly || attention === "subgroup"))(
    "B=$B T=$T NH=$NH HS=$HS mask=$mask segments=$segments dropout=$dropout scale=$scale",
    async (sizes) => {
      const { B, T, NH, HS, scale = 1 } = sizes,
        C = NH * HS;
      const { xs, dys, masks, all, release } = run(sizes);
      // Scores of 30 and more carry 1e-6 of rounding each, which the exponential turns into relative error.
      const tolerance = scale === 1 ? { atol: 2e-5, rtol: 2e-4 } : { atol: 2e-4 * scale, rtol: 2e-3 };
      const want = oracle(xs, masks, all.dropout, sizes);
      expectClose("out", await device.read(all.out), want.y, [B, T, C], tolerance);
      expectClose("lse", await device.read(all.lse), want.lse, [B, NH, T], tolerance);
      const wantDqkv = oracleBackward(dys, xs, masks, all.dropout, sizes);
      expectClose("dqkv", await device.read(all.dqkv), wantDqkv, [B, T, 3, NH, HS], tolerance);
      attentionBackward(device.batch, { ...all, accumulate: true });
      expectClose(
        "dqkv twice",
        await device.read(all.dqkv),
        wantDqkv.map((v) => 2 * v),
        [B, T, 3, NH, HS],
        tolerance,
      );
      release();
    },
    COMPILING,
  );

  it("gives the same bits twice", async () => {
    const sizes: Case = { B: 2, T: 70, NH: 2, HS: 36, mask: "left", dropout: 0.2 };
    const first = run(sizes),
      second = run(sizes);
    for (const name of ["out", "lse", "dqkv"] as const)
      expect(await device.read(first.all[name])).toEqual(await device.read(second.all[name]));
    first.release();
    second.release();
  });

  it(
    "gives the same by windows",
    async () => {
      const small = await openDevice({ tuning: { attention }, maxStorageBufferBindingSize: 65536 });
      for (const sizes of [
        { B: 5, T: 33, NH: 2, HS: 36, mask: "left" },
        { B: 60, T: 7, NH: 3, HS: 33, mask: "right", dropout: 0.2 },
        { B: 5, T: 33, NH: 2, HS: 36, segments: [[33], [20, 13], [1, 2, 3], [], [30, 3]] },
      ] as Case[]) {
        const whole = run(sizes),
          windows = run(sizes, small);
        for (const name of ["out", "lse", "dqkv"] as const)
          expect(await small.read(windows.all[name])).toEqual(await device.read(whole.all[name]));
        whole.release();
        windows.release();
      }
      expect(() => run({ B: 1, T: 100, NH: 3, HS: 64 }, small)).toThrow(
        "cannot bind one sequence of [100,576]: it is 230400 bytes, the device binds at most 65536",
      );
      small.destroy();
    },
    COMPILING,
  );

  it("gives segments of a row the bits that they have in rows of their own, where blocks agree", async () => {
    const xs = randomNormal([64, 216], 3),
      dys = randomNormal([64, 72], 4);
    const results = async (rows: number, segments?: Case["segments"]) => {
      const T = 64 / rows;
      const tensors = { qkv: device.tensor(xs, [64, 216]), dout: device.tensor(dys, [64, 72]) };
      const mask = segments && device.tensor(segmentMask(segments, T), [rows, T]);
      const made = { out: garbage(device, [64, 72]), lse: garbage(device, [128]), dqkv: garbage(device, [64, 216]) };
      const all = { batch: rows, length: T, heads: 2, mask, packed: segments !== undefined, ...tensors, ...made };
      attentionForward(device.batch, all);
      attentionBackward(device.batch, all);
      return [await device.read(made.out), await device.read(made.dqkv)];
    };
    expect(await results(1, [[32, 32]])).toEqual(await results(2));
    expect(await results(1, [[31, 33]])).not.toEqual(await results(2));
  });

  it.each<Case>([
    { B: 3, T: 7, NH: 2, HS: 5, mask: "hidden" },
    {
      B: 2,
      T: 7,
      NH: 2,
      HS: 5,
      segments: [
        [3, 4],
        [-1, 4],
      ],
    },
  ])("writes the probabilities on demand, mask=$mask segments=$segments", async (sizes) => {
    const { B } = sizes;
    const { all, xs, masks, release } = given(sizes);
    const weights = garbage(device, [B, 2, 7, 7]);
    const { qkv, mask, packed } = all;
    attentionWeights(device.batch, { batch: B, length: 7, heads: 2, qkv, mask, packed, weights });
    expectClose("weights", await device.read(weights), oracle(xs, masks, undefined, sizes).p, [B, 2, 7, 7]);
    device.pool.release(weights);
    release();
  });
});

it("the oracle's gradient agrees with central differences, with mask and dropout", () => {
  const sizes: Case = { B: 2, T: 4, NH: 2, HS: 3, mask: "left", dropout: 0.3 };
  const xs = randomNormal([8, 18], 3),
    dys = randomNormal([8, 6], 4),
    mask = maskOf(sizes),
    dropout = dropoutOf(sizes);
  const f = (x: Float64Array) => oracle(x, mask, dropout, sizes).y.reduce((sum, v, i) => sum + v * dys[i], 0);
  const gradient = oracleBackward(dys, xs, mask, dropout, sizes);
  expectClose("dqkv", gradient, centralDifferences(f, xs), [8, 18], { atol: 1e-7, rtol: 1e-6 });
  // a negative control: the mask matters
  const elsewhere = oracleBackward(dys, xs, mask, { ...dropout!, site: 12 }, sizes);
  expect(() => expectClose("dqkv", elsewhere, gradient, [8, 18], { atol: 1e-7, rtol: 1e-6 })).toThrow();
});

it("segments that cannot be told apart are refused", async () => {
  const device = await openDevice();
  try {
    const length = 65_536;
    const qkv = device.tensor(new Float32Array(3 * length), [length, 3]);
    const out = device.tensor(new Float32Array(length), [length, 1]);
    const mask = device.tensor(new Uint32Array(length), [1, length]);
    const run = (given?: Tensor) => () =>
      attentionForward(device.batch, { batch: 1, length, heads: 1, qkv, mask: given, packed: true, out, lse: out });
    expect(run()).toThrow("attention: cannot tell segments apart: wanted a mask, and at most 65535 tokens in a row");
    expect(run(mask)).toThrow("cannot tell segments apart");
  } finally {
    device.destroy();
  }
});
