// The gradient of some rows of the tied head's table, where the others are frozen.
import type { CommandBatch } from "../gpu/batch.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { matmul } from "./matmul.ts";

/** drows [indices, C] += columns `indices` of dlogits [N, Vp], transposed, times x [N, C]. */
export function addHeadRows(
  batch: CommandBatch,
  indices: readonly number[],
  { dlogits, x, drows }: { readonly dlogits: Tensor; readonly x: Tensor; readonly drows: Tensor },
): void {
  const { pool } = batch.device;
  const C = x.shape[1];
  for (const { start, row, count } of runsOf(indices)) {
    const product = pool.acquire([count, C]); // a run may begin where no binding may
    const place = { ...drows, byteOffset: drows.byteOffset + 4 * row * C, shape: [count, C] };
    batch.copy(place, product);
    matmul(batch, { a: dlogits, b: x, out: product, layout: "tn", m: count, aColumn: start, accumulate: true });
    batch.copy(product, place);
    pool.release(product);
  }
}

/** Numbers as runs n, n + 1, ...: `count` of them from `start` on, the first of which is number `row` of all. */
export function runsOf(indices: readonly number[]): { start: number; row: number; count: number }[] {
  const runs: { start: number; row: number; count: number }[] = [];
  for (const [row, index] of indices.entries()) {
    const last = runs.at(-1);
    if (last && last.start + last.count === index) last.count++;
    else runs.push({ start: index, row, count: 1 });
  }
  return runs;
}
