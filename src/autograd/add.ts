// y = a + b, and back: da = dy, db = dy. One input takes over dy's buffer, the other gets a copy: later contributions
// are added in place, so two inputs must never share one.
import { add as addForward, addInto } from "../kernels/add.ts";
import type { Tape } from "./tape.ts";
import type { Variable } from "./variable.ts";

/** a and b of one shape -> a tensor of that shape. Neither may be a parameter. */
export function add(tape: Tape, a: Variable, b: Variable): Variable {
  const { batch } = tape.device;
  const y = tape.acquire(a.value.shape);
  addForward(batch, { a: a.value, b: b.value, y });
  return tape.record("add", [a, b], y, [], (dy, into) => {
    into.write(b, (db, accumulate) => (accumulate ? addInto(batch, { x: dy, y: db }) : batch.copy(dy, db)));
    into.adopt(a, dy, (da) => addInto(batch, { x: dy, y: da }));
  });
}
