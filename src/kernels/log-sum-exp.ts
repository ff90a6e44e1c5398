// The log of the sum of exponentials of each row of logits: what turns a logit into a log-probability.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineRowKernel } from "./rows.ts";
import { expectColumns, rowWindows } from "./windows.ts";

const kernel = defineRowKernel({
  name: "log_sum_exp",
  source: ["lib/softmax_row.wgsl", "log_sum_exp.wgsl"],
  bindings: {
    logits: read("vec4f", "[rows, stride4]", "a window from first_row on"),
    lse: readWrite("f32", "[all rows]"),
  },
  params: { rows: "u32", first_row: "u32", columns: "u32", stride4: "u32" },
});

/** logits [R, stride], stride a multiple of 4 -> lse [R] = log sum exp over the first `columns` columns. */
export function logSumExp(
  batch: CommandBatch,
  { logits, columns, lse }: { readonly logits: Tensor; readonly columns: number; readonly lse: Tensor },
): void {
  const [rows, stride] = logits.shape;
  expectShape("log_sum_exp", "lse", lse, [rows], "R of logits");
  expectColumns("log_sum_exp", logits, columns);
  for (const { start, count } of rowWindows(batch.device, logits)) {
    kernel(
      batch,
      {},
      { logits: sliceRows(logits, start, count), lse },
      { rows: count, first_row: start, columns, stride4: stride / 4 },
      count,
      columns / 4,
    );
  }
}
