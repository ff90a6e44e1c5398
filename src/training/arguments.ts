// What a training run is told, under Hugging Face's names (TrainingArguments, and the 2020 run_language_modeling.py) in
// camelCase.
import { UserError } from "../errors.ts";
import type { LossOn } from "../examples/collate.ts";
import type { ScheduleName } from "./lr-schedule.ts";
import type { AdamWForm } from "../kernels/adamw.ts";

export interface TrainingArguments {
  readonly perDeviceTrainBatchSize: number;
  readonly perDeviceEvalBatchSize: number;
  /** Micro-batches an update; their mean losses are averaged (Hugging Face before 4.46, and the 2020 script). */
  readonly gradientAccumulationSteps: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEpsilon: number;
  /** adamw_torch decays first and no layer norm; hf_adamw_2020 is the form and the grouping of the 2020 script. */
  readonly optim: AdamWForm;
  /** Global gradient norm is clipped to this; 0 means no clipping. */
  readonly maxGradNorm: number;
  readonly numTrainEpochs: number;
  /** More than 0 overrides numTrainEpochs. */
  readonly maxSteps: number;
  readonly lrSchedulerType: ScheduleName;
  readonly warmupSteps: number;
  readonly loggingSteps: number;
  /** Evaluate every so many updates; 0 means only at the end. */
  readonly evalSteps: number;
  /** A checkpoint every so many updates; 0 means only at the end. */
  readonly saveSteps: number;
  /** Keep at most so many checkpoints, the oldest go first; 0 means all. */
  readonly saveTotalLimit: number;
  /** Group examples of like length, so that less is padded. */
  readonly groupByLength: boolean;
  /** Rows of a training batch are padded to a multiple of this many tokens, at least 1. */
  readonly padToMultipleOf: number;
  readonly lossOn: LossOn;
  readonly seed: number;
}

export const DEFAULT_ARGUMENTS: TrainingArguments = {
  perDeviceTrainBatchSize: 8,
  perDeviceEvalBatchSize: 8,
  gradientAccumulationSteps: 1,
  learningRate: 5e-5,
  weightDecay: 0,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  optim: "adamw_torch",
  maxGradNorm: 1,
  numTrainEpochs: 3,
  maxSteps: -1,
  lrSchedulerType: "linear",
  warmupSteps: 0,
  loggingSteps: 10,
  evalSteps: 0,
  saveSteps: 500,
  saveTotalLimit: 0,
  groupByLength: false,
  padToMultipleOf: 1,
  lossOn: "all",
  seed: 42,
};

/**
 * Updates in a run over a loader of `batchesPerEpoch`. A last group of micro-batches that is too small for an update
 * carries over into the next epoch, so no example is lost. Throws UserError when there would be none.
 */
export function totalSteps(args: TrainingArguments, batchesPerEpoch: number): number {
  const steps =
    args.maxSteps > 0
      ? args.maxSteps
      : Math.floor((batchesPerEpoch * args.numTrainEpochs) / args.gradientAccumulationSteps);
  if (steps < 1) {
    throw new UserError(
      `There are ${batchesPerEpoch} batches an epoch, ${args.numTrainEpochs} epochs and ${args.gradientAccumulationSteps} batches an update: not one update; use more epochs, more data or fewer accumulation steps.`,
    );
  }
  return steps;
}
