// y = gelu_new(u), and back: du = dy gelu_new'(u). Where nothing stands between it and a product, linearGelu does both.
import { addInto } from "../kernels/add.ts";
import { gelu as geluForward, geluBackward } from "../kernels/gelu.ts";
import type { Tape } from "./tape.ts";
import type { Variable } from "./variable.ts";

/** u of any shape -> the same shape. */
export function gelu(tape: Tape, u: Variable): Variable {
  const { batch } = tape.device;
  const y = tape.acquire(u.value.shape);
  geluForward(batch, { u: u.value, y });
  return tape.record("gelu", [u], y, [], (dy, into) => {
    geluBackward(batch, { dy, u: u.value });
    into.adopt(u, dy, (du) => addInto(batch, { x: dy, y: du }));
  });
}
