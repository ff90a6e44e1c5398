// Causal multi-head self-attention over qkv [B*T, 3C] (columns q | k | v, heads contiguous in each), as GPT2Attention:
// scores scaled by 1/sqrt(HS), softmax online (Milakov and Gimelshein 2018), so no [T, T] is ever stored. Backward
// recomputes the probabilities from the saved logsumexp (Dao et al. 2022, "FlashAttention"); no atomics, the same bits always.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel } from "../gpu/kernel.ts";
import { expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { dropoutParams } from "./random.ts";
import type { Dropout } from "./random.ts";
import { defineRowKernel } from "./rows.ts";
import { batchWindows } from "./batch-windows.ts";

const WG_SIZE = 64;

const sizes = { batch: "u32", length: "u32", heads: "u32", qkv_at: "u32", out_at: "u32", lse_at: "u32" } as const;
const dropping = { first: "u32", seed: "u32", step: "u32", site: "u32", drop_below: "u32", keep_scale: "f32" } as const;
const backwardParams = { ...sizes, delta_at: "u32", mask_at: "u32", ...dropping } as const;
const constants = { HS: "u32", MASKED: "bool", DROPOUT: "bool", WG_SIZE: "u32" } as const;
const backwardBindings = { dout: "read", qkv: "read", lse: "read", delta: "read", mask: "read", dqkv: "read_write" } as const;
const source = (pack: 1 | 4, file: string) => ["lib/grid.wgsl", `lib/pack${pack}.wgsl`, "lib/random.wgsl", file];

const defineForward = (pack: 1 | 4) => defineKernel({
  name: "attention",
  source: source(pack, "attention.wgsl"),
  bindings: { qkv: "read", mask: "read", out: "read_write", lse: "read_write" },
  params: { ...sizes, mask_at: "u32", ...dropping },
  constants,
});
const forward = { 1: defineForward(1), 4: defineForward(4) };

const defineBackward = (pack: 1 | 4, name: string) => defineKernel({
  name,
  source: source(pack, `${name}.wgsl`),
  bindings: backwardBindings,
  params: backwardParams,
  constants: { ...constants, ACCUMULATE: "bool" },
});
const backwardDq = { 1: defineBackward(1, "attention_backward_dq"), 4: defineBackward(4, "attention_backward_dq") };
const backwardDkv = { 1: defineBackward(1, "attention_backward_dkv"), 4: defineBackward(4, "attention_backward_dkv") };

const backwardDelta = defineRowKernel({
  name: "attention_backward_delta",
  source: ["attention_backward_delta.wgsl"],
  bindings: { dout: "read", out: "read", delta: "read_write" },
  params: { rows: "u32", at: "u32", delta_at: "u32" },
  constants: { HS: "u32" },
});

const weightsKernel = defineKernel({
  name: "attention_weights",
  source: ["lib/grid.wgsl", "attention_weights.wgsl"],
  bindings: { qkv: "read", mask: "read", weights: "read_write" },
  params: { batch: "u32", length: "u32", heads: "u32", qkv_at: "u32", mask_at: "u32", weights_at: "u32" },
  constants: { HS: "u32", MASKED: "bool", WG_SIZE: "u32" },
});

export interface AttentionSizes {
  /** B sequences of T tokens each, NH heads. */
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
}

/** Dropout of attention probabilities is indexed by ((b * NH + h) * T + query) * T + key, modulo 2^32. */
export type AttentionDropout = Dropout;

/**
 * qkv [B*T, 3C] -> out [B*T, C] and lse [B*NH*T] (log of the sum of exponentials; backward wants it). mask u32 [B, T], 1 where
 * a key may be seen; a query that sees none gives zeros. Dropout falls on the probabilities after the softmax, as in HF.
 */
export function attentionForward(batch: CommandBatch, { qkv, mask, out, lse, dropout, batch: B, length: T, heads: NH }: AttentionSizes & {
  readonly qkv: Tensor; readonly mask?: Tensor; readonly out: Tensor; readonly lse: Tensor;
  readonly dropout?: AttentionDropout;
}): void {
  const C = checkQkv("attention", qkv, mask, { batch: B, length: T, heads: NH });
  expectShape("attention", "out", out, [B * T, C], "B*T and C");
  expectShape("attention", "lse", lse, [B * NH * T], "B*NH*T");
  const HS = C / NH;
  const kernel = forward[HS % 4 === 0 ? 4 : 1];
  for (const { first, count, part } of batchWindows("attention", batch.device, B, qkv)) {
    const x = part(qkv), y = part(out), l = part(lse), m = mask ? part(mask) : x;      // something has to be bound
    batch.dispatch(kernel, { HS, MASKED: mask !== undefined, DROPOUT: dropout !== undefined, WG_SIZE },
      { qkv: x.tensor, mask: m.tensor, out: y.tensor, lse: l.tensor },
      { batch: count, length: T, heads: NH, qkv_at: x.at, out_at: y.at, lse_at: l.at, mask_at: m.at, first, ...dropoutParams(dropout) },
      Math.ceil((count * NH * T) / WG_SIZE));
  }
}

/**
 * dqkv [B*T, 3C] (+)= gradient by qkv, every column written; `accumulate` adds to what is there. qkv, out, lse, mask and
 * dropout as in the forward launch.
 */
export function attentionBackward(batch: CommandBatch, { dout, qkv, out, lse, mask, dqkv, accumulate = false, dropout, batch: B, length: T, heads: NH }: AttentionSizes & {
  readonly dout: Tensor; readonly qkv: Tensor; readonly out: Tensor; readonly lse: Tensor; readonly mask?: Tensor;
  readonly dqkv: Tensor; readonly accumulate?: boolean; readonly dropout?: AttentionDropout;
}): void {
  const C = checkQkv("attention_backward", qkv, mask, { batch: B, length: T, heads: NH });
  expectShape("attention_backward", "dout", dout, [B * T, C], "B*T and C");
  expectShape("attention_backward", "out", out, [B * T, C], "B*T and C");
  expectShape("attention_backward", "lse", lse, [B * NH * T], "B*NH*T");
  expectShape("attention_backward", "dqkv", dqkv, qkv.shape, "as qkv");
  const HS = C / NH;
  const { pool } = batch.device;
  const delta = pool.acquire([B * T, NH]);
  for (const { first, count, part } of batchWindows("attention_backward", batch.device, B, qkv)) {
    const dy = part(dout), x = part(qkv), y = part(out), l = part(lse), d = part(delta), dx = part(dqkv), m = mask ? part(mask) : x;
    backwardDelta(batch, { HS }, { dout: dy.tensor, out: y.tensor, delta: d.tensor }, { rows: count * T * NH, at: y.at, delta_at: d.at }, count * T * NH);
    for (const kernels of [backwardDq, backwardDkv]) {
      batch.dispatch(kernels[HS % 4 === 0 ? 4 : 1], { HS, MASKED: mask !== undefined, DROPOUT: dropout !== undefined, WG_SIZE, ACCUMULATE: accumulate },
        { dout: dy.tensor, qkv: x.tensor, lse: l.tensor, delta: d.tensor, mask: m.tensor, dqkv: dx.tensor },
        { batch: count, length: T, heads: NH, qkv_at: x.at, out_at: y.at, lse_at: l.at, delta_at: d.at, mask_at: m.at, first, ...dropoutParams(dropout) },
        Math.ceil((count * NH * T) / WG_SIZE));
    }
  }
  pool.release(delta);
}

/** The probabilities themselves, weights [B, NH, T, T], without dropout: for output only, one slow pass. */
export function attentionWeights(batch: CommandBatch, { qkv, mask, weights, batch: B, length: T, heads: NH }: AttentionSizes & {
  readonly qkv: Tensor; readonly mask?: Tensor; readonly weights: Tensor;
}): void {
  const C = checkQkv("attention_weights", qkv, mask, { batch: B, length: T, heads: NH });
  expectShape("attention_weights", "weights", weights, [B, NH, T, T], "B, NH, T, T");
  const largest = weights.shape[1] * T > 3 * C ? weights : qkv;
  for (const { count, part } of batchWindows("attention_weights", batch.device, B, largest)) {
    const x = part(qkv), w = part(weights), m = mask ? part(mask) : x;
    batch.dispatch(weightsKernel, { HS: C / NH, MASKED: mask !== undefined, WG_SIZE }, { qkv: x.tensor, mask: m.tensor, weights: w.tensor },
      { batch: count, length: T, heads: NH, qkv_at: x.at, mask_at: m.at, weights_at: w.at }, Math.ceil((count * NH * T) / WG_SIZE));
  }
}

function checkQkv(kernel: string, qkv: Tensor, mask: Tensor | undefined, { batch: B, length: T, heads: NH }: AttentionSizes): number {
  const C = qkv.shape[1] / 3;
  if (!Number.isInteger(C / NH) || C / NH > 128) throw new Error(`${kernel}: cannot split qkv [${qkv.shape}] into ${NH} heads: head sizes 1 to 128 are supported`);
  expectShape(kernel, "qkv", qkv, [B * T, 3 * C], "B*T and 3C");
  if (mask) expectShape(kernel, "mask", mask, [B, T], "B and T");
  return C;
}
