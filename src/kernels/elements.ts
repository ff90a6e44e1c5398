// Elementwise kernels share their entry point, lib/elements.wgsl: this defines one over it and launches it for a count
// of elements (numbers, or vec4f where the operation says so).
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Access, BindingsOf, ConstantsOf, ConstantType, KernelSpec, ParamsOf, ParamType } from "../gpu/kernel.ts";

type Names<T> = Readonly<Record<string, T>>;

const WG_SIZE = 64;
const ELEMENTS = 16; // a thread's share, as in lib/elements.wgsl

/**
 * Defines `spec`, whose files provide element_count() and element_main(i), and returns its launch over `count`
 * elements.
 */
export function defineElementKernel<
  const B extends Names<Access>,
  const P extends Names<ParamType>,
  const K extends Names<ConstantType>,
>(
  spec: KernelSpec<B, P, K>,
): (
  batch: CommandBatch,
  constants: ConstantsOf<K>,
  bindings: BindingsOf<B>,
  params: ParamsOf<P>,
  count: number,
) => void {
  const kernel = defineKernel({
    ...spec,
    source: ["lib/grid.wgsl", "lib/elements.wgsl", ...spec.source],
    constants: { ...spec.constants, WG_SIZE: "u32" } as const,
  });
  return (batch, constants, bindings, params, count) => {
    batch.dispatch(
      kernel,
      { ...constants, WG_SIZE } as never,
      bindings,
      params,
      Math.ceil(count / (WG_SIZE * ELEMENTS)),
    );
  };
}
