// Causal multi-head self-attention over qkv [B*T, 3C] (columns q | k | v, heads contiguous in each), as GPT2Attention:
// scores scaled by 1/sqrt(HS), softmax online (Milakov and Gimelshein 2018), so no [T, T] is ever stored.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineAttention, headSize, launchParams, maskOr } from "./attention-blocks.ts";
import type { AttentionOptions } from "./attention-blocks.ts";
import { resizeHeads, wholeHead } from "./attention-resize.ts";
import { batchWindows } from "./batch-windows.ts";

const forward = defineAttention({
  name: "attention",
  source: ["attention.wgsl"],
  bindings: {
    qkv: read("vec4f", "[B*T, 3, NH, HS]"),
    mask: read("u32", "[B, T]", "where params.masked"),
    out: readWrite("vec4f", "[B*T, NH, HS]"),
    lse: readWrite("f32", "[B, NH, T]"),
  },
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
      pmask = window.part(maskOr(mask, x));
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
