// The training loop: which examples make up each update, at which learning rate, and every few of them a look at the
// loss, an evaluation, a checkpoint. What an update is stands in step.ts, how far the GPU may be behind in
// updates-in-flight.ts.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import { DataLoader } from "../examples/data-loader.ts";
import type { Position } from "../examples/data-loader.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { exampleSet } from "../examples/example-set.ts";
import type { Examples, ExampleSet } from "../examples/example-set.ts";
import type { Folder } from "../files/folder.ts";
import { ARGUMENT_FIELDS, positionAfter, totalSteps } from "./arguments.ts";
import type { TrainingArguments } from "./arguments.ts";
import { bestCheckpoint, checkBestModel, stopsEarly } from "./best-model.ts";
import { NotFiniteError, resume } from "./checkpoint.ts";
import { diverged, DivergedError } from "./divergence.ts";
import { evaluateLoss } from "./evaluate.ts";
import type { Evaluation } from "./evaluate.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { BatchFeed } from "./batch-feed.ts";
import { checkSchedule, learningRateAt } from "./lr-schedule.ts";
import type { LrSchedule } from "./lr-schedule.ts";
import { AdamW, decayAllButBiases, decayMatrices } from "./optimizer.ts";
import { needLabels } from "./need-labels.ts";
import { FLOAT32 } from "./precision.ts";
import { Follower } from "./follower.ts";
import { expectSame, expectSameRun } from "./same-run.ts";
import { Saver } from "./saver.ts";
import type { CheckpointSaver } from "./saver.ts";
import { Shards } from "./shards.ts";
import type { MicroBatch } from "./step.ts";
import { UpdatesInFlight } from "./updates-in-flight.ts";
import { updateBatches } from "./update-batches.ts";
import { TRAINER_FIELDS } from "./trainer-options.ts";
import type { Progress, TrainerOptions } from "./trainer-options.ts";
import { epochOf, stateText } from "./trainer-state.ts";
import type { LogEntry, RunShape, TrainerState } from "./trainer-state.ts";

export type { Progress, TrainerOptions } from "./trainer-options.ts";

export class Trainer {
  readonly optimizer: AdamW;
  readonly totalSteps: number;
  readonly loader: DataLoader;
  private readonly examples: ExampleSet;
  private readonly options: TrainerOptions;
  private readonly updates: UpdatesInFlight;
  /** Without a store nothing is saved. */
  private readonly saver: CheckpointSaver | undefined;
  private readonly shards: Shards | undefined;
  private step = 0;
  /** The last update that was made is the run's last: as planned, or because evaluations do not get better. */
  private ended = false;
  private logHistory: LogEntry[] = [];
  private positions = 0;
  private lastLoss: number | undefined;
  private identity: Promise<Fingerprint> | undefined;
  private feed: BatchFeed | undefined;

  /**
   * Takes the optimizer's memory, until destroy(). Throws UserError, having taken none, when the data make no batch, no
   * update, or hold no label, and for options and arguments that are not known.
   */
  constructor(options: TrainerOptions) {
    expectFields("Trainer", options, TRAINER_FIELDS);
    expectFields("Trainer's args", options.args, ARGUMENT_FIELDS);
    const { args, model, evaluation, ranks } = options;
    if (ranks && options.exchange)
      throw new UserError("Trainer: ranks exchange gradients themselves; leave out exchange.");
    this.options = options;
    this.examples = exampleSet(options.train);
    this.loader = new DataLoader(this.examples.lengths, {
      batchSize: args.perDeviceTrainBatchSize,
      seed: args.seed,
      bucketByLength: args.groupByLength,
      padToMultipleOf: args.padToMultipleOf,
    });
    this.totalSteps = totalSteps(this.updateArgs, this.loader.batchesPerEpoch);
    checkSchedule(this.schedule);
    needLabels(this.examples, "training", options);
    const evaluates = evaluation !== undefined && evaluation.length > 0;
    if (evaluates) needLabels(exampleSet(evaluation), "evaluation", options);
    checkBestModel(args, { evaluates, saves: options.store !== undefined });
    const { store } = options;
    this.shards = ranks && new Shards(model.trained, ranks);
    [this.optimizer, this.updates] = model.device.pool.attempt(() => this.takeMemory());
    if (ranks && ranks.rank > 0 && store) this.saver = new Follower(this.optimizer, ranks);
    else if (store) {
      const best = (names: readonly string[]): string | undefined =>
        args.loadBestModelAtEnd ? bestCheckpoint(names, this.logHistory, args) : undefined;
      this.saver = new Saver(model, this.optimizer, { ...options, store, saveTotalLimit: args.saveTotalLimit, best });
    }
    model.transformer.dropoutSeed = args.seed;
    model.transformer.gradientCheckpointing = args.gradientCheckpointing ?? false;
  }

