// Dropout (Srivastava et al. 2014, in the inverted form): an element is zeroed or divided by the chance of being kept.
// Masks come from counters (lib/random.wgsl) and are never stored.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineElementKernel } from "./elements.ts";
import { dropoutParams } from "./random.ts";
import type { Dropout } from "./random.ts";
import { flatten, rowWindows } from "./windows.ts";

const kernel = defineElementKernel({
  name: "dropout",
  source: ["lib/random.wgsl", "dropout.wgsl"],
  bindings: { x: read("f32", "[count]"), y: readWrite("f32", "[count]") },
  params: { count: "u32", first: "u32", seed: "u32", step: "u32", site: "u32", drop_below: "u32", keep_scale: "f32" },
  constants: { ACCUMULATE: "bool" },
  example: { ACCUMULATE: true },
});

/** y (+)= x where kept / (1 - probability), of one shape. Backward is the same launch with x = dy and y = dx. */
export function dropout(
  batch: CommandBatch,
  {
    x,
    y,
    dropout,
    accumulate,
  }: { readonly x: Tensor; readonly y: Tensor; readonly dropout: Dropout; readonly accumulate: boolean },
): void {
  expectShape("dropout", "y", y, x.shape, "as x");
  const flat = { x: flatten(x), y: flatten(y) };
  const random = dropoutParams(dropout);
  for (const { start, count } of rowWindows(batch.device, flat.y)) {
    const windows = { x: sliceRows(flat.x, start, count), y: sliceRows(flat.y, start, count) };
    kernel(batch, { ACCUMULATE: accumulate }, windows, { count, first: start, ...random }, count);
  }
}
