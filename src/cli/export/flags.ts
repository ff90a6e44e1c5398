// The flags of src/export.ts; --outtype and its values are llama.cpp's.
import { defineFlags } from "../shared/flags.ts";
import type { Program } from "../shared/flags.ts";
import { HUB_FLAGS } from "../shared/model-source.ts";

const flags = defineFlags({
  modelNameOrPath: {
    type: "string",
    placeholder: "folder",
    defaultText: "MODEL, else weights/demo",
    aliases: ["model"],
    group: "Model",
    help: "The model: a folder in Hugging Face's layout, or a name on the Hub such as gpt2.",
  },
  ...HUB_FLAGS,

  format: {
    type: "choice",
    choices: ["gguf", "hf"],
    default: "gguf",
    group: "Output",
    help:
      "gguf: one file for llama.cpp and the programs built on it. hf: a folder in Hugging Face's layout, written " +
      "anew, of any model that is read here.",
  },
  outtype: {
    type: "choice",
    choices: ["f32", "f16", "q8_0"],
    defaultText: "f16 for gguf, f32 for hf",
    group: "Output",
    help: "Type of the weights; q8_0 (gguf) has 8 bits, about a quarter of f32.",
  },
  outputFile: {
    type: "string",
    placeholder: "file.gguf",
    defaultText: "output/<model>-<outtype>.gguf",
    group: "Output",
    help: "gguf: the file to write.",
  },
  outputDir: {
    type: "string",
    placeholder: "folder",
    defaultText: "output/<model>-hf",
    group: "Output",
    help: "hf: the folder to write.",
  },
  maxShardSize: {
    type: "size",
    unit: "bytes",
    defaultText: "5GB",
    group: "Output",
    help: "hf: larger weights go into several files, at most so large each, with an index.",
  },
  merge: {
    type: "bool",
    group: "Output",
    help:
      "Of an adapter (LoRA): merge it into its base, a whole model for any program; --format hf. Exported adapters " +
      "always are.",
  },
  overwrite: { type: "bool", group: "Output", help: "Replace what is there." },
});

export type ExportFlags = typeof flags;

export const EXPORT: Program<ExportFlags> = {
  command: "npx tsx src/export.ts",
  summary: "Writes a model in the format of another program.",
  flags,
  positionals: { name: "MODEL", help: "a folder in Hugging Face's layout, or a name on the Hub" },
  examples: [
    { args: "output/run-1 --outtype q8_0", does: "what a training run has saved, for llama.cpp, in 8 bits" },
    { args: "gpt2 --outtype f32 --output_file gpt2.gguf", does: "a model of the Hub, exactly as it is" },
    { args: "output/run-1 --merge", does: "a trained adapter and its base as one model, in Hugging Face's layout" },
    { args: "output/run-1 --format hf --outtype f16", does: "half the size, for the Hub" },
  ],
};
