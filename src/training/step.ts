// One update of the model, as mathematics has it. With L the sum of the losses of all labels in all micro-batches (and
// in those of other processes) and n their number:
//
//   forward, backward   L and dL/dw, added up micro-batch by micro-batch
//   exchange            both, and n, added up over processes
//   normalise           g = dL/dw / n, once, on the way into the norm
//   update              clip g to a norm, AdamW
//
// So every label weighs the same, whatever the lengths of the micro-batches (Hugging Face's Trainer since transformers
// 4.46; before, and in the 2020 script, an update was the mean of the micro-batches' means, which "mean_of_means" is).
import { countLabels } from "../examples/collate.ts";
import type { Batch } from "../examples/collate.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { StagedRead } from "../gpu/staging.ts";
import { Scope } from "../gpu/scope.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum } from "../kernels/column-sum.ts";
import type { Counts, Exchange } from "./exchange.ts";
import type { AdamW } from "./optimizer.ts";
import { FLOAT32 } from "./precision.ts";
import type { Precision } from "./precision.ts";

export const LOSS_REDUCTIONS = ["token_mean", "mean_of_means"] as const;
/** token_mean: every label of an update weighs the same. mean_of_means: every micro-batch does, as in 2020. */
export type LossReduction = (typeof LOSS_REDUCTIONS)[number];

/** Rows of one length, each [B][T]; labels unshifted, -100 where none is. */
export interface MicroBatch {
  readonly inputIds: readonly (readonly number[])[];
  readonly attentionMask?: readonly (readonly number[])[];
  readonly tokenTypeIds?: readonly (readonly number[])[];
  /** Of rows that hold several examples, see forward(). */
  readonly segmentIds?: readonly (readonly number[])[];
  readonly labels: readonly (readonly number[])[];
  /** Which dropout it draws (GPT2Model.dropoutStep); default: the one after the last. */
  readonly dropoutStep?: number;
}

export interface TrainingStepOptions {
  readonly lossReduction?: LossReduction;
  /** Default 0: no clipping. */
  readonly maxGradNorm?: number;
  /** Updates in a row with gradients that are not finite after which no more is made; default 0: no such end. */
  readonly maxSkippedUpdates?: number;
  /** Rows of logits at a time, see forward(); default: all. */
  readonly logitsChunk?: number;
  readonly exchange?: Exchange;
  readonly precision?: Precision;
}

const OPTIONS: FieldsOf<TrainingStepOptions> = {
  lossReduction: true,
  maxGradNorm: true,
  maxSkippedUpdates: true,
  logitsChunk: true,
  exchange: true,
  precision: true,
};

/** Those of collate()'s batches. */
const MICRO_BATCH_FIELDS: FieldsOf<MicroBatch & Batch> = {
  inputIds: true,
  attentionMask: true,
  tokenTypeIds: true,
  segmentIds: true,
  labels: true,
  dropoutStep: true,
  types: true,
};

/** What became of an update, once the GPU has done it. */
export interface StepResult {
  /** Sum of this process's losses (of their means under mean_of_means), and of how many. */
  readonly loss: number;
  readonly count: number;
  /** Norm of the normalised gradients before clipping; undefined where nothing was counted, and so no update made. */
  readonly gradNorm: number | undefined;
  /** So many updates in a row, up to this one, were skipped because their gradients were not finite. */
  readonly skippedInARow: number;
  /** In mixed precision: what the loss is scaled by after this update. */
  readonly lossScale?: number;
  /** This one was skipped, and none of those in a row: the loss scale was perhaps too large, and is halved. */
  readonly overflowed?: boolean;
}

/** An update that was sent to the GPU. */
export interface SentStep {
  /** Over all processes. */
  readonly counts: Counts;
  /** Waits for the GPU. */
  readonly result: Promise<StepResult>;
}

export class TrainingStep {
  private readonly model: GPT2LMHeadModel;
  private readonly optimizer: AdamW;
  private readonly options: TrainingStepOptions;
  private readonly lossReduction: LossReduction;
  private readonly precision: Precision;
  /** [1], losses of the update in work. */
  private readonly lossSum: Tensor;
  private readonly scope: Scope;

  /** The caller disposes of the step, and of model and optimizer, which it only uses. */
  constructor(model: GPT2LMHeadModel, optimizer: AdamW, options: TrainingStepOptions = {}) {
    expectFields("TrainingStep", options, OPTIONS);
    this.model = model;
    this.optimizer = optimizer;
    this.options = options;
    this.lossReduction = options.lossReduction ?? "token_mean";
    this.precision = options.precision ?? FLOAT32;
    if (this.precision.dynamic?.scaling.buffer !== optimizer.lossScale?.scaling.buffer)
      throw new Error("TrainingStep: the loss and the optimizer go by different scales; give AdamW precision.dynamic.");
    this.scope = new Scope(model.device.pool, "The training step");
    this.lossSum = this.scope.acquire([1]);
  }

