// A layer norm and the product that follows it. Where nothing is recorded and rows are few, as in decoding, they are
// one launch: there a launch costs as much as what it computes. Otherwise each is its own, and the normalised rows
// serve backward.
import { layerNorm } from "../autograd/layernorm.ts";
import { linear, linearGelu, tiedHead } from "../autograd/linear.ts";
import type { Tape } from "../autograd/tape.ts";
import type { Parameter, Variable } from "../autograd/variable.ts";
import { takesNorm } from "../kernels/matmul.ts";
import type { Layout } from "../kernels/matmul.ts";
import { isNormCheap } from "../kernels/matvec.ts";
import type { Normalization } from "../kernels/matvec.ts";
import type { Affine } from "./parameters.ts";

/** Layer norm of x [N, C], then x W + b [N, out]. */
export function normLinear(tape: Tape, x: Variable, norm: Affine, epsilon: number, { weight, bias }: Affine): Variable {
  return normed(tape, x, norm, epsilon, weight, "nn", (rows, inside) => linear(tape, rows, weight, bias, inside));
}

/** As normLinear, then gelu_new. */
export function normLinearGelu(
  tape: Tape,
  x: Variable,
  norm: Affine,
  epsilon: number,
  { weight, bias }: Affine,
): Variable {
  return normed(tape, x, norm, epsilon, weight, "nn", (rows, inside) => linearGelu(tape, rows, weight, bias, inside));
}

/** Layer norm of x [N, C], then logits over wte [V, C], as tiedHead gives them. */
export function normHead(tape: Tape, x: Variable, norm: Affine, epsilon: number, wte: Parameter): Variable {
  return normed(tape, x, norm, epsilon, wte, "nt", (rows, inside) => tiedHead(tape, rows, wte, inside));
}

function normed(
  tape: Tape,
  x: Variable,
  { weight, bias }: Affine,
  epsilon: number,
  by: Parameter,
  layout: Layout,
  product: (rows: Variable, norm?: Normalization) => Variable,
): Variable {
  const [rows] = x.value.shape;
  if (!tape.recording && takesNorm(tape.device, layout, rows, by.value) && isNormCheap(tape.device, rows, by.value)) {
    return product(x, { weight: weight.value, bias: bias.value, epsilon });
  }
  const y = layerNorm(tape, x, weight, bias, epsilon);
  const result = product(y);
  tape.release(y);
  return result;
}
