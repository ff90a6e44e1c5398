// The training loop: micro-batches forward and backward, clip, update, and every few steps a look at the loss. The GPU
// is never waited for but to read that, and to stay at most two updates behind what has been sent.
import { UserError } from "../errors.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { collate } from "../examples/collate.ts";
import type { Batch } from "../examples/collate.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { columnSum } from "../kernels/column-sum.ts";
import { totalSteps } from "./arguments.ts";
import type { TrainingArguments } from "./arguments.ts";
import { checkpointFiles, modelFiles, rotateCheckpoints, STATE_FILE, stateText } from "./checkpoint.ts";
import type { CheckpointStore, LogEntry, TrainerState } from "./checkpoint.ts";
import { DataLoader } from "../examples/data-loader.ts";
import type { Position } from "../examples/data-loader.ts";
import { learningRateAt } from "./lr-schedule.ts";
import { AdamW, decayAllButBiases, decayMatrices } from "./optimizer.ts";

export interface TrainerOptions {
  readonly model: GPT2LMHeadModel;
  readonly args: TrainingArguments;
  readonly train: readonly EncodedExample[];
  readonly evaluation?: readonly EncodedExample[];
  readonly padId: number;
  /** Files saved beside the weights: tokenizer, template. */
  readonly extraFiles?: ReadonlyMap<string, string | Uint8Array>;
  /** Of the final model; checkpoints are F32. Default F32. */
  readonly saveDtype?: "F32" | "F16";
  /** Without a store nothing is saved. */
  readonly store?: CheckpointStore;
  readonly onStep?: (progress: Progress) => void;
  readonly onLog?: (entry: LogEntry) => void;
  readonly onSave?: (name: string) => void;
}

export interface Progress {
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** Mean of the last logging interval; undefined before the first. */
  readonly loss: number | undefined;
  /** Positions processed by this run so far, pads included. */
  readonly positions: number;
}

export interface Evaluation {
  readonly loss: number;
  readonly perplexity: number;
  readonly tokens: number;
}

const UPDATES_IN_FLIGHT = 2;

export class Trainer {
  readonly optimizer: AdamW;
  readonly totalSteps: number;
  readonly loader: DataLoader;
  private readonly options: TrainerOptions;
  private step = 0;
  private position: Position = { epoch: 0, batch: 0 };
  private logHistory: LogEntry[] = [];
  private positions = 0;
  private lastLoss: number | undefined;
  /** [1] on the GPU: losses since the last log entry. */
  private readonly lossSum: Tensor;

  /** Throws UserError when the data make no batch, or no update. */
  constructor(options: TrainerOptions) {
    const { args, model, train } = options;
    this.options = options;
    this.loader = new DataLoader(
      train.map(({ ids }) => ids.length),
      {
        batchSize: args.perDeviceTrainBatchSize,
        seed: args.seed,
        bucketByLength: args.groupByLength,
        padToMultipleOf: args.padToMultipleOf,
      },
    );
    this.totalSteps = totalSteps(args, this.loader.batchesPerEpoch);
    this.optimizer = new AdamW(model.parameters, {
      betas: [args.adamBeta1, args.adamBeta2],
      eps: args.adamEpsilon,
      weightDecay: args.weightDecay,
      form: args.optim,
      decay: args.optim === "hf_adamw_2020" ? decayAllButBiases : decayMatrices,
    });
    model.transformer.dropoutSeed = args.seed;
    this.lossSum = model.device.tensor(new Float32Array(1), [1]);
  }

  /** The state to go on from, as `resume` returns it. */
  restore(state: TrainerState): void {
    this.step = state.step;
    this.position = state.position;
    this.logHistory = [...state.logHistory];
    const { device, transformer } = this.options.model;
    transformer.dropoutStep = state.dropoutStep;
    device.batch.write(this.lossSum, Float32Array.of(state.pendingLoss));
  }

  /**
   * Runs to the last update, saves the model and returns the log. When `signal` aborts, the update in work is finished,
   * a checkpoint saved and the run returns with `finished: false`. Throws UserError when the loss is no longer a
   * number.
   */
  async train(signal?: AbortSignal): Promise<{ finished: boolean; logHistory: readonly LogEntry[] }> {
    const { args, model, train, padId } = this.options;
    const { device, transformer } = model;
    const batches = this.loader.batches(this.position);
    const maxLength = transformer.config.nPositions;
    const inFlight: Promise<unknown>[] = [];
    transformer.training = true;
    this.optimizer.zeroGrad();
    try {
      while (this.step < this.totalSteps && !signal?.aborted) {
        for (let micro = 0; micro < args.gradientAccumulationSteps; micro++) {
          const { indices, next }: { indices: readonly number[]; next: Position } = batches.next().value!;
          this.forwardBackward(
            collate(
              indices.map((index) => train[index]),
              { padId, lossOn: args.lossOn, padToMultipleOf: args.padToMultipleOf, maxLength },
            ),
          );
          this.position = next;
        }
        const learningRate = this.learningRate();
        this.optimizer.step(learningRate, { maxGradNorm: args.maxGradNorm });
        this.optimizer.zeroGrad();
        device.batch.submit();
        this.step++;
        // A lost device rejects these; its reason is what the next submit throws.
        inFlight.push(device.gpu.queue.onSubmittedWorkDone().catch(() => {}));
        if (inFlight.length > UPDATES_IN_FLIGHT) await inFlight.shift();
        if (this.step % args.loggingSteps === 0 || this.step === this.totalSteps) await this.logLoss(learningRate);
        this.options.onStep?.({
          step: this.step,
          totalSteps: this.totalSteps,
          epoch: this.epoch(),
          learningRate,
          loss: this.lastLoss,
          positions: this.positions,
        });
        const last = this.step === this.totalSteps;
        if ((args.evalSteps > 0 && this.step % args.evalSteps === 0) || last) await this.logEvaluation();
        if (args.saveSteps > 0 && this.step % args.saveSteps === 0 && !last) await this.saveCheckpoint();
      }
      await Promise.all(inFlight);
      device.throwIfFailed();
      const finished = this.step === this.totalSteps;
      await this.saveCheckpoint();
      if (finished) await this.saveModel();
      return { finished, logHistory: this.logHistory };
    } finally {
      transformer.training = false;
    }
  }

