// A tensor times a number, in place: LoRA's alpha / r, on rows as narrow as its rank.
import type { CommandBatch } from "../gpu/batch.ts";
import { readWrite } from "../gpu/kernel.ts";
import { sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineElementKernel } from "./elements.ts";
import { flatten, rowWindows } from "./windows.ts";

const kernel = defineElementKernel({
  name: "scale",
  source: ["scale.wgsl"],
  bindings: { x: readWrite("f32", "[count]") },
  params: { count: "u32", factor: "f32" },
  work: ({ count }) => ({ bytes: 8 * count }),
});

/** x *= factor, of any shape; nothing is launched for a factor of 1. */
export function scale(batch: CommandBatch, { x, factor }: { readonly x: Tensor; readonly factor: number }): void {
  if (factor === 1) return;
  const flat = flatten(x);
  for (const { start, count } of rowWindows(batch.device, flat))
    kernel(batch, {}, { x: sliceRows(flat, start, count) }, { count, factor }, count);
}
