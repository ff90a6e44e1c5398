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
  /** Where it lies: which flat buffer, and its first element there. */
  readonly chunk: number;
  readonly offset: number;
}

export function isParameter(variable: Variable): variable is Parameter {
  return "grad" in variable;
}

/** Rows of a table [V, C] that are trained while the others stay. */
export interface TokenRows {
  /** Which, ascending. */
  readonly indices: readonly number[];
  /** Their values [indices, C], which the table has too. */
  readonly rows: Parameter;
}

/** Ascending numbers as runs: `count` of them from `start` on, the first of which is number `row` of all. */
export function runsOf(indices: readonly number[]): { start: number; row: number; count: number }[] {
  const runs: { start: number; row: number; count: number }[] = [];
  for (const [row, index] of indices.entries()) {
    const last = runs.at(-1);
    if (last && last.start + last.count === index) last.count++;
    else runs.push({ start: index, row, count: 1 });
  }
  return runs;
}
