// The gradient of attention: the probabilities are recomputed from the saved logsumexp (Dao et al. 2022,
// "FlashAttention"). No atomics, so the same bits always.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { Scope } from "../gpu/scope.ts";
import { expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineAttention, headSize, launchParams, maskOr } from "./attention-blocks.ts";
import type { AttentionOptions } from "./attention-blocks.ts";
import { resizeHeads, wholeHead } from "./attention-resize.ts";
import { batchWindows } from "./batch-windows.ts";
import { defineRowKernel } from "./rows.ts";
import { bySaved, readSaved, readWriteSaved, savedAs, savedSource, savedVariant } from "./saved.ts";
import type { Saved } from "./saved.ts";

const bindings = (dtype: Saved) => ({
  dout: readSaved(dtype, "vec4", "[B*T, NH, HS]"),
  qkv: readSaved(dtype, "vec4", "[B*T, 3, NH, HS]"),
  lse: read("f32", "[B, NH, T]"),
  delta: read("f32", "[B*T, NH]", "sum over channels of dout * out"),
  mask: read("u32", "[B, T]", "where params.masked"),
  dqkv: readWriteSaved(dtype, "vec4", "[B*T, 3, NH, HS]"),
});

const backwardDq = bySaved((dtype) =>
  defineAttention({
    name: "attention_backward_dq",
    ...savedVariant(dtype),
    source: [savedSource(dtype), "lib/attention_backward.wgsl", "attention_backward_dq.wgsl"],
    bindings: bindings(dtype),
    products: 3,
  }),
);

const backwardDkv = bySaved((dtype) =>
  defineAttention({
    name: "attention_backward_dkv",
    ...savedVariant(dtype),
    source: [savedSource(dtype), "lib/attention_backward.wgsl", "attention_backward_dkv.wgsl"],
    bindings: bindings(dtype),
    products: 4,
  }),
);

const backwardDelta = bySaved((dtype) =>
  defineRowKernel({
    name: "attention_backward_delta",
    ...savedVariant(dtype),
    source: ["attention_backward_delta.wgsl"],
    bindings: {
      dout: readSaved(dtype, "scalar", "[B*T, NH, HS]"),
      out: readSaved(dtype, "scalar", "[B*T, NH, HS]"),
      delta: readWrite("f32", "[B*T, NH]"),
    },
    params: { rows: "u32", at: "u32", delta_at: "u32" },
    constants: { HS: "u32" },
    example: { HS: 64 },
  }),
);

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
  const { batch: B, length: T, heads: NH } = options;
  const HS = headSize("attention_backward", qkv, options);
  expectShape("attention_backward", "dout", dout, [B * T, NH * HS], "B*T and C");
  expectShape("attention_backward", "out", out, [B * T, NH * HS], "B*T and C");
  expectShape("attention_backward", "lse", lse, [B * NH * T], "B*NH*T");
  expectShape("attention_backward", "dqkv", dqkv, qkv.shape, "as qkv");
  const whole = wholeHead(HS);
  const scope = new Scope(batch.device.pool, "what attention's gradient takes");
  try {
    const delta = scope.acquire([B * T, NH]);
    deltas(batch, { dout, out, delta }, options, HS);
    if (whole === HS) {
      gradients(batch, { dout, qkv, lse, delta, dqkv }, options, HS, whole, accumulate);
      return;
    }
    const x = scope.acquire([B * T, 3 * NH * whole], qkv.dtype),
      dy = scope.acquire([B * T, NH * whole], qkv.dtype),
      dx = scope.acquire([B * T, 3 * NH * whole], qkv.dtype);
    resizeHeads(batch, { x: qkv, y: x, from: HS, to: whole, sequences: B });
    resizeHeads(batch, { x: dout, y: dy, from: HS, to: whole, sequences: B });
    gradients(batch, { dout: dy, qkv: x, lse, delta, dqkv: dx }, options, HS, whole, false);
    resizeHeads(batch, { x: dx, y: dqkv, from: whole, to: HS, sequences: B, accumulate });
  } finally {
    scope.end("the gradient was made");
  }
}

/** delta [B*T, NH] of dout and out [B*T, C], in heads of HS channels. */
function deltas(
  batch: CommandBatch,
  { dout, out, delta }: { readonly dout: Tensor; readonly out: Tensor; readonly delta: Tensor },
  { batch: B, length, heads }: AttentionOptions,
  HS: number,
): void {
  for (const window of batchWindows("attention_backward", batch.device, B, dout)) {
    const pdout = window.part(dout),
      pdelta = window.part(delta),
      rows = window.count * length * heads;
    backwardDelta[savedAs(dout)](
      batch,
      { HS },
      { dout: pdout.tensor, out: window.part(out).tensor, delta: pdelta.tensor },
      { rows, at: pdout.at, delta_at: pdelta.at },
      rows,
    );
  }
}

interface Gradients {
  readonly dout: Tensor;
  readonly qkv: Tensor;
  readonly lse: Tensor;
  readonly delta: Tensor;
  readonly dqkv: Tensor;
}

/** dqkv (+)= the gradient, over heads of `whole` channels, of which HS count. */
function gradients(
  batch: CommandBatch,
  { dout, qkv, lse, delta, dqkv }: Gradients,
  options: AttentionOptions,
  HS: number,
  whole: number,
  accumulate: boolean,
): void {
  for (const window of batchWindows("attention_backward", batch.device, options.batch, qkv)) {
    const pdout = window.part(dout),
      pqkv = window.part(qkv),
      plse = window.part(lse),
      pdelta = window.part(delta),
      pmask = window.part(maskOr(options.mask, qkv)),
      pdqkv = window.part(dqkv);
    for (const kernel of [backwardDq[savedAs(qkv)], backwardDkv[savedAs(qkv)]]) {
      const bound = {
        dout: pdout.tensor,
        qkv: pqkv.tensor,
        lse: plse.tensor,
        delta: pdelta.tensor,
        mask: pmask.tensor,
        dqkv: pdqkv.tensor,
      };
      const places = {
        qkv_at: pqkv.at,
        out_at: pdout.at,
        lse_at: plse.at,
        delta_at: pdelta.at,
        mask_at: pmask.at,
        accumulate: accumulate ? 1 : 0,
      };
      kernel(batch, bound, whole, options.packed === true, launchParams(window, options, HS, whole, places));
    }
  }
}
