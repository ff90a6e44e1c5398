// Updates that were sent to the GPU and what becomes of them. The GPU is never waited for but to log and to save, and
// to stay at most two updates behind what has been sent; what it has done is measured, and where it skipped too many
// updates in a row the run ends.
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import { notFinite, offendingParameter } from "./divergence.ts";
import { LossMeter } from "./loss-meter.ts";
import type { AdamW } from "./optimizer.ts";
import { TrainingStep } from "./step.ts";
import type { MicroBatch, SentStep, TrainingStepOptions } from "./step.ts";
import type { TrainerState } from "./trainer-state.ts";

export interface UpdatesInFlightOptions extends TrainingStepOptions {
  /** An update that changed nothing, and why, as a clause. */
  readonly onSkip?: (step: number, reason: string) => void;
}

/** An update on its way, and what is needed to look at it again. */
interface InFlight extends SentStep {
  readonly step: number;
  readonly microBatches: readonly MicroBatch[];
  readonly dropoutStep: number;
}

const MOST_IN_FLIGHT = 2;

export class UpdatesInFlight {
  private readonly model: GPT2LMHeadModel;
  private readonly update: TrainingStep;
  private readonly options: UpdatesInFlightOptions;
  private readonly meter = new LossMeter();
  private readonly inFlight: InFlight[] = [];
  private skippedInARow = 0;

  /** The caller disposes of it, and of model and optimizer, which it only uses. */
  constructor(model: GPT2LMHeadModel, optimizer: AdamW, options: UpdatesInFlightOptions) {
    this.model = model;
    const { onSkip: _, ...stepOptions } = options; // it refuses what it does not read
    this.update = new TrainingStep(model, optimizer, stepOptions);
    this.options = options;
  }

  /** Sends update number `step`. Throws as TrainingStep.run() does, having sent nothing. */
  async send(step: number, microBatches: readonly MicroBatch[], learningRate: number): Promise<void> {
    const { dropoutStep } = this.model.transformer;
    const sent = await this.update.run(microBatches, learningRate);
    sent.result.catch(() => {}); // whoever awaits it later hears of a failure
    this.inFlight.push({ ...sent, step, microBatches, dropoutStep });
    if (sent.counts.microBatches === 0) this.options.onSkip?.(step, "its batches hold no label, nothing to learn");
  }

  /** Waits for the third update before the last one. Throws as settle() does. */
  keepUp(): Promise<void> {
    return this.settle(MOST_IN_FLIGHT);
  }

  /** Waits until at most `left` updates are on their way. Throws DivergedError when too many in a row were skipped. */
  async settle(left = 0): Promise<void> {
    const { maxSkippedUpdates = 0, onSkip } = this.options;
    while (this.inFlight.length > left) {
      const { step, microBatches, dropoutStep, result } = this.inFlight.shift()!;
      const done = await result;
      this.meter.add(done);
      if (done.gradNorm !== undefined) this.skippedInARow = done.skippedInARow;
      if (done.skippedInARow === 0) continue;
      if (maxSkippedUpdates > 0 && done.skippedInARow >= maxSkippedUpdates) {
        const parameter = await offendingParameter(this.model, this.update, microBatches, dropoutStep);
        throw notFinite(step, done.skippedInARow, parameter);
      }
      onSkip?.(step, "its gradients are not finite");
    }
    this.model.device.throwIfFailed();
  }

  /** What a log entry says of all updates since the last one: see LossMeter.take. Waits for them. */
  async measured(): Promise<ReturnType<LossMeter["take"]>> {
    await this.settle();
    return this.meter.take();
  }

  /** What a checkpoint keeps, after settle(). */
  state(): Pick<TrainerState, "skippedInARow" | "pending"> {
    return { skippedInARow: this.skippedInARow, pending: this.meter.state() };
  }

  restore({ skippedInARow, pending }: Pick<TrainerState, "skippedInARow" | "pending">): void {
    this.skippedInARow = skippedInARow;
    this.meter.restore(pending);
  }

  /** Gives its memory back, once. */
  destroy(): void {
    this.update.destroy();
  }
}
