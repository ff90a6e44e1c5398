// The key-value cache of one layer, [R, NH, capacity, HS] for keys and for values, and its tables: `ancestry` [B,
// capacity] says which of the R rows holds a position of logical row b, `mask` [B, capacity] whether the position may
// be seen. Reordering beams rewrites the tables and moves no keys.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel, kernelForms, read, readWrite } from "../gpu/kernel.ts";
import { bytesPerElement, expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchWindows } from "./batch-windows.ts";
import { lineWidth, readWriteStored, STORED, storedAs, storedSource, storedVariant } from "./stored.ts";

const WG_SIZE = 64;

const append = kernelForms(STORED, (stored) =>
  defineKernel({
    name: "kv_cache_append",
    ...storedVariant(stored),
    source: ["lib/grid.wgsl", storedSource(stored), "kv_cache_append.wgsl"],
    bindings: {
      qkv: read("f32", "[B*T, 3C]"),
      keys: readWriteStored(stored, "scalar", "[R, NH, capacity, LINE]"),
      values: readWriteStored(stored, "scalar", "[R, NH, capacity, LINE]"),
    },
    params: {
      words: "u32",
      length: "u32",
      past: "u32",
      capacity: "u32",
      heads: "u32",
      head_size: "u32",
      qkv_at: "u32",
      first: "u32",
    },
    constants: { WG_SIZE: "u32" },
    example: { WG_SIZE },
    work: ({ words }) => ({ bytes: 8 * words * (stored === "f16" ? 3 : 2) }),
  }),
);

const reorder = defineKernel({
  name: "kv_cache_reorder",
  source: ["lib/grid.wgsl", "kv_cache_reorder.wgsl"],
  bindings: {
    parents: read("u32", "[B]"),
    ancestry: read("u32", "[old B, capacity]"),
    mask: read("u32", "[old B, capacity]"),
    new_ancestry: readWrite("u32", "[B, capacity]"),
    new_mask: readWrite("u32", "[B, capacity]"),
  },
  params: { rows: "u32", capacity: "u32", length: "u32" },
  constants: { WG_SIZE: "u32" },
  example: { WG_SIZE },
  work: ({ rows, length }) => ({ bytes: 16 * rows * length }),
});

/**
 * qkv [B*T, 3C] -> keys, values [R, NH, capacity, HS] (R >= B), f32, or f16 with HS rounded up to an even number: the T
 * new tokens of row b become positions past .. past + T - 1 of row b. Throws when they exceed the capacity.
 */
export function kvCacheAppend(
  batch: CommandBatch,
  {
    qkv,
    keys,
    values,
    length,
    past,
  }: {
    readonly qkv: Tensor;
    readonly keys: Tensor;
    readonly values: Tensor;
    readonly length: number;
    readonly past: number;
  },
): void {
  const [physical, heads, capacity] = keys.shape;
  const rows = qkv.shape[0] / length;
  const headSize = Math.floor(qkv.shape[1] / 3 / heads);
  const stored = storedAs(keys);
  const line = lineWidth(headSize, stored);
  expectShape("kv_cache_append", "qkv", qkv, [rows * length, 3 * heads * headSize], "B*T and 3C of keys");
  expectShape("kv_cache_append", "keys", keys, [physical, heads, capacity, line], "heads of qkv");
  expectShape("kv_cache_append", "values", values, keys.shape, "as keys");
  if (!Number.isInteger(rows) || rows > physical)
    throw new Error(
      `kv_cache_append: cannot append [${qkv.shape}] as sequences of ${length}: the cache has ${physical} rows`,
    );
  if (past + length > capacity)
    throw new Error(
      `kv_cache_append: cannot append ${length} tokens after ${past}: the cache's capacity is ${capacity}`,
    );
  for (const { first, count, part } of batchWindows("kv_cache_append", batch.device, rows, qkv)) {
    const { tensor, at } = part(qkv);
    const words = (count * length * heads * line * bytesPerElement(stored)) / 4;
    batch.dispatch(
      append(stored),
      { WG_SIZE },
      { qkv: tensor, keys, values },
      { words, length, past, capacity, heads, head_size: headSize, qkv_at: at, first },
      Math.ceil(words / WG_SIZE),
    );
  }
}

/**
 * Tables for rows that go on from other rows: for positions t < length, newAncestry[r, t] = ancestry[parents[r], t] and
 * newMask likewise; from `length` on, row r holds its own positions, all visible. parents u32 [B]; the old tables may
 * have another number of rows than the new ones [B, capacity] (one prompt that becomes several beams).
 */
export function kvCacheReorder(
  batch: CommandBatch,
  {
    parents,
    ancestry,
    mask,
    newAncestry,
    newMask,
    length,
  }: {
    readonly parents: Tensor;
    readonly ancestry: Tensor;
    readonly mask: Tensor;
    readonly newAncestry: Tensor;
    readonly newMask: Tensor;
    readonly length: number;
  },
): void {
  const [rows, capacity] = newAncestry.shape;
  expectShape("kv_cache_reorder", "parents", parents, [rows], "B of newAncestry");
  expectShape("kv_cache_reorder", "ancestry", ancestry, [ancestry.shape[0], capacity], "capacity of newAncestry");
  expectShape("kv_cache_reorder", "mask", mask, ancestry.shape, "as ancestry");
  expectShape("kv_cache_reorder", "newMask", newMask, [rows, capacity], "as newAncestry");
  batch.dispatch(
    reorder,
    { WG_SIZE },
    { parents, ancestry, mask, new_ancestry: newAncestry, new_mask: newMask },
    { rows, capacity, length },
    Math.ceil((rows * capacity) / WG_SIZE),
  );
}
