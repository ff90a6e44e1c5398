// Causal multi-head self-attention over qkv [B*T, 3C] (columns q | k | v, heads contiguous in each), as GPT2Attention:
// scores scaled by 1/sqrt(HS), softmax online (Milakov and Gimelshein 2018), so no [T, T] is ever stored. Backward
// recomputes the probabilities from the saved logsumexp (Dao et al. 2022, "FlashAttention"); no atomics, the same bits
// always.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Access, BindingsOf, KernelSpec } from "../gpu/kernel.ts";
import { expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { resizeHeads, wholeHead } from "./attention-resize.ts";
import { batchWindows } from "./batch-windows.ts";
import type { BatchWindow } from "./batch-windows.ts";
import { dropoutParams } from "./random.ts";
import type { Dropout } from "./random.ts";
import { defineRowKernel } from "./rows.ts";
import { tuningOf } from "./tuning.ts";

export interface AttentionSizes {
  /** B sequences of T tokens each, NH heads. */
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
}

interface AttentionOptions extends AttentionSizes {
  /** u32 [B, T], 0 where a key is hidden. */
  readonly mask?: Tensor;
  /**
   * On the probabilities, after the softmax, as in HF. The index is ((b * NH + head) * T + query) * T + key, modulo
   * 2^32.
   */
  readonly dropout?: Dropout;
}

const params = {
  batch: "u32",
  length: "u32",
  heads: "u32",
  scale: "f32",
  qkv_at: "u32",
  out_at: "u32",
  lse_at: "u32",
  delta_at: "u32",
  mask_at: "u32",
  rows: "u32",
  chunks: "u32",
  own: "u32",
  masked: "u32",
  accumulate: "u32",
  first_sequence: "u32",
  seed: "u32",
  step: "u32",
  site: "u32",
  drop_below: "u32",
  keep_scale: "f32",
} as const;

type Params = { -readonly [name in keyof typeof params]: number };
/** Where what is bound begins in each tensor, and whether the result is added. */
type Places = Pick<Params, "qkv_at" | "out_at" | "lse_at" | "delta_at" | "mask_at" | "accumulate">;

const ROWS_OF_A_WORKGROUP = 32; // 4 subgroups with 8 rows each, or 8 teams with 4

/** Defines both variants of a kernel and returns its launch over one window of the batch. */
function defineAttention<const B extends Readonly<Record<string, Access>>>({
  name,
  source,
  bindings,
}: Pick<KernelSpec<B, typeof params, Record<never, never>>, "name" | "source" | "bindings">) {
  const define = (variant: "subgroup" | "workgroup") =>
    defineKernel({
      name,
      bindings,
      params,
      source: ["lib/grid.wgsl", "lib/random.wgsl", "lib/attention.wgsl", `lib/attention_${variant}.wgsl`, ...source],
      constants: { HS: "u32", TEAM: "u32", WG_SIZE: "u32" },
    });
  const variants = { subgroup: define("subgroup"), workgroup: define("workgroup") };
  return (batch: CommandBatch, bound: BindingsOf<B>, HS: number, values: Params) => {
    const choice = tuningOf(batch.device).attention;
    const TEAM = choice === "subgroup" ? batch.device.subgroupSize : 8;
    const blocks = values.batch * values.heads * Math.ceil(values.length / ROWS_OF_A_WORKGROUP);
    values.rows = choice === "subgroup" ? 8 : 4;
    values.own = Math.ceil(HS / 4 / TEAM);
    batch.dispatch(
      variants[choice],
      { HS, TEAM, WG_SIZE: choice === "subgroup" ? 4 * TEAM : 64 },
      bound,
      values,
      blocks,
    );
  };
}

const forward = defineAttention({
  name: "attention",
  source: ["attention.wgsl"],
  bindings: { qkv: "read", mask: "read", out: "read_write", lse: "read_write" },
});

const backwardBindings = {
  dout: "read",
  qkv: "read",
  lse: "read",
  delta: "read",
  mask: "read",
  dqkv: "read_write",
} as const;
const backwardDq = defineAttention({
  name: "attention_backward_dq",
  source: ["lib/attention_backward.wgsl", "attention_backward_dq.wgsl"],
  bindings: backwardBindings,
});
const backwardDkv = defineAttention({
  name: "attention_backward_dkv",
  source: ["lib/attention_backward.wgsl", "attention_backward_dkv.wgsl"],
  bindings: backwardBindings,
});

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
  params: {
    batch: "u32",
    length: "u32",
    heads: "u32",
    masked: "u32",
    qkv_at: "u32",
    mask_at: "u32",
    weights_at: "u32",
  },
  constants: { HS: "u32", WG_SIZE: "u32" },
});

