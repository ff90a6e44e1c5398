// Attention of new tokens over a key-value cache: one row of lanes (a subgroup, or a workgroup) a token and head.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel } from "../gpu/kernel.ts";
import { expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { tuningOf } from "./tuning.ts";
import { batchWindows } from "./batch-windows.ts";

const define = (lanes: "subgroup" | "workgroup", pack: 1 | 4) => defineKernel({
  name: "attention_decode",
  source: ["lib/grid.wgsl", `lib/pack${pack}.wgsl`, `lib/rows_${lanes}.wgsl`, `lib/share_${lanes}.wgsl`, "attention_decode.wgsl"],
  bindings: { qkv: "read", keys: "read", values: "read", ancestry: "read", mask: "read", out: "read_write" },
  params: { rows: "u32", length: "u32", past: "u32", capacity: "u32", heads: "u32", chunks: "u32", qkv_at: "u32", out_at: "u32", table_at: "u32" },
  constants: { HS: "u32", LANES: "u32", WG_SIZE: "u32" },
});

const variants = {
  subgroup: { 1: define("subgroup", 1), 4: define("subgroup", 4) },
  workgroup: { 1: define("workgroup", 1), 4: define("workgroup", 4) },
};

/**
 * out [B*T, C]: token t of row b attends to positions 0 .. past + t of keys and values [R, NH, capacity, HS], which the new
 * tokens have already joined. Position s of row b is held by row ancestry[b, s] of the cache and is seen where mask[b, s]
 * is not 0 (both u32 [B, capacity]). Of qkv [B*T, 3C] only the queries are read. Scores are scaled by 1/sqrt(HS).
 */
export function attentionDecode(batch: CommandBatch, { qkv, keys, values, ancestry, mask, out, past, length }: {
  readonly qkv: Tensor; readonly keys: Tensor; readonly values: Tensor; readonly ancestry: Tensor; readonly mask: Tensor;
  readonly out: Tensor; readonly past: number; readonly length: number;
}): void {
  const [, heads, capacity, HS] = keys.shape;
  const [rows] = ancestry.shape;
  expectShape("attention_decode", "qkv", qkv, [rows * length, 3 * heads * HS], "B*T and 3C of the cache");
  expectShape("attention_decode", "values", values, keys.shape, "as keys");
  expectShape("attention_decode", "ancestry", ancestry, [rows, capacity], "B and capacity");
  expectShape("attention_decode", "mask", mask, [rows, capacity], "as ancestry");
  expectShape("attention_decode", "out", out, [rows * length, heads * HS], "B*T and C");
  if (past + length > capacity) throw new Error(`attention_decode: cannot attend to ${past + length} positions: the cache's capacity is ${capacity}`);
  const { device } = batch;
  const { attention: variant, rowsWorkgroupSize: WG_SIZE } = tuningOf(device);
  const pack = HS % 4 === 0 ? 4 : 1;
  const kernel = variants[variant][pack];
  const LANES = variant === "subgroup" ? device.subgroupSize : WG_SIZE;
  for (const { count, part } of batchWindows("attention_decode", device, rows, qkv)) {
    const q = part(qkv), o = part(out), a = part(ancestry), m = part(mask);
    const work = count * length * heads;
    batch.dispatch(kernel, { HS, LANES, WG_SIZE }, { qkv: q.tensor, keys, values, ancestry: a.tensor, mask: m.tensor, out: o.tensor },
      { rows: work, length, past, capacity, heads, chunks: HS / pack, qkv_at: q.at, out_at: o.at, table_at: a.at }, Math.ceil(work / (WG_SIZE / LANES)));
  }
}
