// LoRA (Hu et al. 2021, as PEFT's Linear layers compute it): y = s drop(x) A^T B^T, with A [r, in] and B [out, r], and
// back. With h = s drop(x) A^T and dh = s dy B: dB = dy^T h, dA = dh^T drop(x), dx = drop(dh A): dropout is linear and
// its own transpose, and is drawn again instead of stored.
import type { Tensor } from "../gpu/tensor.ts";
import { addInto } from "../kernels/add.ts";
import { dropout as drop } from "../kernels/dropout.ts";
import { matmul } from "../kernels/matmul.ts";
import type { Dropout } from "../kernels/random.ts";
import { scale } from "../kernels/scale.ts";
import type { Tape } from "./tape.ts";
import type { Parameter, Variable } from "./variable.ts";

export interface LowRank {
  /** lora_A [r, in] and lora_B [out, r]. */
  readonly a: Parameter;
  readonly b: Parameter;
  /** alpha / r. */
  readonly scaling: number;
}

/**
 * x [N, in] -> s drop(x) A^T B^T [N, out], with `residual` [N, out] added to it: what linearResidual then adds the base
 * layer's product to. Its value is not needed in backward.
 */
export function lowRank(
  tape: Tape,
  x: Variable,
  { a, b, scaling }: LowRank,
  { residual, dropout }: { readonly residual?: Variable; readonly dropout?: Dropout } = {},
): Variable {
  const { batch, pool } = tape.device;
  const [rows, inputs] = x.value.shape;
  const [rank] = a.value.shape;
  const used = dropout && dropout.probability > 0 ? dropout : undefined;
  /** Calls `use` with x as A saw it. */
  const withDropped = (use: (dropped: Tensor) => void): void => {
    if (!used) return use(x.value);
    const dropped = pool.acquire([rows, inputs]);
    drop(batch, { x: x.value, y: dropped, dropout: used, accumulate: false });
    use(dropped);
    pool.release(dropped);
  };
  const y = tape.acquire([rows, b.value.shape[0]]);
  const h = tape.acquire([rows, rank]);
  withDropped((dropped) => matmul(batch, { a: dropped, b: a.value, out: h, layout: "nt" }));
  scale(batch, { x: h, factor: scaling });
  if (residual) batch.copy(residual.value, y);
  matmul(batch, { a: h, b: b.value, out: y, layout: "nt", accumulate: residual !== undefined });
  const inputsOf = residual ? [x, a, b, residual] : [x, a, b];
  return tape.record("low_rank", inputsOf, y, [h], (dy, into) => {
    into.write(b, (db, accumulate) => matmul(batch, { a: dy, b: h, out: db, layout: "tn", accumulate }));
    const dh = pool.acquire([rows, rank]);
    matmul(batch, { a: dy, b: b.value, out: dh, layout: "nn" });
    scale(batch, { x: dh, factor: scaling });
    into.write(a, (da, accumulate) =>
      withDropped((dropped) => matmul(batch, { a: dh, b: dropped, out: da, layout: "tn", accumulate })),
    );
    into.write(x, (dx, accumulate) => {
      if (!used) return matmul(batch, { a: dh, b: a.value, out: dx, layout: "nn", accumulate });
      const kept = pool.acquire([rows, inputs]);
      matmul(batch, { a: dh, b: a.value, out: kept, layout: "nn" });
      drop(batch, { x: kept, y: dx, dropout: used, accumulate });
      pool.release(kept);
    });
    pool.release(dh);
    if (residual) into.adopt(residual, dy, (sum) => addInto(batch, { x: dy, y: sum })); // last: dy is the residual's
  });
}
