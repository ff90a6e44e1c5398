// What a matrix product does to its results before it stores them: shared by the kernels for many rows and for few.
import { read, readWrite } from "../gpu/kernel.ts";
import type { Bindings, Part } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Saved } from "./saved.ts";

/** gelu is gelu_new; `preactivation` [m, n] keeps its argument for backward. bias holds [n]. */
export type Epilogue =
  | { readonly kind: "bias"; readonly bias: Tensor }
  | { readonly kind: "bias_gelu"; readonly bias: Tensor; readonly preactivation?: Tensor }
  | { readonly kind: "bias_residual"; readonly bias: Tensor; readonly residual: Tensor };

/** Provides epilogue(value, column, at), and brings the bindings that it reads or writes. */
export interface EpiloguePart<B extends Bindings> extends Part<B> {
  readonly name: string;
}

const bias = read("f32", "[n]");

export const NO_EPILOGUE: EpiloguePart<Readonly<Record<never, never>>> = {
  name: "no epilogue",
  source: ["epilogue/none.wgsl"],
};
export const BIAS = { name: "bias", source: ["epilogue/bias.wgsl"], bindings: { bias } } as const;
export const BIAS_GELU = {
  name: "bias_gelu",
  source: ["lib/gelu.wgsl", "epilogue/bias_gelu.wgsl"],
  bindings: { bias },
} as const;
export const BIAS_GELU_SAVE = {
  name: "bias_gelu_save",
  source: ["lib/gelu.wgsl", "epilogue/bias_gelu_save.wgsl"],
  bindings: { bias, preactivation: readWrite("f32", "as out") },
} as const;
export const BIAS_RESIDUAL = {
  name: "bias_residual",
  source: ["epilogue/bias_residual.wgsl"],
  bindings: { bias, residual: read("f32", "as out") },
} as const;
/** Where out is f16, and so the preactivation. */
export const BIAS_GELU_SAVE_F16 = {
  ...BIAS_GELU_SAVE,
  name: "bias_gelu_save",
  bindings: { bias, preactivation: readWrite("f16", "as out") },
} as const;
/** Any of these but the one that saves, by the parameter `epilogue`; what it does not need may be bound to anything. */
export const ANY_EPILOGUE = {
  name: "any epilogue",
  source: ["lib/gelu.wgsl", "epilogue/any.wgsl"],
  bindings: { bias, residual: read("f32", "as out") },
} as const;
export const EPILOGUES = [NO_EPILOGUE, BIAS, BIAS_GELU, BIAS_GELU_SAVE, BIAS_RESIDUAL, ANY_EPILOGUE] as const;
/** Those that training has before results that are kept so, where any operand is f16. */
export const SAVED_EPILOGUES = {
  f32: [NO_EPILOGUE, BIAS, BIAS_RESIDUAL, ANY_EPILOGUE],
  f16: [NO_EPILOGUE, BIAS, BIAS_GELU_SAVE_F16, ANY_EPILOGUE],
} as const satisfies Readonly<Record<Saved, unknown>>;

/** What the parameter says, as in epilogue/any.wgsl. */
export const EPILOGUE_BITS = { none: 0, bias: 1, bias_gelu: 3, bias_residual: 5 } as const;
