// What a run is made of, decided from what the writer chose: a fresh model's sizes, passages that fit into the model,
// how long to learn and how fast, when to look, and the three gaps that are filled again and again.
import type { InfillExample, TrainingArguments } from "../../../src/entries/train.ts";
import type { FreshModel } from "../../../src/entries/worker.ts";

export type SizeName = "tiny" | "small" | "medium" | "large";

/** Fresh models, from one that learns within an hour on a slow machine to GPT-2 124M's shape. */
export const SIZES: Readonly<Record<SizeName, FreshModel["config"]>> = {
  tiny: { nEmbd: 128, nLayer: 4, nHead: 4, nPositions: 512 },
  small: { nEmbd: 256, nLayer: 6, nHead: 8, nPositions: 512 },
  medium: { nEmbd: 512, nLayer: 8, nHead: 8, nPositions: 768 },
  large: { nEmbd: 768, nLayer: 12, nHead: 12, nPositions: 1024 },
};
export const SIZE_NAMES = Object.keys(SIZES) as SizeName[];

/** Characters of a passage, shortest and longest. */
export interface PassageSize {
  readonly minP2: number;
  readonly maxP2: number;
  readonly maxTokens: number;
}

/** Passages of the writers' tool of 2020. */
const LONGEST = 900;
const SHORTEST_SHARE = 2 / 3;
/** Of the model's positions for the passage; the rest is for what stands around it. */
const PASSAGE_SHARE = 0.4;

/** Passages of which a model of so many positions sees what stands before and after, too. */
export function passageSize(nPositions: number, charactersPerToken: number): PassageSize {
  const maxP2 = Math.max(60, Math.min(LONGEST, Math.round(nPositions * charactersPerToken * PASSAGE_SHARE)));
  return { minP2: Math.round(maxP2 * SHORTEST_SHARE), maxP2, maxTokens: Math.round(nPositions * (1 - PASSAGE_SHARE)) };
}

/** What the writer may choose about a run. */
export interface Wish {
  /** Times that the books are read. */
  readonly passes: number;
  /** Ends after so many updates instead. */
  readonly maxSteps?: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Updates between two looks; default: about twenty in a run. */
  readonly lookEvery?: number;
  readonly seed: number;
}

const LOOKS = 20;
/** Points of the curve. */
const POINTS = 500;
const WARM_UP = 0.05;
/** Seconds after which a look comes at the latest: so much is computed again where a page is closed. */
const LONGEST_WAIT = 300;

export function updatesOf(wish: Wish, examples: number): number {
  return wish.maxSteps ?? Math.max(1, Math.ceil(examples / wish.batchSize) * wish.passes);
}

/** `evaluates`: something was held out. `secondsPerUpdate`: as far as it is known. */
export function argumentsOf(
  wish: Wish,
  examples: number,
  evaluates: boolean,
  secondsPerUpdate?: number,
): Partial<TrainingArguments> {
  const updates = updatesOf(wish, examples);
  const often = secondsPerUpdate ? Math.max(1, Math.floor(LONGEST_WAIT / secondsPerUpdate)) : Infinity;
  const look = wish.lookEvery ?? Math.max(1, Math.min(Math.ceil(updates / LOOKS), often));
  return {
    ...(wish.maxSteps === undefined ? { numTrainEpochs: wish.passes } : { maxSteps: wish.maxSteps }),
    perDeviceTrainBatchSize: wish.batchSize,
    perDeviceEvalBatchSize: wish.batchSize,
    learningRate: wish.learningRate,
    lrSchedulerType: "cosine",
    warmupSteps: Math.floor(updates * WARM_UP),
    weightDecay: 0.01,
    loggingSteps: Math.max(1, Math.floor(updates / POINTS)),
    evalSteps: evaluates ? look : 0,
    saveSteps: look,
    saveTotalLimit: 2,
    loadBestModelAtEnd: evaluates && look < updates,
    groupByLength: true,
    seed: wish.seed,
  };
}

/** Small models learn fast; what a large one knows already must not be shaken. */
export function learningRateFor(parameters: number): number {
  if (parameters < 2e7) return 1e-3;
  return parameters < 8e7 ? 3e-4 : 5e-5;
}

/** So many of them from different places, in their order. */
export function spread<T>(all: readonly T[], count: number): T[] {
  if (all.length <= count) return [...all];
  return Array.from({ length: count }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / count)]!);
}

export const GAPS = 3;

/** Three gaps to look at: of what was held out as far as that goes, the rest of what is learnt from. */
export function gapsOf(train: readonly InfillExample[], validation: readonly InfillExample[]): InfillExample[] {
  const heldOut = spread(validation, GAPS);
  return [...heldOut, ...spread(train, GAPS - heldOut.length)];
}

/** Seconds that a run takes: updates, and after each look an evaluation (forward alone, a third) and three gaps. */
export function secondsOf(
  { secondsPerUpdate, totalSteps }: { readonly secondsPerUpdate: number; readonly totalSteps: number },
  { evalSteps = 0, perDeviceEvalBatchSize = 8 }: Partial<TrainingArguments>,
  heldOut: number,
): number {
  const looks = evalSteps > 0 ? Math.ceil(totalSteps / evalSteps) : 1;
  const evaluation = (Math.ceil(heldOut / perDeviceEvalBatchSize) * secondsPerUpdate) / 3;
  return totalSteps * secondsPerUpdate + looks * evaluation;
}
