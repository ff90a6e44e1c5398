// The best tokens of each row of logits, so that a decoding step brings back a few numbers instead of [R, V]. Long rows
// are searched in parts, then the parts' candidates.
import type { CommandBatch } from "../gpu/batch.ts";
import { Scope } from "../gpu/scope.ts";
import { expectShape, reshape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineRowKernel, rowFormOn } from "./rows.ts";
import { topKBindings, topKOfCandidates, topKParams } from "./top-k-candidates.ts";
import { rowWindows } from "./windows.ts";

const PART = 4096; // columns a part has at least: enough lanes busy for one row of a large vocabulary
// up to so many a workgroup finds sooner, though a round costs it barriers, than parts and a second launch
const FEW = 64;

const kernel = defineRowKernel({
  name: "top_k",
  source: ["lib/float_order.wgsl", "lib/top_k.wgsl", "top_k.wgsl"],
  bindings: topKBindings,
  params: topKParams,
});

/**
 * logits [R, stride] -> values [R, k] in descending order and ids u32 [R, k], over the first `columns` columns; the
 * lower id first among equals; NaN counts as the largest, as in torch.topk. Throws unless 1 <= k <= columns.
 */
export function topK(
  batch: CommandBatch,
  {
    logits,
    columns,
    k,
    values,
    ids,
  }: {
    readonly logits: Tensor;
    readonly columns: number;
    readonly k: number;
    readonly values: Tensor;
    readonly ids: Tensor;
  },
): void {
  const [rows, stride] = logits.shape;
  if (!(k >= 1 && k <= columns && columns <= stride)) {
    throw new Error(`top_k: cannot take the ${k} largest of ${columns} columns of [${logits.shape}]`);
  }
  expectShape("top_k", "values", values, [rows, k], "R of logits, k");
  expectShape("top_k", "ids", ids, [rows, k], "R of logits, k");
  const { device } = batch;
  const length = k <= FEW ? columns : 0;
  const shared = rowFormOn(device, rows, length).library !== "subgroup" && length > 0;
  const parts = shared ? 1 : Math.max(1, Math.floor(columns / Math.max(PART, k)));
  const search = (out: { values: Tensor; ids: Tensor }): void => {
    for (const { start, count } of rowWindows(device, logits)) {
      kernel(
        batch,
        {},
        { logits: sliceRows(logits, start, count), ...out },
        { rows: count, first_row: start, parts, columns, stride, k },
        count * parts,
        length / parts,
      );
    }
  };
  if (parts === 1) {
    search({ values, ids });
    return;
  }
  const scope = new Scope(device.pool, "top-k's candidates");
  try {
    const found = { values: scope.acquire([rows, parts * k]), ids: scope.acquire([rows, parts * k], "u32") };
    search(found);
    topKOfCandidates(batch, { found, values, ids });
  } finally {
    scope.end("they were merged");
  }
}

/**
 * logits [R, stride] -> ids u32 [R]: the column of each row's largest value among the first `columns`, the lowest among
 * equals.
 */
export function argmax(
  batch: CommandBatch,
  { logits, columns, ids }: { readonly logits: Tensor; readonly columns: number; readonly ids: Tensor },
): void {
  const [rows] = logits.shape;
  expectShape("argmax", "ids", ids, [rows], "R of logits");
  const { pool } = batch.device;
  const values = pool.acquire([rows, 1]);
  try {
    topK(batch, { logits, columns, k: 1, values, ids: reshape(ids, [rows, 1]) });
  } finally {
    pool.release(values);
  }
}
