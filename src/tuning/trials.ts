// The launches that are tuned by: each once at a small and awkward size, where what it writes is compared with an
// oracle, and once at a size of GPT-2's, where it is timed.
import { attentionBackward } from "../kernels/attention-backward.ts";
import { attentionDecode } from "../kernels/attention-decode.ts";
import { attentionForward } from "../kernels/attention.ts";
import { layerNormForward } from "../kernels/layernorm.ts";
import { matmul } from "../kernels/matmul.ts";
import type { Layout } from "../kernels/matmul.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { attention, layerNorm, product } from "./oracles.ts";
import type { Numbers } from "./oracles.ts";
import type { TrialTensors } from "./trial-tensors.ts";

export interface Prepared {
  launch(): void;
  /** What one launch writes, and what it should; asked for at the small size alone. */
  readonly expected: () => readonly (readonly [Tensor, Numbers])[];
}

export interface Trial<Sizes extends readonly number[] = readonly number[]> {
  readonly name: string;
  /** Small enough for an oracle, multiples of nothing. */
  readonly small: Sizes;
  readonly timed: Sizes;
  prepare(tensors: TrialTensors, sizes: Sizes): Prepared;
}

const trial = <Sizes extends readonly number[]>(given: Trial<Sizes>): Trial => given as unknown as Trial;

const products = (name: string, layout: Layout, small: Mnk, timed: Mnk): Trial =>
  trial<Mnk>({
    name,
    small,
    timed,
    prepare(tensors, [m, n, k]) {
      const [a, x] = tensors.normal(layout === "tn" ? [k, m] : [m, k]);
      const [b, y] = tensors.normal(layout === "nt" ? [n, k] : [k, n], k ** -0.5);
      const out = tensors.zeros(m, n);
      return {
        launch: () => matmul(tensors.device.batch, { a, b, out, layout }),
        expected: () => [[out, product(layout, [m, n, k], x, y)]],
      };
    },
  });
type Mnk = readonly [m: number, n: number, k: number];

const rows = trial<readonly [rows: number, channels: number]>({
  name: "layer norm",
  small: [7, 70],
  timed: [512, 768],
  prepare(tensors, [N, C]) {
    const [x, xs] = tensors.normal([N, C]);
    const [weight, ws] = tensors.normal([C]);
    const [bias, bs] = tensors.normal([C]);
    const [y, stats] = [tensors.zeros(N, C), tensors.zeros(N, 2)];
    const eps = 1e-5;
    return {
      launch: () => layerNormForward(tensors.device.batch, { x, weight, bias, y, stats, eps }),
      expected: () => {
        const right = layerNorm([N, C], { x: xs, weight: ws, bias: bs, eps });
        return [
          [y, right.y],
          [stats, right.stats],
        ];
      },
    };
  },
});

type Heads = readonly [length: number, heads: number, headSize: number];
const training = trial<Heads>({
  name: "attention and its gradient",
  small: [37, 2, 20],
  timed: [256, 12, 64],
  prepare(tensors, [T, NH, HS]) {
    const C = NH * HS;
    const [qkv, x] = tensors.normal([T, 3 * C]);
    const [dout, d] = tensors.normal([T, C]);
    const [out, lse, dqkv] = [tensors.zeros(T, C), tensors.zeros(NH * T), tensors.zeros(T, 3 * C)];
    const shape = { batch: 1, length: T, heads: NH };
    return {
      launch: () => {
        attentionForward(tensors.device.batch, { qkv, out, lse, ...shape });
        attentionBackward(tensors.device.batch, { dout, qkv, out, lse, dqkv, ...shape });
      },
      expected: () => {
        const right = attention({ length: T, heads: NH, headSize: HS }, x, d);
        return [
          [out, right.out],
          [dqkv, right.dqkv],
        ];
      },
    };
  },
});

/** The last of `length` positions over a cache of those before: what attention gives there without a cache. */
const decoding = trial<Heads>({
  name: "attention of a new token",
  small: [37, 2, 20],
  timed: [512, 12, 64],
  prepare(tensors, [T, NH, HS]) {
    const C = NH * HS,
      past = T - 1;
    const [, x] = tensors.normal([T, 3 * C]);
    const cached = (part: number): Float32Array =>
      Float32Array.from({ length: NH * T * HS }, (_, i) => {
        const [h, t, c] = [Math.floor(i / (T * HS)), Math.floor(i / HS) % T, i % HS];
        return t === past ? 0 : x[t * 3 * C + part * C + h * HS + c];
      });
    const qkv = tensors.of(x.slice(past * 3 * C), [1, 3 * C]);
    const [keys, values] = [tensors.of(cached(1), [1, NH, T, HS]), tensors.of(cached(2), [1, NH, T, HS])];
    const [ancestry, mask] = [0, 1].map((value) => tensors.integers([1, T], () => value));
    const out = tensors.zeros(1, C);
    return {
      launch: () => attentionDecode(tensors.device.batch, { qkv, keys, values, ancestry, mask, out, past, length: 1 }),
      expected: () => [[out, attention({ length: T, heads: NH, headSize: HS }, x).out.slice(past * C)]],
    };
  },
});

export const TRIALS = {
  rows: [rows],
  matmul: [
    products("product", "nn", [37, 70, 53], [512, 768, 768]),
    products("product with b transposed", "nt", [37, 70, 53], [512, 768, 768]),
    products("product with a transposed", "tn", [37, 70, 53], [768, 768, 512]),
  ],
  matvec: [
    products("product of a few rows", "nn", [5, 70, 53], [8, 2304, 768]),
    products("product of some rows", "nt", [21, 70, 53], [32, 2304, 768]),
  ],
  attention: [training],
  attentionDecode: [decoding],
} as const satisfies Readonly<Record<string, readonly Trial[]>>;