  /**
   * One update from these micro-batches, recorded and sent; gradients must be zero before and are zero after. Where no
   * micro-batch of any process has a label no update is made. Throws UserError for ids or labels the model cannot take.
   */
  async run(microBatches: readonly MicroBatch[], learningRate: number): Promise<SentStep> {
    for (const microBatch of microBatches) expectFields("TrainingStep.run()", microBatch, MICRO_BATCH_FIELDS);
    const { maxGradNorm, maxSkippedUpdates } = this.options;
    const { own, counts } = await this.sum(microBatches);
    const count = this.divisor(counts);
    if (count > 0) {
      const settings = {
        gradientScale: 1 / (count * this.precision.lossScale),
        maxGradNorm,
        maxSkipped: maxSkippedUpdates,
      };
      if (this.optimizer.isShared) await this.optimizer.stepTogether(learningRate, settings);
      else this.optimizer.step(learningRate, settings);
    }
    const staged = count > 0 ? this.stageResult() : undefined;
    this.optimizer.zeroGrad();
    this.model.device.batch.submit();
    return { counts, result: this.readResult(staged, this.divisor(own)) };
  }

  /**
   * The gradients of the summed loss, over all processes, in the parameters' grad; they must be zero before. Returns
   * what this process and what all of them counted.
   */
  async sum(microBatches: readonly MicroBatch[]): Promise<{ readonly own: Counts; readonly counts: Counts }> {
    const own = this.forwardBackward(microBatches);
    const gradients = this.model.trained.trainableChunks.map(({ grads }) => grads);
    const counts = (await this.options.exchange?.(gradients, own)) ?? own;
    return { own, counts };
  }

  /** Gives its memory back, once; model and optimizer stay. */
  destroy(): void {
    this.scope.end("it was destroyed");
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  private forwardBackward(microBatches: readonly MicroBatch[]): Counts {
    this.scope.expectOpen();
    const { batch } = this.model.device;
    let labels = 0;
    let used = 0;
    for (const { dropoutStep, ...microBatch } of microBatches) {
      const counted = countLabels(microBatch.labels);
      if (counted === 0) continue;
      if (dropoutStep !== undefined) this.model.transformer.dropoutStep = dropoutStep;
      const output = this.model.forward({
        ...microBatch,
        grad: true,
        keepLogits: false,
        logitsChunk: this.options.logitsChunk,
        lossReduction: this.lossReduction === "token_mean" ? "sum" : "mean",
        lossScale: this.precision.lossScale,
        ...(this.precision.dynamic && { mixed: this.precision.dynamic }),
      });
      try {
        const loss = output.loss!;
        columnSum(batch, {
          x: { ...loss.tensor, shape: [1, 1] },
          out: this.lossSum,
          scale: 1 / this.precision.lossScale,
          accumulate: used > 0,
        });
        loss.backward();
      } finally {
        output.dispose();
      }
      labels += counted;
      used++;
    }
    if (used === 0) batch.clear(this.lossSum);
    return { labels, microBatches: used };
  }

  private divisor({ labels, microBatches }: Counts): number {
    return this.lossReduction === "token_mean" ? labels : microBatches;
  }

  /** Loss, norm, coefficient, skips: 16 bytes copied for read-back, in order with the update; and the loss scale. */
  private stageResult(): StagedRead {
    const { scaling } = this.precision.dynamic ?? {};
    const staged = this.model.device.staging.open(scaling ? 20 : 16);
    for (const tensor of [this.lossSum, this.optimizer.gradNorm, this.optimizer.skipped]) staged.add(tensor);
    if (scaling) staged.add({ ...scaling, shape: [1] });
    return staged;
  }

  private async readResult(staged: StagedRead | undefined, count: number): Promise<StepResult> {
    if (!staged) return { loss: 0, count: 0, gradNorm: undefined, skippedInARow: 0 };
    const bytes = await staged.read();
    const [loss, gradNorm, , , lossScale] = new Float32Array(bytes);
    const done = { loss, count, gradNorm, skippedInARow: new Uint32Array(bytes)[3] };
    if (!this.precision.dynamic) return done;
    // It was above 1 before it was halved: see lib/loss_scale_dynamic.wgsl.
    return { ...done, lossScale, overflowed: !Number.isFinite(gradNorm) && lossScale >= 1 };
  }
}
