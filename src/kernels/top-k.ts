// The best tokens of each row of logits, the log of the sum that makes probabilities of them, and the logits of tokens
// that are set aside: so that a decoding step brings back a few numbers instead of [R, V]. Long rows are searched in
// parts, then the parts' candidates.
import type { CommandBatch } from "../gpu/batch.ts";
import { expectShape, reshape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineRowKernel, rowFormOn } from "./rows.ts";
import { rowWindows } from "./windows.ts";

const PART = 4096; // columns a part has at least: enough lanes busy for one row of a large vocabulary
// up to so many a workgroup finds sooner, though a round costs it barriers, than parts and a second launch
const FEW = 64;

const params = { rows: "u32", first_row: "u32", parts: "u32", columns: "u32", stride: "u32", k: "u32" } as const;

const overColumns = defineRowKernel({
  name: "top_k",
  source: ["lib/float_order.wgsl", "top_k.wgsl", "top_k_columns.wgsl"],
  bindings: { logits: "read", values: "read_write", ids: "read_write" },
  params,
  constants: {},
});

const overCandidates = defineRowKernel({
  name: "top_k_candidates",
  source: ["lib/float_order.wgsl", "top_k.wgsl", "top_k_candidates.wgsl"],
  bindings: { logits: "read", values: "read_write", ids: "read_write", candidates: "read" },
  params,
  constants: {},
});

const sumOfExponentials = defineRowKernel({
  name: "log_sum_exp",
  source: ["lib/softmax_row.wgsl", "log_sum_exp.wgsl"],
  bindings: { logits: "read", lse: "read_write" },
  params: { rows: "u32", first_row: "u32", columns: "u32", stride4: "u32" },
  constants: {},
});

const setTokensAside = defineRowKernel({
  name: "top_k_aside",
  source: ["lib/float_order.wgsl", "top_k_aside.wgsl"],
  bindings: { tokens: "read", logits: "read_write", aside: "read_write" },
  params: { rows: "u32", first_row: "u32", stride: "u32" },
  constants: {},
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
      overColumns(
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
  const found = { values: device.pool.acquire([rows, parts * k]), ids: device.pool.acquire([rows, parts * k], "u32") };
  search(found);
  const merge = { rows, first_row: 0, parts: 1, columns: parts * k, stride: parts * k, k };
  overCandidates(batch, {}, { logits: found.values, values, ids, candidates: found.ids }, merge, rows);
  device.pool.release(found.values);
  device.pool.release(found.ids);
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
  topK(batch, { logits, columns, k: 1, values, ids: reshape(ids, [rows, 1]) });
  pool.release(values);
}

/** logits [R, stride], stride a multiple of 4 -> lse [R] = log sum exp over the first `columns` columns. */
export function logSumExp(
  batch: CommandBatch,
  { logits, columns, lse }: { readonly logits: Tensor; readonly columns: number; readonly lse: Tensor },
): void {
  const [rows, stride] = logits.shape;
  expectShape("log_sum_exp", "lse", lse, [rows], "R of logits");
  if (stride % 4 !== 0 || columns > stride) {
    throw new Error(
      `log_sum_exp: cannot bind logits: shape is [${logits.shape}], expected a row of a multiple of 4 and at least ${columns} columns`,
    );
  }
  for (const { start, count } of rowWindows(batch.device, logits)) {
    sumOfExponentials(
      batch,
      {},
      { logits: sliceRows(logits, start, count), lse },
      { rows: count, first_row: start, columns, stride4: stride / 4 },
      count,
      columns / 4,
    );
  }
}

/** The tokens of every row as setAside reads them: where each row's begin, [R + 1], then the tokens. */
export function packTokens(rows: readonly (readonly number[])[]): Uint32Array {
  const words = [rows.length + 1];
  for (const tokens of rows) words.push(words.at(-1)! + tokens.length);
  return Uint32Array.from(words.concat(...rows));
}

/**
 * Copies the logits [R, stride] of packed `tokens` to the same places of `aside`, and removes them in place: they are
 * the lowest float from then on, which weighs nothing and comes last. A row must not name a token twice.
 */
export function setAside(
  batch: CommandBatch,
  { tokens, logits, aside }: { readonly tokens: Tensor; readonly logits: Tensor; readonly aside: Tensor },
): void {
  const [, stride] = logits.shape;
  expectShape("top_k_aside", "aside", aside, tokens.shape, "tokens");
  for (const { start, count } of rowWindows(batch.device, logits)) {
    setTokensAside(
      batch,
      {},
      { tokens, logits: sliceRows(logits, start, count), aside },
      { rows: count, first_row: start, stride },
      count,
    );
  }
}
