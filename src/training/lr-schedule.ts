// The learning rate of each update, as Hugging Face's schedulers give it (optimization.py:
// get_linear_schedule_with_warmup, get_cosine_schedule_with_warmup, get_constant_schedule_with_warmup). A pure function
// of the update's number, so that resuming needs no scheduler state.

export const SCHEDULES = ["linear", "cosine", "constant"] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

export interface LrSchedule {
  readonly schedule: ScheduleName;
  /** The peak, reached when the warm-up ends. */
  readonly learningRate: number;
  /**
   * Updates over which the rate climbs from 0: update k < warmupSteps uses learningRate * k / warmupSteps, so the first
   * uses 0.
   */
  readonly warmupSteps: number;
  /**
   * Updates of the whole run: linear and cosine reach 0 at this one, which is one past the last. Unused by constant.
   */
  readonly totalSteps: number;
}

/**
 * Learning rate of update `step` (0-based: the first update of a run is 0).
 * linear: (S - k) / (S - warmup); cosine: (1 + cos(pi * progress)) / 2 with progress = (k - warmup) / (S - warmup);
 * both stay at 0 from update S on (HF's cosine would climb again). constant: the peak after the warm-up, if there is
 * one.
 */
export function learningRateAt({ schedule, learningRate, warmupSteps, totalSteps }: LrSchedule, step: number): number {
  if (step < warmupSteps) return learningRate * (step / warmupSteps);
  const span = Math.max(1, totalSteps - warmupSteps);
  switch (schedule) {
    case "linear":
      return learningRate * Math.max(0, (totalSteps - step) / span);
    case "cosine":
      return learningRate * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, (step - warmupSteps) / span)));
    case "constant":
      return learningRate;
    default:
      return schedule satisfies never;
  }
}
