// Elementwise sums: the residual stream forward, and gradients that meet backward.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineElementKernel } from "./elements.ts";
import { flatten, rowWindows } from "./windows.ts";

const sum = defineElementKernel({
  name: "add",
  source: ["add.wgsl"],
  bindings: { a: read("f32", "[count]"), b: read("f32", "[count]"), y: readWrite("f32", "[count]") },
  params: { count: "u32" },
});

const sumInto = defineElementKernel({
  name: "add_into",
  source: ["add_into.wgsl"],
  bindings: { x: read("f32", "[count]"), y: readWrite("f32", "[count]") },
  params: { count: "u32" },
  work: ({ count }) => ({ bytes: 12 * count }),
});

/** y = a + b, all of one shape. */
export function add(
  batch: CommandBatch,
  { a, b, y }: { readonly a: Tensor; readonly b: Tensor; readonly y: Tensor },
): void {
  expectShape("add", "b", b, a.shape, "as a");
  expectShape("add", "y", y, a.shape, "as a");
  const flat = { a: flatten(a), b: flatten(b), y: flatten(y) };
  for (const { start, count } of rowWindows(batch.device, flat.y)) {
    const slice = (tensor: Tensor): Tensor => sliceRows(tensor, start, count);
    sum(batch, {}, { a: slice(flat.a), b: slice(flat.b), y: slice(flat.y) }, { count }, count);
  }
}

/** y += x, of one shape. */
export function addInto(batch: CommandBatch, { x, y }: { readonly x: Tensor; readonly y: Tensor }): void {
  expectShape("add_into", "y", y, x.shape, "as x");
  const flat = { x: flatten(x), y: flatten(y) };
  for (const { start, count } of rowWindows(batch.device, flat.y)) {
    sumInto(batch, {}, { x: sliceRows(flat.x, start, count), y: sliceRows(flat.y, start, count) }, { count }, count);
  }
}
