// Updates that were sent to the GPU and what becomes of them. The GPU is never waited for but to log and to save, and
// to stay at most two updates behind what has been sent; what it has done is measured, and where it skipped too many
// updates in a row the run ends.
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import { notFinite, offendingParameter } from "./divergence.ts";
import { LossMeter } from "./loss-meter.ts";
import type { AdamW } from "./optimizer.ts";
import { RecentUpdates } from "./recent-updates.ts";
import type { Shards } from "./shards.ts";
import { TrainingStep } from "./step.ts";
import type { MicroBatch, SentStep, TrainingStepOptions } from "./step.ts";
import { ALONE } from "./ranks.ts";
import type { Pending, TrainerState } from "./trainer-state.ts";

export interface UpdatesInFlightOptions extends TrainingStepOptions {
  /** An update that changed nothing, and why, as a clause. */
  readonly onSkip?: (step: number, reason: string) => void;
  /** Of all ranks that make them together. */
  readonly shards?: Shards;
}

/** An update on its way, and what is needed to look at it again. */
interface InFlight extends SentStep {
  readonly step: number;
  readonly microBatches: readonly MicroBatch[];
  readonly dropoutStep: number;
}

type UpdatesState = Pick<TrainerState, "skippedUpdates" | "skippedInARow" | "pending">;

const MOST_IN_FLIGHT = 2;

export class UpdatesInFlight {
  /** Of those that are done; where ranks train together, losses of this one's share. */
  readonly recent = new RecentUpdates();
  private readonly model: GPT2LMHeadModel;
  private readonly update: TrainingStep;
  private readonly options: UpdatesInFlightOptions;
  private readonly meter = new LossMeter();
  private readonly inFlight: InFlight[] = [];
  /** Sent, and not yet heard to be done. */
  private unfinished = 0;
  private skippedUpdates = 0;
  private skippedInARow = 0;

  /** The caller disposes of it, and of model and optimizer, which it only uses. */
  constructor(model: GPT2LMHeadModel, optimizer: AdamW, options: UpdatesInFlightOptions) {
    this.model = model;
    const { onSkip: _, shards, ...stepOptions } = options; // it refuses what it does not read
    this.update = new TrainingStep(model, optimizer, { ...stepOptions, ...(shards && { exchange: shards.exchange }) });
    this.options = options;
  }

  /** Sends update number `step`. Throws as TrainingStep.run() does, having sent nothing. */
  async send(step: number, microBatches: readonly MicroBatch[], learningRate: number): Promise<void> {
    const { dropoutStep } = this.model.transformer;
    const sent = await this.update.run(microBatches, learningRate);
    this.unfinished++;
    const heard = (): void => void this.unfinished--;
    sent.result.then(heard, heard); // whoever awaits it later hears of a failure
    this.inFlight.push({ ...sent, step, microBatches, dropoutStep });
    if (sent.counts.microBatches === 0) this.options.onSkip?.(step, "its batches hold no label, nothing to learn");
  }

  /** Whether all that was sent is known to be done. */
  get isIdle(): boolean {
    return this.unfinished === 0;
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
      this.recent.add(done);
      if (done.gradNorm !== undefined) this.skippedInARow = done.skippedInARow;
      if (done.overflowed) {
        this.skippedUpdates++;
        onSkip?.(step, `its gradients overflowed half precision, and the loss scale is now ${done.lossScale}`);
        continue;
      }
      if (done.skippedInARow === 0) continue;
      this.skippedUpdates++;
      if (maxSkippedUpdates > 0 && done.skippedInARow >= maxSkippedUpdates) {
        const again = { step: this.update, microBatches, dropoutStep, shards: this.options.shards };
        const parameter = await offendingParameter(this.model, again);
        throw notFinite(step, done.skippedInARow, parameter);
      }
      onSkip?.(step, "its gradients are not finite");
    }
    this.model.device.throwIfFailed();
  }

  /** What a log entry says of all updates since the last one, on all ranks: see LossMeter.take. Waits for them. */
  async measured(): Promise<ReturnType<LossMeter["take"]>> {
    await this.settle();
    this.meter.restore(await this.ofAllRanks());
    return this.meter.take();
  }

  /** Gives rank 0 what all have summed, for its state(), after settle(). */
  async gatherState(): Promise<void> {
    this.restore({ ...this.state(), pending: await this.ofAllRanks() });
  }

  /** What a checkpoint keeps, after settle(); where ranks train together, rank 0's after gatherState(). */
  state(): UpdatesState {
    const { skippedUpdates, skippedInARow } = this;
    return { skippedUpdates, skippedInARow, pending: this.meter.state() };
  }

  /** Where ranks train together, all with the same. */
  restore({ skippedUpdates, skippedInARow, pending }: UpdatesState): void {
    const { rank } = this.options.shards?.ranks ?? ALONE;
    this.skippedUpdates = skippedUpdates;
    this.skippedInARow = skippedInARow;
    this.meter.restore(rank === 0 ? pending : { ...pending, loss: 0, count: 0 }); // they are added up again
  }

  /** Skips and norms are the same on every rank. */
  private async ofAllRanks(): Promise<Pending> {
    const mine = this.meter.state();
    const { ranks } = this.options.shards ?? {};
    if (!ranks) return mine;
    return ranks.agree(mine, (all) => ({
      ...all[0],
      loss: all.reduce((sum, { loss }) => sum + loss, 0),
      count: all.reduce((sum, { count }) => sum + count, 0),
    }));
  }

  /** Gives its memory back, once. */
  destroy(): void {
    this.update.destroy();
  }
}
