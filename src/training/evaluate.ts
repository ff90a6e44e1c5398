// How well a model predicts a set of examples: the mean loss over every counted token, whatever the batches.
import { collate, countLabels } from "../examples/collate.ts";
import type { LossOn } from "../examples/collate.ts";
import { DataLoader } from "../examples/data-loader.ts";
import { exampleSet } from "../examples/example-set.ts";
import type { Examples } from "../examples/example-set.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import { ALONE, isShareOf } from "./ranks.ts";
import type { Ranks } from "./ranks.ts";

export interface Evaluation {
  readonly loss: number;
  readonly perplexity: number;
  /** How many tokens the loss is the mean of. */
  readonly tokens: number;
}

export interface EvaluationOptions {
  readonly batchSize: number;
  readonly padId: number;
  readonly lossOn: LossOn;
  /** Rows of logits at a time, see forward(); default: all. */
  readonly logitsChunk?: number;
  /** Who evaluates, each a share of the batches, with the same result; default: this process alone. */
  readonly ranks?: Ranks;
}

/** The sum of a batch's losses. */
interface BatchLoss {
  readonly batch: number;
  readonly loss: number;
  readonly tokens: number;
}

/**
 * Mean loss over every counted token of `examples`, and its exponential; NaN where none counts. Without dropout, also
 * in the middle of training, which goes on as before. Losses of batches are added up in float64, in their order.
 */
export async function evaluateLoss(
  model: GPT2LMHeadModel,
  examples: Examples,
  { batchSize, padId, lossOn, logitsChunk, ranks }: EvaluationOptions,
): Promise<Evaluation> {
  const set = exampleSet(examples);
  const loader = new DataLoader(set.lengths, { batchSize, seed: 0, shuffle: false });
  const { training } = model.transformer;
  model.transformer.training = false;
  const mine: BatchLoss[] = [];
  try {
    for (const [number, indices] of loader.epoch(0).entries()) {
      if (!isShareOf(ranks ?? ALONE, number)) continue;
      const batch = collate(
        indices.map((index) => set.at(index)),
        { padId, lossOn },
      );
      const tokens = countLabels(batch.labels);
      if (tokens === 0) continue;
      const output = model.forward({ ...batch, grad: false, keepLogits: false, logitsChunk, lossReduction: "sum" });
      try {
        mine.push({ batch: number, loss: await output.loss!.item(), tokens });
      } finally {
        output.dispose();
      }
    }
  } finally {
    model.transformer.training = training;
  }
  const all = ranks ? await ranks.agree(mine, (lists) => lists.flat().sort((a, b) => a.batch - b.batch)) : mine;
  const tokens = all.reduce((sum, each) => sum + each.tokens, 0);
  const loss = all.reduce((sum, each) => sum + each.loss, 0) / tokens;
  return { loss, perplexity: Math.exp(loss), tokens };
}
