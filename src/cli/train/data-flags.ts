// Flags of src/train.ts: what is learned from, and how it is laid out.
import { availableParallelism } from "node:os";
import { LOSS_ON } from "../../examples/collate.ts";
import { TEMPLATE_PRESETS } from "../../infill/template-presets.ts";
import { DEFAULT_ARGUMENTS as d } from "../../training/arguments.ts";
import { defineFlags } from "../shared/flags.ts";

export const DATA_FLAGS = defineFlags({
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
  stride: {
    type: "int",
    min: 1,
    group: "Data",
    help:
      "With --eval_only on plain text: windows of --block_size tokens, each so many further than the one before. " +
      "What they share is context and does not count: tokens have at least the difference to be predicted from.",
  },
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
  contextDropout: {
    type: "float",
    min: 0,
    max: 1,
    default: 0.1,
    group: "Data",
    help:
      "Cut the paragraphs around p2, where they must be cut to fit, further with this probability, to a length drawn " +
      "at random, so that the model works with short ones too.",
  },
  maxTrainSamples: { type: "int", min: 1, group: "Data", help: "Use only the first so many examples or blocks." },
  maxEvalSamples: { type: "int", min: 1, group: "Data", help: "Evaluate on only so many, drawn at random by --seed." },
  dataCacheDir: {
    type: "string",
    placeholder: "folder",
    defaultText: "XDG_CACHE_HOME/gpt2-webgpu/datasets, else in ~/.cache, for files over 16 MB",
    group: "Data",
    help:
      "Where files are kept tokenised, by what they, the tokenizer and the template hold, and read from as it is " +
      "needed; a folder named here is used for smaller files too.",
  },
  overwriteCache: { type: "bool", group: "Data", help: "Tokenise anew what --data_cache_dir has." },
  preprocessingNumWorkers: {
    type: "int",
    min: 0,
    default: Math.min(availableParallelism(), 8),
    defaultText: "the machine's processors, at most 8",
    group: "Data",
    help: "Threads that tokenise for the cache; 0: none beside the program's own.",
  },
});
