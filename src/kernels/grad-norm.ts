// The norm of all gradients together, the factor that clips it, and how many updates were made: what an optimizer's
// step goes by, left on the GPU.
import type { CommandBatch } from "../gpu/batch.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { join, read, readWrite } from "../gpu/kernel.ts";
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

const clipPart = {
  source: ["grad_norm_clip.wgsl"],
  bindings: {
    partial: read("f32", "[blocks]"),
    result: readWrite("f32", "[4]", "norm, coefficient, 1 / c1, 1 / sqrt(c2)"),
    updates: readWrite("u32", "[2]", "skipped in a row, made"),
  },
  params: { blocks: "u32", max_norm: "f32", scale: "f32", limit: "u32", log_beta1: "f32", log_beta2: "f32" },
} as const;

const clip = defineRowKernel({
  ...join({ source: ["lib/loss_scale_none.wgsl", "lib/loss_scale_fixed.wgsl"] }, clipPart),
  name: "grad_norm_clip",
});

const clipScaled = defineRowKernel({
  ...join(clipPart, {
    source: ["lib/loss_scale_kept.wgsl", "lib/loss_scale_dynamic.wgsl"],
    bindings: { scaling: readWrite("f32", "[2]", "loss scale, updates since it changed") },
    params: { growth_interval: "f32" },
  }),
  name: "grad_norm_clip",
  variant: "loss scale",
});

/** Values [start, start + count) of flat buffer `chunk`, whose squares are summed in `blocks` parts. */
export interface NormRange {
  readonly chunk: number;
  readonly start: number;
  readonly count: number;
  readonly blocks: number;
}

interface NormSettings {
  readonly maxNorm: number;
  readonly scale?: number;
  readonly limit?: number;
  /** AdamW's; default 0: no bias to correct. */
  readonly betas?: readonly [number, number];
  readonly result: Tensor;
  readonly updates: Tensor;
  /** By which the loss was multiplied, see lib/loss_scale_dynamic.wgsl. */
  readonly lossScale?: LossScale;
}

export interface LossScale {
  /** f32 [2]: the scale, and how many updates in a row were finite since it last changed. */
  readonly scaling: Tensor;
  /** So many of them double it. */
  readonly growthInterval: number;
}

/** What beta 0 has in the place of its logarithm: e^-t of it is 0 in float32, and no infinity is passed to a shader. */
const LOG_ZERO = -1e4;

/**
 * grads: flat f32 buffers [n], n a multiple of 4 -> result [4]: norm and coefficient of the gradients times `scale`;
 * what AdamW multiplies them by is scale * min(1, maxNorm / (norm + 1e-6)), scale for maxNorm 0, and 0 when the norm is
 * not finite (squares overflow above 1.8e19). updates u32 [2] counts how often in a row it was 0, and how often it was
 * not, t; after `limit` zeros in a row it stays 0 (limit 0: never). Then AdamW's bias corrections 1 / (1 - beta1^t) and
 * 1 / sqrt(1 - beta2^t) after the t updates that were made, this one included. With `lossScale` the gradients are
 * divided by it, and it is adapted; while it is above 1 a norm that is not finite is none of those zeros in a row.
 */
export function gradNorm(
  batch: CommandBatch,
  { grads, ...settings }: NormSettings & { readonly grads: readonly Tensor[] },
): void {
  const ranges = normRanges(batch.device, grads);
  const partial = batch.device.pool.acquire([blocksIn(ranges), 1]);
  try {
    sumSquares(batch, { grads, ranges, partial });
    normOfBlocks(batch, { partial, ...settings });
  } finally {
    batch.device.pool.release(partial);
  }
}

/** All of the buffers, cut where one launch can bind no more. */
export function normRanges(device: DeviceContext, grads: readonly Tensor[]): NormRange[] {
  return grads.flatMap((tensor, chunk) => {
    if (elementCount(tensor.shape) % 4 !== 0)
      throw new Error(`grad_norm: cannot bind grads: shape is [${tensor.shape}], expected a multiple of 4`);
    return rowWindows(device, tensor).map(({ start, count }) => ({
      chunk,
      start,
      count,
      blocks: Math.ceil(count / BLOCK),
    }));
  });
}

export function blocksIn(ranges: readonly NormRange[]): number {
  return ranges.reduce((sum, { blocks }) => sum + blocks, 0);
}

/** Blocks [first, end) of those of `ranges`, in their order. */
export function cutRanges(ranges: readonly NormRange[], first: number, end: number): NormRange[] {
  const cut: NormRange[] = [];
  let before = 0;
  for (const { chunk, start, count, blocks } of ranges) {
    const [from, to] = [Math.max(first - before, 0), Math.min(end - before, blocks)];
    if (from < to) {
      const values = Math.min(to * BLOCK, count) - from * BLOCK;
      cut.push({ chunk, start: start + from * BLOCK, count: values, blocks: to - from });
    }
    before += blocks;
  }
  return cut;
}

/** partial [blocks of the ranges] = their sums of squares. */
export function sumSquares(
  batch: CommandBatch,
  {
    grads,
    ranges,
    partial,
  }: { readonly grads: readonly Tensor[]; readonly ranges: readonly NormRange[]; readonly partial: Tensor },
): void {
  let first_block = 0;
  for (const { chunk, start, count, blocks } of ranges) {
    const params = { blocks, count4: count / 4, first_block };
    squares(
      batch,
      { BLOCK4: BLOCK / 4 },
      { grads: sliceRows(grads[chunk], start, count), partial },
      params,
      blocks,
      BLOCK / 4,
    );
    first_block += blocks;
  }
}

/** As gradNorm(), from the sums of squares of all blocks: partial [blocks, 1]. */
export function normOfBlocks(
  batch: CommandBatch,
  {
    partial,
    maxNorm,
    scale = 1,
    limit = 0,
    betas = [0, 0],
    result,
    updates,
    lossScale,
  }: NormSettings & { readonly partial: Tensor },
): void {
  expectShape("grad_norm", "result", result, [4]);
  expectShape("grad_norm", "updates", updates, [2]);
  const blocks = elementCount(partial.shape);
  const [log_beta1, log_beta2] = betas.map((beta) => Math.max(Math.log(beta), LOG_ZERO));
  const params = { blocks, max_norm: maxNorm, scale, limit, log_beta1, log_beta2 };
  if (!lossScale) {
    clip(batch, {}, { partial, result, updates }, params, 1, blocks);
    return;
  }
  const { scaling, growthInterval: growth_interval } = lossScale;
  expectShape("grad_norm", "scaling", scaling, [2]);
  clipScaled(batch, {}, { partial, result, updates, scaling }, { ...params, growth_interval }, 1, blocks);
}
