// What a model thinks of given texts: the loss of every token, from plain forward passes. The rows' losses are computed
// on the GPU, so a few numbers a position come back and not the logits.
import { crossEntropyRows } from "../autograd/cross-entropy.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import { collate } from "../examples/collate.ts";
import { TOKEN_TYPE } from "../examples/encoded-example.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { DataLoader } from "../examples/data-loader.ts";
import { finiteLosses } from "../rerank/continuation-losses.ts";

/**
 * For each sequence [T] the natural -log p of every token given those before it; 0 for the first, which nothing
 * predicts. Sequences of like length share a batch; the result does not depend on that. Throws UserError when the model
 * gives no numbers.
 */
export async function tokenLosses(
  model: GPT2LMHeadModel,
  sequences: readonly EncodedExample[],
  { padId, batchSize, signal }: { readonly padId: number; readonly batchSize: number; readonly signal?: AbortSignal },
): Promise<Float32Array[]> {
  const { device, config } = model;
  const losses: Float32Array[] = [];
  const loader = new DataLoader(
    sequences.map(({ ids }) => ids.length),
    { batchSize, seed: 0, shuffle: false, bucketByLength: true },
  );
  for (const indices of loader.epoch(0)) {
    signal?.throwIfAborted();
    const { inputIds, attentionMask, tokenTypeIds, labels } = collate(
      indices.map((index) => sequences[index]),
      { padId, lossOn: "all" },
    );
    const length = inputIds[0].length;
    const output = model.forward({ inputIds, attentionMask, tokenTypeIds, grad: false });
    let reading: Promise<Float32Array>;
    try {
      const rows = crossEntropyRows(device, output.logits!.tensor, { vocabSize: config.vocabSize, labels });
      reading = device.read(rows);
      device.pool.release(rows);
    } finally {
      output.dispose();
    }
    const values = finiteLosses(await reading);
    indices.forEach((index, b) => {
      // Row t of a sequence tells of token t + 1.
      const own = (losses[index] = new Float32Array(sequences[index].ids.length));
      own.set(values.subarray(b * length, b * length + own.length - 1), 1);
    });
  }
  return losses;
}

/** Losses summed in float64 over the tokens of one kind. */
export interface LossSum {
  readonly loss: number;
  readonly tokens: number;
}

/** Of the tokens with one of the TOKEN_TYPEs `kinds`. */
export function sumLosses({ types }: EncodedExample, losses: ArrayLike<number>, kinds: readonly number[]): LossSum {
  let loss = 0,
    tokens = 0;
  types.forEach((type, t) => {
    if (t === 0 || !kinds.includes(type)) return;
    loss += losses[t];
    tokens++;
  });
  return { loss, tokens };
}

/** p2 with its end: all that the model has to write. */
export const WRITTEN: readonly number[] = [TOKEN_TYPE.target, TOKEN_TYPE.end];
