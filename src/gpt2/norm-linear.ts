// A layer norm and the product that follows it. Where nothing is recorded the product takes the norm, in its own launch
// where rows are few, as in decoding: there a launch costs as much as what it computes (kernels/matmul-plan.ts
// decides). A layer with an adapter gets the adapter's change as its residual.
import { gelu } from "../autograd/gelu.ts";
import { layerNorm } from "../autograd/layernorm.ts";
import { linear, linearGelu, linearResidual, tiedHead } from "../autograd/linear.ts";
import { lowRank } from "../autograd/low-rank.ts";
import type { Tape } from "../autograd/tape.ts";
import type { Parameter, TokenRows, Variable } from "../autograd/variable.ts";
import type { Normalization } from "../kernels/matmul.ts";
import type { Dropout } from "../kernels/random.ts";
import type { AdapterLayer } from "./adapter.ts";
import type { Affine } from "./parameters.ts";

/** A layer's dropout of what its adapter sees; undefined: none is drawn. */
export type AdapterDropout = (lora: AdapterLayer) => Dropout | undefined;

/** Layer norm of x [N, C], then x W + b [N, out]. */
export function normLinear(
  tape: Tape,
  x: Variable,
  norm: Affine,
  epsilon: number,
  layer: Affine,
  dropout: AdapterDropout,
): Variable {
  const { weight, bias, lora } = layer;
  if (lora) return afterNorm(tape, x, norm, epsilon, (rows) => adapted(tape, rows, layer, dropout));
  return normed(tape, x, norm, epsilon, (rows, inside) => linear(tape, rows, weight, bias, { norm: inside }));
}

/** As normLinear, then gelu_new. */
export function normLinearGelu(
  tape: Tape,
  x: Variable,
  norm: Affine,
  epsilon: number,
  layer: Affine,
  dropout: AdapterDropout,
): Variable {
  const { weight, bias, lora } = layer;
  if (!lora) return normed(tape, x, norm, epsilon, (rows, inside) => linearGelu(tape, rows, weight, bias, inside));
  const u = afterNorm(tape, x, norm, epsilon, (rows) => adapted(tape, rows, layer, dropout));
  const y = gelu(tape, u);
  tape.release(u);
  return y;
}

/** x W + b [N, out], of the residual stream or about to join it: with `residual` [N, out] added where there is one. */
export function projection(
  tape: Tape,
  x: Variable,
  layer: Affine,
  dropout: AdapterDropout,
  residual?: Variable,
): Variable {
  const { weight, bias, lora } = layer;
  if (lora) return adapted(tape, x, layer, dropout, residual);
  return residual ? linearResidual(tape, x, weight, bias, residual) : linear(tape, x, weight, bias, { stream: true });
}

/** Layer norm of x [N, C], then logits over wte [V, C], as tiedHead gives them. */
export function normHead(
  tape: Tape,
  x: Variable,
  norm: Affine,
  epsilon: number,
  wte: Parameter,
  trained?: TokenRows,
): Variable {
  return normed(tape, x, norm, epsilon, (rows, inside) => tiedHead(tape, rows, wte, { norm: inside, trained }));
}

function adapted(
  tape: Tape,
  x: Variable,
  { weight, bias, lora }: Affine,
  dropout: AdapterDropout,
  residual?: Variable,
): Variable {
  const change = lowRank(tape, x, lora!, { residual, dropout: dropout(lora!) });
  const y = linearResidual(tape, x, weight, bias, change);
  tape.forget(change);
  return y;
}

/**
 * While recording the norm is a launch of its own, whose rows and statistics serve backward; else the product takes it.
 */
function normed(
  tape: Tape,
  x: Variable,
  norm: Affine,
  epsilon: number,
  product: (rows: Variable, norm?: Normalization) => Variable,
): Variable {
  if (tape.recording) return afterNorm(tape, x, norm, epsilon, product);
  return product(x, { weight: norm.weight.value, bias: norm.bias.value, epsilon });
}

function afterNorm(
  tape: Tape,
  x: Variable,
  { weight, bias }: Affine,
  epsilon: number,
  product: (rows: Variable) => Variable,
): Variable {
  const y = layerNorm(tape, x, weight, bias, epsilon);
  const result = product(y);
  tape.release(y);
  return result;
}
