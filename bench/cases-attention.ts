// Attention: training forward and backward, decoding over a cache, and the cache's own kernels.
import { attentionForward } from "../src/kernels/attention.ts";
import { attentionBackward } from "../src/kernels/attention-backward.ts";
import { resizeHeads } from "../src/kernels/attention-resize.ts";
import { attentionDecode } from "../src/kernels/attention-decode.ts";
import { kvCacheAppend, kvCacheReorder } from "../src/kernels/kv-cache.ts";
import { f32 } from "./cases.ts";
import type { KernelCase } from "./cases.ts";

interface Training {
  readonly B: number;
  readonly T: number;
  readonly NH: number;
  readonly HS: number;
}

const TRAINING: readonly Training[] = [
  { B: 8, T: 240, NH: 4, HS: 32 },
  { B: 8, T: 128, NH: 4, HS: 64 },
  { B: 1, T: 512, NH: 12, HS: 64 },
  { B: 4, T: 1024, NH: 12, HS: 64 },
];

/** Products of two [T, HS] matrices for every head, of which causal masking needs half. */
const halfProducts = (count: number, { B, T, NH, HS }: Training): number => count * B * NH * T * (T + 1) * HS;

const trainingCases = TRAINING.flatMap((sizes): KernelCase[] => {
  const { B, T, NH, HS } = sizes;
  const C = NH * HS;
  const common = { family: "attention", sizes: { ...sizes } } as const;
  const shape = { batch: B, length: T, heads: NH };
  return [
    {
      ...common,
      name: "attention",
      work: { flops: halfProducts(2, sizes) },
      prepare(workspace) {
        const qkv = workspace.normal([B * T, 3 * C]),
          out = workspace.zeros([B * T, C]),
          lse = workspace.zeros([B * NH * T]);
        return {
          outputs: [out, lse],
          launch: () => attentionForward(workspace.device.batch, { qkv, out, lse, ...shape }),
        };
      },
    },
    {
      ...common,
      name: "attention_backward",
      work: { flops: halfProducts(5, sizes) },
      prepare(workspace) {
        const { batch } = workspace.device;
        const qkv = workspace.normal([B * T, 3 * C]),
          out = workspace.zeros([B * T, C]),
          lse = workspace.zeros([B * NH * T]);
        const dout = workspace.normal([B * T, C]),
          dqkv = workspace.zeros([B * T, 3 * C]);
        attentionForward(batch, { qkv, out, lse, ...shape });
        return { outputs: [dqkv], launch: () => attentionBackward(batch, { dout, qkv, out, lse, dqkv, ...shape }) };
      },
    },
  ];
});

interface Decoding {
  readonly rows: number;
  readonly context: number;
  readonly NH: number;
  readonly HS: number;
}

const DECODING: readonly Decoding[] = [
  { rows: 1, context: 256, NH: 4, HS: 32 },
  { rows: 1, context: 1000, NH: 4, HS: 64 },
  { rows: 1, context: 1000, NH: 12, HS: 64 },
  { rows: 8, context: 1000, NH: 12, HS: 64 },
];

const decodingCases = DECODING.flatMap((sizes): KernelCase[] => {
  const { rows, context, NH, HS } = sizes;
  const C = NH * HS,
    capacity = 1024,
    past = context - 1;
  const cache = [rows, NH, capacity, HS];
  return [
    {
      name: "attention_decode",
      sizes: { ...sizes },
      family: "attentionDecode",
      work: { bytes: f32(2 * rows * context * C) },
      prepare(workspace) {
        const qkv = workspace.normal([rows, 3 * C]),
          keys = workspace.normal(cache),
          values = workspace.normal(cache),
          out = workspace.zeros([rows, C]);
        const ancestry = workspace.integers(
          [rows, capacity],
          Array.from({ length: rows * capacity }, (_, i) => Math.floor(i / capacity)),
        );
        const mask = workspace.integers([rows, capacity], Array<number>(rows * capacity).fill(1));
        return {
          outputs: [out, keys, values],
          launch: () =>
            attentionDecode(workspace.device.batch, { qkv, keys, values, ancestry, mask, out, past, length: 1 }),
        };
      },
    },
    {
      name: "kv_cache_append",
      sizes: { ...sizes },
      work: { bytes: f32(4 * rows * C) },
      prepare(workspace) {
        const qkv = workspace.normal([rows, 3 * C]),
          keys = workspace.zeros(cache),
          values = workspace.zeros(cache);
        return {
          outputs: [keys, values],
          launch: () => kvCacheAppend(workspace.device.batch, { qkv, keys, values, length: 1, past }),
        };
      },
    },
  ];
});

const reorderCase: KernelCase = {
  name: "kv_cache_reorder",
  sizes: { rows: 32, capacity: 1024 },
  work: { bytes: f32(4 * 32 * 1024) },
  prepare(workspace) {
    const shape = [32, 1024];
    const [ancestry, mask] = [32, 2].map((limit) => workspace.integers(shape, limit));
    const [newAncestry, newMask] = [1, 1].map((limit) => workspace.integers(shape, limit));
    const parents = workspace.integers([32], 32);
    return {
      outputs: [newAncestry, newMask],
      launch: () =>
        kvCacheReorder(workspace.device.batch, { parents, ancestry, mask, newAncestry, newMask, length: 1000 }),
    };
  },
};

const resizeCase: KernelCase = {
  name: "attention_resize",
  sizes: { B: 8, T: 240, NH: 4, from: 30, to: 32 },
  work: { bytes: f32(8 * 240 * 3 * 4 * (30 + 32)) },
  prepare(workspace) {
    const x = workspace.normal([8 * 240, 3 * 4 * 30]),
      y = workspace.zeros([8 * 240, 3 * 4 * 32]);
    return {
      outputs: [y],
      launch: () => {
        resizeHeads(workspace.device.batch, { x, y, from: 30, to: 32, sequences: 8 });
      },
    };
  },
};

export const attentionCases: readonly KernelCase[] = [...trainingCases, ...decodingCases, reorderCase, resizeCase];
