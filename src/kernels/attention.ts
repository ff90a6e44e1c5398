// Causal multi-head self-attention over qkv [B*T, 3C] (columns q | k | v, heads contiguous in each), as GPT2Attention:
// scores scaled by 1/sqrt(HS), softmax online (Milakov and Gimelshein 2018), so no [T, T] is ever stored.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { Scope } from "../gpu/scope.ts";
import { expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineAttention, headSize, launchParams, maskOr } from "./attention-blocks.ts";
import type { AttentionOptions } from "./attention-blocks.ts";
import { resizeHeads, wholeHead } from "./attention-resize.ts";
import { batchWindows } from "./batch-windows.ts";
import { bySaved, readSaved, readWriteSaved, savedAs, savedSource, savedVariant } from "./saved.ts";

const forward = bySaved((dtype) =>
  defineAttention({
    name: "attention",
    ...savedVariant(dtype),
    source: [savedSource(dtype), "attention.wgsl"],
    bindings: {
      qkv: readSaved(dtype, "vec4", "[B*T, 3, NH, HS]"),
      mask: read("u32", "[B, T]", "where params.masked"),
      out: readWriteSaved(dtype, "vec4", "[B*T, NH, HS]"),
      lse: readWrite("f32", "[B, NH, T]"),
    },
    products: 2,
  }),
);

/**
 * qkv [B*T, 3C] -> out [B*T, C], both f32 or both f16, and lse [B*NH*T], the log of the sum of exponentials that
 * backward wants. A query that sees no key gives zeros. Head sizes 1 to 128; a multiple of 4 saves two copies. Throws
 * when one sequence exceeds a binding.
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
  const { batch: B, length: T, heads: NH } = options;
  const HS = headSize("attention", qkv, options);
  expectShape("attention", "out", out, [B * T, NH * HS], "B*T and C");
  expectShape("attention", "lse", lse, [B * NH * T], "B*NH*T");
  const whole = wholeHead(HS);
  if (whole === HS) {
    attend(batch, { qkv, out, lse }, options, HS, whole);
    return;
  }
  const scope = new Scope(batch.device.pool, "heads of another size");
  try {
    const x = scope.acquire([B * T, 3 * NH * whole], qkv.dtype),
      y = scope.acquire([B * T, NH * whole], qkv.dtype);
    resizeHeads(batch, { x: qkv, y: x, from: HS, to: whole, sequences: B });
    attend(batch, { qkv: x, out: y, lse }, options, HS, whole);
    resizeHeads(batch, { x: y, y: out, from: whole, to: HS, sequences: B });
  } finally {
    scope.end("they were brought back");
  }
}

/** Over heads of `whole` channels, of which HS count. */
function attend(
  batch: CommandBatch,
  { qkv, out, lse }: { readonly qkv: Tensor; readonly out: Tensor; readonly lse: Tensor },
  options: AttentionOptions,
  HS: number,
  whole: number,
): void {
  for (const window of batchWindows("attention", batch.device, options.batch, qkv)) {
    const px = window.part(qkv),
      py = window.part(out),
      plse = window.part(lse),
      pmask = window.part(maskOr(options.mask, qkv));
    forward[savedAs(qkv)](
      batch,
      { qkv: px.tensor, mask: pmask.tensor, out: py.tensor, lse: plse.tensor },
      whole,
      options.packed === true,
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
}
