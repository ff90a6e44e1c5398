// What a model thinks of several texts after one prefix: the prefix runs once into a key-value cache, which all texts
// share, and they follow together as the rows of one batch. Losses are computed on the GPU, so a number a position
// comes back and not the logits.
import { crossEntropyRows } from "../autograd/cross-entropy.ts";
import { UserError } from "../errors.ts";
import { IGNORED_LABEL } from "../examples/collate.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { KVCache, positionBytes } from "../gpt2/kv-cache.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";

/** Ids [T]; with token_type_ids [T] where the model's examples have them, all of a call or none. */
export type Tokens = Pick<EncodedExample, "ids" | "tokenTypeIds">;

export interface ContinuationOptions {
  /** Fills rows up on the right; what it is changes no loss. */
  readonly padId: number;
  /** Most rows at a time. Default: as many as BATCH_BYTES allow. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

/** What a batch may take for its logits, keys and values: ten candidates of GPT-2 with 300 tokens each fit in. */
const BATCH_BYTES = 2 ** 30;

/**
 * For each continuation [T] the natural -log p of every token, given `prefix` (at least one token) and those before it.
 * The caller sees to it that prefix and continuation fit into nPositions. Throws UserError when the model gives no
 * numbers, or when there is not the memory.
 */
export async function continuationLosses(
  model: GPT2LMHeadModel,
  prefix: Tokens,
  continuations: readonly Tokens[],
  { padId, batchSize = Infinity, signal }: ContinuationOptions,
): Promise<Float32Array[]> {
  const { device, config, dtype } = model;
  const longest = Math.max(0, ...continuations.map(({ ids }) => ids.length));
  if (longest === 0) return continuations.map(() => new Float32Array());
  // The prefix's last token goes with the rows: the loss of their first token is of what follows it.
  const sharing = prefix.ids.length - 1;
  const capacity = prefix.ids.length + longest;
  const layerBytes = capacity * positionBytes(config, dtype);
  const rowBytes = 4 * (longest + 1) * config.vocabSize + 2 * config.nLayer * layerBytes;
  const most = Math.min(batchSize, continuations.length, BATCH_BYTES / rowBytes, device.maxBindingBytes / layerBytes);
  const rows = Math.max(1, Math.floor(most));
  const cache = new KVCache(device, config, rows, capacity, dtype);
  try {
    if (sharing > 0) {
      const { inputIds, tokenTypeIds } = padded([sliced(prefix, 0, sharing)], padId);
      model.forward({ inputIds, tokenTypeIds, pastKeyValues: cache, lastOnly: true, grad: false }).dispose();
    }
    const losses: Float32Array[] = [];
    for (let first = 0; first < continuations.length; first += rows) {
      signal?.throwIfAborted();
      const group = continuations.slice(first, first + rows);
      cache.truncate(sharing);
      if (sharing > 0) cache.reorder(group.map(() => 0));
      const last = sliced(prefix, sharing);
      losses.push(
        ...(await rowLosses(
          model,
          cache,
          group.map((each) => joined(last, each)),
          padId,
        )),
      );
    }
    return losses;
  } finally {
    cache.destroy();
  }
}

/** The losses of each row's tokens after its first, from one forward pass over the rows, padded to the longest. */
async function rowLosses(
  model: GPT2LMHeadModel,
  cache: KVCache,
  rows: readonly Tokens[],
  padId: number,
): Promise<Float32Array[]> {
  const { device, config } = model;
  const { inputIds, tokenTypeIds } = padded(rows, padId);
  const { inputIds: labels } = padded(rows, IGNORED_LABEL);
  const length = inputIds[0].length;
  const output = model.forward({ inputIds, tokenTypeIds, pastKeyValues: cache, grad: false });
  let reading: Promise<Float32Array>;
  try {
    const losses = crossEntropyRows(device, output.logits!.tensor, { vocabSize: config.vocabSize, labels });
    reading = device.read(losses);
    device.pool.release(losses);
  } finally {
    output.dispose();
  }
  const values = finiteLosses(await reading);
  return rows.map(({ ids }, r) => values.slice(r * length, r * length + ids.length - 1));
}

/** One after the other. */
export function joined(...parts: readonly Tokens[]): Tokens {
  const typed = parts.every(({ tokenTypeIds }) => tokenTypeIds);
  return {
    ids: parts.flatMap(({ ids }) => ids),
    ...(typed && { tokenTypeIds: parts.flatMap(({ tokenTypeIds }) => tokenTypeIds!) }),
  };
}

function sliced({ ids, tokenTypeIds }: Tokens, start: number, end?: number): Tokens {
  return { ids: ids.slice(start, end), ...(tokenTypeIds && { tokenTypeIds: tokenTypeIds.slice(start, end) }) };
}

/** Rows as long as the longest, filled up on the right. */
function padded(rows: readonly Tokens[], fill: number): { inputIds: number[][]; tokenTypeIds?: number[][] } {
  const length = Math.max(...rows.map(({ ids }) => ids.length));
  const full = (row: readonly number[], filler: number): number[] => [
    ...row,
    ...Array<number>(length - row.length).fill(filler),
  ];
  return {
    inputIds: rows.map(({ ids }) => full(ids, fill)),
    ...(rows[0].tokenTypeIds && { tokenTypeIds: rows.map(({ tokenTypeIds }) => full(tokenTypeIds!, 0)) }),
  };
}

/** The same losses. Throws UserError when one is not a number. */
export function finiteLosses(losses: Float32Array): Float32Array {
  if (losses.every(Number.isFinite)) return losses;
  throw new UserError(
    "The model gives losses that are not numbers: its weights are damaged, or its training diverged; use " +
      "another checkpoint.",
  );
}
