// Attention of new tokens over a key-value cache: a subgroup a token and head on software adapters, a large workgroup
// on GPUs.
import type { CommandBatch } from "../gpu/batch.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { defineKernel } from "../gpu/kernel.ts";
import { expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchWindows } from "./batch-windows.ts";
import { tuningOf } from "./tuning.ts";

const bindings = {
  qkv: "read",
  keys: "read_write",
  values: "read_write",
  ancestry: "read",
  mask: "read",
  out: "read_write",
} as const;
const params = {
  rows: "u32",
  length: "u32",
  past: "u32",
  capacity: "u32",
  heads: "u32",
  chunks: "u32",
  qkv_at: "u32",
  out_at: "u32",
  table_at: "u32",
  first: "u32",
  append: "u32",
} as const;

const bySubgroup = (pack: 1 | 4) =>
  defineKernel({
    name: "attention_decode",
    bindings,
    params,
    source: [
      "lib/grid.wgsl",
      `lib/pack${pack}.wgsl`,
      "lib/rows_subgroup.wgsl",
      "lib/share_subgroup.wgsl",
      "lib/attention_decode.wgsl",
      "attention_decode.wgsl",
    ],
    constants: { HS: "u32", LANES: "u32", WG_SIZE: "u32" },
  });
const byWorkgroup = (pack: 1 | 4) =>
  defineKernel({
    name: "attention_decode",
    bindings,
    params,
    source: ["lib/grid.wgsl", `lib/pack${pack}.wgsl`, "lib/attention_decode.wgsl", "attention_decode_workgroup.wgsl"],
    constants: { HS: "u32", LANES: "u32" },
  });
const subgroup = { 1: bySubgroup(1), 4: bySubgroup(4) };
const workgroup = { 1: byWorkgroup(1), 4: byWorkgroup(4) };

/**
 * out [B*T, C]: token t of row b of qkv [B*T, 3C] attends to positions 0 .. past + t of keys and values [R, NH,
 * capacity, HS]. With T = 1 the token's key and value join the cache here, as position `past` of row b; more tokens
 * must have joined it already (kvCacheAppend). Position s of row b is held by row ancestry[b, s] of the cache and is
 * seen where mask[b, s] is not 0 (both u32 [B, capacity]). Scores are scaled by 1/sqrt(HS). Throws for what does not
 * fit, and for heads too wide for a workgroup.
 */
export function attentionDecode(
  batch: CommandBatch,
  {
    qkv,
    keys,
    values,
    ancestry,
    mask,
    out,
    past,
    length,
  }: {
    readonly qkv: Tensor;
    readonly keys: Tensor;
    readonly values: Tensor;
    readonly ancestry: Tensor;
    readonly mask: Tensor;
    readonly out: Tensor;
    readonly past: number;
    readonly length: number;
  },
): void {
  const [physical, heads, capacity, HS] = keys.shape;
  const [rows] = ancestry.shape;
  expectShape("attention_decode", "qkv", qkv, [rows * length, 3 * heads * HS], "B*T and 3C of the cache");
  expectShape("attention_decode", "values", values, keys.shape, "as keys");
  expectShape("attention_decode", "ancestry", ancestry, [rows, capacity], "B and capacity");
  expectShape("attention_decode", "mask", mask, [rows, capacity], "as ancestry");
  expectShape("attention_decode", "out", out, [rows * length, heads * HS], "B*T and C");
  if (past + length > capacity)
    throw new Error(
      `attention_decode: cannot attend to ${past + length} positions: the cache's capacity is ${capacity}`,
    );
  if (rows > physical) throw new Error(`attention_decode: cannot append ${rows} rows: the cache has ${physical}`);
  const { device } = batch;
  const pack = HS % 4 === 0 ? 4 : 1;
  for (const { first, count, part } of batchWindows("attention_decode", device, rows, qkv)) {
    const q = part(qkv),
      o = part(out),
      a = part(ancestry),
      m = part(mask);
    const work = count * length * heads;
    const bound = { qkv: q.tensor, keys, values, ancestry: a.tensor, mask: m.tensor, out: o.tensor };
    const given = {
      rows: work,
      length,
      past,
      capacity,
      heads,
      chunks: HS / pack,
      qkv_at: q.at,
      out_at: o.at,
      table_at: a.at,
      first,
      append: Number(length === 1),
    };
    if (tuningOf(device).attentionDecode === "subgroup") {
      // a subgroup a workgroup: software adapters share workgroups among their threads
      const LANES = device.subgroupSize;
      batch.dispatch(subgroup[pack], { HS, LANES, WG_SIZE: LANES }, bound, given, work);
    } else {
      const LANES = lanes(device, past + length);
      if (HS / pack > LANES)
        throw new Error(`attention_decode: cannot attend with heads of ${HS} channels: at most ${LANES * pack}`);
      batch.dispatch(workgroup[pack], { HS, LANES }, bound, given, work);
    }
  }
}

/**
 * Lanes of a workgroup, which looks at as many positions at a time. A batch of one has fewer heads than a GPU
 * multiprocessors, so each gets as many lanes as keep it loading, or half as many for few positions.
 */
function lanes(device: DeviceContext, positions: number): number {
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize } = device.limits;
  let most = tuningOf(device).attentionLanes;
  while (most > maxComputeInvocationsPerWorkgroup || LANE_BYTES * most + SHARED_BYTES > maxComputeWorkgroupStorageSize)
    most /= 2;
  return most > 64 && positions <= most / 2 ? most / 2 : most;
}

/** Workgroup memory of attention_decode_workgroup.wgsl: for each lane, and besides. */
const LANE_BYTES = 24,
  SHARED_BYTES = 256;
