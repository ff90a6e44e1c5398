// --dry_run: what a run would take of the adapter's memory, and what to change where that is too much. Nothing is
// trained or written.
import { formatBytes } from "../shared/format.ts";
import { flagName } from "../shared/flag-table.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import type { Device } from "../../gpu/device.ts";
import { UserError } from "../../errors.ts";
import { memoryNeeds } from "../../training/memory-needs.ts";
import type { BatchShape, MemoryNeeds } from "../../training/memory-needs.ts";

/** A run's memory and what bounds it. */
export interface MemoryQuestion {
  readonly config: GPT2Config;
  readonly shape: BatchShape;
  readonly gradientAccumulationSteps: number;
  /** Bytes that there are; undefined: not known. */
  readonly limit: number | undefined;
  /** Its weights are drawn, so that it may as well be another. */
  readonly fresh: boolean;
}

interface Change {
  readonly flags: string;
  /** What it costs the run. */
  readonly price: string;
  readonly question: MemoryQuestion;
}

/** Lines for people, and whether the run fits. */
export async function dryRun(device: Device, question: MemoryQuestion): Promise<{ text: string; fits: boolean }> {
  const { shape, limit } = question;
  const needs = await needsOf(device, question);
  const what = `updates of ${shape.batchSize} x ${shape.length} tokens`;
  const lines = [`Memory   for ${what} on ${device.description}:`];
  if (typeof needs === "string") lines.push(`         ${needs}`);
  else {
    const row = (name: string, bytes: number, more = ""): void => {
      lines.push(`         ${name.padEnd(15)}${formatBytes(bytes).padStart(8)}${more}`);
    };
    for (const part of PARTS) row(part, needs[part]);
    row("peak", needs.peak, limit === undefined ? "" : ` of ${formatBytes(limit)}`);
    row("largest buffer", needs.largestBuffer, ` of at most ${formatBytes(device.gpu.limits.maxBufferSize)}`);
    if (limit === undefined)
      lines.push("         How much the GPU has WebGPU does not tell; --memory_limit GB says it.");
  }
  const fits = holds(needs, limit);
  if (fits) lines.push(limit === undefined ? "Fits     each buffer that it needs" : "Fits");
  else lines.push("Too much for this adapter; it would fit with", ...(await ways(device, question)));
  return { text: lines.join("\n"), fits };
}

const PARTS = ["parameters", "gradients", "moments", "activations", "logits", "staging"] as const;

/** The needs, or the sentence that says what the device cannot hold. */
async function needsOf(device: Device, { config, shape }: MemoryQuestion): Promise<MemoryNeeds | string> {
  try {
    return await memoryNeeds(device, config, shape);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

const holds = (needs: MemoryNeeds | string, limit = Infinity): boolean =>
  typeof needs !== "string" && needs.peak <= limit;

/** The three cheapest changes that make it fit, the cheapest first. */
async function ways(device: Device, question: MemoryQuestion): Promise<string[]> {
  const found: string[] = [];
  for (const next of [smallerBatch, shorterBlock, smallerBatchAndBlock, fewerLayers]) {
    for (let change = next(question); change; change = next(question, change.question)) {
      const needs = await needsOf(device, change.question);
      if (!holds(needs, question.limit)) continue;
      found.push(`  ${change.flags}: ${formatBytes((needs as MemoryNeeds).peak)}; ${change.price}`);
      break;
    }
    if (found.length === 3) break;
  }
  return found.length > 0
    ? found
    : ["  none of a smaller batch, a shorter block or fewer layers: take a smaller model"];
}

type Next = (asked: MemoryQuestion, from?: MemoryQuestion) => Change | undefined;

const smallerBatch: Next = (_asked, from = _asked) => {
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

const shorterBlock: Next = (_asked, from = _asked) => {
  const length = Math.floor(from.shape.length / 2);
  if (length < 32) return undefined;
  return {
    flags: `${flagName("blockSize")} ${length}`,
    price: "the model sees less context",
    question: { ...from, shape: { ...from.shape, length } },
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
