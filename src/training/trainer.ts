// The training loop: updates as they are planned (plan.ts), and every few of them a look at the loss, an evaluation, a
// checkpoint (run-saves.ts). What an update is stands in step.ts, how far the GPU may be behind in
// updates-in-flight.ts.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { DataLoader } from "../examples/data-loader.ts";
import type { Examples } from "../examples/example-set.ts";
import type { Folder } from "../files/folder.ts";
import { ARGUMENT_FIELDS } from "./arguments.ts";
import { BatchFeed } from "./batch-feed.ts";
import { stopsEarly } from "./best-model.ts";
import { NotFiniteError, resume } from "./checkpoint.ts";
import { diverged, DivergedError } from "./divergence.ts";
import { evaluateLoss } from "./evaluate.ts";
import type { Evaluation } from "./evaluate.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { AdamW, decayAllButBiases, decayMatrices } from "./optimizer.ts";
import { MixedPrecision } from "./mixed-precision.ts";
import { Plan } from "./plan.ts";
import { needFinite, RunSaves } from "./run-saves.ts";
import type { Standing } from "./run-saves.ts";
import { expectSame, expectSameRun } from "./same-run.ts";
import { Shards } from "./shards.ts";
import type { MicroBatch } from "./step.ts";
import { UpdatesInFlight } from "./updates-in-flight.ts";
import { TRAINER_FIELDS } from "./trainer-options.ts";
import type { Progress, TrainerOptions } from "./trainer-options.ts";
import type { LogEntry, TrainerState } from "./trainer-state.ts";

export type { Progress, TrainerOptions } from "./trainer-options.ts";

/**
 * Trains a model that was made with `gradients: true`; its memory is the caller's to free, by destroy().
 *
 * @example
 * const train = textBlocks(text, tokenizer, 32, "The text"); // 32 tokens an example
 * const args = { ...DEFAULT_ARGUMENTS, maxSteps: 3, learningRate: 1e-3, loggingSteps: 1 };
 * const onLog = ({ step, loss }) => show(step, loss);
 * const trainer = new Trainer({ model, args, train, padId: tokenizer.padTokenId, onLog });
 * const { finished } = await trainer.train();
 * trainer.destroy();
 */
export class Trainer {
  readonly optimizer: AdamW;
  private readonly options: TrainerOptions;
  private readonly plan: Plan;
  private readonly standing: Standing = { step: 0, ended: false, logHistory: [] };
  private readonly updates: UpdatesInFlight;
  private readonly mixed: MixedPrecision | undefined;
  private readonly saves: RunSaves;
  private positions = 0;
  private lastLoss: number | undefined;
  private feed: BatchFeed | undefined;

  /**
   * Takes the optimizer's memory, until destroy(). Throws UserError, having taken none, when the data make no batch, no
   * update, or hold no label, and for options and arguments that are not known.
   */
  constructor(options: TrainerOptions) {
    expectFields("Trainer", options, TRAINER_FIELDS);
    expectFields("Trainer's args", options.args, ARGUMENT_FIELDS);
    const { args, model, ranks } = options;
    if (ranks && options.exchange)
      throw new UserError("Trainer: ranks exchange gradients themselves; leave out exchange.");
    this.options = options;
    const plan = new Plan(options);
    this.plan = plan;
    const shards = ranks && new Shards(model.trained, ranks);
    const mixed = mixedPrecision(options);
    this.mixed = mixed;
    const [optimizer, updates] = takeOr(
      () => mixed?.destroy(),
      () => model.device.pool.attempt(() => takeMemory(options, shards, mixed)),
    );
    this.optimizer = optimizer;
    this.updates = updates;
    this.saves = new RunSaves({ options, plan, standing: this.standing, optimizer, updates });
    model.transformer.dropoutSeed = args.seed;
    model.transformer.gradientCheckpointing = args.gradientCheckpointing ?? false;
  }

  /** Updates of the whole run. */
  get totalSteps(): number {
    return this.plan.totalSteps;
  }

  get loader(): DataLoader {
    return this.plan.loader;
  }

  /** How many ranks' micro-batches an update takes, whoever makes them. */
  get worldSize(): number {
    return this.plan.worldSize;
  }

  /** What decides which model comes out of this run. */
  fingerprint(): Promise<Fingerprint> {
    return this.plan.fingerprint();
  }

  /**
   * Goes on from a checkpoint-<step> folder, whose weights the model has; `own` where it is one of the store's, and
   * need not be written again. Throws UserError when it is not one, OtherRunError when it is another run's.
   */
  async resume(folder: Folder, { own = false }: { readonly own?: boolean } = {}): Promise<TrainerState> {
    const { model, ranks } = this.options;
    const { standing } = this;
    if (ranks) await expectSameRun(ranks, await this.fingerprint());
    const state = await resume(folder, this.optimizer, await this.fingerprint(), this.plan.shape);
    standing.step = state.step;
    standing.logHistory = [...state.logHistory];
    model.transformer.dropoutStep = state.dropoutStep;
    this.updates.restore(state);
    standing.ended = this.isLast();
    if (own) this.saves.resumedFrom(state.step);
    return state;
  }

  /** Name of the newest checkpoint that this run wrote, or of the store's own that it went on from. */
  get newestCheckpoint(): string | undefined {
    return this.saves.newest;
  }

  /** Whether the last update was made and the model is in the run's folder: nothing is left to do. */
  isComplete(): Promise<boolean> {
    return this.saves.isComplete();
  }

