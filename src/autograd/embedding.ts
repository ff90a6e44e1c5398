// y[n] = wte[ids[n]] + wpe[positions[n]], and back: dwte[v] += sum of dy[n] over the rows with ids[n] = v, dwpe
// likewise.
import type { Tensor } from "../gpu/tensor.ts";
import { embeddingBackward, embeddingForward, gatherSegment, planGather } from "../kernels/embedding.ts";
import type { Tape } from "./tape.ts";
import type { Parameter, Variable } from "./variable.ts";

interface Ids {
  readonly ids: ArrayLike<number>;
  readonly positions: ArrayLike<number>;
}

/**
 * ids and positions (N of each, within their tables: the caller checks), wte [V, C], wpe [P, C] -> [N, C].
 * Uploads the indices, so it is cheapest as the first operation of a batch; or takes them from the GPU as `indices` u32
 * [2, N] (ids, then positions), on a tape that does not record.
 */
export function embedding(
  tape: Tape,
  from: Ids | { readonly indices: Tensor },
  wte: Parameter,
  wpe: Parameter,
): Variable {
  if ("indices" in from) return lookUp(tape, from.indices, wte, wpe);
  const { ids, positions } = from;
  const { device } = tape;
  const { batch, pool } = device;
  const N = ids.length;
  if (positions.length !== N) throw new Error(`embedding: cannot pair ${N} ids with ${positions.length} positions`);
  const indices = new Uint32Array(2 * N);
  indices.set(ids, 0);
  indices.set(positions, N);
  const uploaded = device.tensor(indices, [2, N]);
  const grouped = tape.recording ? groupRows(tape, ids, positions) : null;
  const y = tape.acquire([N, wte.value.shape[1]]);
  embeddingForward(batch, { indices: uploaded, wte: wte.value, wpe: wpe.value, y });
  pool.release(uploaded);
  return tape.record("embedding", [wte, wpe], y, [], (dy, into) => {
    if (!grouped) return;
    const { plan, tokens, places } = grouped;
    into.write(wte, (dtable) => embeddingBackward(batch, { dy, plan, gather: tokens, dtable }));
    into.write(wpe, (dtable) => embeddingBackward(batch, { dy, plan, gather: places, dtable }));
  });
}

function lookUp(tape: Tape, indices: Tensor, wte: Parameter, wpe: Parameter): Variable {
  if (tape.recording) throw new Error("embedding: cannot record with ids on the GPU: backward needs them on the CPU");
  const y = tape.acquire([indices.shape[1], wte.value.shape[1]]);
  embeddingForward(tape.device.batch, { indices, wte: wte.value, wpe: wpe.value, y });
  return tape.record("embedding", [wte, wpe], y, [], () => {});
}

function groupRows(tape: Tape, ids: ArrayLike<number>, positions: ArrayLike<number>) {
  const words: number[] = [],
    segment = gatherSegment(tape.device);
  const tokens = planGather(ids, words, segment);
  const places = planGather(positions, words, segment);
  return { plan: tape.keep(tape.device.tensor(Uint32Array.from(words), [words.length])), tokens, places };
}
