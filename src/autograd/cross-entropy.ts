// loss = sum or mean over labelled rows of -log softmax(logits[n])[target[n]], and back: dlogits = softmax - one-hot,
// or that / count, which overwrites the logits. Row (b, t) predicts labels[b, t + 1], as in Hugging Face: the shift
// happens here.
import { UserError } from "../errors.ts";
import type { Device } from "../gpu/device.ts";
import { reshape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { addInto } from "../kernels/add.ts";
import { columnSum } from "../kernels/column-sum.ts";
import { crossEntropyByRow, IGNORED } from "../kernels/cross-entropy.ts";
import type { Tape } from "./tape.ts";
import type { Variable } from "./variable.ts";

/** What each row of logits is to predict, from shiftLabels(). */
export interface Targets {
  /** u32 [B*T], IGNORED where nothing is. */
  readonly shifted: Uint32Array;
  /** How many rows have one. */
  readonly count: number;
}

/** Over the labels that count, as torch's CrossEntropyLoss says it. */
export type Reduction = "mean" | "sum";

/**
 * logits [B*T, Vp] -> loss [1], the mean (default) or the sum over the counted labels, times `scale`. While recording,
 * the logits are overwritten by their gradient: at once, or with `keepLogits` only in backward. `vocabSize`: columns
 * from there on are padding. The gradient is multiplied by the loss scale, scaling[0], too, where f32 scaling [2] is
 * given. Throws UserError when there is no label to take the mean of (a sum of none is 0).
 */
export function crossEntropy(
  tape: Tape,
  logits: Variable,
  {
    vocabSize,
    targets: { shifted, count },
    reduction = "mean",
    scale = 1,
    scaling,
    keepLogits,
  }: {
    readonly vocabSize: number;
    readonly targets: Targets;
    readonly reduction?: Reduction;
    readonly scale?: number;
    readonly scaling?: Tensor;
    readonly keepLogits: boolean;
  },
): Variable {
  const { batch } = tape.device;
  const factor = lossFactor(count, reduction, scale);
  const [rows] = logits.value.shape;
  const targets = tape.device.tensor(shifted, [rows]);
  const losses = tape.acquire([rows]);
  const withGradient = { gradientScale: factor, scaling };
  const atOnce = tape.recording && logits.requiresGrad && !keepLogits;
  crossEntropyByRow(batch, { logits: logits.value, targets, losses, vocabSize, ...(atOnce ? withGradient : {}) });
  const loss = tape.acquire([1]);
  columnSum(batch, { x: reshape(losses, [rows, 1]), out: loss, scale: factor });
  return tape.record("cross_entropy", [logits], loss, [losses, targets], (_dy, into) => {
    if (!atOnce) crossEntropyByRow(batch, { logits: logits.value, targets, losses, vocabSize, ...withGradient });
    into.adopt(logits, logits.value, (dlogits) => addInto(batch, { x: logits.value, y: dlogits }));
  });
}

/** What the sum of the losses of `count` labels is multiplied by. Throws UserError as crossEntropy. */
export function lossFactor(count: number, reduction: Reduction = "mean", scale = 1): number {
  if (reduction === "sum") return scale;
  if (count > 0) return scale / count;
  throw new UserError(
    "No label counts in this batch: all are -100 or first in their sequence; give at least one token to learn.",
  );
}

/**
 * Each row's own loss [B*T] (0 where no label counts) from logits [B*T, Vp], which stay; the caller releases it. Throws
 * UserError for labels [B][T] as shiftLabels.
 */
export function crossEntropyRows(
  device: Device,
  logits: Tensor,
  { vocabSize, labels }: { readonly vocabSize: number; readonly labels: readonly (readonly number[])[] },
): Tensor {
  const [rows] = logits.shape;
  const { shifted } = shiftLabels(labels, vocabSize);
  return device.pool.attempt(() => {
    const targets = device.tensor(shifted, [rows]);
    const losses = device.pool.acquire([rows]);
    crossEntropyByRow(device.batch, { logits, targets, losses, vocabSize });
    device.pool.release(targets);
    return losses;
  });
}

/**
 * `labels` [B][T], unshifted; -100 is ignored, as is the first of each sequence, which nothing predicts. Where a row
 * holds several, `segmentIds` [B][T] numbers them. The one place that checks labels: throws UserError where one is
 * neither -100 nor a token.
 */
export function shiftLabels(
  labels: readonly (readonly number[])[],
  vocabSize: number,
  segmentIds?: readonly (readonly number[])[],
): Targets {
  const shifted = new Uint32Array(labels.length * (labels[0]?.length ?? 0)).fill(IGNORED);
  let count = 0;
  labels.forEach((row, b) => {
    for (const [t, label] of row.entries()) {
      if (label === -100) continue;
      if (!Number.isInteger(label) || label < 0 || label >= vocabSize)
        throw new UserError(
          `labels[${b}][${t}] is ${label}, wanted a token id from 0 to ${vocabSize - 1} (vocab_size ${vocabSize}), ` +
            "or -100 to leave it out of the loss; a tokenizer with added tokens needs resizeTokenEmbeddings.",
        );
      if (t === 0 || (segmentIds && segmentIds[b][t] !== segmentIds[b][t - 1])) continue;
      shifted[b * row.length + t - 1] = label;
      count++;
    }
  });
  return { shifted, count };
}
