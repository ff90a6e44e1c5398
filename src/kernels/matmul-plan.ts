// How a matrix product is carried out on a device: by the kernels for few rows or for many, with the layer norm before
// it inside or in a launch of its own, its reduction whole or in parts. The one place where these are decided.
import type { DeviceContext } from "../gpu/context.ts";
import { byteLength, elementCount } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Layout } from "./product.ts";

/**
 * Whether a product of `m` rows is one of few, as decoding makes them: bound by reading the weights, it has kernels of
 * its own (matvec.ts).
 */
export function hasFewRows(device: DeviceContext, layout: Layout, m: number): boolean {
  return layout !== "tn" && m <= device.tuning.matvecRows;
}

/**
 * Whether a layer norm of `m` rows is made within their product with `b`: where the kernels for few rows can, reading
 * by fours each whole row in one launch, and where normalising again and again in every workgroup costs less than a
 * launch that does it once. On a GPU it always does. Subgroups each do it for only four columns a lane: four lanes
 * (SwiftShader) lose by it, 14% of a token.
 */
export function normalizesInside(device: DeviceContext, layout: Layout, m: number, b: Tensor): boolean {
  const [rows, columns] = b.shape;
  if (!hasFewRows(device, layout, m) || columns % 4 !== 0) return false;
  if (layout === "nn" && (rows % 4 !== 0 || byteLength(b) > device.maxBindingBytes)) return false;
  if (device.tuning.matmul === "workgroup") return true;
  return device.subgroupSize >= 8 && m * elementCount(b.shape) <= NORM_WORK;
}

/** Multiplications of a product whose subgroups together need a launch's time, 25 us on lavapipe, to normalise. */
const NORM_WORK = 2 ** 18;

/** Tiles of matmul_workgroup.wgsl, and of matmul_workgroup_128.wgsl. */
export const TILES = [64, 128] as const;
export type Tile = (typeof TILES)[number];
/** Workgroup memory of the larger one: two sides of slices of 16, of both operands. */
const LARGE_TILE_BYTES = 2 * 2 * 4 * 128 * 16;
/** A slice of a reduction in parts: a multiple of either kernel's. */
const TILE_K = 32;
/** Fewest slices of a part: below, summing the parts costs more than it saves. */
const LEAST_SLICES = 4;
/** Most memory for the parts of one product. */
const PARTS_BYTES = 2 ** 26;

export function tileOf({ tuning, limits }: DeviceContext, m: number, n: number): Tile {
  if (tuning.matmulTile < 128 || limits.maxComputeWorkgroupStorageSize < LARGE_TILE_BYTES) return 64;
  return 2 * Math.ceil(m / 128) * Math.ceil(n / 128) >= tuning.matmulWorkgroups ? 128 : 64;
}

/** Depth of a part of the reduction, less than k where there are too few tiles for all that the GPU runs at once. */
export function partDepth({ tuning }: DeviceContext, tile: Tile, m: number, n: number, k: number): number {
  const tiles = Math.ceil(m / tile) * Math.ceil(n / tile);
  const slices = Math.ceil(k / TILE_K);
  const wanted = Math.min(tuning.matmulWorkgroups / tiles, slices / LEAST_SLICES, PARTS_BYTES / (4 * m * n));
  return wanted < 2 ? k : Math.ceil(slices / Math.floor(wanted)) * TILE_K;
}
