// Row kernels come in three variants that share the operation's file: this defines them, and launches the one that
// suits the adapter, the rows and their length. The operation provides row_count() and row_main(n, lane, lanes); see
// lib/rows_*.wgsl.
import type { CommandBatch } from "../gpu/batch.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { defineKernel, join, kernelForms } from "../gpu/kernel.ts";
import type {
  Bindings,
  BindingsOf,
  Constants,
  ConstantsOf,
  KernelSpec,
  None,
  Params,
  ParamsOf,
  Part,
} from "../gpu/kernel.ts";
import { subgroupIds } from "./subgroup-ids.ts";
import type { Tuning } from "../gpu/tuning.ts";

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
  const several = Math.min(rowsWorkgroupSize, most); // invocations that take a subgroup's row each
  if (variant === "subgroup") return { library: "subgroup", size: several };
  const wanted = Math.min(rowsLanes / rows, length / rowsShare, rowsMaxSize, most);
  const size = powerOfTwoUpTo(wanted);
  if (variant === "workgroup")
    return {
      library: "workgroup",
      size: Math.min(LARGEST_WITHOUT_SUBGROUPS, Math.max(SMALLEST, rowsWorkgroupSize, size)),
    };
  return size < SMALLEST ? { library: "subgroup", size: several } : { library: "subgroups", size };
}

const powerOfTwoUpTo = (most: number): number => (most < 1 ? 1 : 2 ** Math.floor(Math.log2(most)));

/** The most invocations that a workgroup may have which keeps some numbers of each in workgroup memory. */
export function largestWorkgroup({ limits }: DeviceContext): number {
  const most = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  return limits.maxComputeWorkgroupStorageSize < 32768 ? Math.min(most, 256) : most;
}

/** The form that a launch on this device takes. */
export function rowFormOn(device: DeviceContext, rows: number, length: number): RowForm {
  return rowForm(device.tuning, largestWorkgroup(device), rows, length);
}

/**
 * Invocations of a workgroup that sums columns in workgroup memory; 0 where the adapter does better without such
 * memory.
 */
export function columnsWorkgroupSize(device: DeviceContext): number {
  const { rows, rowsMaxSize } = device.tuning;
  return rows === "subgroup" ? 0 : powerOfTwoUpTo(Math.min(rowsMaxSize, largestWorkgroup(device)));
}

const FORMS = ["subgroup", "subgroups", "workgroup", "subgroup, computed ids", "subgroups, computed ids"] as const;
type Form = (typeof FORMS)[number];
/** Of the row libraries, where subgroups cannot be asked for their number. */
const COMPUTED = {
  subgroup: "subgroup, computed ids",
  subgroups: "subgroups, computed ids",
  workgroup: "workgroup",
} as const satisfies Readonly<Record<RowLibrary, Form>>;

/** The entry point and reductions of a row kernel; the operation's files provide row_count() and row_main(). */
export function rowPart(form: Form): Part<None, None, { readonly WG_SIZE: "u32" }> {
  const part = (library: RowLibrary) =>
    ({
      source: ["lib/grid.wgsl", `lib/rows_${library}.wgsl`],
      constants: { WG_SIZE: "u32" },
      example: { WG_SIZE: 64 },
    }) as const;
  switch (form) {
    case "workgroup":
      return part(form);
    case "subgroup":
    case "subgroups":
      return join(subgroupIds("builtin"), part(form));
    case "subgroup, computed ids":
      return join(subgroupIds("computed"), part("subgroup"));
    case "subgroups, computed ids":
      return join(subgroupIds("computed"), part("subgroups"));
    default:
      throw new Error(`rows: unknown form ${form satisfies never}`);
  }
}

/**
 * Defines `spec` over the row libraries and returns its launch: one row of work for each of `rows`, `length` loads long
 * (omitted: short). `workgroupSource` are the operation's files where a workgroup has a row to itself, if they differ.
 */
export function defineRowKernel<
  const B extends Bindings = None,
  const P extends Params = None,
  const K extends Constants = None,
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
  const kernels = kernelForms(FORMS, (form) => {
    const source = form.startsWith("subgroups") || form === "workgroup" ? workgroupSource : spec.source;
    return defineKernel({
      ...join({ ...spec, source }, rowPart(form)),
      name: spec.name,
      variant: spec.variant === undefined ? form : `${form}, ${spec.variant}`,
    });
  });
  return (batch, constants, bindings, params, rows, length = 0) => {
    const { device } = batch;
    const { library, size } = rowFormOn(device, rows, length);
    // A workgroup holds several subgroups, hence rows; the library strides, so a generous count is only idle groups.
    const rowsPerGroup = library === "subgroup" ? Math.max(1, size / (device.subgroupSize || 32)) : 1;
    batch.dispatch(
      kernels(device.tuning.subgroupIds === "builtin" ? library : COMPUTED[library]),
      { ...constants, WG_SIZE: size },
      bindings,
      params,
      Math.ceil(rows / rowsPerGroup),
    );
  };
}
