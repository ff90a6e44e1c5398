// gelu_new and its backward; where it follows a product directly, forward is an epilogue of matmul.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineElementKernel } from "./elements.ts";
import { bySaved, readSaved, readWriteSaved, savedAs, savedSource, savedVariant } from "./saved.ts";
import { flatten, rowWindows } from "./windows.ts";

const forward = defineElementKernel({
  name: "gelu",
  source: ["lib/gelu.wgsl", "gelu.wgsl"],
  bindings: { u: read("f32", "[count]"), y: readWrite("f32", "[count]") },
  params: { count: "u32" },
});

const backward = bySaved((dtype) =>
  defineElementKernel({
    name: "gelu_backward",
    ...savedVariant(dtype),
    source: [savedSource(dtype), "lib/gelu.wgsl", "gelu_backward.wgsl"],
    bindings: {
      dy: readWriteSaved(dtype, "scalar", "[count]"),
      u: readSaved(dtype, "scalar", "[count]", "what gelu_new was applied to"),
    },
    params: { count: "u32" },
  }),
);

/** y = gelu_new(u). Any equal shapes, f32. */
export function gelu(batch: CommandBatch, { u, y }: { readonly u: Tensor; readonly y: Tensor }): void {
  expectShape("gelu", "y", y, u.shape, "as u");
  const [flatU, flatY] = [flatten(u), flatten(y)];
  for (const { start, count } of rowWindows(batch.device, flatU, flatY))
    forward(batch, {}, { u: sliceRows(flatU, start, count), y: sliceRows(flatY, start, count) }, { count }, count);
}

/** dy *= gelu_new'(u), in place; u holds what gelu_new was applied to. Any equal shapes, both f32 or both f16. */
export function geluBackward(batch: CommandBatch, { dy, u }: { readonly dy: Tensor; readonly u: Tensor }): void {
  expectShape("gelu_backward", "u", u, dy.shape, "as dy");
  const [flatDy, flatU] = [flatten(dy), flatten(u)];
  for (const { start, count } of rowWindows(batch.device, flatDy, flatU)) {
    backward[savedAs(dy)](
      batch,
      {},
      { dy: sliceRows(flatDy, start, count), u: sliceRows(flatU, start, count) },
      { count },
      count,
    );
  }
}
