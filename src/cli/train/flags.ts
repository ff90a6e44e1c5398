// The flags of src/train.ts: Hugging Face's names (run_language_modeling.py of 2020, run_clm.py, TrainingArguments).
import { LOSS_ON } from "../../examples/collate.ts";
import { TEMPLATE_PRESETS } from "../../infill/template-presets.ts";
import { DEFAULT_ARGUMENTS } from "../../training/arguments.ts";
import { SCHEDULES } from "../../training/lr-schedule.ts";
import { LOSS_REDUCTIONS } from "../../training/step.ts";
import { defineFlags } from "../shared/flags.ts";
import type { Program } from "../shared/flags.ts";
import { HUB_FLAGS } from "../shared/model-source.ts";
import { SCRIPT_FLAGS } from "./script-flags.ts";

const d = DEFAULT_ARGUMENTS;

const flags = defineFlags({
  modelNameOrPath: {
    type: "string",
    placeholder: "folder",
    defaultText: "weights/demo",
    group: "Model",
    help: "Start from this model: a folder in Hugging Face's layout, or a name on the Hub such as gpt2.",
  },
  ...HUB_FLAGS,
  configName: {
    type: "string",
    placeholder: "name",
    group: "Model",
    help: "Start from fresh weights instead, with the config.json of this folder or model on the Hub (or this file).",
  },
  configOverrides: {
    type: "pairs",
    commas: true,
    placeholder: "key=value,...",
    group: "Model",
    help: "Start from fresh weights, with these fields of config.json (n_layer=4), GPT-2 124M's for the rest.",
  },
  modelType: { type: "choice", choices: ["gpt2"], group: "Model", help: "The kind of model, as the 2020 script asks." },
  tokenizerName: {
    type: "string",
    placeholder: "name",
    defaultText: "the model's, else GPT-2's",
    group: "Model",
    help: "Tokenizer: a folder, or a name on the Hub.",
  },
  vocabMerges: {
    type: "int",
    min: 0,
    max: 50000,
    group: "Model",
    help: "With fresh weights: keep only the tokenizer's first so many merges, for small models.",
  },
  vocabFromData: {
    type: "bool",
    group: "Model",
    help: "With fresh weights: keep only the tokens that the training data uses (and all bytes), for small models.",
  },

  trainFile: {
    type: "string",
    placeholder: "file.jsonl",
    defaultText: "data/sample/train.jsonl",
    group: "Data",
    help: "Infilling examples, one JSON object a line: p1, p3, p2 and optional meta.",
  },
  validationFile: {
    type: "string",
    placeholder: "file.jsonl",
    group: "Data",
    help: "Infilling examples to evaluate on.",
  },
  template: {
    type: "string",
    placeholder: "name|file.json",
    defaultText: "what --train_file records, else infill_template.json beside it, else the model's",
    group: "Data",
    help:
      "Layout, special tokens and metadata fields of the examples; saved with the model. " +
      `${Object.keys(TEMPLATE_PRESETS).join(", ")}, or a file.`,
  },
  sectionTypes: {
    type: "bool",
    defaultText: "the template's",
    group: "Data",
    help: "Add to each position the embedding of its section's marker (token_type_ids); saved in the template.",
  },
  orderMix: {
    type: "float",
    min: 0,
    max: 1,
    defaultText: "the template's, else 0",
    group: "Data",
    help:
      "Show this share of the training examples in reading order, p1 p2 p3, so that the model can say how likely " +
      "p3 is; saved in the template.",
  },
  trainDataFile: {
    type: "string",
    placeholder: "file.txt",
    group: "Data",
    help: "Plain text instead: tokenised and cut into blocks.",
  },
  evalDataFile: { type: "string", placeholder: "file.txt", group: "Data", help: "Plain text to evaluate on." },
  lineByLine: { type: "bool", group: "Data", help: "Plain text: one example a line, instead of blocks." },
  blockSize: {
    type: "int",
    min: -1,
    defaultText: "n_positions, as with -1",
    group: "Data",
    help:
      "Longest sequence in tokens, at least 2. Infilling examples are trimmed to it (never p2); text is cut into " +
      "blocks of it.",
  },
  lossOn: {
    type: "choice",
    choices: LOSS_ON,
    defaultText: `the template's, else ${d.lossOn}`,
    group: "Data",
    help:
      "Which tokens are learned: all of the sequence, or only p2 and its end (target; of examples in reading order " +
      "p3 and its end). Padding never is.",
  },
  metadataDropout: {
    type: "float",
    min: 0,
    max: 1,
    default: 0.1,
    group: "Data",
    help:
      "Leave out each metadata field of a training example with this probability, anew in each epoch, so that the " +
      "model works with any subset.",
  },
  metadataDropoutAll: {
    type: "float",
    min: 0,
    max: 1,
    default: 0.1,
    group: "Data",
    help: "Leave out all metadata of a training example at once with this probability.",
  },
  maxTrainSamples: { type: "int", min: 1, group: "Data", help: "Use only the first so many examples or blocks." },
  maxEvalSamples: { type: "int", min: 1, group: "Data", help: "Evaluate on only so many, drawn at random by --seed." },

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
  evaluateDuringTraining: {
    type: "bool",
    group: "Training",
    help: "Evaluate every --logging_steps updates, where --eval_steps says nothing else.",
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

  outputDir: {
    type: "string",
    placeholder: "folder",
    defaultText: "output/run-<n>",
    group: "Output",
    help: "Where the model and its checkpoints go.",
  },
  dryRun: {
    type: "bool",
    group: "Output",
    help: "Train nothing: print what memory the run would take, and what to change where that is too much.",
  },
  memoryLimit: {
    type: "float",
    min: 0.001,
    placeholder: "GB",
    defaultText: "the machine's free memory on a software adapter, else not known",
    group: "Output",
    help: "With --dry_run: how much the adapter has.",
  },
  overwriteOutputDir: { type: "bool", group: "Output", help: "Write into an output folder that is not empty." },
  saveDtype: {
    type: "choice",
    choices: ["float32", "float16"],
    default: "float32",
    group: "Output",
    help: "Type of the final model's weights; float16 is half the size. Checkpoints are float32.",
  },
  loggingSteps: {
    type: "int",
    min: 1,
    default: d.loggingSteps,
    group: "Output",
    help: "Log the loss every so many updates.",
  },
  loggingDir: {
    type: "string",
    placeholder: "folder",
    group: "Output",
    help:
      "Write what is logged as TensorBoard event files too (train/loss, eval/loss, ...), for tensorboard --logdir " +
      "<folder>.",
  },
  evalSteps: {
    type: "int",
    min: 0,
    default: d.evalSteps,
    group: "Output",
    help: "Evaluate every so many updates; 0: only at the end.",
  },
  saveSteps: {
    type: "int",
    min: 0,
    default: d.saveSteps,
    group: "Output",
    help: "Save a checkpoint every so many updates; 0: only at the end.",
  },
  saveTotalLimit: {
    type: "int",
    min: 0,
    default: d.saveTotalLimit,
    group: "Output",
    help: "Keep only so many checkpoints; 0: all.",
  },
  resumeFromCheckpoint: {
    type: "string",
    placeholder: "folder",
    group: "Output",
    help: "Go on from this checkpoint-<step> folder.",
  },
  shouldContinue: { type: "bool", group: "Output", help: "Go on from the newest checkpoint in --output_dir." },
});

export type TrainFlags = typeof flags;

export const TRAIN: Program<TrainFlags> = {
  command: "npx tsx src/train.ts",
  summary:
    "Fine-tunes GPT-2, or trains one from scratch, on infilling examples or plain text. Without arguments: " +
    "a short run " +
    "of the demo model on data/sample/.",
  flags,
  foreignFlags: SCRIPT_FLAGS,
  examples: [
    { args: "", does: "a short run of the demo model on the sample stories" },
    {
      args: "--train_data_file book.txt --block_size 128 --model_name_or_path gpt2-folder",
      does: "plain text, as the 2020 script",
    },
    { args: "--train_file train.jsonl --validation_file valid.jsonl --loss_on target", does: "infilling" },
  ],
};