  /** The step whose weights are the final model's: with loadBestModelAtEnd the best checkpoint's, else the last. */
  finalStep(): Promise<number> {
    return this.saves.finalStep();
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
      const finalStep = await this.saves.saveLast();
      return { finished: this.standing.ended, logHistory: this.standing.logHistory, finalStep };
    } catch (error) {
      if (error instanceof DivergedError) throw diverged(error.message, this.saves.newest);
      if (error instanceof NotFiniteError)
        throw diverged(`After step ${this.standing.step} ${error.message}`, this.saves.newest);
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
    this.mixed?.destroy();
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

  private async makeUpdates(signal?: AbortSignal): Promise<void> {
    const { args, sampleSteps = 0 } = this.options;
    const { plan, standing } = this;
    const feed = new BatchFeed(plan.updatesAfter(standing.step), () => this.updates.isIdle);
    this.feed = feed;
    while (standing.step < plan.totalSteps && !standing.ended && !(await this.isStopped(signal))) {
      const learningRate = plan.learningRateAfter(standing.step);
      await this.send(await feed.take(), learningRate);
      const { step } = standing;
      const last = step === plan.totalSteps;
      if (!last) await feed.prepare();
      await this.updates.keepUp();
      const evaluates = last || (args.evalSteps > 0 && step % args.evalSteps === 0);
      if (last || step % args.loggingSteps === 0) await this.logLoss(learningRate);
      const progress = this.progress(learningRate);
      this.options.onStep?.(progress);
      if (evaluates) await this.logEvaluation(progress);
      standing.ended = evaluates && this.isLast();
      const samples = sampleSteps > 0 && (standing.ended || step % sampleSteps === 0);
      if (samples) await this.sample(progress);
      if (!standing.ended && args.saveSteps > 0 && step % args.saveSteps === 0) await this.saves.saveCheckpoint();
    }
    await this.updates.settle();
  }

  private isLast(): boolean {
    const { step, logHistory } = this.standing;
    return step === this.plan.totalSteps || stopsEarly(logHistory, this.options.args);
  }

  /** Ranks stop after the same update: when one is told to. */
  private async isStopped(signal: AbortSignal | undefined): Promise<boolean> {
    const stopped = signal?.aborted === true;
    const { ranks } = this.options;
    return ranks ? ranks.agree(stopped, (all) => all.includes(true)) : stopped;
  }

  private async send(microBatches: readonly MicroBatch[], learningRate: number): Promise<void> {
    const { model, ranks } = this.options;
    await this.updates.send(this.standing.step + 1, microBatches, learningRate);
    this.standing.step++;
    model.transformer.dropoutStep = this.plan.microBatchesAfter(this.standing.step);
    const mine = microBatches.reduce((sum, { inputIds }) => sum + inputIds.length * inputIds[0].length, 0);
    this.positions += mine * (ranks?.size ?? 1); // batches are alike enough to tell a speed
  }

  /** Where a log entry stands. */
  private get place(): { readonly epoch: number; readonly step: number } {
    const { step } = this.standing;
    return { epoch: this.plan.epochAfter(step), step };
  }

  private progress(learningRate: number): Progress {
    const { totalSteps } = this.plan;
    const { smoothedLoss, gradNorm } = this.updates.recent;
    const { lastLoss: loss, positions } = this;
    return { ...this.place, totalSteps, learningRate, loss, smoothedLoss, gradNorm, positions };
  }

  private async logLoss(learningRate: number): Promise<void> {
    const measured = await this.updates.measured();
    this.lastLoss = measured.loss ?? this.lastLoss;
    if (Object.keys(measured).length === 0) return; // no update was made, and onSkip has said why
    needFinite("training loss", measured.loss, this.standing.step);
    this.log({ ...measured, learning_rate: learningRate, ...this.place });
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
    needFinite("evaluation loss", loss, this.standing.step);
    const eval_perplexity = Math.min(perplexity, Number.MAX_VALUE);
    this.log({ eval_loss: loss, eval_perplexity, ...this.place });
    onEvaluation?.(evaluated, progress);
  }

  private log(entry: LogEntry): void {
    this.standing.logHistory.push(entry);
    this.options.onLog?.(entry);
  }
}

function mixedPrecision({ args, model, precision }: TrainerOptions): MixedPrecision | undefined {
  if (precision?.dynamic)
    throw new UserError(
      'Trainer: precision scales the loss on the GPU; leave it out, and set args.precision to "mixed".',
    );
  if (args.precision !== "mixed") return undefined;
  if (precision) throw new UserError("Trainer: args.precision is mixed, and precision says another; leave one out.");
  return new MixedPrecision(model, { initialScale: args.initialLossScale });
}

/** What `take` returns; `undo` is called before its error is thrown on. */
function takeOr<T>(undo: () => void, take: () => T): T {
  try {
    return take();
  } catch (error) {
    undo();
    throw error;
  }
}

function takeMemory(
  options: TrainerOptions,
  shards: Shards | undefined,
  mixed: MixedPrecision | undefined,
): [AdamW, UpdatesInFlight] {
  const { args, model, exchange, precision = mixed, onSkip } = options;
  const optimizer = new AdamW(model.trained, {
    betas: [args.adamBeta1, args.adamBeta2],
    eps: args.adamEpsilon,
    weightDecay: args.weightDecay,
    form: args.optim,
    decay: args.optim === "hf_adamw_2020" ? decayAllButBiases : decayMatrices,
    ...(shards && { shards }),
    ...(mixed && { lossScale: mixed.dynamic }),
  });
  const { lossReduction, maxGradNorm, maxSkippedUpdates, logitsChunk } = args;
  const step = { lossReduction, maxGradNorm, maxSkippedUpdates, logitsChunk, exchange, precision };
  return [optimizer, new UpdatesInFlight(model, optimizer, { ...step, onSkip, shards })];
}
