// Refuses a run that the adapter has no memory for, before its first step. How much there is, WebGPU does not tell. So
// it is what --memory_limit says; else on a software adapter, which takes the machine's own memory and is killed where
// that ends, what is free of it; else, on a GPU, what it gives when it is asked for all that the run will take.
import { freemem } from "node:os";
import { UserError } from "../../errors.ts";
import { paddedLength } from "../../examples/collate.ts";
import { exampleSet } from "../../examples/example-set.ts";
import type { Examples, ExampleSet } from "../../examples/example-set.ts";
import type { Device } from "../../gpu/device.ts";
import { trialAllocation } from "../../gpu/trial-allocation.ts";
import type { BatchShape } from "../../training/memory-needs.ts";
import { expectHalfPrecision } from "../../training/mixed-precision.ts";
import { flagName } from "../shared/flag-table.ts";
import type { FlagValues } from "../shared/flags.ts";
import { formatBytes } from "../shared/format.ts";
import type { TrainFlags } from "./flags.ts";
import { holds, needsOf, NO_WAY, ways } from "./memory-advice.ts";
import type { MemoryQuestion } from "./memory-advice.ts";
import type { Job } from "./session.ts";
import { trainableBy } from "./trainable.ts";

type Flags = FlagValues<TrainFlags>;

/** What a run of this job asks of the device. Throws UserError for mixed precision where it has none. */
export function memoryQuestion(device: Device, { flags, args, start, train, evaluation, mpi }: Job): MemoryQuestion {
  const { config, tokenizer, fresh, lora } = start;
  if (args.precision === "mixed") expectHalfPrecision(device); // no other memory would help
  const batchOf = (examples: Examples, batchSize: number, multiple: number): BatchShape => {
    const set = exampleSet(examples);
    return {
      batchSize: Math.min(batchSize, set.length),
      length: paddedLength(longest(set), multiple, config.nPositions),
      tokenTypes: set.length > 0 && set.at(0).tokenTypeIds !== undefined, // all of a set have them or none
    };
  };
  return {
    config: config.with({ vocabSize: Math.max(config.vocabSize, tokenizer.vocabSize) }),
    shape: batchOf(train.examples, args.perDeviceTrainBatchSize, args.padToMultipleOf),
    trainable: lora ? undefined : trainableBy(flags, config),
    lora,
    gradientCheckpointing: args.gradientCheckpointing,
    logitsChunk: args.logitsChunk,
    precision: args.precision,
    evaluation: evaluation && batchOf(evaluation.examples, args.perDeviceEvalBatchSize, 1),
    gradientAccumulationSteps: args.gradientAccumulationSteps,
    limit: memoryLimit(flags, device, mpi?.localSize),
    ranks: mpi?.ranks.size ?? 1,
    fresh,
  };
}

function longest({ lengths }: ExampleSet): number {
  let most = 0;
  for (let index = 0; index < lengths.length; index++) most = Math.max(most, lengths[index]);
  return most;
}

/** Bytes that the device has for each of those that share it, where that is known without asking for them. */
function memoryLimit({ memoryLimit }: Flags, { software }: Device, shared = 1): number | undefined {
  if (memoryLimit !== undefined) return memoryLimit;
  return software ? freeMemory() / shared : undefined;
}

/** Of the machine, or of what this process may have of it. */
export function freeMemory(): number {
  const allowed = process.constrainedMemory?.() || Infinity; // 0: not known
  return Math.min(freemem(), Math.max(0, allowed - process.memoryUsage.rss()));
}

/**
 * Throws UserError where the run takes more than there is: what it takes, what there is, and the cheapest changes that
 * would do. Nothing stays taken.
 */
export async function requireMemory(device: Device, job: Job): Promise<void> {
  const question = memoryQuestion(device, job);
  const needs = await needsOf(device, question);
  let { limit } = question;
  if (holds(needs, limit)) {
    if (limit !== undefined) return;
    limit = await trialAllocation(device, needs.buffers);
    if (limit >= needs.peak) return;
  }
  const { batchSize, length } = question.shape;
  const what = `Updates of ${batchSize} x ${length} tokens`;
  const why =
    typeof needs === "string"
      ? `${what} are too much for ${device.description}: ${needs.replace(/;[^;]*\.$/, "")}`
      : `${what} take ${formatBytes(needs.peak)} of memory, and ${there(device, job.flags, limit!)}`;
  const found = (await ways(device, { ...question, limit })).map(
    ({ flags, peak, price }) => `${flags} (${formatBytes(peak)}; ${price})`,
  );
  throw new UserError(`${why}; it would fit with ${found.length > 0 ? found.join(", or with ") : NO_WAY}.`);
}

function there({ description, software }: Device, { memoryLimit }: Flags, limit: number): string {
  const bytes = formatBytes(limit);
  if (memoryLimit !== undefined) return `${flagName("memoryLimit")} says that there are ${bytes}`;
  return software ? `this machine has ${bytes} free for it` : `${description} gave only ${bytes} when asked for them`;
}
