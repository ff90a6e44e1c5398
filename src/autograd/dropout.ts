// y = x where kept / (1 - p), and back: dx = dy where kept / (1 - p). The mask is drawn again in backward from the same
// counters, so nothing is stored.
import { dropout as launch } from "../kernels/dropout.ts";
import type { Dropout } from "../kernels/random.ts";
import type { Tape } from "./tape.ts";
import type { Variable } from "./variable.ts";

/** x of any shape -> the same shape. With probability 0 it is x itself and nothing is launched. */
export function dropout(tape: Tape, x: Variable, options: Dropout): Variable {
  if (options.probability === 0) return x;
  const { batch } = tape.device;
  const y = tape.acquire(x.value.shape);
  launch(batch, { x: x.value, y, dropout: options, accumulate: false });
  return tape.record("dropout", [x], y, [], (dy, into) => {
    into.write(x, (dx, accumulate) => launch(batch, { x: dy, y: dx, dropout: options, accumulate }));
  });
}
