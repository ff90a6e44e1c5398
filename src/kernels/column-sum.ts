// out[c] (+)= scale * sum over rows of x[n, start + c]. Without workgroup memory many rows go in two passes, blocks of
// rows first, so that a narrow matrix still occupies the device.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel, readWrite } from "../gpu/kernel.ts";
import { elementCount, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnsWorkgroupSize } from "./rows.ts";
import { bySaved, readSaved, savedAs } from "./saved.ts";
import { rowWindows } from "./windows.ts";

const WG_SIZE = 64;
const BLOCK = 64;

const kernel = bySaved((dtype) =>
  defineKernel({
    name: "column_sum",
    variant: dtype === "f32" ? "invocation" : `invocation, ${dtype}`,
    source: ["lib/grid.wgsl", "column_sum_invocation.wgsl"],
    bindings: { x: readSaved(dtype, "scalar", "[N, stride]"), out: readWrite("f32", "[blocks, columns]") },
    params: { rows: "u32", columns: "u32", stride: "u32", start: "u32", block: "u32", scale: "f32" },
    constants: { ACCUMULATE: "bool", WG_SIZE: "u32" },
    example: { ACCUMULATE: true, WG_SIZE },
  }),
);

const workgroupKernel = bySaved((dtype) =>
  defineKernel({
    name: "column_sum",
    variant: dtype === "f32" ? "workgroup" : `workgroup, ${dtype}`,
    source: ["lib/grid.wgsl", "lib/columns_workgroup.wgsl", "column_sum_workgroup.wgsl"],
    bindings: { x: readSaved(dtype, "scalar", "[N, stride]"), out: readWrite("f32", "[columns]") },
    params: { rows: "u32", columns: "u32", stride: "u32", start: "u32", scale: "f32" },
    constants: { ACCUMULATE: "bool", WG_SIZE: "u32", WIDTH: "u32" },
    example: { ACCUMULATE: true, WG_SIZE: 256, WIDTH: 8 },
  }),
);

/** Columns of a workgroup that sums in workgroup memory: 8 floats are what a GPU's memory hands out at a time. */
export const columnsWidth = (columns: number): number => (columns < 8 ? 1 : 8);

/**
 * x [N, stride] f32 or f16; out f32 holds as many elements as columns are summed, those from `start` on. `accumulate`
 * adds to out.
 */
export function columnSum(
  batch: CommandBatch,
  {
    x,
    out,
    start = 0,
    scale = 1,
    accumulate = false,
  }: {
    readonly x: Tensor;
    readonly out: Tensor;
    readonly start?: number;
    readonly scale?: number;
    readonly accumulate?: boolean;
  },
): void {
  const [rows, stride] = x.shape;
  const columns = elementCount(out.shape);
  if (start + columns > stride)
    throw new Error(`column_sum: cannot sum columns ${start} to ${start + columns} of [${x.shape}]`);
  const [first, ...later] = rowWindows(batch.device, x);
  if (later.length > 0) {
    [first, ...later].forEach(({ start: row, count }, i) =>
      columnSum(batch, { x: sliceRows(x, row, count), out, start, scale, accumulate: accumulate || i > 0 }),
    );
    return;
  }
  const shared = columnsWorkgroupSize(batch.device);
  if (shared > 0) {
    const WIDTH = columnsWidth(columns);
    batch.dispatch(
      workgroupKernel[savedAs(x)],
      { ACCUMULATE: accumulate, WG_SIZE: shared, WIDTH },
      { x, out },
      { rows, columns, stride, start, scale },
      Math.ceil(columns / WIDTH),
    );
    return;
  }
  const { pool } = batch.device;
  if (rows <= 2 * BLOCK) {
    batch.dispatch(
      kernel[savedAs(x)],
      { ACCUMULATE: accumulate, WG_SIZE },
      { x, out },
      { rows, columns, stride, start, block: rows, scale },
      Math.ceil(columns / WG_SIZE),
    );
    return;
  }
  const blocks = Math.ceil(rows / BLOCK);
  const partial = pool.acquire([blocks, columns]);
  try {
    batch.dispatch(
      kernel[savedAs(x)],
      { ACCUMULATE: false, WG_SIZE },
      { x, out: partial },
      { rows, columns, stride, start, block: BLOCK, scale: 1 },
      Math.ceil((blocks * columns) / WG_SIZE),
    );
    columnSum(batch, { x: partial, out, scale, accumulate });
  } finally {
    pool.release(partial);
  }
}