/**
 * qkv [B*T, 3C] -> out [B*T, C] and lse [B*NH*T], the log of the sum of exponentials that backward wants. A query that
 * sees no key gives zeros. Head sizes 1 to 128; a multiple of 4 saves two copies. Throws when one sequence exceeds a
 * binding.
 */
export function attentionForward(
  batch: CommandBatch,
  {
    qkv,
    out,
    lse,
    ...options
  }: AttentionOptions & { readonly qkv: Tensor; readonly out: Tensor; readonly lse: Tensor },
): void {
  const { batch: B, length: T, heads: NH, mask } = options;
  const HS = headSize("attention", qkv, options);
  expectShape("attention", "out", out, [B * T, NH * HS], "B*T and C");
  expectShape("attention", "lse", lse, [B * NH * T], "B*NH*T");
  const whole = wholeHead(HS);
  const { pool } = batch.device;
  const x =
    whole === HS
      ? qkv
      : resizeHeads(batch, { x: qkv, y: pool.acquire([B * T, 3 * NH * whole]), from: HS, to: whole, sequences: B });
  const y = whole === HS ? out : pool.acquire([B * T, NH * whole]);
  for (const window of batchWindows("attention", batch.device, B, x)) {
    const px = window.part(x),
      py = window.part(y),
      plse = window.part(lse),
      pmask = window.part(mask ?? x);
    forward(
      batch,
      { qkv: px.tensor, mask: pmask.tensor, out: py.tensor, lse: plse.tensor },
      whole,
      launchParams(window, options, HS, whole, {
        qkv_at: px.at,
        out_at: py.at,
        lse_at: plse.at,
        delta_at: 0,
        mask_at: pmask.at,
        accumulate: 0,
      }),
    );
  }
  if (whole === HS) return;
  resizeHeads(batch, { x: y, y: out, from: whole, to: HS, sequences: B });
  for (const tensor of [x, y]) pool.release(tensor);
}

/**
 * dqkv [B*T, 3C] (+)= gradient by qkv, every column written; `accumulate` adds to what is there. dout [B*T, C]; qkv,
 * out, lse, mask and dropout as in the forward launch.
 */
export function attentionBackward(
  batch: CommandBatch,
  {
    dout,
    qkv,
    out,
    lse,
    dqkv,
    accumulate = false,
    ...options
  }: AttentionOptions & {
    readonly dout: Tensor;
    readonly qkv: Tensor;
    readonly out: Tensor;
    readonly lse: Tensor;
    readonly dqkv: Tensor;
    readonly accumulate?: boolean;
  },
): void {
  const { batch: B, length: T, heads: NH, mask } = options;
  const HS = headSize("attention_backward", qkv, options);
  expectShape("attention_backward", "dout", dout, [B * T, NH * HS], "B*T and C");
  expectShape("attention_backward", "out", out, [B * T, NH * HS], "B*T and C");
  expectShape("attention_backward", "lse", lse, [B * NH * T], "B*NH*T");
  expectShape("attention_backward", "dqkv", dqkv, qkv.shape, "as qkv");
  const whole = wholeHead(HS);
  const { pool } = batch.device;
  const widen = (tensor: Tensor, groups: number) =>
    resizeHeads(batch, { x: tensor, y: pool.acquire([B * T, groups * whole]), from: HS, to: whole, sequences: B });
  const delta = pool.acquire([B * T, NH]);
  const x = whole === HS ? qkv : widen(qkv, 3 * NH);
  const dy = whole === HS ? dout : widen(dout, NH);
  const dx = whole === HS ? dqkv : pool.acquire([B * T, 3 * NH * whole]);
  for (const window of batchWindows("attention_backward", batch.device, B, x)) {
    const px = window.part(x),
      pdy = window.part(dy),
      pdx = window.part(dx),
      plse = window.part(lse),
      pdelta = window.part(delta),
      pmask = window.part(mask ?? x);
    const pdout = window.part(dout),
      rows = window.count * T * NH;
    backwardDelta(
      batch,
      { HS },
      { dout: pdout.tensor, out: window.part(out).tensor, delta: pdelta.tensor },
      { rows, at: pdout.at, delta_at: pdelta.at },
      rows,
    );
    for (const kernel of [backwardDq, backwardDkv]) {
      const bound = {
        dout: pdy.tensor,
        qkv: px.tensor,
        lse: plse.tensor,
        delta: pdelta.tensor,
        mask: pmask.tensor,
        dqkv: pdx.tensor,
      };
      kernel(
        batch,
        bound,
        whole,
        launchParams(window, options, HS, whole, {
          qkv_at: px.at,
          out_at: pdy.at,
          lse_at: plse.at,
          delta_at: pdelta.at,
          mask_at: pmask.at,
          accumulate: accumulate && whole === HS ? 1 : 0,
        }),
      );
    }
  }
  pool.release(delta);
  if (whole === HS) return;
  resizeHeads(batch, { x: dx, y: dqkv, from: whole, to: HS, sequences: B, accumulate });
  for (const tensor of [x, dy, dx]) pool.release(tensor);
}

