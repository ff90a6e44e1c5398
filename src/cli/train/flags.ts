// The flags of src/train.ts: Hugging Face's names (run_language_modeling.py of 2020, run_clm.py, TrainingArguments).
import type { Program } from "../shared/flags.ts";
import { DEVICE_FLAGS } from "../shared/profiling.ts";
import { DATA_FLAGS } from "./data-flags.ts";
import { MODEL_FLAGS } from "./model-flags.ts";
import { OUTPUT_FLAGS } from "./output-flags.ts";
import { SCRIPT_FLAGS } from "./script-flags.ts";
import { TRAINABLE_FLAGS } from "./trainable-flags.ts";
import { TRAINING_FLAGS } from "./training-flags.ts";

const flags = {
  ...MODEL_FLAGS,
  ...DATA_FLAGS,
  ...TRAINING_FLAGS,
  ...TRAINABLE_FLAGS,
  ...OUTPUT_FLAGS,
  ...DEVICE_FLAGS,
};

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
    {
      launcher: "mpirun -n 4",
      args: "--train_file train.jsonl",
      does: "four processes together, each with a GPU of its own: updates of four times as many sequences",
    },
  ],
};
