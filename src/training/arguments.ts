// What a training run is told, under Hugging Face's names (TrainingArguments, and the 2020 run_language_modeling.py) in
// camelCase.
import { UserError } from "../errors.ts";
import type { FieldsOf } from "../fields.ts";
import type { LossOn } from "../examples/collate.ts";
import type { LrSchedulerKwargs, ScheduleName } from "./lr-schedule.ts";
import type { AdamWForm } from "../kernels/adamw.ts";
import type { PrecisionName } from "./precision.ts";
import type { LossReduction } from "./step.ts";
import type { Position } from "../examples/data-loader.ts";

/** What an evaluation measures; with and without "eval_" is the same, as in Hugging Face. */
export const METRICS = ["loss", "perplexity", "eval_loss", "eval_perplexity"] as const;
export type Metric = (typeof METRICS)[number];

export interface BestModelArguments {
  /** The final model is the best of the checkpoints, by their evaluations, and not the last; that one is kept. */
  readonly loadBestModelAtEnd: boolean;
  readonly metricForBestModel: Metric;
  /** Both metrics are better when smaller. */
  readonly greaterIsBetter: boolean;
  /** The run ends after so many evaluations in a row that were no better than the best before; 0: it does not. */
  readonly earlyStoppingPatience: number;
  /** An evaluation is better only where it is by more than this. */
  readonly earlyStoppingThreshold: number;
}

export interface TrainingArguments extends BestModelArguments {
  readonly perDeviceTrainBatchSize: number;
  readonly perDeviceEvalBatchSize: number;
  /** Micro-batches an update; the last update of an epoch takes what is left. */
  readonly gradientAccumulationSteps: number;
  /**
   * token_mean: every label of an update weighs the same, whatever the micro-batches' lengths. mean_of_means: their
   * mean losses are averaged, as in the 2020 script and Hugging Face's Trainer before 4.46.
   */
  readonly lossReduction: LossReduction;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEpsilon: number;
  /** adamw_torch decays first and no layer norm; hf_adamw_2020 is the form and the grouping of the 2020 script. */
  readonly optim: AdamWForm;
  /** Global gradient norm is clipped to this; 0 means no clipping. */
  readonly maxGradNorm: number;
  /** An update with gradients that are not finite is skipped; so many in a row end the run, 0: never. */
  readonly maxSkippedUpdates: number;
  readonly numTrainEpochs: number;
  /** More than 0 overrides numTrainEpochs. */
  readonly maxSteps: number;
  readonly lrSchedulerType: ScheduleName;
  /** Options of that schedule alone. */
  readonly lrSchedulerKwargs?: LrSchedulerKwargs;
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
  /**
   * Put the examples of a batch into as few rows as they fit, each attending to itself alone: the same loss and
   * gradients, up to rounding, with less padding. Default false. (Dropout draws other masks.)
   */
  readonly packing?: boolean;
  /** Keep of each block its input alone and compute the rest again in backward: less memory, the same updates. */
  readonly gradientCheckpointing?: boolean;
  /** Rows of logits at a time, up to a multiple of 64; default: all of a batch. */
  readonly logitsChunk?: number;
  /** mixed: half precision where that is safe, see MixedPrecision. Default f32. */
  readonly precision?: PrecisionName;
  /** With mixed precision: what the loss scale begins with, a power of two; default 256. */
  readonly initialLossScale?: number;
  readonly lossOn: LossOn;
  readonly seed: number;
}

/** Absent where they change nothing, as in runs from before there were. */
const OPTIONAL = [
  "lrSchedulerKwargs",
  "packing",
  "gradientCheckpointing",
  "logitsChunk",
  "precision",
  "initialLossScale",
] as const;

export const DEFAULT_ARGUMENTS: Required<Omit<TrainingArguments, (typeof OPTIONAL)[number]>> = {
  perDeviceTrainBatchSize: 8,
  perDeviceEvalBatchSize: 8,
  gradientAccumulationSteps: 1,
  lossReduction: "token_mean",
  learningRate: 5e-5,
  weightDecay: 0,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  optim: "adamw_torch",
  maxGradNorm: 1,
  maxSkippedUpdates: 3,
  numTrainEpochs: 3,
  maxSteps: -1,
  lrSchedulerType: "linear",
  warmupSteps: 0,
  loggingSteps: 10,
  evalSteps: 0,
  saveSteps: 500,
  saveTotalLimit: 0,
  loadBestModelAtEnd: false,
  metricForBestModel: "loss",
  greaterIsBetter: false,
  earlyStoppingPatience: 0,
  earlyStoppingThreshold: 0,
  groupByLength: false,
  padToMultipleOf: 1,
  lossOn: "all",
  seed: 42,
};

export const ARGUMENT_FIELDS = Object.fromEntries(
  [...Object.keys(DEFAULT_ARGUMENTS), ...OPTIONAL].map((name) => [name, true]),
) as FieldsOf<TrainingArguments>;

/** The arguments among other things, such as the flags of a program. */
export function argumentsAmong(values: TrainingArguments): TrainingArguments {
  return Object.fromEntries(
    Object.keys(ARGUMENT_FIELDS).map((name) => [name, values[name as keyof TrainingArguments]]),
  ) as unknown as TrainingArguments;
}

/** Updates of an epoch: what is left of its micro-batches when the last full update is made gets one, too. */
function updatesPerEpoch({ gradientAccumulationSteps }: TrainingArguments, batchesPerEpoch: number): number {
  return Math.ceil(batchesPerEpoch / gradientAccumulationSteps);
}

/**
 * Updates in a run over a loader of `batchesPerEpoch`, as Hugging Face's Trainer counts them: a part of an update is
 * one. Throws UserError when there would be none.
 */
export function totalSteps(args: TrainingArguments, batchesPerEpoch: number): number {
  const steps =
    args.maxSteps > 0 ? args.maxSteps : Math.ceil(updatesPerEpoch(args, batchesPerEpoch) * args.numTrainEpochs);
  if (steps < 1) {
    throw new UserError(
      `There are ${batchesPerEpoch} batches an epoch, ${args.numTrainEpochs} epochs and ` +
        `${args.gradientAccumulationSteps} batches an update: not one update; use more epochs or more data.`,
    );
  }
  return steps;
}

/** The first micro-batch that `step` updates have not taken. */
export function positionAfter(step: number, args: TrainingArguments, batchesPerEpoch: number): Position {
  const perEpoch = updatesPerEpoch(args, batchesPerEpoch);
  return { epoch: Math.floor(step / perEpoch), batch: (step % perEpoch) * args.gradientAccumulationSteps };
}
