// Which variant of each kernel an adapter runs, and its tile sizes. Rows are written by `bench/tune.ts` from measurements and
// chosen by adapter key; requestDevice({ tuning }) overrides single entries, which is how tests force every variant.
import type { Device } from "../gpu/device.ts";

export type Variant = "subgroup" | "workgroup";

export interface Tuning {
  /** Row reductions (layer norm, cross-entropy, ...): one subgroup a row, or one workgroup a row. */
  readonly rows: Variant;
  readonly rowsWorkgroupSize: number;
  /** Matrix products: register tiles fed by subgroup broadcasts, or tiles in workgroup memory. */
  readonly matmul: Variant;
  /** Workgroup variant: results are made in tiles of this many rows and columns (64 or 128), slices of K at a time. */
  readonly matmulTile: number;
  readonly matmulTileK: number;
  /** Products of at most this many rows take the kernel for few rows, which is bound by reading the weights. */
  readonly matvecRows: number;
  /** Attention forward and backward. */
  readonly attention: Variant;
}

const SOFTWARE: Tuning = { rows: "subgroup", rowsWorkgroupSize: 64, matmul: "subgroup", matmulTile: 64, matmulTileK: 32, matvecRows: 8, attention: "subgroup" };
const GPU: Tuning = { rows: "subgroup", rowsWorkgroupSize: 128, matmul: "workgroup", matmulTile: 64, matmulTileK: 32, matvecRows: 32, attention: "workgroup" };

const TABLE: Readonly<Record<string, Tuning>> = {
  llvmpipe: SOFTWARE,
  swiftshader: SOFTWARE,
};

const chosen = new WeakMap<Device, Tuning>();

/** The row for this device: the table's, else the default for a GPU, with the device's overrides; subgroup variants fall back where there are no subgroups. */
export function tuningOf(device: Device): Tuning {
  let tuning = chosen.get(device);
  if (!tuning) {
    const row = { ...(TABLE[device.adapterKey] ?? (device.software ? SOFTWARE : GPU)), ...device.tuning } as Tuning;
    tuning = {
      ...row,
      rows: device.gpu.features.has("subgroups") ? row.rows : "workgroup",      // row kernels take any subgroup size
      matmul: device.subgroupSize >= 4 ? row.matmul : "workgroup",              // these are compiled for one size
      attention: device.subgroupSize > 0 ? row.attention : "workgroup",
    };
    chosen.set(device, tuning);
  }
  return tuning;
}
