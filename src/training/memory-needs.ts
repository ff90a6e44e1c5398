// What memory training takes, known before it is taken: the run's largest update is recorded on a device without a GPU
// (Device.dry()), whose pool counts every tensor as the real one would. No formula of activations is kept here: they
// are what forward and backward ask for.
import { logitsWidth } from "../autograd/linear.ts";
import type { Trainable } from "../autograd/parameter.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { allocate } from "../gpt2/parameters.ts";
import type { GPT2Config } from "../gpt2/config.ts";
import type { LoraOptions } from "../gpt2/lora-config.ts";
import { GPT2LMHeadModel } from "../gpt2/model.ts";
import { GPT2Model } from "../gpt2/transformer.ts";
import type { Device } from "../gpu/device.ts";
import { MixedPrecision } from "./mixed-precision.ts";
import { AdamW } from "./optimizer.ts";
import type { PrecisionName } from "./precision.ts";
import type { Ranks } from "./ranks.ts";
import { Shards } from "./shards.ts";
import { TrainingStep } from "./step.ts";
import type { MicroBatch } from "./step.ts";

/** The largest micro-batch of a run. */
export interface BatchShape {
  /** Sequences. */
  readonly batchSize: number;
  /** Tokens of each, padding included. */
  readonly length: number;
  /** Its examples name token types. */
  readonly tokenTypes?: boolean;
}

/** In bytes. The first six add up to `peak`. */
export interface MemoryNeeds {
  /** With mixed precision their copies in f16, too. */
  readonly parameters: number;
  readonly gradients: number;
  /** AdamW's two. */
  readonly moments: number;
  /** What forward keeps for backward, and gradients on their way, when most is held. */
  readonly activations: number;
  /** Of the same moment. */
  readonly logits: number;
  /** Uploads, launch parameters, read-back, and buffers that are free just then. */
  readonly staging: number;
  /** All that the run ever has of the device. */
  readonly peak: number;
  /** The largest single buffer, which the adapter's maxBufferSize bounds. */
  readonly largestBuffer: number;
  /** Of each buffer of the peak. */
  readonly buffers: readonly number[];
}

export interface MemoryNeedsOptions {
  /** Which parameters are trained; default: all. */
  readonly trainable?: Trainable;
  /** An adapter that is trained instead. */
  readonly lora?: LoraOptions;
  /** As of TrainingArguments. */
  readonly gradientCheckpointing?: boolean;
  readonly logitsChunk?: number;
  readonly precision?: PrecisionName;
  /** The largest batch that is evaluated between updates; default: none is. */
  readonly evaluation?: BatchShape;
  /** How many ranks train together, each with its part of the moments; default 1. */
  readonly ranks?: number;
}

const OPTIONS: FieldsOf<MemoryNeedsOptions> = {
  trainable: true,
  lora: true,
  gradientCheckpointing: true,
  logitsChunk: true,
  precision: true,
  evaluation: true,
  ranks: true,
};

/**
 * What updates of this shape take on such a device, of which nothing is taken. Dropout, accumulation of micro-batches
 * and clipping take nothing more. Throws UserError where a tensor exceeds the device's largest buffer, and for a length
 * or config that the model cannot have.
 */
