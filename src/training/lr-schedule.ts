// The learning rate of each update, as Hugging Face's schedulers give it (transformers, optimization.py: the functions
// get_..._schedule...). A pure function of the update's number, so that resuming needs no scheduler state.
import { UserError } from "../errors.ts";
import { expectFields, nearestName } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { quote } from "../files/quote.ts";
import { snakeCase } from "../snake-case.ts";

/** Options that only some schedules have, by the names of HF's `lr_scheduler_kwargs`. */
export interface LrSchedulerKwargs {
  /** cosine: waves in the decay, default 0.5; cosine_with_restarts: how often it falls from the peak, default 1. */
  readonly numCycles?: number;
  /** polynomial: the exponent, default 1. */
  readonly power?: number;
  /** polynomial: the rate at the end, below the peak; default 1e-7. */
  readonly lrEnd?: number;
  /** inverse_sqrt: updates that count as one in 1 / sqrt(k); default warmupSteps, or 10,000 where there are none. */
  readonly timescale?: number;
}

const DEFAULT_LR_END = 1e-7;
const DEFAULT_TIMESCALE = 10_000;

/** What each schedule takes of them. */
const KWARGS = {
  linear: [],
  cosine: ["numCycles"],
  cosine_with_restarts: ["numCycles"],
  polynomial: ["lrEnd", "power"],
  constant: [],
  constant_with_warmup: [],
  inverse_sqrt: ["timescale"],
} as const satisfies Readonly<Record<string, readonly (keyof LrSchedulerKwargs)[]>>;

export type ScheduleName = keyof typeof KWARGS;
export const SCHEDULES = Object.keys(KWARGS) as readonly ScheduleName[];

export interface LrSchedule extends LrSchedulerKwargs {
  readonly schedule: ScheduleName;
  /** The peak, reached when the warm-up ends. */
  readonly learningRate: number;
  /**
   * Updates over which the rate climbs from 0: update k < warmupSteps uses learningRate * k / warmupSteps, so the first
   * uses 0.
   */
  readonly warmupSteps: number;
  /**
   * Updates of the whole run: what decays to an end reaches it at this one, which is one past the last. Unused by
   * constant, constant_with_warmup and inverse_sqrt.
   */
  readonly totalSteps: number;
}

export const KWARG_FIELDS: FieldsOf<LrSchedulerKwargs> = { numCycles: true, power: true, lrEnd: true, timescale: true };
const FIELDS: FieldsOf<LrSchedule> = {
  ...KWARG_FIELDS,
  schedule: true,
  learningRate: true,
  warmupSteps: true,
  totalSteps: true,
};

/** Throws UserError for options that the schedule does not have, or whose values it cannot take. */
export function checkSchedule(given: LrSchedule): void {
  expectFields("learningRateAt()", given, FIELDS);
  const { schedule, learningRate } = given;
  if (!Object.hasOwn(KWARGS, schedule)) throw new UserError(unknownSchedule(schedule));
  const taken: readonly string[] = KWARGS[schedule];
  for (const name of Object.keys(KWARG_FIELDS) as (keyof LrSchedulerKwargs)[]) {
    const value = given[name];
    if (value === undefined) continue;
    const refuse = (why: string): never => {
      throw new UserError(`${snakeCase(name)} of the learning rate's schedule is ${quote(value)}, ${why}.`);
    };
    if (!taken.includes(name)) {
      const has = KWARGS[schedule].map(snakeCase).join(" and ") || "no options of its own";
      refuse(`and ${schedule} has ${has}; leave it out`);
    }
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0 || (value === 0 && name !== "lrEnd"))
      refuse(`wanted a number ${name === "lrEnd" ? "of at least" : "above"} 0`);
  }
  const lrEnd = given.lrEnd ?? DEFAULT_LR_END;
  if (schedule === "polynomial" && !(lrEnd < learningRate))
    throw new UserError(
      `The polynomial schedule falls to lr_end ${lrEnd}, which is not below the learning rate ${learningRate}; ` +
        "set one of them anew.",
    );
}

/** "num_cycles=2", as the flag takes them; "" for none. */
export function schedulerKwargsText(kwargs: LrSchedulerKwargs): string {
  return (Object.keys(KWARG_FIELDS) as (keyof LrSchedulerKwargs)[])
    .filter((name) => kwargs[name] !== undefined)
    .map((name) => `${snakeCase(name)}=${kwargs[name]}`)
    .join(",");
}

function unknownSchedule(name: string): string {
  const nearest = nearestName(name, SCHEDULES);
  const advice = nearest === undefined ? `known are ${SCHEDULES.join(", ")}.` : `did you mean ${nearest}?`;
  return `There is no schedule ${quote(name)} of the learning rate; ${advice}`;
}

/**
 * Learning rate of update `step` (0-based: the first update of a run is 0). With S totalSteps, w warmupSteps, and
 * p = (k - w) / (S - w) at update k:
 *
 *   linear                1 - p
 *   cosine                (1 + cos(2 pi numCycles p)) / 2
 *   cosine_with_restarts  (1 + cos(pi ((numCycles p) mod 1))) / 2
 *   polynomial            lrEnd + (peak - lrEnd) (1 - p)^power, instead of a factor of the peak
 *   inverse_sqrt          1 / sqrt((k + timescale - w) / timescale)
 *   constant, constant_with_warmup   1
 *
 * From update S on the first four stay at their end (HF's cosine would climb again). A warm-up that is given is made
 * under `constant` too, where HF leaves it out in silence. Throws UserError as `checkSchedule` does.
 */
export function learningRateAt(given: LrSchedule, step: number): number {
  checkSchedule(given);
  const { schedule, learningRate, warmupSteps, totalSteps } = given;
  if (step < warmupSteps) return learningRate * (step / warmupSteps);
  const span = Math.max(1, totalSteps - warmupSteps);
  const progress = Math.min(1, (step - warmupSteps) / span);
  switch (schedule) {
    case "linear":
      return learningRate * Math.max(0, (totalSteps - step) / span);
    case "cosine":
      return learningRate * 0.5 * (1 + Math.cos(Math.PI * (given.numCycles ?? 0.5) * 2 * progress));
    case "cosine_with_restarts":
      if (step >= totalSteps) return 0;
      return learningRate * 0.5 * (1 + Math.cos(Math.PI * (((given.numCycles ?? 1) * progress) % 1)));
    case "polynomial": {
      const { lrEnd = DEFAULT_LR_END, power = 1 } = given;
      if (step >= totalSteps) return lrEnd;
      return lrEnd + (learningRate - lrEnd) * (1 - progress) ** power;
    }
    case "inverse_sqrt": {
      const timescale = given.timescale ?? (warmupSteps || DEFAULT_TIMESCALE);
      return learningRate / Math.sqrt((step + timescale - warmupSteps) / timescale);
    }
    case "constant":
    case "constant_with_warmup":
      return learningRate;
    default:
      return schedule satisfies never;
  }
}
