// Layer normalisation over the last dimension (Ba et al. 2016), as torch.nn.LayerNorm: biased variance, eps inside the
// root.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel, read, readWrite } from "../gpu/kernel.ts";
import { expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum, columnsWidth } from "./column-sum.ts";
import { columnsWorkgroupSize, defineRowKernel } from "./rows.ts";
import { bySaved, readSaved, readWriteSaved, savedAs, savedSource, savedVariant } from "./saved.ts";
import { rowWindows } from "./windows.ts";

const forward = bySaved((dtype) =>
  defineRowKernel({
    name: "layernorm",
    ...savedVariant(dtype),
    source: [savedSource(dtype), "layernorm.wgsl"],
    bindings: {
      x: read("f32", "[N, C]"),
      weight: read("f32", "[C]"),
      bias: read("f32", "[C]"),
      y: readWriteSaved(dtype, "scalar", "[N, C]"),
      stats: readWrite("vec2f", "[N]", "mean and rstd, saved for backward"),
    },
    params: { rows: "u32" },
    constants: { C: "u32", EPS: "f32" },
    example: { C: 768, EPS: 1e-5 },
  }),
);

const backwardDx = bySaved((dtype) =>
  defineRowKernel({
    name: "layernorm_backward_dx",
    ...savedVariant(dtype),
    source: ["layernorm_backward_dx.wgsl"],
    bindings: {
      dy: readSaved(dtype, "scalar", "[N, C]"),
      x: read("f32", "[N, C]"),
      weight: read("f32", "[C]"),
      stats: read("vec2f", "[N]", "mean and rstd"),
      dx: readWrite("f32", "[N, C]"),
    },
    params: { rows: "u32" },
    constants: { C: "u32", ACCUMULATE: "bool" },
    example: { C: 768, ACCUMULATE: true },
  }),
);

const backwardDparams = bySaved((dtype) =>
  defineKernel({
    name: "layernorm_backward_dparams",
    variant: dtype === "f32" ? "invocation" : `invocation, ${dtype}`,
    source: ["lib/grid.wgsl", "layernorm_backward_dparams_invocation.wgsl"],
    bindings: {
      dy: readSaved(dtype, "scalar", "[N, C]"),
      x: read("f32", "[N, C]"),
      stats: read("vec2f", "[N]", "mean and rstd"),
      partial: readWrite("f32", "[blocks, 2, C]", "of dweight, then of dbias"),
    },
    params: { rows: "u32", blocks: "u32" },
    constants: { C: "u32", BLOCK: "u32", WG_SIZE: "u32" },
    example: { C: 768, BLOCK: 32, WG_SIZE: 64 },
  }),
);

const backwardDparamsWorkgroup = bySaved((dtype) =>
  defineKernel({
    name: "layernorm_backward_dparams",
    variant: dtype === "f32" ? "workgroup" : `workgroup, ${dtype}`,
    source: ["lib/grid.wgsl", "lib/columns_workgroup.wgsl", "layernorm_backward_dparams_workgroup.wgsl"],
    bindings: {
      dy: readSaved(dtype, "scalar", "[N, C]"),
      x: read("f32", "[N, C]"),
      stats: read("vec2f", "[N]", "mean and rstd"),
      dweight: readWrite("f32", "[C]"),
      dbias: readWrite("f32", "[C]"),
    },
    params: { rows: "u32" },
    constants: { C: "u32", WG_SIZE: "u32", WIDTH: "u32" },
    example: { C: 768, WG_SIZE: 256, WIDTH: 8 },
  }),
);

const WG_SIZE = 64;
const BLOCK = 32; // rows a thread sums: short enough that small batches still fill the device

