// The gradient of attention: the probabilities are recomputed from the saved logsumexp (Dao et al. 2022,
// "FlashAttention"). No atomics, so the same bits always.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineAttention, headSize, launchParams, maskOr } from "./attention-blocks.ts";
import type { AttentionOptions } from "./attention-blocks.ts";
import { resizeHeads, wholeHead } from "./attention-resize.ts";
import { batchWindows } from "./batch-windows.ts";
import { defineRowKernel } from "./rows.ts";

const bindings = {
  dout: read("vec4f", "[B*T, NH, HS]"),
  qkv: read("vec4f", "[B*T, 3, NH, HS]"),
  lse: read("f32", "[B, NH, T]"),
  delta: read("f32", "[B*T, NH]", "sum over channels of dout * out"),
  mask: read("u32", "[B, T]", "where params.masked"),
  dqkv: readWrite("vec4f", "[B*T, 3, NH, HS]"),
};

const backwardDq = defineAttention({
  name: "attention_backward_dq",
  source: ["lib/attention_backward.wgsl", "attention_backward_dq.wgsl"],
  bindings,
});

const backwardDkv = defineAttention({
  name: "attention_backward_dkv",
  source: ["lib/attention_backward.wgsl", "attention_backward_dkv.wgsl"],
  bindings,
});

const backwardDelta = defineRowKernel({
  name: "attention_backward_delta",
  source: ["attention_backward_delta.wgsl"],
  bindings: {
    dout: read("f32", "[B*T, NH, HS]"),
    out: read("f32", "[B*T, NH, HS]"),
    delta: readWrite("f32", "[B*T, NH]"),
  },
  params: { rows: "u32", at: "u32", delta_at: "u32" },
  constants: { HS: "u32" },
  example: { HS: 64 },
});

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
      pmask = window.part(maskOr(mask, x));
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