  private takeMemory(): [AdamW, UpdatesInFlight] {
    const { args, model, exchange, precision, onSkip } = this.options;
    const { shards } = this;
    const optimizer = new AdamW(model.trained, {
      betas: [args.adamBeta1, args.adamBeta2],
      eps: args.adamEpsilon,
      weightDecay: args.weightDecay,
      form: args.optim,
      decay: args.optim === "hf_adamw_2020" ? decayAllButBiases : decayMatrices,
      ...(shards && { shards }),
    });
    const { lossReduction, maxGradNorm, maxSkippedUpdates, logitsChunk } = args;
    const step = { lossReduction, maxGradNorm, maxSkippedUpdates, logitsChunk, exchange, precision };
    return [optimizer, new UpdatesInFlight(model, optimizer, { ...step, onSkip, shards })];
  }

  /**
   * Goes on from a checkpoint-<step> folder, whose weights the model has; `own` where it is one of the store's, and
   * need not be written again. Throws UserError when it is not one, OtherRunError when it is another run's.
   */
  async resume(folder: Folder, { own = false }: { readonly own?: boolean } = {}): Promise<TrainerState> {
    const { ranks } = this.options;
    if (ranks) await expectSameRun(ranks, await this.fingerprint());
    const state = await resume(folder, this.optimizer, await this.fingerprint(), this.shape);
    this.step = state.step;
    this.logHistory = [...state.logHistory];
    this.options.model.transformer.dropoutStep = state.dropoutStep;
    this.updates.restore(state);
    this.ended = this.isLast();
    if (own) this.saver?.resumedFrom(state.step);
    return state;
  }

  /** Name of the newest checkpoint that this run wrote, or of the store's own that it went on from. */
  get newestCheckpoint(): string | undefined {
    return this.saver?.newest;
  }

  /** Whether the last update was made and the model is in the run's folder: nothing is left to do. */
  async isComplete(): Promise<boolean> {
    if (!this.ended) return false;
    return this.saver === undefined || (await this.saver.hasModel(await this.stateText()));
  }

  /** The step whose weights are the final model's: with loadBestModelAtEnd the best checkpoint's, else the last. */
  async finalStep(): Promise<number> {
    const best = this.options.args.loadBestModelAtEnd ? await this.saver?.bestStep() : undefined;
    return best ?? this.step;
  }

  /**
   * Runs to the last update, saves the model and returns the log, and the step whose weights the model has then (with
   * ranks, that of rank 0). When `signal` aborts, the update in work is finished, a checkpoint saved (if there was an
   * update) and the run returns with `finished: false`. Losses, norms and weights are finite in all that is saved.
   * Throws UserError when they are not, or when too many updates in a row had gradients that are not.
   */
  async train(
    signal?: AbortSignal,
  ): Promise<{ finished: boolean; logHistory: readonly LogEntry[]; finalStep: number }> {
    const { model, ranks } = this.options;
    const { transformer, trained } = model;
    if (ranks) await expectSame(ranks, await this.fingerprint(), model);
    transformer.training = true;
    trained.zeroGrad();
    try {
      await this.makeUpdates(signal);
      const finalStep = await this.saveLast(this.ended);
      return { finished: this.ended, logHistory: this.logHistory, finalStep };
    } catch (error) {
      if (error instanceof DivergedError) throw diverged(error.message, this.saver?.newest);
      if (error instanceof NotFiniteError)
        throw diverged(`After step ${this.step} ${error.message}`, this.saver?.newest);
      throw error;
    } finally {
      transformer.training = false;
    }
  }

