// f32 numbers as f16: what weights are first read as in mixed precision. Later the optimizer writes both (adamw.ts).
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineElementKernel } from "./elements.ts";
import { savedSource } from "./saved.ts";
import { flatten, rowWindows } from "./windows.ts";

const kernel = defineElementKernel({
  name: "half_copy",
  source: [savedSource("f16"), "half_copy.wgsl"],
  bindings: { x: read("f32", "[count]"), y: readWrite("f16", "[count]") },
  params: { count: "u32" },
  work: ({ count }) => ({ bytes: 6 * count }),
});

/** y f16 = x f32, of one shape, rounded to nearest, ties to even; what no half can hold becomes infinite. */
export function halfCopy(batch: CommandBatch, { x, y }: { readonly x: Tensor; readonly y: Tensor }): void {
  expectShape("half_copy", "y", y, x.shape, "as x");
  const [flatX, flatY] = [flatten(x), flatten(y)];
  for (const { start, count } of rowWindows(batch.device, flatX, flatY))
    kernel(batch, {}, { x: sliceRows(flatX, start, count), y: sliceRows(flatY, start, count) }, { count }, count);
}
