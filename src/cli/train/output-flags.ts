// Flags of src/train.ts: where it writes, how often, and what it goes on from.
import { DEFAULT_ARGUMENTS as d, METRICS } from "../../training/arguments.ts";
import { defineFlags } from "../shared/flags.ts";

export const OUTPUT_FLAGS = defineFlags({
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
    type: "size",
    unit: "GB",
    min: 1e6,
    defaultText: "the machine's free memory on a software adapter, else what the GPU gives on trial",
    group: "Output",
    help: "How much memory the adapter has: a run that takes more is refused before its first step.",
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
  reportGaps: {
    type: "int",
    min: 0,
    default: 4,
    group: "Output",
    help:
      "Gaps of the evaluation data that the model fills at every evaluation, for report.html (of plain text, " +
      "beginnings that it goes on from); 0: none, which saves the time that it takes.",
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
  loadBestModelAtEnd: {
    type: "bool",
    group: "Output",
    help:
      "The final model is the checkpoint whose evaluation was the best, not the last. --save_total_limit keeps that " +
      "checkpoint; --save_steps must be a multiple of --eval_steps.",
  },
  metricForBestModel: {
    type: "choice",
    choices: METRICS,
    default: d.metricForBestModel,
    group: "Output",
    help: "What evaluations are compared by, for --load_best_model_at_end and --early_stopping_patience.",
  },
  greaterIsBetter: {
    type: "bool",
    group: "Output",
    help: "Take the largest for the best. All these metrics are better when smaller.",
  },
  earlyStoppingPatience: {
    type: "int",
    min: 0,
    default: d.earlyStoppingPatience,
    group: "Output",
    help: "End the run after so many evaluations in a row that are no better than the best before them; 0: never.",
  },
  earlyStoppingThreshold: {
    type: "float",
    min: 0,
    default: d.earlyStoppingThreshold,
    group: "Output",
    help: "For --early_stopping_patience an evaluation is better where it is by more than this.",
  },
  resumeFromCheckpoint: {
    type: "string",
    placeholder: "folder",
    group: "Output",
    help: "Go on from this checkpoint-<step> folder.",
  },
  shouldContinue: { type: "bool", group: "Output", help: "Go on from the newest checkpoint in --output_dir." },
});
