// The norm of all gradients together and the factor that clips it, both left on the GPU.
import type { CommandBatch } from "../gpu/batch.ts";
import { read, readWrite } from "../gpu/kernel.ts";
import { elementCount, expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineRowKernel } from "./rows.ts";
import { rowWindows } from "./windows.ts";

// Values a row sums. Not a power of two: rows that are worked on together would all read from a few of a GPU's memory
// channels.
const BLOCK = 4096 + 128;

const squares = defineRowKernel({
  name: "grad_norm",
  source: ["grad_norm.wgsl"],
  bindings: {
    grads: read("vec4f", "[count4]", "a window of a flat buffer"),
    partial: readWrite("f32", "[all blocks]"),
  },
  params: { blocks: "u32", count4: "u32", first_block: "u32" },
  constants: { BLOCK4: "u32" },
  example: { BLOCK4: BLOCK / 4 },
});

const clip = defineRowKernel({
  name: "grad_norm_clip",
  source: ["grad_norm_clip.wgsl"],
  bindings: {
    partial: read("f32", "[blocks]"),
    result: readWrite("f32", "[2]", "norm, coefficient"),
    skipped: readWrite("u32", "[1]", "updates in a row that were not made"),
  },
  params: { blocks: "u32", max_norm: "f32", scale: "f32", limit: "u32" },
});

/**
 * grads: flat f32 buffers [n] with n a multiple of 4 -> result [2] = norm, coefficient, of the gradients times `scale`:
 * what AdamW multiplies them by is scale * min(1, maxNorm / (norm + 1e-6)), scale for maxNorm 0, and 0 when the norm is
 * not finite (squares overflow above 1.8e19). skipped u32 [1] counts how often in a row it was 0; from `limit` times on
 * it stays 0 (limit 0: never).
 */
export function gradNorm(
  batch: CommandBatch,
  {
    grads,
    maxNorm,
    scale = 1,
    limit = 0,
    result,
    skipped,
  }: {
    readonly grads: readonly Tensor[];
    readonly maxNorm: number;
    readonly scale?: number;
    readonly limit?: number;
    readonly result: Tensor;
    readonly skipped: Tensor;
  },
): void {
  expectShape("grad_norm", "result", result, [2]);
  expectShape("grad_norm", "skipped", skipped, [1]);
  const { device } = batch;
  const ranges = grads.flatMap((chunk) => {
    if (elementCount(chunk.shape) % 4 !== 0)
      throw new Error(`grad_norm: cannot bind grads: shape is [${chunk.shape}], expected a multiple of 4`);
    return rowWindows(device, chunk).map(({ start, count }) => ({
      range: sliceRows(chunk, start, count),
      count,
      blocks: Math.ceil(count / BLOCK),
    }));
  });
  const total = ranges.reduce((count, { blocks }) => count + blocks, 0);
  const partial = device.pool.acquire([total, 1]);
  try {
    let first_block = 0;
    for (const { range, count, blocks } of ranges) {
      squares(
        batch,
        { BLOCK4: BLOCK / 4 },
        { grads: range, partial },
        { blocks, count4: count / 4, first_block },
        blocks,
        BLOCK / 4,
      );
      first_block += blocks;
    }
    clip(batch, {}, { partial, result, skipped }, { blocks: total, max_norm: maxNorm, scale, limit }, 1, total);
  } finally {
    device.pool.release(partial);
  }
}
