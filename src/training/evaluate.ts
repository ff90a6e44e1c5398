// How well a model predicts a set of examples: the mean loss over every counted token, whatever the batches.
import { collate, countLabels } from "../examples/collate.ts";
import type { LossOn } from "../examples/collate.ts";
import { DataLoader } from "../examples/data-loader.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";

export interface Evaluation {
  readonly loss: number;
  readonly perplexity: number;
  /** How many tokens the loss is the mean of. */
  readonly tokens: number;
}

/**
 * Mean loss over every counted token of `set`, and its exponential; NaN where none counts. Without dropout, also in the
 * middle of training, which goes on as before. Losses of batches are added up in float64.
 */
export async function evaluateLoss(
  model: GPT2LMHeadModel,
  set: readonly EncodedExample[],
  { batchSize, padId, lossOn }: { readonly batchSize: number; readonly padId: number; readonly lossOn: LossOn },
): Promise<Evaluation> {
  const lengths = set.map(({ ids }) => ids.length);
  const loader = new DataLoader(lengths, { batchSize, seed: 0, shuffle: false });
  const { training } = model.transformer;
  model.transformer.training = false;
  let sum = 0;
  let tokens = 0;
  try {
    for (const indices of loader.epoch(0)) {
      const batch = collate(
        indices.map((index) => set[index]),
        { padId, lossOn },
      );
      const counted = countLabels(batch.labels);
      if (counted === 0) continue;
      const output = model.forward({ ...batch, grad: false, keepLogits: false, lossReduction: "sum" });
      try {
        sum += await output.loss!.item();
      } finally {
        output.dispose();
      }
      tokens += counted;
    }
  } finally {
    model.transformer.training = training;
  }
  const loss = sum / tokens;
  return { loss, perplexity: Math.exp(loss), tokens };
}
