// Elementwise kernels share their entry point, lib/elements.wgsl: this defines one over it and launches it for a count
// of elements (numbers, or vec4f where the operation says so).
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel, join } from "../gpu/kernel.ts";
import type {
  Bindings,
  BindingsOf,
  Constants,
  ConstantsOf,
  KernelSpec,
  None,
  Params,
  ParamsOf,
} from "../gpu/kernel.ts";

const WG_SIZE = 64;
const ELEMENTS = 16; // a thread's share, as in lib/elements.wgsl

const ELEMENT_PART = {
  source: ["lib/grid.wgsl", "lib/elements.wgsl"],
  constants: { WG_SIZE: "u32" },
  example: { WG_SIZE },
} as const;

/**
 * Defines `spec`, whose files provide element_count() and element_main(i), and returns its launch over `count`
 * elements.
 */
export function defineElementKernel<
  const B extends Bindings = None,
  const P extends Params = None,
  const K extends Constants = None,
>(
  spec: KernelSpec<B, P, K>,
): (
  batch: CommandBatch,
  constants: ConstantsOf<K>,
  bindings: BindingsOf<B>,
  params: ParamsOf<P>,
  count: number,
) => void {
  const { name, variant } = spec;
  const kernel = defineKernel({ ...join(spec, ELEMENT_PART), name, ...(variant !== undefined && { variant }) });
  return (batch, constants, bindings, params, count) => {
    const workgroups = Math.ceil(count / (WG_SIZE * ELEMENTS));
    batch.dispatch(kernel, { ...constants, WG_SIZE }, bindings, params, workgroups);
  };
}
