// Sparse changes to logits where they are: a list of edits goes up instead of a row coming down.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { byteLength, expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineRowKernel } from "./rows.ts";
import { rowWindows } from "./windows.ts";

/** In the order of the constants in edit_logits.wgsl. */
export const EDIT_KINDS = ["set", "add", "penalize", "raise", "clear"] as const;
export type EditKind = (typeof EDIT_KINDS)[number];

/**
 * A change to a score s of one row, applied in order: set: s = value (-Infinity removes the token) · add: s += value ·
 * penalize: s = s < 0 ? s·value : s/value · raise: s += |s|·value · clear: every score of the row becomes -Infinity
 * (token and value are 0). What was removed stays removed unless it is set.
 */
export interface Edit {
  readonly kind: EditKind;
  readonly token: number;
  readonly value: number;
}

/** Of f32; its negative stands for -Infinity on the device. */
export const LARGEST_F32 = 3.4028234663852886e38;

const kernel = defineRowKernel({
  name: "edit_logits",
  source: ["lib/float_order.wgsl", "edit_logits.wgsl"],
  bindings: {
    edits: read("u32", "[all rows + 1]", "first word of each row's edits; then kind, token, value bits each"),
    base: read("f32", "[all rows]"),
    logits: readWrite("f32", "[rows, stride]", "a window from first_row on"),
  },
  params: { rows: "u32", first_row: "u32", columns: "u32", stride: "u32" },
  work: (_, { edits }) => ({ bytes: 2 * byteLength(edits) }), // not the logits: few of them are edited
});

/** The edits of every row as the kernel reads them. */
export function packEdits(rows: readonly (readonly Edit[])[]): Uint32Array {
  const words = new Uint32Array(rows.length + 1 + 3 * rows.reduce((sum, edits) => sum + edits.length, 0));
  const values = new Float32Array(words.buffer);
  let at = rows.length + 1;
  rows.forEach((edits, row) => {
    words[row] = at;
    for (const { kind, token, value } of edits) {
      words[at] = EDIT_KINDS.indexOf(kind);
      words[at + 1] = token;
      values[at + 2] = Math.min(LARGEST_F32, Math.max(-LARGEST_F32, value));
      at += 3;
    }
  });
  words[rows.length] = at;
  return words;
}

/**
 * logits [R, stride] changed in place by the packed `edits`; the score of a token is its logit less its row's base [R].
 */
export function editLogits(
  batch: CommandBatch,
  {
    edits,
    base,
    logits,
    columns,
  }: { readonly edits: Tensor; readonly base: Tensor; readonly logits: Tensor; readonly columns: number },
): void {
  const [rows, stride] = logits.shape;
  expectShape("edit_logits", "base", base, [rows], "R of logits");
  for (const { start, count } of rowWindows(batch.device, logits)) {
    kernel(
      batch,
      {},
      { edits, base, logits: sliceRows(logits, start, count) },
      { rows: count, first_row: start, columns, stride },
      count,
    );
  }
}
