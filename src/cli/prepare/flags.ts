// The flags of src/prepare.ts.
import { LOSS_ON } from "../../examples/collate.ts";
import { DEFAULT_MASKS, GRANULARITIES } from "../../infill/ilm.ts";
import { FORMS } from "../../infill/books/form.ts";
import { TEMPLATE_PRESETS } from "../../infill/template-presets.ts";
import { DEFAULT_TRIPLES } from "../../infill/books/triples.ts";
import { defineFlags } from "../shared/flags.ts";
import { HUB_FLAGS } from "../shared/model-source.ts";
import type { Program } from "../shared/flags.ts";

export const INPUT_FORMATS = ["book", "jsonl", "ilm"] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];
export const LAYOUTS = ["p1_first", "p3_first"] as const;

const flags = defineFlags({
  inputFormat: {
    type: "choice",
    choices: INPUT_FORMATS,
    defaultText: "jsonl for *.jsonl, else book",
    group: "Input",
    help:
      "What the files are: novels, ready examples one JSON object a line, or documents with three newlines between " +
      "them, as ILM reads them.",
  },
  manifest: {
    type: "string",
    placeholder: "file.json",
    group: "Input",
    help:
      'A JSON list of {"file", "title", "author", "genre", "language", ...}, files relative to it. ' +
      "Without BOOKs, all " +
      "of its files are read.",
  },
  form: {
    type: "choice",
    choices: FORMS,
    default: "auto",
    group: "Input",
    help: "auto refuses plays and verse; prose takes them as prose, verse keeps their lines.",
  },

  genre: { type: "string", group: "Metadata", help: "Genre of all files; goes before the manifest." },
  title: { type: "string", defaultText: "what the book says", group: "Metadata", help: "Title." },
  author: { type: "string", defaultText: "what the book says", group: "Metadata", help: "Author." },
  language: {
    type: "string",
    defaultText: "what the book says",
    group: "Metadata",
    help: 'Code of the language ("fr").',
  },
  characters: { type: "bool", default: true, group: "Metadata", help: "Find the characters in each p2." },
  metadataFields: {
    type: "string",
    placeholder: "field,...",
    defaultText: "all of the template's, a found summary left out",
    group: "Metadata",
    help:
      "Which fields are written, with commas between them, or none. Found in books: characters, places, " +
      "organisations, misc (other names), keywords, and summary where it is named here.",
  },
  lengthBounds: {
    type: "ints",
    defaultText: "what the template or ready examples record, else a third of the examples each",
    group: "Metadata",
    help: "Longest p2 of class S and of class M, in tokens.",
  },

  minP2: {
    type: "int",
    min: 1,
    defaultText: `${DEFAULT_TRIPLES.minP2}, less in short chapters and before a long speech`,
    group: "Passages",
    help: "Paragraphs are joined until p2 has so many characters; 1: none are joined.",
  },
  maxP2: {
    type: "int",
    min: 1,
    defaultText: `${DEFAULT_TRIPLES.maxP2}`,
    group: "Passages",
    help: "Most characters of p2; longer paragraphs are divided between sentences.",
  },
  minTokens: {
    type: "int",
    min: 1,
    default: DEFAULT_TRIPLES.minTokens,
    group: "Passages",
    help: "Shortest passage that may be p2, in tokens.",
  },
  maxTokens: {
    type: "int",
    min: 1,
    defaultText: `${DEFAULT_TRIPLES.maxTokens}, or half of --max_p2`,
    group: "Passages",
    help: "Most tokens of p2.",
  },
  minContextTokens: {
    type: "int",
    min: 1,
    default: DEFAULT_TRIPLES.minContextTokens,
    group: "Passages",
    help: "p1 and p3 are one passage each, or as many as make so many tokens; 1: always one.",
  },

  ilmGranularity: {
    type: "list",
    placeholder: "kind",
    defaultText: "all",
    group: "ILM documents",
    help: `What is masked: ${GRANULARITIES.join(", ")}. Repeatable.`,
  },
  ilmProbability: {
    type: "float",
    above: 0,
    max: 1,
    default: DEFAULT_MASKS.probability,
    group: "ILM documents",
    help: "Chance that a document, paragraph, sentence or word is masked.",
  },
  ilmPasses: {
    type: "int",
    min: 1,
    max: 1000,
    default: DEFAULT_MASKS.passes,
    group: "ILM documents",
    help: "How often each document is masked anew.",
  },

  validationShare: {
    type: "float",
    min: 0,
    max: 0.5,
    default: 0.05,
    group: "Split",
    help: "Share of each book for validation.jsonl, in one piece.",
  },
  testShare: {
    type: "float",
    min: 0,
    max: 0.5,
    default: 0.05,
    group: "Split",
    help: "Share of each book for test.jsonl, in one piece.",
  },
  seed: {
    type: "int",
    min: 0,
    max: 2 ** 32 - 1,
    default: 42,
    group: "Split",
    help: "Seed of the split, of ILM's masks and of the preview.",
  },

  template: {
    type: "string",
    placeholder: "name|file.json",
    defaultText: "what ready examples record, else default",
    group: "Model",
    help:
      "Layout, markers and metadata fields, written beside the examples and into them: " +
      `${Object.keys(TEMPLATE_PRESETS).join(", ")}, or a file.`,
  },
  sectionTypes: {
    type: "bool",
    defaultText: "the template's",
    group: "Model",
    help: "Let training add to each position the embedding of its section's marker (token_type_ids).",
  },
  layout: {
    type: "choice",
    choices: LAYOUTS,
    default: "p1_first",
    group: "Model",
    help: "Order of the two contexts in the default template: p1, p3, metadata, p2, or p3 first (suffix_first).",
  },
  tokenizerName: {
    type: "string",
    placeholder: "name",
    defaultText: "GPT-2's",
    group: "Model",
    help: "Tokenizer that counts the tokens: a folder, or a name on the Hub.",
  },
  offline: HUB_FLAGS.offline,
  cacheDir: HUB_FLAGS.cacheDir,
  blockSize: {
    type: "int",
    min: 8,
    default: 1024,
    group: "Model",
    help: "Report how many examples are longer than this.",
  },
  lossOn: {
    type: "choice",
    choices: LOSS_ON,
    default: "all",
    group: "Model",
    help: "The tokens that the preview shows as learned.",
  },
  preview: {
    type: "int",
    min: 0,
    default: 0,
    group: "Model",
    help: "Show so many examples token by token, as the model gets them.",
  },

  outputDir: {
    type: "string",
    placeholder: "folder",
    group: "Output",
    help: "Where train.jsonl, validation.jsonl, test.jsonl and infill_template.json go. Needed.",
  },
  overwriteOutputDir: { type: "bool", group: "Output", help: "Replace these files where they exist." },
});

export type PrepareFlags = typeof flags;

export const PREPARE: Program<PrepareFlags> = {
  command: "npx tsx src/prepare.ts",
  summary:
    "Turns novels, or ready examples, into infilling examples for training: a passage, the one before, " +
    "the one after, " +
    "and what is said about it.",
  flags,
  positionals: { name: "BOOK", help: "novels as text, Markdown, HTML, EPUB or DOCX, or folders of them" },
  examples: [
    { args: "novel.txt --genre mystery --output_dir data/novel", does: "one novel" },
    {
      args: "--manifest novels.json --output_dir data/novels --preview 2",
      does: "all novels of a manifest, two examples shown",
    },
    {
      args: "stories.txt --input_format ilm --ilm_granularity sentence --output_dir data/stories",
      does: "sentences masked in short documents",
    },
  ],
};
