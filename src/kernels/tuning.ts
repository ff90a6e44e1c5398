// Which variant of each kernel an adapter runs, and its tile sizes. Rows are written by `bench/tune.ts` from
// measurements and chosen by adapter key; requestDevice({ tuning }) overrides single entries, which is how tests force
// every variant.
import type { DeviceContext } from "../gpu/context.ts";

export type Variant = "subgroup" | "workgroup";
/** "mixed": a subgroup a row where rows are many or short, else a workgroup of several subgroups. */
export type RowsVariant = Variant | "mixed";

export interface Tuning {
  /**
   * Row reductions (layer norm, cross-entropy, ...): one subgroup a row, one workgroup a row without subgroup
   * operations, or by launch.
   */
  readonly rows: RowsVariant;
  /** Invocations of a workgroup that takes several rows; without subgroups the least that a row gets. */
  readonly rowsWorkgroupSize: number;
  /** Not by subgroup: the most that a row gets, as far as the device allows. */
  readonly rowsMaxSize: number;
  /** Not by subgroup: as many invocations as keep the GPU's memory busy; all rows of a launch share them. */
  readonly rowsLanes: number;
  /** Not by subgroup: no more invocations than leave each this many loads of a row. */
  readonly rowsShare: number;
  /** Matrix products: register tiles fed by subgroup broadcasts, or tiles in workgroup memory. */
  readonly matmul: Variant;
  /**
   * Workgroup variant: as many workgroups as keep the GPU busy. Where a product has fewer tiles, its reduction is split
   * into parts.
   */
  readonly matmulWorkgroups: number;
  /** Products of at most this many rows take the kernel for few rows, which is bound by reading the weights. */
  readonly matvecRows: number;
  /** Attention forward and backward. */
  readonly attention: Variant;
  /** Attention of a new token over the cache. */
  readonly attentionDecode: Variant;
  /** Its workgroup variant: lanes that share a head (a power of two, at least 64). */
  readonly attentionLanes: number;
}

const SOFTWARE: Tuning = {
  rows: "subgroup",
  rowsWorkgroupSize: 64,
  rowsMaxSize: 64,
  rowsLanes: 2 ** 19,
  rowsShare: 4,
  matmul: "subgroup",
  matmulWorkgroups: 2,
  matvecRows: 8,
  attention: "subgroup",
  attentionDecode: "subgroup",
  attentionLanes: 64,
};
const GPU: Tuning = {
  rows: "mixed",
  rowsWorkgroupSize: 128,
  rowsMaxSize: 1024,
  rowsLanes: 2 ** 19,
  rowsShare: 4,
  matmul: "workgroup",
  matmulWorkgroups: 400,
  matvecRows: 32,
  attention: "workgroup",
  attentionDecode: "workgroup",
  attentionLanes: 512,
};

const TABLE: Readonly<Record<string, Tuning>> = {
  llvmpipe: SOFTWARE,
  swiftshader: SOFTWARE,
  // H200: 1.2 to 1.8 times as fast with heads of 64, 5% slower with heads of 32
  nvidia: { ...GPU, attention: "subgroup" },
};

const chosen = new WeakMap<DeviceContext, Tuning>();

/**
 * The row for this device: the table's, else the default for a GPU, with the device's overrides; subgroup variants fall
 * back where there are no subgroups.
 */
export function tuningOf(device: DeviceContext): Tuning {
  let tuning = chosen.get(device);
  if (!tuning) {
    const row = { ...(TABLE[device.adapterKey] ?? (device.software ? SOFTWARE : GPU)), ...device.tuning } as Tuning;
    tuning = {
      ...row,
      rows: device.gpu.features.has("subgroups") ? row.rows : "workgroup", // row kernels take any subgroup size
      matmul: device.subgroupSize >= 4 ? row.matmul : "workgroup", // these are compiled for one size
      attention: device.subgroupSize > 0 ? row.attention : "workgroup",
      attentionDecode: device.subgroupSize > 0 ? row.attentionDecode : "workgroup",
    };
    chosen.set(device, tuning);
  }
  return tuning;
}
