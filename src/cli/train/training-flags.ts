// Flags of src/train.ts: how it learns.
import { DEFAULT_ARGUMENTS as d } from "../../training/arguments.ts";
import { SCHEDULES } from "../../training/lr-schedule.ts";
import { PRECISIONS } from "../../training/precision.ts";
import { LOSS_REDUCTIONS } from "../../training/step.ts";
import { defineFlags } from "../shared/flags.ts";

export const TRAINING_FLAGS = defineFlags({
  doTrain: {
    type: "bool",
    group: "Training",
    help: "Train, as without it; with --do_eval to tell both from an evaluation alone.",
  },
  doEval: {
    type: "bool",
    group: "Training",
    help: "Evaluate. Without --do_train nothing is trained or written: loss and perplexity of the model are printed.",
  },
  evalOnly: { type: "bool", group: "Training", help: "The same as --do_eval without --do_train." },
  evaluateDuringTraining: {
    type: "bool",
    group: "Training",
    help: "Evaluate every --logging_steps updates, where --eval_steps says nothing else.",
  },
  evalAllCheckpoints: {
    type: "bool",
    group: "Training",
    help:
      "With --do_eval: evaluate every checkpoint in --output_dir and the model saved there, after training if there " +
      "is any; each folder gets its eval_results.txt.",
  },
  perDeviceTrainBatchSize: {
    type: "int",
    min: 1,
    default: d.perDeviceTrainBatchSize,
    aliases: ["per_gpu_train_batch_size", "batch_size"],
    group: "Training",
    help: "Sequences a micro-batch.",
  },
  perDeviceEvalBatchSize: {
    type: "int",
    min: 1,
    default: d.perDeviceEvalBatchSize,
    aliases: ["per_gpu_eval_batch_size"],
    group: "Training",
    help: "Sequences a batch of evaluation.",
  },
  gradientAccumulationSteps: {
    type: "int",
    min: 1,
    default: d.gradientAccumulationSteps,
    group: "Training",
    help: "Micro-batches an update; the last update of an epoch takes what is left.",
  },
  lossReduction: {
    type: "choice",
    choices: LOSS_REDUCTIONS,
    default: d.lossReduction,
    group: "Training",
    help:
      "What an update averages: every token alike, or the micro-batches' means, as the 2020 script does " +
      "(with --optim hf_adamw_2020, its training exactly).",
  },
  learningRate: {
    type: "float",
    min: 0,
    default: d.learningRate,
    aliases: ["lr"],
    group: "Training",
    help: "Peak learning rate.",
  },
  lrSchedulerType: {
    type: "choice",
    choices: SCHEDULES,
    default: d.lrSchedulerType,
    group: "Training",
    help: "Shape after the warm-up.",
  },
  lrSchedulerKwargs: {
    type: "string",
    placeholder: "key=value,...",
    group: "Training",
    help:
      "Options of that shape: num_cycles (cosine, cosine_with_restarts), power and lr_end (polynomial), timescale " +
      "(inverse_sqrt); or as JSON.",
  },
  warmupSteps: {
    type: "int",
    min: 0,
    default: d.warmupSteps,
    group: "Training",
    help: "Updates over which the rate climbs from 0.",
  },
  numTrainEpochs: {
    type: "float",
    above: 0,
    default: d.numTrainEpochs,
    group: "Training",
    help: "Passes over the data.",
  },
  maxSteps: {
    type: "int",
    default: d.maxSteps,
    group: "Training",
    help: "Updates in all; overrides --num_train_epochs when above 0.",
  },
  weightDecay: { type: "float", min: 0, default: d.weightDecay, group: "Training", help: "Decoupled weight decay." },
  adamBeta1: {
    type: "float",
    min: 0,
    below: 1,
    default: d.adamBeta1,
    group: "Training",
    help: "Decay of the first moment.",
  },
  adamBeta2: {
    type: "float",
    min: 0,
    below: 1,
    default: d.adamBeta2,
    group: "Training",
    help: "Decay of the second moment.",
  },
  adamEpsilon: { type: "float", above: 0, default: d.adamEpsilon, group: "Training", help: "AdamW's epsilon." },
  optim: {
    type: "choice",
    choices: ["adamw_torch", "hf_adamw_2020"],
    default: d.optim,
    group: "Training",
    help: "AdamW as in torch, or as in transformers 2.x (which also decays layer norms).",
  },
  maxGradNorm: {
    type: "float",
    min: 0,
    default: d.maxGradNorm,
    group: "Training",
    help: "Clip the global gradient norm to this; 0 does not clip.",
  },
  maxSkippedUpdates: {
    type: "int",
    min: 0,
    default: d.maxSkippedUpdates,
    group: "Training",
    help: "Updates with gradients that are not finite are skipped; so many in a row end the run, 0: never.",
  },
  dropout: {
    type: "float",
    min: 0,
    below: 1,
    defaultText: "the model's",
    group: "Training",
    help: "Dropout of embeddings, attention and residuals.",
  },
  gradientCheckpointing: {
    type: "bool",
    group: "Training",
    help: "Keep less for backward and compute it again there: the same updates in less memory, more slowly.",
  },
  logitsChunk: {
    type: "int",
    min: 1,
    placeholder: "rows",
    defaultText: "all of a batch",
    group: "Training",
    help: "Make so many rows of logits at a time, up to a multiple of 64: less memory, somewhat more slowly.",
  },
  precision: {
    type: "choice",
    choices: PRECISIONS,
    default: "f32",
    group: "Training",
    help:
      "mixed: activations, their gradients and the weights that products read in half precision, all else in f32, " +
      "with a loss scale that adapts itself; less memory, on adapters with shader-f16.",
  },
  fp16: { type: "bool", group: "Training", help: "The same as --precision mixed." },
  initialLossScale: {
    type: "float",
    min: 1,
    max: 2 ** 24,
    defaultText: "256",
    group: "Training",
    help:
      "With --precision mixed: what the loss scale begins with, a power of 2. An update whose gradients overflow is " +
      "skipped and halves it, 2000 without one double it.",
  },
  packing: {
    type: "bool",
    group: "Training",
    help:
      "Put the examples of a batch into as few rows as they fit, each attending to itself alone: the same updates " +
      "with less padding, so they are faster. Batches count examples as without.",
  },
  groupByLength: { type: "bool", group: "Training", help: "Batch examples of like length, so that less is padded." },
  padToMultipleOf: {
    type: "int",
    min: 1,
    default: 1,
    group: "Training",
    help:
      "Pad the rows of a batch to a multiple of this many tokens: on a GPU with --group_by_length, " +
      "16 is faster, since " +
      "there are fewer different shapes. The loss does not change.",
  },
  seed: {
    type: "int",
    min: 0,
    max: 2 ** 32 - 1,
    default: d.seed,
    group: "Training",
    help: "Seed of data order, dropout and fresh weights.",
  },
});
