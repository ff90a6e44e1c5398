// Row kernels come in two variants that share the operation's file: this defines both, and launches the one the adapter
// tunes for. The operation provides row_count() and row_main(n, lane, lanes); see lib/rows_*.wgsl.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Access, BindingsOf, ConstantsOf, ConstantType, KernelSpec, ParamsOf, ParamType } from "../gpu/kernel.ts";
import { tuningOf } from "./tuning.ts";

type Names<T> = Readonly<Record<string, T>>;

/** Defines `spec` over both row libraries and returns its launch: one row of work for each of `rows`. */
export function defineRowKernel<const B extends Names<Access>, const P extends Names<ParamType>, const K extends Names<ConstantType>>(
  spec: KernelSpec<B, P, K>,
): (batch: CommandBatch, constants: ConstantsOf<K>, bindings: BindingsOf<B>, params: ParamsOf<P>, rows: number) => void {
  const variant = (lib: string) => defineKernel({
    ...spec,
    source: ["lib/grid.wgsl", lib, ...spec.source],
    constants: { ...spec.constants, WG_SIZE: "u32" } as const,
  });
  const variants = { subgroup: variant("lib/rows_subgroup.wgsl"), workgroup: variant("lib/rows_workgroup.wgsl") };
  return (batch, constants, bindings, params, rows) => {
    const { rows: choice, rowsWorkgroupSize } = tuningOf(batch.device);
    // A workgroup holds several subgroups, hence rows; the library strides, so a generous count is only idle groups.
    const rowsPerGroup = choice === "subgroup" ? Math.max(1, rowsWorkgroupSize / (batch.device.subgroupSize || 32)) : 1;
    batch.dispatch(variants[choice], { ...constants, WG_SIZE: rowsWorkgroupSize } as never, bindings, params, Math.ceil(rows / rowsPerGroup));
  };
}
