// Row kernels come in three variants that share the operation's file: this defines them, and launches the one that
// suits the adapter, the rows and their length. The operation provides row_count() and row_main(n, lane, lanes); see
// lib/rows_*.wgsl.
import type { CommandBatch } from "../gpu/batch.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Access, BindingsOf, ConstantsOf, ConstantType, KernelSpec, ParamsOf, ParamType } from "../gpu/kernel.ts";
import { tuningOf } from "./tuning.ts";
import type { Tuning } from "./tuning.ts";

type Names<T> = Readonly<Record<string, T>>;

const SMALLEST = 64; // invocations of a workgroup that has a row to itself
const LARGEST_WITHOUT_SUBGROUPS = 256; // lib/rows_workgroup.wgsl keeps a vec4f each in workgroup memory

/**
 * "subgroup": a subgroup a row. "subgroups": all subgroups of a workgroup. "workgroup": a workgroup, without subgroup
 * operations.
 */
export type RowLibrary = "subgroup" | "subgroups" | "workgroup";

/** How a launch is carried out: what works on a row, and the invocations of a workgroup. */
export interface RowForm {
  readonly library: RowLibrary;
  readonly size: number;
}

/**
 * The form for `rows` rows of `length` loads each (vec4 or single). `most` is what the device allows in a workgroup.
 */
export function rowForm(
  { rows: variant, rowsWorkgroupSize, rowsMaxSize, rowsLanes, rowsShare }: Tuning,
  most: number,
  rows: number,
  length: number,
): RowForm {
  if (variant === "subgroup") return { library: "subgroup", size: rowsWorkgroupSize };
  const wanted = Math.min(rowsLanes / rows, length / rowsShare, rowsMaxSize, most);
  const size = wanted < 1 ? 1 : 2 ** Math.floor(Math.log2(wanted));
  if (variant === "workgroup")
    return {
      library: "workgroup",
      size: Math.min(LARGEST_WITHOUT_SUBGROUPS, Math.max(SMALLEST, rowsWorkgroupSize, size)),
    };
  return size < SMALLEST ? { library: "subgroup", size: rowsWorkgroupSize } : { library: "subgroups", size };
}

/** The most invocations that a workgroup may have which keeps some numbers of each in workgroup memory. */
export function largestWorkgroup({ limits }: DeviceContext): number {
  const most = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  return limits.maxComputeWorkgroupStorageSize < 32768 ? Math.min(most, 256) : most;
}

/** The form that a launch on this device takes. */
export function rowFormOn(device: DeviceContext, rows: number, length: number): RowForm {
  return rowForm(tuningOf(device), largestWorkgroup(device), rows, length);
}

/**
 * Invocations of a workgroup that sums columns in workgroup memory; 0 where the adapter does better without such
 * memory.
 */
export function columnsWorkgroupSize(device: DeviceContext): number {
  const { rows, rowsMaxSize } = tuningOf(device);
  return rows === "subgroup" ? 0 : Math.min(rowsMaxSize, largestWorkgroup(device));
}

/**
 * Defines `spec` over the row libraries and returns its launch: one row of work for each of `rows`, `length` loads long
 * (omitted: short). `workgroupSource` are the operation's files where a workgroup has a row to itself, if they differ.
 */
export function defineRowKernel<
  const B extends Names<Access>,
  const P extends Names<ParamType>,
  const K extends Names<ConstantType>,
>(
  spec: KernelSpec<B, P, K>,
  workgroupSource = spec.source,
): (
  batch: CommandBatch,
  constants: ConstantsOf<K>,
  bindings: BindingsOf<B>,
  params: ParamsOf<P>,
  rows: number,
  length?: number,
) => void {
  const variant = (lib: string, source: readonly string[]) =>
    defineKernel({
      ...spec,
      source: ["lib/grid.wgsl", lib, ...source],
      constants: { ...spec.constants, WG_SIZE: "u32" } as const,
    });
  const variants = {
    subgroup: variant("lib/rows_subgroup.wgsl", spec.source),
    subgroups: variant("lib/rows_subgroups.wgsl", workgroupSource),
    workgroup: variant("lib/rows_workgroup.wgsl", workgroupSource),
  };
  return (batch, constants, bindings, params, rows, length = 0) => {
    const { library, size } = rowFormOn(batch.device, rows, length);
    // A workgroup holds several subgroups, hence rows; the library strides, so a generous count is only idle groups.
    const rowsPerGroup = library === "subgroup" ? Math.max(1, size / (batch.device.subgroupSize || 32)) : 1;
    batch.dispatch(
      variants[library],
      { ...constants, WG_SIZE: size } as never,
      bindings,
      params,
      Math.ceil(rows / rowsPerGroup),
    );
  };
}
