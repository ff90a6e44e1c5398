// What a training run will take of this device, before it begins: its memory, recorded without a GPU, then asked for;
// and its time, from a few updates on a copy of the model that is thrown away.
import { paddedLength } from "../examples/collate.ts";
import { DataLoader } from "../examples/data-loader.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { exampleSet } from "../examples/example-set.ts";
import type { GPT2Config } from "../gpt2/config.ts";
import type { Device } from "../gpu/device.ts";
import { trialAllocation } from "../gpu/trial-allocation.ts";
import { DEFAULT_ARGUMENTS, totalSteps } from "../training/arguments.ts";
import type { TrainingArguments } from "../training/arguments.ts";
import { memoryNeeds } from "../training/memory-needs.ts";
import type { BatchShape } from "../training/memory-needs.ts";
import { Trainer } from "../training/trainer.ts";
import type { LoadedModel } from "./loaded-model.ts";
import type { TrainingEstimate, TrainRequest } from "./messages.ts";
import { encodedData } from "./train.ts";

/** The first of them also compile shaders, and are not counted. */
const WARM_UP = 2,
  MEASURED = 3;

/**
 * `open`: a copy of the model with gradients, which is disposed of. Throws UserError as train(), and the signal's
 * reason.
 */
export async function estimateTraining(
  device: Device,
  loaded: LoadedModel,
  request: TrainRequest,
  { signal, open }: { readonly signal: AbortSignal; readonly open: () => Promise<LoadedModel> },
): Promise<TrainingEstimate> {
  const args = { ...DEFAULT_ARGUMENTS, ...request.args };
  const { train, evaluation, asked } = encodedData(loaded.folder, request);
  const { config } = loaded.folder;
  const needs = await memoryNeeds(device, config, shapeOf(train, args.perDeviceTrainBatchSize, args, config), {
    gradientCheckpointing: args.gradientCheckpointing,
    logitsChunk: args.logitsChunk,
    precision: args.precision,
    evaluation: evaluation && shapeOf(evaluation, args.perDeviceEvalBatchSize, { padToMultipleOf: 1 }, config),
  });
  const { buffers, ...memory } = needs;
  const common = {
    adapter: device.description,
    totalSteps: updatesOf(train, args),
    examples: train.length,
    leftOut: asked - train.length,
    memory,
  };
  // A software adapter promises memory that there is not.
  const available = device.software ? undefined : await trialAllocation(device, buffers);
  signal.throwIfAborted();
  if (available !== undefined && available < needs.peak) return { ...common, available, secondsPerUpdate: undefined };
  const copy = await open();
  try {
    const trial = { ...args, maxSteps: WARM_UP + MEASURED, loggingSteps: 1, evalSteps: 0, saveSteps: 0 };
    let since = 0;
    const trainer = new Trainer({
      model: copy.model,
      args: { ...trial, loadBestModelAtEnd: false, earlyStoppingPatience: 0 },
      train,
      padId: copy.folder.tokenizer.padTokenId ?? 0,
      onLog: ({ step }) => void (step === WARM_UP && (since = performance.now())), // the loss was read: it is done
    });
    try {
      await trainer.train(signal);
      signal.throwIfAborted();
      const secondsPerUpdate = (performance.now() - since) / 1000 / MEASURED;
      return { ...common, available, secondsPerUpdate };
    } finally {
      trainer.destroy();
    }
  } finally {
    copy.dispose();
  }
}

function updatesOf(train: readonly EncodedExample[], args: TrainingArguments): number {
  const { perDeviceTrainBatchSize: batchSize, seed, groupByLength: bucketByLength, padToMultipleOf } = args;
  const { lengths } = exampleSet(train);
  return totalSteps(
    args,
    new DataLoader(lengths, { batchSize, seed, bucketByLength, padToMultipleOf }).batchesPerEpoch,
  );
}

function shapeOf(
  examples: readonly EncodedExample[],
  batchSize: number,
  { padToMultipleOf }: Pick<TrainingArguments, "padToMultipleOf">,
  { nPositions }: GPT2Config,
): BatchShape {
  const longest = examples.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  return {
    batchSize: Math.min(batchSize, examples.length),
    length: paddedLength(longest, padToMultipleOf, nPositions),
    tokenTypes: examples[0]?.tokenTypeIds !== undefined,
  };
}
