// The attention probabilities themselves, for callers that ask to see them: one slow pass, nothing saved from the fused
// kernels.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel, read, readWrite } from "../gpu/kernel.ts";
import { expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { headSize, maskOr } from "./attention-blocks.ts";
import type { MaskedSizes } from "./attention-blocks.ts";
import { batchWindows } from "./batch-windows.ts";

const WG_SIZE = 64;

const kernel = defineKernel({
  name: "attention_weights",
  source: ["lib/grid.wgsl", "attention_weights.wgsl"],
  bindings: {
    qkv: read("f32", "[B*T, 3C]"),
    mask: read("u32", "[B, T]", "where params.masked"),
    weights: readWrite("f32", "[B, NH, T, T]"),
  },
  params: {
    batch: "u32",
    length: "u32",
    heads: "u32",
    masked: "u32",
    packed: "u32",
    qkv_at: "u32",
    mask_at: "u32",
    weights_at: "u32",
  },
  constants: { HS: "u32", WG_SIZE: "u32" },
  example: { HS: 64, WG_SIZE },
});

/** The probabilities themselves, weights [B, NH, T, T], without dropout: for output only, one slow pass. */
export function attentionWeights(
  batch: CommandBatch,
  { qkv, weights, packed = false, ...options }: MaskedSizes & { readonly qkv: Tensor; readonly weights: Tensor },
): void {
  const { batch: B, length: T, heads: NH, mask } = options;
  const HS = headSize("attention_weights", qkv, options);
  expectShape("attention_weights", "weights", weights, [B, NH, T, T], "B, NH, T, T");
  for (const window of batchWindows("attention_weights", batch.device, B, T > 3 * HS ? weights : qkv)) {
    const pqkv = window.part(qkv),
      pmask = window.part(maskOr(mask, qkv)),
      pweights = window.part(weights);
    batch.dispatch(
      kernel,
      { HS, WG_SIZE },
      { qkv: pqkv.tensor, mask: pmask.tensor, weights: pweights.tensor },
      {
        batch: window.count,
        length: T,
        heads: NH,
        masked: Number(mask !== undefined),
        packed: Number(packed),
        qkv_at: pqkv.at,
        mask_at: pmask.at,
        weights_at: pweights.at,
      },
      Math.ceil((window.count * NH * T) / WG_SIZE),
    );
  }
}
