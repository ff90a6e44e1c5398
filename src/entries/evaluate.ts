// gpt2-webgpu/evaluate: how well a model predicts and fills, and how texts compare, as src/evaluate.ts measures it.
export { evaluateLoss } from "../training/evaluate.ts";
export type { Evaluation, EvaluationOptions } from "../training/evaluate.ts";
export { textWindows } from "../training/text-dataset.ts";
export { scoreExamples } from "../evaluation/score-examples.ts";
export type { ScoredExample, ScoreOptions } from "../evaluation/score-examples.ts";
export { contextUse } from "../evaluation/context-use.ts";
export type { ContextUse } from "../evaluation/context-use.ts";
export type { Estimate } from "../evaluation/estimate.ts";
export { bleuScore, bleuSums } from "../evaluation/bleu.ts";
export type { BleuSums } from "../evaluation/bleu.ts";
export { rougeL } from "../evaluation/rouge.ts";
export { distinct, wordF1 } from "../evaluation/text-statistics.ts";
