// What a run will do, as its arguments and data decide it before the first update: how many updates, which
// micro-batches each is made of, at which learning rate, and the fingerprint of all that.
import { UserError } from "../errors.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { DataLoader } from "../examples/data-loader.ts";
import type { Position } from "../examples/data-loader.ts";
import { exampleSet } from "../examples/example-set.ts";
import type { ExampleSet } from "../examples/example-set.ts";
import { positionAfter, totalSteps } from "./arguments.ts";
import type { TrainingArguments } from "./arguments.ts";
import { checkBestModel } from "./best-model.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { checkSchedule, learningRateAt } from "./lr-schedule.ts";
import type { LrSchedule } from "./lr-schedule.ts";
import { needLabels } from "./need-labels.ts";
import { checkPrecision, FLOAT32 } from "./precision.ts";
import type { MicroBatch } from "./step.ts";
import type { TrainerOptions } from "./trainer-options.ts";
import { epochOf } from "./trainer-state.ts";
import type { RunShape } from "./trainer-state.ts";
import { updateBatches } from "./update-batches.ts";

export class Plan {
  readonly loader: DataLoader;
  /** Updates of the whole run. */
  readonly totalSteps: number;
  /** How many ranks' micro-batches an update takes, whoever makes them. */
  readonly worldSize: number;
  private readonly options: TrainerOptions;
  private readonly examples: ExampleSet;
  /** The arguments as one process would have them. */
  private readonly updateArgs: TrainingArguments;
  private readonly schedule: LrSchedule;
  private identity: Promise<Fingerprint> | undefined;

  /** Throws UserError when the data make no batch, no update, or hold no label, and for arguments that cannot be. */
  constructor(options: TrainerOptions) {
    const { args, evaluation, ranks, worldSize = ranks?.size ?? 1 } = options;
    if (args.packing && args.groupByLength)
      throw new UserError(
        "With packing the examples of a batch fill their rows whatever their lengths, and groupByLength has nothing " +
          "to save; leave one out.",
      );
    this.options = options;
    this.worldSize = worldSize;
    this.updateArgs = { ...args, gradientAccumulationSteps: args.gradientAccumulationSteps * worldSize };
    this.examples = exampleSet(options.train);
    this.loader = new DataLoader(this.examples.lengths, {
      batchSize: args.perDeviceTrainBatchSize,
      seed: args.seed,
      bucketByLength: args.groupByLength,
      padToMultipleOf: args.padToMultipleOf,
      ...(args.packing && { packedLength: options.model.config.nPositions }),
    });
    this.totalSteps = totalSteps(this.updateArgs, this.loader.batchesPerEpoch);
    const { lrSchedulerType, lrSchedulerKwargs, learningRate, warmupSteps } = args;
    this.schedule = {
      ...lrSchedulerKwargs,
      schedule: lrSchedulerType,
      learningRate,
      warmupSteps,
      totalSteps: this.totalSteps,
    };
    checkSchedule(this.schedule);
    checkPrecision(args);
    needLabels(this.examples, "training", options);
    const evaluates = evaluation !== undefined && evaluation.length > 0;
    if (evaluates) needLabels(exampleSet(evaluation), "evaluation", options);
    checkBestModel(args, { evaluates, saves: options.store !== undefined });
  }

  /** What a saved state must agree with. */
  get shape(): RunShape {
    const { batchesPerEpoch } = this.loader;
    const after = (step: number): Position => this.positionAfter(step);
    return { args: this.options.args, totalSteps: this.totalSteps, batchesPerEpoch, positionAfter: after };
  }

  /** How many micro-batches `step` updates take. */
  microBatchesAfter(step: number): number {
    const { epoch, batch } = this.positionAfter(step);
    return epoch * this.loader.batchesPerEpoch + batch;
  }

  /** As Hugging Face counts them, with the share of the one begun. */
  epochAfter(step: number): number {
    return epochOf(this.positionAfter(step), this.loader);
  }

  /** That of the update after `step` others. */
  learningRateAfter(step: number): number {
    return learningRateAt(this.schedule, step);
  }

  /** This rank's micro-batches of each update, from the one after `step` others. */
  updatesAfter(step: number): Iterator<MicroBatch[], never, undefined> {
    const { args, model, varied, padId, ranks } = this.options;
    const exampleOf = varied ?? ((index: number): EncodedExample => this.examples.at(index));
    return updateBatches(this.loader, exampleOf, {
      ...args,
      microBatchesAnUpdate: this.updateArgs.gradientAccumulationSteps,
      rank: ranks,
      padId,
      maxLength: model.config.nPositions,
      start: this.positionAfter(step),
    });
  }

  /** What decides which model comes out of this run. */
  fingerprint(): Promise<Fingerprint> {
    const { args, model, settings = {}, precision = FLOAT32 } = this.options;
    const { config } = model;
    const { worldSize, examples } = this;
    return (this.identity ??= fingerprintOf({
      args,
      config,
      examples,
      precision: args.precision === "mixed" ? args.precision : precision.name,
      worldSize,
      settings,
    }));
  }

  private positionAfter(step: number): Position {
    return positionAfter(step, this.updateArgs, this.loader.batchesPerEpoch);
  }
}