export async function memoryNeeds(
  like: Device,
  config: GPT2Config,
  shape: BatchShape,
  options: MemoryNeedsOptions = {},
): Promise<MemoryNeeds> {
  expectFields("memoryNeeds()", options, OPTIONS);
  const device = like.dry();
  const { pool } = device;
  try {
    const model = new GPT2LMHeadModel(
      new GPT2Model(device, config, allocate(device, config, options.lora ? false : (options.trainable ?? true))),
    );
    model.transformer.training = true;
    model.transformer.gradientCheckpointing = options.gradientCheckpointing ?? false;
    const { logitsChunk } = options;
    if (options.lora) model.addAdapter(options.lora);
    const chunks = [...model.parameters.chunks, ...(model.adapter?.parameters.chunks ?? [])];
    const mixed = options.precision === "mixed" ? new MixedPrecision(model) : undefined;
    const halves = chunks.map((_, i) => model.parameters.halvesOf(i)).filter((tensor) => tensor !== undefined);
    const weights = new Set([...chunks.map(({ values }) => values), ...halves].map(({ buffer }) => buffer));
    const gradients = new Set(model.trained.trainableChunks.map(({ grads }) => grads.buffer));
    const before = new Set(pool.held().map(({ tensor }) => tensor.buffer));
    const { ranks = 1 } = options;
    const shards = ranks > 1 ? new Shards(model.trained, silentRanks(ranks)) : undefined;
    const optimizer = new AdamW(model.trained, { shards, lossScale: mixed?.dynamic });
    const moments = new Set(
      pool
        .held()
        .map(({ tensor }) => tensor.buffer)
        .filter((buffer) => !before.has(buffer)),
    );
    let atPeak = pool.held();
    let largestBuffer = Math.max(...atPeak.map(({ bytes }) => bytes));
    pool.onPeak = () => {
      atPeak = pool.held();
      largestBuffer = Math.max(largestBuffer, ...atPeak.map(({ bytes }) => bytes));
    };
    const batch = microBatch(shape, config.vocabSize);
    const { exchange } = shards ?? {};
    const step = new TrainingStep(model, optimizer, { maxGradNorm: 1, logitsChunk, exchange, precision: mixed });
    // Two, since the second is recorded while the first is under way.
    const sent = [await step.run([batch], 1e-4), await step.run([batch], 1e-4)];
    for (const { result } of sent) await result;
    if (options.evaluation) await evaluate(model, options.evaluation, logitsChunk);

    const width = logitsWidth(config.vocabSize);
    const bytesOf = (wanted: (held: (typeof atPeak)[number]) => boolean): number =>
      atPeak.filter(wanted).reduce((sum, { bytes }) => sum + bytes, 0);
    const isOf = (buffers: ReadonlySet<GPUBuffer>) => bytesOf(({ tensor }) => buffers.has(tensor.buffer));
    const fixed = [isOf(weights), isOf(gradients), isOf(moments)];
    const logits = bytesOf(({ tensor: { shape } }) => shape.length === 2 && shape[1] === width);
    const activations = bytesOf(() => true) - fixed.reduce((sum, bytes) => sum + bytes, 0) - logits;
    const peak = pool.peakAllocatedBytes + device.batch.ownBytes;
    return {
      parameters: fixed[0],
      gradients: fixed[1],
      moments: fixed[2],
      activations,
      logits,
      staging: peak - pool.peakBytes,
      peak,
      largestBuffer,
      buffers: [...pool.sizes(), device.batch.ownBytes],
    };
  } finally {
    device.destroy();
  }
}

/** The first of so many, whom the others send zeros. */
function silentRanks(size: number): Ranks {
  const zeros = (lengths: readonly number[]): Float32Array[] => lengths.map((length) => new Float32Array(length));
  return {
    rank: 0,
    size,
    agree: async (mine, combine) => combine([mine]),
    allToAll: async (_, lengths) => zeros(lengths),
    allGather: async (_, lengths) => zeros(lengths),
  };
}

/** As evaluateLoss() does a batch. */
async function evaluate(model: GPT2LMHeadModel, shape: BatchShape, logitsChunk?: number): Promise<void> {
  model.transformer.training = false;
  const batch = microBatch(shape, model.config.vocabSize);
  const output = model.forward({ ...batch, grad: false, keepLogits: false, logitsChunk, lossReduction: "sum" });
  await output.loss!.item();
  output.dispose();
}

/** As many different tokens as there are places for, all learned: what takes most. */
function microBatch({ batchSize, length, tokenTypes }: BatchShape, vocabSize: number): MicroBatch {
  const rows = (valueAt: (place: number) => number): number[][] =>
    Array.from({ length: batchSize }, (_, b) => Array.from({ length }, (_, t) => valueAt(b * length + t)));
  const inputIds = rows((place) => place % vocabSize);
  const ones = rows(() => 1);
  return {
    inputIds,
    labels: inputIds,
    attentionMask: ones.map((row, b) => (b === 0 ? [...row.slice(0, -1), 0] : row)), // as where one sequence is padded
    ...(tokenTypes && { tokenTypeIds: rows(() => 0) }),
  };
}
