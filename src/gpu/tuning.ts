// Which variant of each kernel an adapter runs, and its tile sizes. Rows are written by `bench/tune.ts` from
// measurements and chosen by adapter key; requestDevice({ tuning }) overrides single entries, which is how tests force
// every variant.
import { UserError } from "../errors.ts";

export type Variant = "subgroup" | "workgroup";
/** "mixed": a subgroup a row where rows are many or short, else a workgroup of several subgroups. */
export type RowsVariant = Variant | "mixed";

/** "builtin": asked of the device; "computed": the local index over the subgroup's size (kernels/subgroup-ids.ts). */
export type SubgroupIds = "builtin" | "computed";

export type EpilogueForm = "compiled" | "parameter";

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
  /** Whether kernels ask which subgroup an invocation is in, or compute it from the local index. */
  readonly subgroupIds: SubgroupIds;
  /** Matrix products: register tiles fed by subgroup broadcasts, or tiles in workgroup memory. */
  readonly matmul: Variant;
  /**
   * Workgroup variant: as many workgroups as keep the GPU busy. Where a product has fewer tiles, its reduction is split
   * into parts.
   */
  readonly matmulWorkgroups: number;
  /**
   * Workgroup variant: rows and columns of a tile, 64 or 128. The larger ones read less, and are taken where there are
   * half as many as `matmulWorkgroups` and the device has the memory for them.
   */
  readonly matmulTile: number;
  /** Products of at most this many rows take the kernel for few rows, which is bound by reading the weights. */
  readonly matvecRows: number;
  /**
   * What a product does with its results: a kernel for each epilogue, or one for all, which a parameter tells: fewer to
   * compile, which takes software adapters seconds.
   */
  readonly epilogue: EpilogueForm;
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
  subgroupIds: "builtin",
  matmul: "subgroup",
  matmulWorkgroups: 2,
  matmulTile: 64,
  matvecRows: 8,
  epilogue: "parameter",
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
  subgroupIds: "builtin",
  matmul: "workgroup",
  matmulWorkgroups: 400,
  matmulTile: 64,
  matvecRows: 32,
  epilogue: "compiled",
  attention: "workgroup",
  attentionDecode: "workgroup",
  attentionLanes: 512,
};

/** By adapter key, "vendor-architecture", or by vendor alone: for all its architectures without a row. */
const TABLE: Readonly<Record<string, Tuning>> = {
  llvmpipe: SOFTWARE,
  swiftshader: SOFTWARE,
  // H200: 1.2 to 1.8 times as fast with heads of 64, 5% slower with heads of 32
  nvidia: { ...GPU, attention: "subgroup" },
};

/** What a value of the table may be. */
type Allowed = readonly string[] | { readonly from: number; readonly to?: number; readonly kind: NumberKind };
type NumberKind = "a number" | "a whole number" | "a power of two";

const VARIANTS: readonly Variant[] = ["subgroup", "workgroup"];
const ALLOWED: { readonly [K in keyof Tuning]: Allowed } = {
  rows: [...VARIANTS, "mixed"] satisfies readonly RowsVariant[],
  rowsWorkgroupSize: { kind: "a power of two", from: 1, to: 1024 },
  rowsMaxSize: { kind: "a power of two", from: 64, to: 1024 },
  rowsLanes: { kind: "a whole number", from: 1 },
  rowsShare: { kind: "a number", from: 0 },
  subgroupIds: ["builtin", "computed"] satisfies readonly SubgroupIds[],
  matmul: VARIANTS,
  matmulWorkgroups: { kind: "a whole number", from: 1 },
  matmulTile: { kind: "a power of two", from: 64, to: 128 },
  matvecRows: { kind: "a whole number", from: 0 },
  epilogue: ["compiled", "parameter"] satisfies readonly EpilogueForm[],
  attention: VARIANTS,
  attentionDecode: VARIANTS,
  attentionLanes: { kind: "a power of two", from: 64, to: 1024 },
};

/** Throws UserError for a name that the table does not have, or a value that its entry cannot take. */
export function checkTuning(overrides: Readonly<Record<string, unknown>>): asserts overrides is Partial<Tuning> {
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(ALLOWED, name))
      throw new UserError(`tuning has no entry ${JSON.stringify(name)}; it has ${Object.keys(ALLOWED).join(", ")}.`);
    const allowed = ALLOWED[name as keyof Tuning];
    if (!isAllowed(value, allowed))
      throw new UserError(`tuning.${name} is ${JSON.stringify(value)}, expected ${described(allowed)}.`);
  }
}

function isAllowed(value: unknown, allowed: Allowed): boolean {
  if (!("kind" in allowed)) return allowed.some((each) => each === value);
  const { kind, from, to = Number.MAX_SAFE_INTEGER } = allowed;
  if (typeof value !== "number" || !(value >= from && value <= to)) return false;
  switch (kind) {
    case "a number":
      return value > 0;
    case "a whole number":
      return Number.isInteger(value);
    case "a power of two":
      return Number.isInteger(Math.log2(value));
    default:
      throw new Error(`tuning: unknown kind ${kind satisfies never}`);
  }
}

function described(allowed: Allowed): string {
  if (!("kind" in allowed)) return allowed.map((each) => JSON.stringify(each)).join(" or ");
  const { kind, from, to } = allowed;
  if (kind === "a number") return `a number above ${from}`;
  return `${kind} from ${from} ${to === undefined ? "on" : `to ${to}`}`;
}

/** What of a device its tuning depends on. */
export interface Capabilities {
  readonly adapterKey: string;
  readonly software: boolean;
  readonly subgroups: boolean;
  /** Lanes of a subgroup, 0 where there are none or their number varies. */
  readonly subgroupSize: number;
  /** Whether WGSL can ask for the number of a subgroup in its workgroup (language feature subgroup_id). */
  readonly subgroupId: boolean;
}

/**
 * The table's row for the adapter, else its vendor's, else the default for its kind, with the overrides; what an
 * adapter cannot run falls back. Throws UserError for an override that checkTuning refuses.
 */
export function resolveTuning(capabilities: Capabilities, overrides: Readonly<Record<string, unknown>> = {}): Tuning {
  checkTuning(overrides);
  const { software, subgroups, subgroupSize, subgroupId } = capabilities;
  const row: Tuning = { ...(tableRow(capabilities.adapterKey) ?? (software ? SOFTWARE : GPU)), ...overrides };
  return {
    ...row,
    rows: subgroups ? row.rows : "workgroup", // row kernels take any subgroup size
    subgroupIds: subgroupId ? row.subgroupIds : "computed",
    matmul: subgroupSize >= 4 ? row.matmul : "workgroup", // these are compiled for one size
    attention: subgroupSize >= 4 ? row.attention : "workgroup",
    attentionDecode: subgroupSize > 0 ? row.attentionDecode : "workgroup",
  };
}

/** Whether the table was measured on such an adapter. */
export const hasTableRow = (adapterKey: string): boolean => tableRow(adapterKey) !== undefined;

function tableRow(adapterKey: string): Tuning | undefined {
  const key = [adapterKey, adapterKey.split("-", 1)[0]].find((each) => Object.hasOwn(TABLE, each));
  return key === undefined ? undefined : TABLE[key];
}
