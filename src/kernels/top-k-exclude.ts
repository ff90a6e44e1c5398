// Excludes tokens of each row: their logits are copied out and count as removed from then on. Who changes the scores
// of a few tokens gets those tokens, and from topK the best of all others, and needs no more of the row.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineRowKernel } from "./rows.ts";
import { rowWindows } from "./windows.ts";

const kernel = defineRowKernel({
  name: "top_k_exclude",
  source: ["lib/float_order.wgsl", "top_k_exclude.wgsl"],
  bindings: {
    tokens: read("u32", "[all rows + 1]", "first word of each row's tokens; then the tokens"),
    logits: readWrite("f32", "[rows, stride]", "a window from first_row on"),
    excluded: readWrite("f32", "as tokens", "a token's logit where the token stands"),
  },
  params: { rows: "u32", first_row: "u32", stride: "u32" },
});

/** The tokens of every row as excludeTokens reads them: where each row's begin, [R + 1], then the tokens. */
export function packTokens(rows: readonly (readonly number[])[]): Uint32Array {
  const words = [rows.length + 1];
  for (const tokens of rows) words.push(words.at(-1)! + tokens.length);
  return Uint32Array.from(words.concat(...rows));
}

/**
 * Copies the logits [R, stride] of packed `tokens` to the same places of `excluded`, and removes them in place: they
 * are the lowest float from then on, which weighs nothing and comes last. A row must not name a token twice.
 */
export function excludeTokens(
  batch: CommandBatch,
  { tokens, logits, excluded }: { readonly tokens: Tensor; readonly logits: Tensor; readonly excluded: Tensor },
): void {
  const [, stride] = logits.shape;
  expectShape("top_k_exclude", "excluded", excluded, tokens.shape, "tokens");
  for (const { start, count } of rowWindows(batch.device, logits)) {
    kernel(
      batch,
      {},
      { tokens, logits: sliceRows(logits, start, count), excluded },
      { rows: count, first_row: start, stride },
      count,
    );
  }
}
