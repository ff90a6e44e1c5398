// y = (x - mean) * rstd * weight + bias, and back: with g = dy * weight, xhat = (x - mean) * rstd,
// dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), dweight = sum_n dy * xhat, dbias = sum_n dy.
import { layerNormBackwardDparams, layerNormBackwardDx, layerNormForward } from "../kernels/layernorm.ts";
import type { Tape } from "./tape.ts";
import type { Parameter, Variable } from "./variable.ts";

/** x [N, C] -> [N, C], an activation, normalised over C with learned weight [C] and bias [C]. */
export function layerNorm(tape: Tape, x: Variable, weight: Parameter, bias: Parameter, eps: number): Variable {
  const { batch } = tape.device;
  const [rows] = x.value.shape;
  const y = tape.activation(x.value.shape);
  const stats = tape.acquire([rows, 2]);
  layerNormForward(batch, { x: x.value, weight: weight.value, bias: bias.value, y, stats, eps });
  return tape.record("layernorm", [x, weight, bias], y, [stats], (dy, into) => {
    into.write(x, (dx, accumulate) =>
      layerNormBackwardDx(batch, { dy, x: x.value, weight: weight.value, stats, dx, accumulate }),
    );
    if (!weight.grad && !bias.grad) return;
    // One launch makes both; a frozen one's goes where nobody looks.
    const frozen = weight.grad && bias.grad ? undefined : tape.device.pool.acquire(weight.value.shape);
    const dweight = weight.grad ?? frozen!;
    const dbias = bias.grad ?? frozen!;
    layerNormBackwardDparams(batch, { dy, x: x.value, stats, dweight, dbias });
    if (frozen) tape.device.pool.release(frozen);
  });
}
