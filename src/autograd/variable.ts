// What operations take and give: tensors that may want a gradient, and the model's parameters among them.
import type { Tensor } from "../gpu/tensor.ts";

export interface Variable {
  readonly value: Tensor;
  readonly requiresGrad: boolean;
  readonly name: string;
}

export interface Parameter extends Variable {
  /** The shape of the value; undefined where the store has no memory for gradients, and then requiresGrad is false. */
  readonly grad: Tensor | undefined;
  /** The value rounded to f16, where the store keeps such copies (ParameterStore.keepHalves). */
  readonly half: Tensor | undefined;
  /** Where it lies: which flat buffer, and its first element there. */
  readonly chunk: number;
  readonly offset: number;
}

export function isParameter(variable: Variable): variable is Parameter {
  return "grad" in variable;
}

/** Rows of a table [V, C] that are trained while the others stay. */
export interface TokenRows {
  /** Which, none twice. */
  readonly indices: readonly number[];
  /** Their values [indices, C], which the table has too. */
  readonly rows: Parameter;
}
