// Softmax cross-entropy by row. The gradient replaces the logits, so that [N, V] exists once; a row costs one read for
// the softmax and one read and write for the gradient.
import type { CommandBatch } from "../gpu/batch.ts";
import { join, read, readWrite } from "../gpu/kernel.ts";
import type { Binding, Part } from "../gpu/kernel.ts";
import { byteLength, expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineRowKernel } from "./rows.ts";
import { expectColumns, rowWindows } from "./windows.ts";

/** The target of a row that has no label: loss 0, gradient 0. */
export const IGNORED = 0xffffffff;

const part = {
  source: ["lib/softmax_row.wgsl", "cross_entropy.wgsl"],
  bindings: {
    targets: read("u32", "[all rows]", "column of the row's label, or IGNORED"),
    logits: readWrite("vec4f", "[rows, stride4]", "a window from first_row on"),
    losses: readWrite("f32", "[all rows]"),
  },
  params: { rows: "u32", first_row: "u32", columns: "u32", stride4: "u32", scale: "f32" },
  constants: { GRADIENT: "bool" },
  example: { GRADIENT: true },
  work: (_: unknown, { logits }: { readonly logits: Tensor }, { GRADIENT }: { readonly GRADIENT: boolean }) => ({
    bytes: (GRADIENT ? 3 : 1) * byteLength(logits),
  }),
} as const;

const UNSCALED: Part = { source: ["lib/loss_scale_none.wgsl"] };
const SCALED: Part<{ readonly scaling: Binding }> = {
  source: ["lib/loss_scale_kept.wgsl"],
  bindings: { scaling: read("f32", "[2]", "[0] is the loss scale") },
};

const kernel = defineRowKernel({ ...join(part, UNSCALED), name: "cross_entropy" });
const kernelScaled = defineRowKernel({ ...join(part, SCALED), name: "cross_entropy", variant: "loss scale" });

/**
 * losses [N] = -log softmax(logits [N, Vp], over the first `vocabSize` columns)[targets u32 [N]], 0 where IGNORED.
 * With `gradientScale` the logits are overwritten by (softmax - one-hot) * gradientScale, zero in columns from
 * vocabSize on. Vp is a multiple of 4; targets are below vocabSize or IGNORED. The gradient is
 * multiplied by scaling[0], too, where f32 scaling [2] is given.
 */
export function crossEntropyByRow(
  batch: CommandBatch,
  {
    logits,
    targets,
    losses,
    vocabSize,
    gradientScale,
    scaling,
  }: {
    readonly logits: Tensor;
    readonly targets: Tensor;
    readonly losses: Tensor;
    readonly vocabSize: number;
    readonly gradientScale?: number;
    readonly scaling?: Tensor;
  },
): void {
  const [rows, stride] = logits.shape;
  expectShape("cross_entropy", "targets", targets, [rows], "N of logits");
  expectShape("cross_entropy", "losses", losses, [rows], "N of logits");
  expectColumns("cross_entropy", logits, vocabSize);
  for (const { start, count } of rowWindows(batch.device, logits)) {
    const constants = { GRADIENT: gradientScale !== undefined };
    const bound = { targets, logits: sliceRows(logits, start, count), losses };
    const stride4 = stride / 4;
    const params = { rows: count, first_row: start, columns: vocabSize, stride4, scale: gradientScale ?? 0 };
    if (scaling && constants.GRADIENT)
      kernelScaled(batch, constants, { ...bound, scaling }, params, count, vocabSize / 4);
    else kernel(batch, constants, bound, params, count, vocabSize / 4);
  }
}
