// Gradient checkpointing (Chen et al. 2016): of a part of the model only its input is kept, and all that its backward
// needs is computed again there, by the same launches: the same bits. Takes the time of one more forward.
import { addInto } from "../kernels/add.ts";
import { Tape } from "./tape.ts";
import type { Variable } from "./variable.ts";

/**
 * What `forward` makes of x, on a tape that records. It is called again in backward and must compute the same then:
 * with the same dropout, of tensors that live until then (tape.keep).
 */
export function checkpoint(tape: Tape, x: Variable, forward: (tape: Tape, x: Variable) => Variable): Variable {
  const { batch } = tape.device;
  const once = new Tape(tape.device, true, tape.saves);
  const y = forward(once, x);
  once.giveAway(y);
  once.end("its output was made");
  return tape.record("checkpoint", [x, y], y.value, [], (dy, into) => {
    const again = new Tape(tape.device, true, tape.saves);
    const dx = again.backwardFrom(forward(again, x), dy, x);
    if (!dx) return;
    if (dx.buffer !== dy.buffer) tape.keep(dx);
    into.adopt(x, dx, (sum) => {
      addInto(batch, { x: dx, y: sum });
      if (dx.buffer !== dy.buffer) tape.scope.giveBack(dx);
    });
  });
}
