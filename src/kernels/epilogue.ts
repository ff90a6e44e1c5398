// What a matrix product does to its results before it stores them: shared by the kernels for many rows and for few.
import type { Access } from "../gpu/kernel.ts";
import { sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** gelu is gelu_new; `preactivation` [m, n] keeps its argument for backward. bias holds [n]. */
export type Epilogue =
  | { readonly kind: "bias"; readonly bias: Tensor }
  | { readonly kind: "bias_gelu"; readonly bias: Tensor; readonly preactivation?: Tensor }
  | { readonly kind: "bias_residual"; readonly bias: Tensor; readonly residual: Tensor };

/** The first bindings of every product; an epilogue's own follow them. */
export const CORE = { a: "read", b: "read", out: "read_write" } as const;
const BIAS = { ...CORE, bias: "read" } as const;

/** Files, and the bindings of a product that ends so. */
export const EPILOGUES = {
  none: { source: ["epilogue/none.wgsl"], bindings: CORE },
  bias: { source: ["epilogue/bias.wgsl"], bindings: BIAS },
  bias_gelu: { source: ["lib/gelu.wgsl", "epilogue/bias_gelu.wgsl"], bindings: BIAS },
  bias_gelu_save: {
    source: ["lib/gelu.wgsl", "epilogue/bias_gelu_save.wgsl"],
    bindings: { ...BIAS, preactivation: "read_write" },
  },
  bias_residual: { source: ["epilogue/bias_residual.wgsl"], bindings: { ...BIAS, residual: "read" } },
} as const satisfies Readonly<
  Record<string, { readonly source: readonly string[]; readonly bindings: Readonly<Record<string, Access>> }>
>;
export type EpilogueName = keyof typeof EPILOGUES;

/** An epilogue by the name of its files, and its own bindings. */
export interface After {
  readonly name: EpilogueName;
  readonly bindings: Readonly<Record<string, Tensor>>;
}

const NOTHING: After = { name: "none", bindings: {} };

/** The epilogue, if there is one, for `count` rows of out from `start` on. */
export function after(epilogue: Epilogue | undefined, start: number, count: number): After {
  if (!epilogue) return NOTHING;
  const { kind, bias } = epilogue;
  switch (kind) {
    case "bias":
      return { name: kind, bindings: { bias } };
    case "bias_residual":
      return { name: kind, bindings: { bias, residual: sliceRows(epilogue.residual, start, count) } };
    case "bias_gelu":
      return epilogue.preactivation
        ? { name: "bias_gelu_save", bindings: { bias, preactivation: sliceRows(epilogue.preactivation, start, count) } }
        : { name: kind, bindings: { bias } };
    default:
      throw new Error(`matmul: unknown epilogue ${kind satisfies never}`);
  }
}

/** A product's own bindings, and those of its epilogue, which join them. */
export function withEpilogue(bindings: Record<string, Tensor>, { bindings: more }: After): Record<string, Tensor> {
  return Object.assign(bindings, more);
}