/** x [N, C], weight [C], bias [C] -> y [N, C] f32 or f16 and stats [N, 2] (mean, rstd; backward wants them). */
export function layerNormForward(
  batch: CommandBatch,
  {
    x,
    weight,
    bias,
    y,
    stats,
    eps,
  }: {
    readonly x: Tensor;
    readonly weight: Tensor;
    readonly bias: Tensor;
    readonly y: Tensor;
    readonly stats: Tensor;
    readonly eps: number;
  },
): void {
  const [rows, C] = x.shape;
  expectShape("layernorm", "weight", weight, [C], "C of x");
  expectShape("layernorm", "bias", bias, [C], "C of x");
  expectShape("layernorm", "y", y, [rows, C], "as x");
  expectShape("layernorm", "stats", stats, [rows, 2], "N of x");
  for (const { start, count } of rowWindows(batch.device, x, y, stats)) {
    forward[savedAs(y)](
      batch,
      { C, EPS: eps },
      {
        x: sliceRows(x, start, count),
        weight,
        bias,
        y: sliceRows(y, start, count),
        stats: sliceRows(stats, start, count),
      },
      { rows: count },
      count,
      C,
    );
  }
}

/** dx [N, C] (+)= gradient by x; `accumulate` adds to what is there. dy is f32 or f16. */
export function layerNormBackwardDx(
  batch: CommandBatch,
  {
    dy,
    x,
    weight,
    stats,
    dx,
    accumulate,
  }: {
    readonly dy: Tensor;
    readonly x: Tensor;
    readonly weight: Tensor;
    readonly stats: Tensor;
    readonly dx: Tensor;
    readonly accumulate: boolean;
  },
): void {
  const [rows, C] = x.shape;
  expectShape("layernorm_backward_dx", "dy", dy, [rows, C], "as x");
  expectShape("layernorm_backward_dx", "dx", dx, [rows, C], "as x");
  for (const { start, count } of rowWindows(batch.device, x, dy, stats)) {
    backwardDx[savedAs(dy)](
      batch,
      { C, ACCUMULATE: accumulate },
      {
        dy: sliceRows(dy, start, count),
        x: sliceRows(x, start, count),
        weight,
        stats: sliceRows(stats, start, count),
        dx: sliceRows(dx, start, count),
      },
      { rows: count },
      count,
      C,
    );
  }
}

/** dweight [C] += sum over rows of dy * xhat, dbias [C] += sum of dy, f32 or f16. */
export function layerNormBackwardDparams(
  batch: CommandBatch,
  {
    dy,
    x,
    stats,
    dweight,
    dbias,
  }: {
    readonly dy: Tensor;
    readonly x: Tensor;
    readonly stats: Tensor;
    readonly dweight: Tensor;
    readonly dbias: Tensor;
  },
): void {
  const C = x.shape[1];
  const { pool } = batch.device;
  const shared = columnsWorkgroupSize(batch.device);
  for (const { start, count } of rowWindows(batch.device, x, dy, stats)) {
    if (shared > 0) {
      const WIDTH = columnsWidth(C);
      batch.dispatch(
        backwardDparamsWorkgroup[savedAs(dy)],
        { C, WG_SIZE: shared, WIDTH },
        {
          dy: sliceRows(dy, start, count),
          x: sliceRows(x, start, count),
          stats: sliceRows(stats, start, count),
          dweight,
          dbias,
        },
        { rows: count },
        Math.ceil(C / WIDTH),
      );
      continue;
    }
    const blocks = Math.ceil(count / BLOCK);
    const partial = pool.acquire([blocks, 2 * C]);
    try {
      batch.dispatch(
        backwardDparams[savedAs(dy)],
        { C, BLOCK, WG_SIZE },
        {
          dy: sliceRows(dy, start, count),
          x: sliceRows(x, start, count),
          stats: sliceRows(stats, start, count),
          partial,
        },
        { rows: count, blocks },
        Math.ceil((blocks * C) / WG_SIZE),
      );
      columnSum(batch, { x: partial, out: dweight, accumulate: true });
      columnSum(batch, { x: partial, out: dbias, start: C, accumulate: true });
    } finally {
      pool.release(partial);
    }
  }
}
