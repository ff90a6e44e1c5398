// Attention of new tokens over a key-value cache: a subgroup a token and head on software adapters, a large workgroup
// on GPUs.
import type { CommandBatch } from "../gpu/batch.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { defineKernel, join, kernelForms, read, readWrite } from "../gpu/kernel.ts";
import type { ParamsOf } from "../gpu/kernel.ts";
import { bytesPerElement, expectShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchWindows } from "./batch-windows.ts";
import { rowPart } from "./rows.ts";
import { lineWidth, readWriteStored, storedAs, storedSource } from "./stored.ts";
import type { Stored } from "./stored.ts";

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

/** Channels that are read at a time: four where the head size is a multiple of four. */
const PACKS = ["vec4", "scalar"] as const;
type Pack = (typeof PACKS)[number];

function decodePart(pack: Pack, stored: Stored) {
  const element = pack === "vec4" ? "vec4f" : "f32";
  return {
    source: [storedSource(stored), `lib/pack_${pack}.wgsl`, "attention_decode.wgsl"],
    bindings: {
      qkv: read(element, "[B*T, 3C]"),
      keys: readWriteStored(stored, pack, "[R, NH, capacity, LINE]"),
      values: readWriteStored(stored, pack, "[R, NH, capacity, LINE]"),
      ancestry: read("u32", "[B, capacity]"),
      mask: read("u32", "[B, capacity]"),
      out: readWrite(element, "[B*T, C]"),
    },
    params,
    // The tokens of a row share its keys and values.
    work: ({ rows, length, past, chunks }: ParamsOf<typeof params>) => {
      const HS = pack === "vec4" ? 4 * chunks : chunks;
      const line = 2 * bytesPerElement(stored) * HS; // a key and a value
      return {
        flops: 4 * rows * (past + (length + 1) / 2) * HS,
        bytes: line * (rows / length) * (past + length) + 8 * rows * HS,
      };
    },
  };
}

/** The kernels' titles say nothing of f32. */
const titleOf = (pack: Pack, stored: Stored): string => (stored === "f32" ? pack : `${pack}, ${stored}`);

const subgroupKernels = (pack: Pack, stored: Stored) =>
  kernelForms(["builtin", "computed"], (ids) => {
    const form = ids === "builtin" ? "subgroup" : "subgroup, computed ids";
    const operation = join(decodePart(pack, stored), {
      source: ["lib/share_subgroup.wgsl", "attention_decode_subgroup.wgsl"],
      constants: { HS: "u32", LANES: "u32" } as const,
      example: { HS: 64, LANES: 32 },
    });
    return defineKernel({
      ...join(rowPart(form), operation),
      name: "attention_decode",
      variant: `${form}, ${titleOf(pack, stored)}`,
    });
  });

const workgroupKernels = (stored: Stored) =>
  kernelForms(PACKS, (pack) => {
    const operation = {
      source: ["lib/grid.wgsl", "attention_decode_workgroup.wgsl"],
      constants: { HS: "u32", LANES: "u32" } as const,
      example: { HS: 64, LANES: 256 },
    };
    return defineKernel({
      ...join(decodePart(pack, stored), operation),
      name: "attention_decode",
      variant: `workgroup, ${titleOf(pack, stored)}`,
    });
  });

const BY_SUBGROUP = {
  f32: { vec4: subgroupKernels("vec4", "f32"), scalar: subgroupKernels("scalar", "f32") },
  f16: { vec4: subgroupKernels("vec4", "f16"), scalar: subgroupKernels("scalar", "f16") },
};
const BY_WORKGROUP = { f32: workgroupKernels("f32"), f16: workgroupKernels("f16") };

/**
 * out [B*T, C]: token t of row b of qkv [B*T, 3C] attends to positions 0 .. past + t of keys and values [R, NH,
 * capacity, HS], f32, or f16 with HS rounded up to an even number (lineWidth). With T = 1 the token's key and value
 * join the cache here, as position `past` of row b; more tokens must have joined it already (kvCacheAppend). Position s
 * of row b is held by row ancestry[b, s] of the cache and is seen where mask[b, s] is not 0 (both u32 [B, capacity]).
 * Scores are scaled by 1/sqrt(HS). Throws for what does not fit, and for heads too wide for a workgroup.
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
  const [physical, heads, capacity] = keys.shape;
  const [rows] = ancestry.shape;
  const HS = Math.floor(qkv.shape[1] / 3 / heads);
  const stored = storedAs(keys);
  expectShape("attention_decode", "qkv", qkv, [rows * length, 3 * heads * HS], "B*T and 3C of the cache");
  expectShape("attention_decode", "keys", keys, [physical, heads, capacity, lineWidth(HS, stored)], "heads of qkv");
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
  const pack = HS % 4 === 0 ? "vec4" : "scalar";
  const chunks = pack === "vec4" ? HS / 4 : HS;
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
      chunks,
      qkv_at: q.at,
      out_at: o.at,
      table_at: a.at,
      first,
      append: Number(length === 1),
    };
    if (device.tuning.attentionDecode === "subgroup") {
      // a subgroup a workgroup: software adapters share workgroups among their threads
      const LANES = device.subgroupSize;
      const kernel = BY_SUBGROUP[stored][pack](device.tuning.subgroupIds);
      batch.dispatch(kernel, { HS, LANES, WG_SIZE: LANES }, bound, given, work);
    } else {
      const LANES = lanes(device, past + length);
      if (chunks > LANES)
        throw new Error(
          `attention_decode: cannot attend with heads of ${HS} channels: at most ${(HS / chunks) * LANES}`,
        );
      batch.dispatch(BY_WORKGROUP[stored](pack), { HS, LANES }, bound, given, work);
    }
  }
}

/**
 * Lanes of a workgroup, which looks at as many positions at a time. A batch of one has fewer heads than a GPU
 * multiprocessors, so each gets as many lanes as keep it loading, or half as many for few positions.
 */
function lanes(device: DeviceContext, positions: number): number {
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize } = device.limits;
  let most = device.tuning.attentionLanes;
  while (most > maxComputeInvocationsPerWorkgroup || LANE_BYTES * most + SHARED_BYTES > maxComputeWorkgroupStorageSize)
    most /= 2;
  return most > 64 && positions <= most / 2 ? most / 2 : most;
}

/** Workgroup memory of attention_decode_workgroup.wgsl: for each lane, and besides. */
const LANE_BYTES = 24,
  SHARED_BYTES = 256;
