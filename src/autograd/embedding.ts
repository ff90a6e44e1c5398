// y[n] = wte[ids[n]] + wpe[positions[n]] (+ wte[types[n]]), and back: dwte[v] += sum of dy[n] over the rows with
// ids[n] = v and over those with types[n] = v, dwpe likewise.
import type { Tensor } from "../gpu/tensor.ts";
import { embeddingBackward, embeddingForward, gatherSegment, planGather, planRoom } from "../kernels/embedding.ts";
import type { Tape } from "./tape.ts";
import type { Parameter, TokenRows, Variable } from "./variable.ts";

interface Ids {
  readonly ids: ArrayLike<number>;
  readonly positions: ArrayLike<number>;
  /** Rows of wte that are added besides (Hugging Face's token_type_ids). */
  readonly types?: ArrayLike<number>;
}

/**
 * ids, positions and types (N of each, within their tables: the caller checks), wte [V, C], wpe [P, C] -> [N, C].
 * Uploads the indices, so it is cheapest as the first operation of a batch; or takes them from the GPU as `indices` u32
 * [2, N] (ids, then positions) or [3, N] (and types), on a tape that does not record. `trained`: rows of wte whose
 * gradient is taken where wte itself has none.
 */
export function embedding(
  tape: Tape,
  from: Ids | { readonly indices: Tensor },
  wte: Parameter,
  wpe: Parameter,
  trained?: TokenRows,
): Variable {
  if ("indices" in from) return lookUp(tape, from.indices, wte, wpe);
  const { ids, positions, types } = from;
  const { device } = tape;
  const { batch, pool } = device;
  const N = ids.length;
  if (positions.length !== N) throw new Error(`embedding: cannot pair ${N} ids with ${positions.length} positions`);
  if (types && types.length !== N) throw new Error(`embedding: cannot pair ${N} ids with ${types.length} types`);
  const lists = types ? [ids, positions, types] : [ids, positions];
  const indices = new Uint32Array(lists.length * N);
  lists.forEach((list, i) => indices.set(list, i * N));
  const uploaded = device.tensor(indices, [lists.length, N]);
  const targets = lists.map((list, i) => (trained && i !== 1 ? rowsAmong(list, trained) : list));
  const inputs = trained ? [wte, wpe, trained.rows] : [wte, wpe];
  const grouped = tape.recording && inputs.some((each) => each.requiresGrad) ? groupRows(tape, targets) : null;
  const y = tape.acquire([N, wte.value.shape[1]]);
  embeddingForward(batch, { indices: uploaded, wte: wte.value, wpe: wpe.value, y });
  pool.release(uploaded);
  const table = trained?.rows ?? wte;
  return tape.record("embedding", inputs, y, [], (dy, into) => {
    if (!grouped) return;
    const { plan, gathers } = grouped;
    gathers.forEach((gather, i) =>
      into.write(i === 1 ? wpe : table, (dtable) => embeddingBackward(batch, { dy, plan, gather, dtable })),
    );
  });
}

function lookUp(tape: Tape, indices: Tensor, wte: Parameter, wpe: Parameter): Variable {
  if (tape.recording) throw new Error("embedding: cannot record with ids on the GPU: backward needs them on the CPU");
  const y = tape.acquire([indices.shape[1], wte.value.shape[1]]);
  embeddingForward(tape.device.batch, { indices, wte: wte.value, wpe: wpe.value, y });
  return tape.record("embedding", [wte, wpe], y, [], () => {});
}

/** Each index's number among the trained rows, -1 where it is none of them. */
function rowsAmong(list: ArrayLike<number>, { indices }: TokenRows): number[] {
  const rows = new Map(indices.map((index, row) => [index, row]));
  return Array.from(list, (index) => rows.get(index) ?? -1);
}

/** How the rows of dy are added to the tables, for each list of indices. */
function groupRows(tape: Tape, lists: readonly ArrayLike<number>[]) {
  const words: number[] = [],
    segment = gatherSegment(tape.device);
  const gathers = lists.map((list) => planGather(list, words, segment));
  const plan = tape.acquire([lists.length * planRoom(lists[0].length, segment)], "u32");
  tape.device.batch.write(plan, Uint32Array.from(words));
  return { plan, gathers };
}
