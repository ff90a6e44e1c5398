// Flags of src/train.ts: which model and tokenizer it starts from.
import { defineFlags } from "../shared/flags.ts";
import { HUB_FLAGS } from "../shared/model-source.ts";

export const MODEL_FLAGS = defineFlags({
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
});
