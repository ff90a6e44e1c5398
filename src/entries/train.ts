// gpt2-webgpu/train: the training loop and what it is fed with.
export { Trainer } from "../training/trainer.ts";
export type { Progress, TrainerOptions } from "../training/trainer.ts";
export { DEFAULT_ARGUMENTS } from "../training/arguments.ts";
export type { TrainingArguments } from "../training/arguments.ts";
export type { LogEntry } from "../training/trainer-state.ts";
export type { Evaluation } from "../training/evaluate.ts";
export type { EncodedExample } from "../examples/encoded-example.ts";
export { slidingWindows } from "../training/sliding-windows.ts";
export { textBlocks, textLines, textWindows } from "../training/text-dataset.ts";
