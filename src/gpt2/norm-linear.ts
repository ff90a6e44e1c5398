// A layer norm and the product that follows it. Where nothing is recorded the product takes the norm, in its own launch
// where rows are few, as in decoding: there a launch costs as much as what it computes (kernels/matmul-plan.ts
// decides).
import { layerNorm } from "../autograd/layernorm.ts";
import { linear, linearGelu, tiedHead } from "../autograd/linear.ts";
import type { Tape } from "../autograd/tape.ts";
import type { Parameter, Variable } from "../autograd/variable.ts";
import type { Normalization } from "../kernels/matmul.ts";
import type { Affine } from "./parameters.ts";

/** Layer norm of x [N, C], then x W + b [N, out]. */
export function normLinear(tape: Tape, x: Variable, norm: Affine, epsilon: number, { weight, bias }: Affine): Variable {
  return normed(tape, x, norm, epsilon, (rows, inside) => linear(tape, rows, weight, bias, inside));
}

/** As normLinear, then gelu_new. */
export function normLinearGelu(
  tape: Tape,
  x: Variable,
  norm: Affine,
  epsilon: number,
  { weight, bias }: Affine,
): Variable {
  return normed(tape, x, norm, epsilon, (rows, inside) => linearGelu(tape, rows, weight, bias, inside));
}

/** Layer norm of x [N, C], then logits over wte [V, C], as tiedHead gives them. */
export function normHead(tape: Tape, x: Variable, norm: Affine, epsilon: number, wte: Parameter): Variable {
  return normed(tape, x, norm, epsilon, (rows, inside) => tiedHead(tape, rows, wte, inside));
}

/**
 * While recording the norm is a launch of its own, whose rows and statistics serve backward; else the product takes it.
 */
function normed(
  tape: Tape,
  x: Variable,
  { weight, bias }: Affine,
  epsilon: number,
  product: (rows: Variable, norm?: Normalization) => Variable,
): Variable {
  if (!tape.recording) return product(x, { weight: weight.value, bias: bias.value, epsilon });
  const y = layerNorm(tape, x, weight, bias, epsilon);
  const result = product(y);
  tape.release(y);
  return result;
}