/** The probabilities themselves, weights [B, NH, T, T], without dropout: for output only, one slow pass. */
export function attentionWeights(
  batch: CommandBatch,
  {
    qkv,
    weights,
    ...options
  }: AttentionSizes & { readonly qkv: Tensor; readonly mask?: Tensor; readonly weights: Tensor },
): void {
  const { batch: B, length: T, heads: NH, mask } = options;
  const HS = headSize("attention_weights", qkv, options);
  expectShape("attention_weights", "weights", weights, [B, NH, T, T], "B, NH, T, T");
  for (const window of batchWindows("attention_weights", batch.device, B, T > 3 * HS ? weights : qkv)) {
    const pqkv = window.part(qkv),
      pmask = window.part(mask ?? qkv),
      pweights = window.part(weights);
    batch.dispatch(
      weightsKernel,
      { HS, WG_SIZE: 64 },
      { qkv: pqkv.tensor, mask: pmask.tensor, weights: pweights.tensor },
      {
        batch: window.count,
        length: T,
        heads: NH,
        masked: Number(mask !== undefined),
        qkv_at: pqkv.at,
        mask_at: pmask.at,
        weights_at: pweights.at,
      },
      Math.ceil((window.count * NH * T) / 64),
    );
  }
}

/**
 * Written out: a step is bound by what the host does for each launch, and spreading objects costs microseconds. `rows`
 * and `own` follow at launch.
 */
function launchParams(
  { first, count }: BatchWindow,
  { length, heads, mask, dropout }: AttentionOptions,
  HS: number,
  whole: number,
  places: Places,
): Params {
  const { seed, step, site, drop_below, keep_scale } = dropoutParams(dropout);
  const { qkv_at, out_at, lse_at, delta_at, mask_at, accumulate } = places;
  return {
    batch: count,
    length,
    heads,
    scale: 1 / Math.sqrt(HS),
    qkv_at,
    out_at,
    lse_at,
    delta_at,
    mask_at,
    rows: 0,
    chunks: whole / 4,
    own: 0,
    masked: mask ? 1 : 0,
    accumulate,
    first_sequence: first,
    seed,
    step,
    site,
    drop_below,
    keep_scale,
  };
}

/** C / NH, after checking qkv and mask. */
export function headSize(
  kernel: string,
  qkv: Tensor,
  { batch: B, length: T, heads: NH, mask }: AttentionSizes & { readonly mask?: Tensor },
): number {
  const HS = qkv.shape[1] / 3 / NH;
  if (!Number.isInteger(HS) || HS > 128)
    throw new Error(
      `${kernel}: cannot split qkv [${qkv.shape}] into q, k and v of ${NH} heads: head sizes 1 to 128 are supported`,
    );
  expectShape(kernel, "qkv", qkv, [B * T, 3 * NH * HS], "B*T and 3C");
  if (mask) expectShape(kernel, "mask", mask, [B, T], "B and T");
  return HS;
}
