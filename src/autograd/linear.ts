// y = x W + b with W stored [in, out] (Conv1D), what GPT-2 fuses into it, and the tied head. Backward: dx = dy W^T,
// dW = x^T dy, db = sum over rows of dy.
import { sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { addInto } from "../kernels/add.ts";
import { columnSum } from "../kernels/column-sum.ts";
import { geluBackward } from "../kernels/gelu.ts";
import { matmul } from "../kernels/matmul.ts";
import type { Normalization } from "../kernels/matmul.ts";
import { addHeadRows } from "../kernels/head-rows.ts";
import { rowWindows } from "../kernels/windows.ts";
import type { GradientSink, Tape } from "./tape.ts";
import type { Parameter, TokenRows, Variable } from "./variable.ts";

/**
 * x [N, in], weight [in, out], bias [out] -> x W + b [N, out]. `norm` (never while recording) normalises x before, see
 * matmul. `stream`: y is a part of the residual stream, which is f32 in any precision.
 */
export function linear(
  tape: Tape,
  x: Variable,
  weight: Parameter,
  bias: Parameter,
  { norm, stream = false }: { readonly norm?: Normalization; readonly stream?: boolean } = {},
): Variable {
  expectNotRecorded(tape, norm);
  const { batch } = tape.device;
  const shape = [x.value.shape[0], weight.value.shape[1]];
  const y = stream ? tape.acquire(shape) : tape.activation(shape);
  matmul(batch, {
    a: x.value,
    b: tape.weight(weight),
    out: y,
    layout: "nn",
    epilogue: { kind: "bias", bias: bias.value },
    norm,
  });
  return tape.record("linear", [x, weight, bias], y, [], (dy, into) => linearBackward(tape, dy, into, x, weight, bias));
}

/**
 * As linear, then gelu_new; the pre-activation is kept while recording, and dy is turned into its gradient in place.
 */
export function linearGelu(
  tape: Tape,
  x: Variable,
  weight: Parameter,
  bias: Parameter,
  norm?: Normalization,
): Variable {
  expectNotRecorded(tape, norm);
  const { batch } = tape.device;
  const shape = [x.value.shape[0], weight.value.shape[1]];
  const y = tape.activation(shape);
  const u = tape.recording ? tape.activation(shape) : undefined;
  matmul(batch, {
    a: x.value,
    b: tape.weight(weight),
    out: y,
    layout: "nn",
    epilogue: { kind: "bias_gelu", bias: bias.value, preactivation: u },
    norm,
  });
  return tape.record("linear_gelu", [x, weight, bias], y, u ? [u] : [], (dy, into) => {
    if (!u) return;
    geluBackward(batch, { dy, u });
    linearBackward(tape, dy, into, x, weight, bias);
  });
}

/** x W + b + residual, all [N, out] but x [N, in]. */
export function linearResidual(
  tape: Tape,
  x: Variable,
  weight: Parameter,
  bias: Parameter,
  residual: Variable,
): Variable {
  const { batch } = tape.device;
  const y = tape.acquire(residual.value.shape);
  matmul(batch, {
    a: x.value,
    b: tape.weight(weight),
    out: y,
    layout: "nn",
    epilogue: { kind: "bias_residual", bias: bias.value, residual: residual.value },
  });
  return tape.record("linear_residual", [x, weight, bias, residual], y, [], (dy, into) => {
    linearBackward(tape, dy, into, x, weight, bias);
    into.adopt(residual, dy, (sum) => addInto(batch, { x: dy, y: sum })); // last: from here on dy is the residual's
  });
}

/** Vp: the width of a row of logits over a vocabulary of V. */
export const logitsWidth = (vocabSize: number): number => Math.ceil(vocabSize / 64) * 64;

/**
 * Logits x wte^T of x [N, C] over wte [V, C]: [N, Vp], rows padded to Vp = V up to a multiple of 64; the padding holds
 * anything. `norm` as in linear. `trained`: rows of wte whose gradient is taken where wte itself has none.
 */
export function tiedHead(
  tape: Tape,
  x: Variable,
  wte: Parameter,
  { norm, trained }: { readonly norm?: Normalization; readonly trained?: TokenRows } = {},
): Variable {
  expectNotRecorded(tape, norm);
  const { batch } = tape.device;
  const V = wte.value.shape[0];
  const logits = tape.acquire([x.value.shape[0], logitsWidth(V)]);
  matmul(batch, { a: x.value, b: tape.weight(wte), out: logits, layout: "nt", n: V, norm });
  const inputs = trained ? [x, wte, trained.rows] : [x, wte];
  return tape.record("tied_head", inputs, logits, [], (dlogits, into) => {
    into.write(x, (dx, accumulate) =>
      matmul(batch, { a: dlogits, b: tape.weight(wte), out: dx, layout: "nn", k: V, accumulate }),
    );
    into.write(wte, (dwte, accumulate) =>
      matmul(batch, { a: dlogits, b: x.value, out: dwte, layout: "tn", m: V, accumulate }),
    );
    if (trained)
      into.write(trained.rows, (drows) => addHeadRows(batch, trained.indices, { dlogits, x: x.value, drows }));
  });
}

function expectNotRecorded(tape: Tape, norm: Normalization | undefined): void {
  if (norm && tape.recording) throw new Error("linear: a layer norm inside a product keeps nothing for backward");
}

function linearBackward(
  tape: Tape,
  dy: Tensor,
  into: GradientSink,
  x: Variable,
  weight: Parameter,
  bias: Parameter,
): void {
  const { batch } = tape.device;
  into.write(x, (dx, accumulate) =>
    matmul(batch, { a: dy, b: tape.weight(weight), out: dx, layout: "nt", accumulate }),
  );
  into.write(weight, (dw, accumulate) => matmul(batch, { a: x.value, b: dy, out: dw, layout: "tn", accumulate }));
  into.write(bias, (db, accumulate) => {
    for (const { start, count } of rowWindows(batch.device, dy)) {
      columnSum(batch, { x: sliceRows(dy, start, count), out: db, accumulate: accumulate || start > 0 });
    }
  });
}
