// The flags of bench/novels.ts. The defaults are those of the table in bench/README.md.
import { defineFlags } from "../../src/cli/shared/flags.ts";
import type { FlagValues } from "../../src/cli/shared/flags.ts";
import { START_FLAGS } from "../start/fresh-model.ts";

export const NOVELS_FLAGS = defineFlags({
  outputDir: {
    type: "string",
    placeholder: "folder",
    default: "output/novels",
    group: "Output",
    help: "Where all of it goes; what is there already is gone on with.",
  },
  testShare: {
    type: "float",
    above: 0,
    max: 0.5,
    default: 0.12,
    group: "Data",
    help: "Share of the text that is for the test, whole authors.",
  },
  validationShare: {
    type: "float",
    above: 0,
    max: 0.5,
    default: 0.04,
    group: "Data",
    help: "The same for fitting the weights of --rerank.",
  },
  minP2: { type: "int", min: 1, default: 600, group: "Data", help: "As in src/prepare.ts." },
  maxP2: { type: "int", min: 1, default: 900, group: "Data", help: "As in src/prepare.ts." },
  configOverrides: {
    type: "string",
    placeholder: "key=value,...",
    default: "n_layer=2,n_head=6,n_embd=192,n_positions=640,embd_pdrop=0,attn_pdrop=0,resid_pdrop=0",
    group: "Model",
    help: "The model, with fresh weights.",
  },
  ...START_FLAGS,
  p1Share: {
    type: "float",
    min: 0,
    max: 1,
    default: 0.4,
    group: "Model",
    help: "Of the room for p1 and p3, where they do not fit: the share of p1's end.",
  },
  orderMix: {
    type: "float",
    min: 0,
    max: 1,
    default: 0.25,
    group: "Training",
    help: "Share of the examples in reading order, as in src/train.ts.",
  },
  maxSteps: { type: "int", min: 1, default: 2800, group: "Training", help: "Updates." },
  batchSize: { type: "int", min: 1, default: 2, group: "Training", help: "Examples an update." },
  learningRate: { type: "float", above: 0, default: 1.5e-3, group: "Training", help: "Peak learning rate." },
  saveSteps: { type: "int", min: 1, default: 250, group: "Training", help: "Updates between checkpoints." },
  maxEvalSamples: {
    type: "int",
    min: 2,
    default: 200,
    group: "Judging",
    help: "Examples of the test that are scored.",
  },
  beforeSamples: { type: "int", min: 2, default: 36, group: "Judging", help: "The same of the untrained model." },
  fitSamples: {
    type: "int",
    min: 2,
    default: 60,
    group: "Judging",
    help: "Examples of the validation that the weights of --rerank are fitted to.",
  },
  gaps: { type: "int", min: 2, default: 24, group: "Judging", help: "Gaps of the test that are filled." },
  shown: { type: "int", min: 0, default: 10, group: "Output", help: "Of these, how many are printed." },
  seed: { type: "int", min: 0, max: 2 ** 32 - 1, default: 42, group: "Data", help: "Seed of all that is drawn." },
});

export type NovelsValues = FlagValues<typeof NOVELS_FLAGS>;
