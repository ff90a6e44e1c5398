// What the last updates looked like, for who watches a run: known as soon as they are done, without waiting for any.
import type { StepResult } from "./step.ts";

/** How much of an update's weight the next one leaves it: the last 20 or so count. */
const DECAY = 0.95;

export class RecentUpdates {
  private loss = 0;
  private count = 0;
  private norm: number | undefined;

  /** A skipped update leaves nothing: its loss is seldom a number. */
  add({ loss, count, gradNorm, skippedInARow, overflowed }: StepResult): void {
    if (skippedInARow > 0 || overflowed) return;
    this.loss = DECAY * this.loss + loss;
    this.count = DECAY * this.count + count;
    this.norm = gradNorm ?? this.norm;
  }

  /** Exponentially weighted mean, every label of an update with the same weight; undefined before the first is done. */
  get smoothedLoss(): number | undefined {
    return this.count > 0 ? this.loss / this.count : undefined;
  }

  /** Norm of the last one's gradients before clipping. */
  get gradNorm(): number | undefined {
    return this.norm;
  }
}