  /** Frees the optimizer's memory; the model stays. */
  destroy(): void {
    this.optimizer.destroy();
    this.options.model.device.pool.release(this.lossSum);
  }

  /** Mean loss over every counted token of `set`, and its exponential. */
  async evaluate(set: readonly EncodedExample[]): Promise<Evaluation> {
    const { args, model, padId } = this.options;
    const { device, transformer } = model;
    const { training } = transformer;
    transformer.training = false;
    const sum = device.pool.acquire([1]);
    device.batch.clear(sum);
    let tokens = 0;
    const loader = new DataLoader(
      set.map(({ ids }) => ids.length),
      { batchSize: args.perDeviceEvalBatchSize, seed: 0, shuffle: false },
    );
    for (const indices of loader.epoch(0)) {
      const batch = collate(
        indices.map((index) => set[index]),
        { padId, lossOn: args.lossOn },
      );
      const counted = countTargets(batch);
      if (counted === 0) continue;
      const output = model.forward({ ...batch, grad: false, keepLogits: false });
      columnSum(device.batch, {
        x: { ...output.loss!.tensor, shape: [1, 1] },
        out: sum,
        scale: counted,
        accumulate: true,
      });
      output.dispose();
      tokens += counted;
      device.batch.submit();
      await device.gpu.queue.onSubmittedWorkDone();
    }
    const loss = (await device.read(sum))[0] / tokens;
    device.pool.release(sum);
    transformer.training = training;
    return { loss, perplexity: Math.exp(loss), tokens };
  }

  private forwardBackward(batch: Batch): void {
    const { args, model } = this.options;
    this.positions += batch.inputIds.length * batch.inputIds[0].length;
    const output = model.forward({
      ...batch,
      grad: true,
      keepLogits: false,
      lossScale: 1 / args.gradientAccumulationSteps,
    });
    const loss = output.loss!;
    columnSum(model.device.batch, { x: { ...loss.tensor, shape: [1, 1] }, out: this.lossSum, accumulate: true });
    loss.backward();
    output.dispose();
  }

  private learningRate(): number {
    const { args } = this.options;
    return learningRateAt(
      {
        schedule: args.lrSchedulerType,
        learningRate: args.learningRate,
        warmupSteps: args.warmupSteps,
        totalSteps: this.totalSteps,
      },
      this.step,
    );
  }

  private epoch(): number {
    return this.position.epoch + this.position.batch / this.loader.batchesPerEpoch;
  }

  private async logLoss(learningRate: number): Promise<void> {
    const { device } = this.options.model;
    const since = this.step - (this.logHistory.findLast((entry) => "loss" in entry)?.step ?? 0);
    const [[sum], [norm]] = await Promise.all([device.read(this.lossSum), device.read(this.optimizer.gradNorm)]);
    device.batch.clear(this.lossSum);
    this.lastLoss = sum / since;
    if (!Number.isFinite(sum) || !Number.isFinite(norm)) {
      throw new UserError(
        `The loss is ${this.lastLoss} and the gradient norm ${norm} at step ${this.step}: the run has diverged, nothing was saved since the last checkpoint; lower --learning_rate, or set --max_grad_norm.`,
      );
    }
    this.log({
      loss: this.lastLoss,
      grad_norm: norm,
      learning_rate: learningRate,
      epoch: this.epoch(),
      step: this.step,
    });
  }

  private async logEvaluation(): Promise<void> {
    const { evaluation } = this.options;
    if (!evaluation || evaluation.length === 0) return;
    const { loss, perplexity } = await this.evaluate(evaluation);
    this.log({ eval_loss: loss, eval_perplexity: perplexity, epoch: this.epoch(), step: this.step });
  }

  private log(entry: LogEntry): void {
    this.logHistory.push(entry);
    this.options.onLog?.(entry);
  }

  private async saveCheckpoint(): Promise<void> {
    const { store, model, args, extraFiles = new Map() } = this.options;
    if (!store) return;
    const name = `checkpoint-${this.step}`;
    const files = checkpointFiles(model, extraFiles, this.optimizer, await this.state(), args, this.totalSteps);
    await (await store.open(name)).write(files);
    await rotateCheckpoints(store, args.saveTotalLimit);
    this.options.onSave?.(name);
  }

  private async saveModel(): Promise<void> {
    const { store, model, args, saveDtype, extraFiles = new Map() } = this.options;
    if (!store) return;
    const files = modelFiles(model, extraFiles, saveDtype);
    files.set(STATE_FILE, stateText(await this.state(), args, this.totalSteps, this.optimizer.stepCount));
    await (await store.open("")).write(files);
    this.options.onSave?.("");
  }

  private async state(): Promise<TrainerState> {
    const { device, transformer } = this.options.model;
    const [pendingLoss] = await device.read(this.lossSum);
    return {
      step: this.step,
      pendingLoss,
      position: this.position,
      dropoutStep: transformer.dropoutStep,
      logHistory: this.logHistory,
    };
  }
}

/** Labels that the shifted loss counts: the first of a row has nothing before it to be predicted from. */
function countTargets(batch: Batch): number {
  return batch.labels.reduce((sum, row) => sum + row.slice(1).filter((label) => label >= 0).length, 0);
}