  /** Seconds of train() in which the GPU had nothing to do because the next batch was not made yet. */
  get dataWait(): number {
    return this.feed?.waited ?? 0;
  }

  /** Frees the optimizer's memory; the model stays. */
  destroy(): void {
    this.optimizer.destroy();
    this.updates.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /** Mean loss over every counted token of `set`, and its exponential. */
  evaluate(set: Examples): Promise<Evaluation> {
    const { args, model, padId, ranks } = this.options;
    const { perDeviceEvalBatchSize: batchSize, lossOn, logitsChunk } = args;
    return evaluateLoss(model, set, { batchSize, padId, lossOn, logitsChunk, ranks });
  }

  /** What decides which model comes out of this run. */
  fingerprint(): Promise<Fingerprint> {
    const { args, model, settings = {}, precision: { name } = FLOAT32 } = this.options;
    const { config } = model;
    const { worldSize, examples } = this;
    return (this.identity ??= fingerprintOf({ args, config, examples, precision: name, worldSize, settings }));
  }

  /** How many ranks' micro-batches an update takes, whoever makes them. */
  get worldSize(): number {
    const { worldSize, ranks } = this.options;
    return worldSize ?? ranks?.size ?? 1;
  }

  /** The arguments as one process would have them. */
  private get updateArgs(): TrainingArguments {
    const { args } = this.options;
    return { ...args, gradientAccumulationSteps: args.gradientAccumulationSteps * this.worldSize };
  }

  private get shape(): RunShape {
    const { args } = this.options;
    const { batchesPerEpoch } = this.loader;
    const { updateArgs } = this;
    const after = (step: number): Position => positionAfter(step, updateArgs, batchesPerEpoch);
    return { args, totalSteps: this.totalSteps, batchesPerEpoch, positionAfter: after };
  }

  private position(): Position {
    return this.shape.positionAfter(this.step);
  }

  private epoch(): number {
    return epochOf(this.position(), this.loader);
  }

  private get schedule(): LrSchedule {
    const { lrSchedulerType: schedule, lrSchedulerKwargs, learningRate, warmupSteps } = this.options.args;
    return { ...lrSchedulerKwargs, schedule, learningRate, warmupSteps, totalSteps: this.totalSteps };
  }

  private learningRate(): number {
    return learningRateAt(this.schedule, this.step);
  }

  private batchFeed(): BatchFeed {
    const { args, model, varied, padId, ranks } = this.options;
    const exampleOf = varied ?? ((index: number): EncodedExample => this.examples.at(index));
    const batches = updateBatches(this.loader, exampleOf, {
      ...args,
      microBatchesAnUpdate: this.updateArgs.gradientAccumulationSteps,
      rank: ranks,
      padId,
      maxLength: model.config.nPositions,
      start: this.position(),
    });
    return new BatchFeed(batches, () => this.updates.isIdle);
  }

  private async makeUpdates(signal?: AbortSignal): Promise<void> {
    const { args, sampleSteps = 0 } = this.options;
    const feed = this.batchFeed();
    this.feed = feed;
    while (this.step < this.totalSteps && !this.ended && !(await this.isStopped(signal))) {
      const learningRate = this.learningRate();
      await this.send(await feed.take(), learningRate);
      if (this.step < this.totalSteps) await feed.prepare();
      await this.updates.keepUp();
      const last = this.step === this.totalSteps;
      const evaluates = last || (args.evalSteps > 0 && this.step % args.evalSteps === 0);
      if (last || this.step % args.loggingSteps === 0) await this.logLoss(learningRate);
      const progress = this.progress(learningRate);
      this.options.onStep?.(progress);
      if (evaluates) await this.logEvaluation(progress);
      this.ended = evaluates && this.isLast();
      const samples = sampleSteps > 0 && (this.ended || this.step % sampleSteps === 0);
      if (samples) await this.sample(progress);
      if (!this.ended && args.saveSteps > 0 && this.step % args.saveSteps === 0) await this.saveCheckpoint();
    }
    await this.updates.settle();
  }

  private isLast(): boolean {
    return this.step === this.totalSteps || stopsEarly(this.logHistory, this.options.args);
  }

  /** Ranks stop after the same update: when one is told to. */
  private async isStopped(signal: AbortSignal | undefined): Promise<boolean> {
    const stopped = signal?.aborted === true;
    const { ranks } = this.options;
    return ranks ? ranks.agree(stopped, (all) => all.includes(true)) : stopped;
  }

  private async send(microBatches: readonly MicroBatch[], learningRate: number): Promise<void> {
    await this.updates.send(this.step + 1, microBatches, learningRate);
    this.step++;
    const { epoch, batch } = this.position();
    this.options.model.transformer.dropoutStep = epoch * this.loader.batchesPerEpoch + batch;
    const mine = microBatches.reduce((sum, { inputIds }) => sum + inputIds.length * inputIds[0].length, 0);
    this.positions += mine * (this.options.ranks?.size ?? 1); // batches are alike enough to tell a speed
  }

  private progress(learningRate: number): Progress {
    return {
      step: this.step,
      totalSteps: this.totalSteps,
      epoch: this.epoch(),
      learningRate,
      loss: this.lastLoss,
      positions: this.positions,
    };
  }

  private async logLoss(learningRate: number): Promise<void> {
    const measured = await this.updates.measured();
    this.lastLoss = measured.loss ?? this.lastLoss;
    if (Object.keys(measured).length === 0) return; // no update was made, and onSkip has said why
    this.needFinite("training loss", measured.loss);
    this.log({ ...measured, learning_rate: learningRate, epoch: this.epoch(), step: this.step });
  }

  private async sample(progress: Progress): Promise<void> {
    const { transformer } = this.options.model;
    transformer.training = false;
    try {
      await this.options.onSample?.(progress);
    } finally {
      transformer.training = true;
    }
  }

  private async logEvaluation(progress: Progress): Promise<void> {
    const { evaluation, onEvaluation } = this.options;
    if (!evaluation || evaluation.length === 0) return;
    const evaluated = await this.evaluate(evaluation);
    const { loss, perplexity } = evaluated;
    this.needFinite("evaluation loss", loss);
    const eval_perplexity = Math.min(perplexity, Number.MAX_VALUE);
    this.log({ eval_loss: loss, eval_perplexity, epoch: this.epoch(), step: this.step });
    onEvaluation?.(evaluated, progress);
  }

  private log(entry: LogEntry): void {
    this.logHistory.push(entry);
    this.options.onLog?.(entry);
  }

  private needFinite(what: string, value = 0): void {
    if (!Number.isFinite(value)) throw new DivergedError(`The ${what} is ${value} at step ${this.step}`);
  }

  /** False where it could not be written, which onSaveFailed has heard of. */
  private async saveCheckpoint(): Promise<boolean> {
    if (!this.saver) return true;
    await this.updates.settle();
    await this.updates.gatherState();
    this.needFinite("training loss", this.updates.state().pending.loss);
    return this.saver.saveCheckpoint(this.step, await this.stateText());
  }

  /** What there is no later save for. Before the first update there is nothing to go on from but the beginning. */
  private async saveLast(finished: boolean): Promise<number> {
    if (this.step === 0) return 0;
    const saved = await this.saveCheckpoint();
    const { newest } = this.saver ?? {};
    const left = newest === undefined ? "nothing was saved before" : `${newest} is what is saved`;
    if (!finished && !saved)
      throw new UserError(`The run stopped at step ${this.step}, which could not be saved; ${left}.`);
    if (!finished || !this.saver) return this.step;
    const finalStep = await this.finalStep();
    if (finalStep !== this.step) await this.saver.load(finalStep);
    if (await this.isComplete()) return finalStep;
    await this.saver.saveModel(await this.stateText()).catch((error: Error) => {
      if (!(error instanceof UserError)) throw error;
      throw new (error.constructor as typeof UserError)(
        `The trained model could not be saved: ${error.message} Of the run ${left}: when that is mended, go on ` +
          "from it.",
        { cause: error },
      );
    });
    return finalStep;
  }

  private async stateText(): Promise<string> {
    const state: TrainerState = {
      step: this.step,
      dropoutStep: this.options.model.transformer.dropoutStep,
      optimizerStep: this.optimizer.stepCount,
      ...this.updates.state(),
      logHistory: this.logHistory,
    };
    return stateText(state, await this.fingerprint(), this.shape);
  }
}
