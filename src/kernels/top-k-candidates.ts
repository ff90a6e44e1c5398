// The best of what the parts of each row gave: the end of a top-k whose rows were searched in parts.
import type { CommandBatch } from "../gpu/batch.ts";
import { bitsOf, read, readWrite } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineRowKernel } from "./rows.ts";

/** Of lib/top_k.wgsl. */
export const topKBindings = {
  logits: bitsOf("f32", read("u32", "[rows, stride]", "bits of f32; a window from first_row on")),
  values: bitsOf("f32", readWrite("u32", "[all rows, parts, k]", "bits of f32")),
  ids: readWrite("u32", "[all rows, parts, k]"),
};
export const topKParams = {
  rows: "u32",
  first_row: "u32",
  parts: "u32",
  columns: "u32",
  stride: "u32",
  k: "u32",
} as const;

const kernel = defineRowKernel({
  name: "top_k_candidates",
  source: ["lib/float_order.wgsl", "lib/top_k.wgsl", "top_k_candidates.wgsl"],
  bindings: { ...topKBindings, candidates: read("u32", "[rows, stride]", "ids, beside the logits") },
  params: topKParams,
});

/** Values and ids [R, n] of candidates -> the k best of each row, values [R, k] in descending order and ids u32. */
export function topKOfCandidates(
  batch: CommandBatch,
  {
    found,
    values,
    ids,
  }: {
    readonly found: { readonly values: Tensor; readonly ids: Tensor };
    readonly values: Tensor;
    readonly ids: Tensor;
  },
): void {
  const [rows, columns] = found.values.shape;
  const params = { rows, first_row: 0, parts: 1, columns, stride: columns, k: values.shape[1] };
  kernel(batch, {}, { logits: found.values, values, ids, candidates: found.ids }, params, rows);
}
