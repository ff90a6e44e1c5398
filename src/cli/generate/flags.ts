// The flags of src/generate.ts: what to write from, how to show it, and every option of generate().
import { DTYPE_FLAG, HUB_FLAGS } from "../shared/model-source.ts";
import { defineFlags } from "../shared/flags.ts";
import type { FlagValues, Program } from "../shared/flags.ts";
import { DEVICE_FLAGS } from "../shared/profiling.ts";
import { optionFlags } from "./options.ts";
import { WISH_FLAGS } from "./wish-flags.ts";

const GAP = "A gap to fill (without any: a sample)";

const flags = defineFlags({
  modelNameOrPath: {
    type: "string",
    placeholder: "folder",
    defaultText: "weights/demo",
    aliases: ["model"],
    group: "Model",
    help:
      "The model: a folder in Hugging Face's layout, or a name on the Hub such as gpt2. Its " +
      "generation_config.json, if there, gives the defaults of the options below.",
  },
  ...HUB_FLAGS,
  tokenizerName: {
    type: "string",
    placeholder: "name",
    defaultText: "the model's",
    group: "Model",
    help: "Tokenizer: a folder, or a name on the Hub.",
  },
  ...DTYPE_FLAG,

  p1: { type: "string", placeholder: "text", group: GAP, help: "The paragraph before." },
  p3: { type: "string", placeholder: "text", group: GAP, help: "The paragraph after." },
  p1File: { type: "string", placeholder: "file", group: GAP, help: "The paragraph before, from a text file." },
  p3File: { type: "string", placeholder: "file", group: GAP, help: "The paragraph after, from a text file." },
  document: {
    type: "string",
    placeholder: "file",
    group: GAP,
    help:
      "A text with one gap, marked [[...]]: the paragraphs that touch it are p1 and p3. Metadata may stand " +
      "in it: [[length=M; theme=hope]].",
  },
  meta: {
    type: "pairs",
    group: GAP,
    help: "What is wanted, by the fields that the model's template knows: --meta length=M --meta theme=hope.",
  },
  prefix: {
    type: "string",
    placeholder: "text",
    aliases: ["begins_with"],
    group: GAP,
    help: "How p2 must begin: words, or its first sentence.",
  },
  interactive: {
    type: "bool",
    defaultText: "off",
    group: GAP,
    help:
      "Paste paragraphs, choose among candidates, write again, accept. Accepted paragraphs go to stdout, " +
      "all else to stderr.",
  },

  prompt: { type: "string", placeholder: "text", group: "Other input", help: "Plain text to go on from." },
  inputFile: {
    type: "string",
    placeholder: "file",
    group: "Other input",
    help:
      "x.jsonl: many gaps, one JSON object a line with p1, p3 and optional meta; the same lines come out with " +
      '"candidates" added. Any other name: a text file holding one prompt (a line break at its end is not part of it).',
  },
  shard: {
    type: "string",
    placeholder: "i/n",
    group: "Other input",
    help:
      "Of a .jsonl file only part i of n (1/16 to 16/16), for job arrays: neighbouring lines, so that the outputs of " +
      "all n, one after the other, are the output of the whole file. Give each its own --output_file.",
  },
  batchSize: {
    type: "int",
    min: 1,
    defaultText: "as many as fit",
    group: "Other input",
    help: "Gaps of a .jsonl file that are filled together; what comes out does not depend on it.",
  },

  rerank: {
    type: "bool",
    defaultText: "off",
    group: GAP,
    help:
      "Write several candidates (5 samples, unless the flags of searching say otherwise) and order them by how well " +
      "they lead from p1 to p3: how probable each is in the gap, how probable it makes p3, how its two seams join. " +
      "Each is shown with these figures; their weights are in the model's infill_rerank.json.",
  },

  ...WISH_FLAGS,

  outputFile: {
    type: "string",
    placeholder: "file",
    group: "Output",
    help:
      "With a .jsonl input: where the lines go; one that is there already is gone on with, by the same model with " +
      "the same settings, and lines that are answered are skipped (<file>.run beside it remembers both). With " +
      "--document: the text with its gap filled, in a new file.",
  },
  json: {
    type: "bool",
    defaultText: "off",
    group: "Output",
    help: "Print one JSON object on stdout, and nothing else there.",
  },
  explain: {
    type: "string",
    placeholder: "file",
    group: "Output",
    help:
      "x.html: also write a page that shows what the text was chosen from: every token's probability, rank " +
      "and alternatives, the beams, the attention. For one gap or prompt in any way of searching; not with " +
      "a .jsonl --input_file nor --interactive. The text is the same, written more slowly. An older page " +
      "is written over.",
  },
  explainLayers: {
    type: "ints",
    group: "Output",
    help:
      "With --explain: the layers whose attention the page holds, from 0, with all their heads. Without it " +
      "all layers, or as many, evenly spaced, as fit into 20 MB; what cannot fit is refused before " +
      "anything runs. A layer takes about 1.33 x heads x new tokens x tokens before them in bytes: of " +
      "GPT-2 with 256 new tokens after 700, 3.4 MB.",
  },
  trim: {
    type: "bool",
    default: true,
    group: "Output",
    help: "Cut a text that ran into its length limit back to its last whole sentence.",
  },
  allowSpecialTokens: {
    type: "bool",
    defaultText: "off",
    group: "Output",
    help:
      "Let special tokens, and in a gap the template's field names and markers, be written; without this " +
      "only the end token can be chosen of them.",
  },

  ...DEVICE_FLAGS,

  ...optionFlags,
});

export type GenerateFlags = typeof flags;
export type GenerateValues = FlagValues<GenerateFlags>;

export const GENERATE: Program<GenerateFlags> = {
  command: "npx tsx src/generate.ts",
  summary:
    "Writes the paragraph between two others, or goes on from a prompt. Text is shown as it is written, " +
    "unless several beams or sequences are.",
  flags,
  examples: [
    { args: "--beam 4", does: "fill in a sample paragraph with the model in weights/demo" },
    { args: "--p1_file before.txt --p3_file after.txt --meta length=M", does: "fill the gap between two paragraphs" },
    { args: "--document story.txt --output_file filled.txt", does: "fill the gap [[...]] of a text" },
    {
      args: '--document story.txt --prefix "Then" --beam 3 --num_return_sequences 3',
      does: "three candidates that begin with given words",
    },
    {
      args: "--input_file gaps.jsonl --output_file filled.jsonl --beam 4",
      does: "fill many gaps; run it again to go on after a stop",
    },
    {
      args: "--input_file gaps.jsonl --output_file filled-03.jsonl --shard 3/16",
      does: "the third of sixteen jobs that share a file; then cat filled-*.jsonl",
    },
    {
      args: '--document story.txt --force_words "boat|ship" --words 60-80 --ends_with "They went home."',
      does: "a text with a word, of so many words, with a given last sentence",
    },
    { args: "--document story.txt --rerank", does: "five candidates, in the order of how well they lead to p3" },
    {
      args: "--beam 4 --explain page.html",
      does: "also write a page to look into it: probabilities, beams, attention",
    },
    { args: "--interactive", does: "write at the terminal" },
    { args: "--dtype f16 --beam 4", does: "the same in half the memory" },
    { args: '--model gpt2-folder --prompt "Once upon a time" --do_sample', does: "plain text" },
  ],
};
