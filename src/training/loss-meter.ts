// What is logged of the updates since the last entry: losses are added up and divided once, so that in the log, too,
// every label weighs the same. Updates that were skipped are counted and leave no loss: theirs is seldom a number.
import type { StepResult } from "./step.ts";
import type { Pending } from "./trainer-state.ts";

export class LossMeter {
  private loss = 0;
  private count = 0;
  private skipped = 0;
  private gradNorm: number | null = null;
  private lossScale: number | undefined;

  add({ loss, count, gradNorm, skippedInARow, lossScale, overflowed }: StepResult): void {
    this.lossScale = lossScale ?? this.lossScale;
    if (skippedInARow > 0 || overflowed) {
      this.skipped++;
      return;
    }
    this.loss += loss;
    this.count += count;
    this.gradNorm = gradNorm ?? this.gradNorm;
  }

  /** The entry's fields, loss and grad_norm only when an update was made; then counting starts anew. */
  take(): {
    readonly loss?: number;
    readonly grad_norm?: number;
    readonly skipped_updates?: number;
    readonly loss_scale?: number;
  } {
    const { loss, count, skipped, gradNorm, lossScale } = this;
    this.restore({ loss: 0, count: 0, skipped: 0, gradNorm: null });
    return {
      ...(count > 0 ? { loss: loss / count } : {}),
      ...(gradNorm !== null ? { grad_norm: gradNorm } : {}),
      ...(skipped > 0 ? { skipped_updates: skipped } : {}),
      ...(lossScale !== undefined ? { loss_scale: lossScale } : {}),
    };
  }

  state(): Pending {
    const { loss, count, skipped, gradNorm } = this;
    return { loss, count, skipped, gradNorm };
  }

  restore({ loss, count, skipped, gradNorm }: Pending): void {
    this.loss = loss;
    this.count = count;
    this.skipped = skipped;
    this.gradNorm = gradNorm;
  }
}
