// Whether a run fits into so much memory, and the cheapest changes with which it would.
import type { Trainable } from "../../gpt2/pretrained.ts";
import { UserError } from "../../errors.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import type { LoraOptions } from "../../gpt2/lora-config.ts";
import type { Device } from "../../gpu/device.ts";
import { memoryNeeds } from "../../training/memory-needs.ts";
import type { BatchShape, MemoryNeeds } from "../../training/memory-needs.ts";
import type { PrecisionName } from "../../training/precision.ts";
import { flagName } from "../shared/flag-table.ts";

/** A run's memory and what bounds it. */
export interface MemoryQuestion {
  readonly config: GPT2Config;
  /** The largest micro-batch of training. */
  readonly shape: BatchShape;
  /** Which parameters are trained; default: all. */
  readonly trainable?: Trainable;
  /** An adapter that is trained instead. */
  readonly lora?: LoraOptions;
  readonly gradientCheckpointing?: boolean;
  readonly logitsChunk?: number;
  readonly precision?: PrecisionName;
  /** The largest batch of evaluation; undefined: nothing is evaluated. */
  readonly evaluation: BatchShape | undefined;
  readonly gradientAccumulationSteps: number;
  /** How many processes share the moments. */
  readonly ranks: number;
  /** Bytes that there are; undefined: not known. */
  readonly limit: number | undefined;
  /** Its weights are drawn, so that it may as well be another. */
  readonly fresh: boolean;
}

interface Change extends Pick<Way, "flags" | "price"> {
  readonly question: MemoryQuestion;
}

/** The needs, or the sentence that says what the device cannot hold. */
export async function needsOf(
  device: Device,
  { config, shape, trainable, lora, gradientCheckpointing, logitsChunk, precision, evaluation, ranks }: MemoryQuestion,
): Promise<MemoryNeeds | string> {
  try {
    const options = { trainable, lora, gradientCheckpointing, logitsChunk, precision, evaluation, ranks };
    return await memoryNeeds(device, config, shape, options);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

export const holds = (needs: MemoryNeeds | string, limit = Infinity): needs is MemoryNeeds =>
  typeof needs !== "string" && needs.peak <= limit;

/** A change with which the run fits. */
export interface Way {
  readonly flags: string;
  /** Bytes it takes then. */
  readonly peak: number;
  /** What it costs the run. */
  readonly price: string;
}

/** The three cheapest changes that make it fit, the cheapest first. */
export async function ways(device: Device, question: MemoryQuestion): Promise<Way[]> {
  const found: Way[] = [];
  for (const next of [
    smallerEvaluation,
    smallerBatch,
    chunkedLogits,
    recomputed,
    shorterBlock,
    smallerBatchAndBlock,
    fewerLayers,
  ]) {
    const way = await firstThatHolds(device, question, next);
    if (way !== undefined) found.push(way);
    if (found.length === 3) break;
  }
  return found;
}

async function firstThatHolds(device: Device, question: MemoryQuestion, next: Next): Promise<Way | undefined> {
  for (let change = next(question); change; change = next(question, change.question)) {
    for (const each of [change, withSmallEvaluation(change)]) {
      const needs = each && (await needsOf(device, each.question));
      if (needs && holds(needs, question.limit)) return { ...each, peak: needs.peak };
    }
  }
  return undefined;
}

/** Where none does. */
export const NO_WAY = "none of a smaller batch, a shorter block or fewer layers: take a smaller model";

/** The next step on one way from `from`, at first what was `asked`; undefined at its end. */
type Next = (asked: MemoryQuestion, from?: MemoryQuestion) => Change | undefined;

const smallerEvaluation: Next = (asked, from = asked) => {
  const { evaluation } = from;
  if (!evaluation || evaluation.batchSize === 1) return undefined;
  const batchSize = Math.ceil(evaluation.batchSize / 2);
  return {
    flags: `${flagName("perDeviceEvalBatchSize")} ${batchSize}`,
    price: "the same figures in more launches",
    question: { ...from, evaluation: { ...evaluation, batchSize } },
  };
};

const smallerBatch: Next = (asked, from = asked) => {
  const { batchSize } = from.shape;
  if (batchSize === 1) return undefined;
  const half = Math.ceil(batchSize / 2);
  const steps = from.gradientAccumulationSteps * Math.ceil(batchSize / half);
  return {
    flags: `${flagName("perDeviceTrainBatchSize")} ${half} ${flagName("gradientAccumulationSteps")} ${steps}`,
    price: "the same updates in more launches",
    question: { ...from, gradientAccumulationSteps: steps, shape: { ...from.shape, batchSize: half } },
  };
};

/** Rows of logits that are enough for a GPU to be busy. */
const LOGITS_CHUNK = 256;

const chunkedLogits: Next = (asked, from = asked) => {
  const { batchSize, length } = from.shape;
  if (from.logitsChunk !== undefined || batchSize * length <= LOGITS_CHUNK) return undefined;
  return {
    flags: `${flagName("logitsChunk")} ${LOGITS_CHUNK}`,
    price: "the same updates, somewhat slower",
    question: { ...from, logitsChunk: LOGITS_CHUNK },
  };
};

const recomputed: Next = (asked, from = asked) => {
  if (from.gradientCheckpointing) return undefined;
  const alone: Change = {
    flags: flagName("gradientCheckpointing"),
    price: "the same updates, slower",
    question: { ...from, gradientCheckpointing: true },
  };
  const chunk = chunkedLogits(asked, alone.question);
  return chunk ? { ...chunk, flags: `${alone.flags} ${chunk.flags}`, price: alone.price } : alone;
};

const shorterBlock: Next = (asked, from = asked) => {
  const length = Math.floor(from.shape.length / 2);
  if (length < 32) return undefined;
  const evaluation = from.evaluation && { ...from.evaluation, length: Math.min(from.evaluation.length, length) };
  return {
    flags: `${flagName("blockSize")} ${length}`,
    price: "the model sees less context",
    question: { ...from, evaluation, shape: { ...from.shape, length } },
  };
};

const smallerBatchAndBlock: Next = (asked, from = asked) => {
  const block = shorterBlock(asked, from);
  const batch = block && smallerBatch(asked, block.question);
  return batch && { ...batch, flags: `${block.flags} ${batch.flags}`, price: block.price };
};

const fewerLayers: Next = (asked, from = asked) => {
  const { nLayer } = from.config;
  if (!asked.fresh || nLayer === 1) return undefined;
  const half = Math.ceil(nLayer / 2);
  return {
    flags: `${flagName("configOverrides")} n_layer=${half}`,
    price: "a smaller model",
    question: { ...from, config: from.config.with({ nLayer: half }) },
  };
};

/** With batches of evaluation no larger than those of training, which take more; undefined where they are not. */
function withSmallEvaluation(change: Change): Change | undefined {
  const { shape, evaluation } = change.question;
  const { batchSize } = shape;
  if (!evaluation || evaluation.batchSize <= batchSize) return undefined;
  return {
    ...change,
    flags: `${change.flags} ${flagName("perDeviceEvalBatchSize")} ${batchSize}`,
    question: { ...change.question, evaluation: { ...evaluation, batchSize } },
  };
}
