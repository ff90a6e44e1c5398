// The flags of src/evaluate.ts. Options of generate() have the names, ranges and meanings of src/generate.ts.
import type { OptionName } from "../../generation/options/options.ts";
import { defineFlags } from "../shared/flags.ts";
import type { Flag, FlagValues, Program } from "../shared/flags.ts";
import { optionFlags } from "../generate/options.ts";
import { WISH_FLAGS } from "../generate/wish-flags.ts";
import { DTYPE_FLAG, HUB_FLAGS } from "../shared/model-source.ts";
import { TUNE_FLAGS } from "../shared/tuned-device.ts";

const SEARCH = [
  "doSample",
  "numBeams",
  "lengthPenalty",
  "temperature",
  "topK",
  "topP",
  "repetitionPenalty",
  "noRepeatNgramSize",
  "maxNewTokens",
] as const satisfies readonly OptionName[];
const searchFlags = Object.fromEntries(
  SEARCH.map((name) => [name, { ...optionFlags[name], group: "Writing" }]),
) as Record<(typeof SEARCH)[number], Flag>;

const flags = defineFlags({
  modelNameOrPath: {
    type: "string",
    placeholder: "folder|name",
    defaultText: "weights/demo",
    aliases: ["model"],
    group: "Models",
    help:
      "The infilling model: a folder, as src/train.ts saves it, or a name on the Hub; or the name untrained, for the " +
      "model of --compare with fresh weights, as it was before any training.",
  },
  compare: {
    type: "string",
    placeholder: "folder",
    group: "Models",
    help:
      "A second model, put beside the first on the same examples: before and after a training run, say. How far it " +
      "lies from the first is given with an interval of its own (second less first; of perplexities the relative " +
      "change). Or the name untrained, for the first with fresh weights.",
  },
  texts: {
    type: "list",
    placeholder: "file.jsonl",
    group: "Models",
    help:
      "Texts of another system for gaps of the test file, judged beside the model's: lines with p1 and p3 as there, " +
      'and "text" (or "candidates", as src/generate.ts writes them, of which the first counts). May be given again.',
  },
  judge: {
    type: "string",
    placeholder: "folder",
    defaultText: "the last model named",
    group: "Models",
    help: "The infilling model that judges all texts: how likely p3 is after them, and how well they join p1 and p3.",
  },
  dtype: { ...DTYPE_FLAG.dtype, group: "Models" },
  revision: { ...HUB_FLAGS.revision, group: "Models", help: "Branch, tag or commit of --model_name_or_path there." },
  offline: { ...HUB_FLAGS.offline, group: "Models" },
  cacheDir: { ...HUB_FLAGS.cacheDir, group: "Models" },

  testFile: {
    type: "string",
    placeholder: "file.jsonl",
    defaultText: "data/sample/validation.jsonl",
    group: "Data",
    help: "Infilling examples that the models were not trained on.",
  },
  trainFile: {
    type: "string",
    placeholder: "file.jsonl",
    group: "Data",
    help: "The examples that they were trained on: written texts are searched for runs of words copied from them.",
  },
  maxEvalSamples: { type: "int", min: 1, group: "Data", help: "Score only so many examples, drawn at random." },

  candidates: {
    type: "int",
    min: 2,
    max: 1000,
    default: 10,
    group: "Scoring",
    help: "Passages of one book and like length among which the true p3 has to be found, and the true p2.",
  },
  perDeviceEvalBatchSize: {
    type: "int",
    min: 1,
    default: 8,
    aliases: ["batch_size"],
    group: "Scoring",
    help: "Sequences a batch, when scoring and when writing.",
  },
  seed: {
    type: "int",
    min: 0,
    max: 2 ** 32 - 1,
    default: 42,
    group: "Scoring",
    help: "Seed of the examples and the passages that are drawn, of the intervals and of sampling.",
  },

  maxExamples: {
    type: "int",
    min: 0,
    default: 50,
    group: "Writing",
    help: "Write p2 for so many examples, drawn at random; 0 writes nothing and leaves those figures out.",
  },
  guarded: {
    type: "bool",
    defaultText: "off; on with what a text must be",
    group: "Writing",
    help:
      "Write as src/generate.ts does: within the bounds of the length class, without special tokens and the " +
      "template's syntax. Without it the model is left to itself, so that whether it keeps to these can be seen.",
  },
  ...searchFlags,
  ...WISH_FLAGS,

  rerank: {
    type: "bool",
    defaultText: "off",
    group: "Ranking",
    help:
      "Also measure how well candidates are ranked (src/generate.ts --rerank): how often the true p2 wins against " +
      "others of the same title, author and length, as many as --candidates says, with and without each term; and " +
      "for the examples of --max_examples, what is chosen among several written texts (these are judged too). By the " +
      "weights in the model's infill_rerank.json; without it, by weights fitted to the other parts of the file.",
  },
  fitRerank: {
    type: "bool",
    defaultText: "off",
    group: "Ranking",
    help:
      "The same with weights fitted here: to the other parts of the file for the figures, and to all of it for " +
      "infill_rerank.json, which goes into the model's folder (over an older one) where --model_name_or_path names " +
      "one on this disk, else into --output_dir. Use examples that the model was not trained on.",
  },

  outputDir: {
    type: "string",
    placeholder: "folder",
    defaultText: "output/evaluation-<n>",
    group: "Output",
    help: "Where evaluation.json and report.html go.",
  },
  overwriteOutputDir: {
    type: "bool",
    group: "Output",
    help: "Write over those two files where they exist; with --shard, measure what it has measured before again.",
  },
  shard: {
    type: "string",
    placeholder: "i/n",
    group: "Output",
    help:
      "Measure only part i of n of the examples (1/16 to 16/16), for job arrays, and keep what is measured in " +
      "--output_dir, which all share; started again, it goes on where it was stopped or killed.",
  },
  mergeShards: {
    type: "bool",
    defaultText: "off",
    group: "Output",
    help: "When all shards are done, with the flags of theirs: the table, evaluation.json and report.html of all.",
  },
  ...TUNE_FLAGS,
});

export type EvaluateFlags = typeof flags;
export type EvaluateValues = FlagValues<EvaluateFlags>;

export const EVALUATE: Program<EvaluateFlags> = {
  command: "npx tsx src/evaluate.ts",
  summary:
    "Says whether an infilling model uses what it is given: perplexities by kind of token; what p2's " +
    "probability loses without p1, p3 or metadata; how often the true p3 is told from others; and " +
    "whether what it writes keeps to what was asked. Prints a Markdown table.",
  flags,
  examples: [
    {
      args: "--model output/run-1 --test_file test.jsonl --train_file train.jsonl",
      does: "all figures, texts written greedily",
    },
    { args: "--model weights/demo --beam 4 --max_examples 100", does: "texts written by beam search" },
    { args: "--model output/run-1 --test_file validation.jsonl --fit_rerank", does: "weights for ranking candidates" },
    { args: "--model before --compare after --test_file test.jsonl", does: "two models side by side" },
    { args: "--model untrained --compare output/run-1 --test_file test.jsonl", does: "what the training was worth" },
    {
      args: "--model output/run-1 --test_file test.jsonl --texts theirs.jsonl",
      does: "beside the texts of another system",
    },
    { args: "--model output/run-1 --max_examples 0 --max_eval_samples 40", does: "a quick look, without writing" },
    { args: "--model output/run-1 --output_dir out --shard 3/16", does: "the third of sixteen jobs" },
    { args: "--model output/run-1 --output_dir out --merge_shards", does: "the one table of them all" },
  ],
};
