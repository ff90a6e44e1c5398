// Attention probabilities over a cache, for output only: one slow pass.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel, kernelForms, read, readWrite } from "../gpu/kernel.ts";
import { expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { lineWidth, readStored, STORED, storedAs, storedSource, storedVariant } from "./stored.ts";

const WG_SIZE = 64;

const kernels = kernelForms(STORED, (stored) =>
  defineKernel({
    name: "attention_decode_weights",
    ...storedVariant(stored),
    source: ["lib/grid.wgsl", storedSource(stored), "attention_decode_weights.wgsl"],
    bindings: {
      qkv: read("f32", "[B*T, 3C]"),
      keys: readStored(stored, "scalar", "[R, NH, capacity, LINE]"),
      ancestry: read("u32", "[B, capacity]"),
      mask: read("u32", "[B, capacity]"),
      weights: readWrite("f32", "[B, NH, T, past + T]"),
    },
    params: { rows: "u32", length: "u32", past: "u32", capacity: "u32", heads: "u32" },
    constants: { HS: "u32", WG_SIZE: "u32" },
    example: { HS: 64, WG_SIZE },
  }),
);

/**
 * weights [B, NH, T, past + T]; the other tensors as attentionDecode takes them, the new tokens' keys already in the
 * cache.
 */
export function attentionDecodeWeights(
  batch: CommandBatch,
  {
    qkv,
    keys,
    ancestry,
    mask,
    weights,
    past,
    length,
  }: {
    readonly qkv: Tensor;
    readonly keys: Tensor;
    readonly ancestry: Tensor;
    readonly mask: Tensor;
    readonly weights: Tensor;
    readonly past: number;
    readonly length: number;
  },
): void {
  const [physical, heads, capacity] = keys.shape;
  const [rows] = ancestry.shape;
  const HS = Math.floor(qkv.shape[1] / 3 / heads);
  const stored = storedAs(keys);
  expectShape("attention_decode_weights", "qkv", qkv, [rows * length, 3 * heads * HS], "B*T and 3C of the cache");
  expectShape("attention_decode_weights", "keys", keys, [physical, heads, capacity, lineWidth(HS, stored)], "a head's");
  expectShape(
    "attention_decode_weights",
    "weights",
    weights,
    [rows, heads, length, past + length],
    "B, NH, T, past + T",
  );
  batch.dispatch(
    kernels(stored),
    { HS, WG_SIZE },
    { qkv, keys, ancestry, mask, weights },
    { rows, length, past, capacity, heads },
    Math.ceil((rows * heads * length) / WG_SIZE),
  );
}
