// In which precision an update computes: the step asks in one place.
import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";
import type { LossScale } from "../kernels/grad-norm.ts";

/** f32: all of it. mixed: see MixedPrecision. */
export const PRECISIONS = ["f32", "mixed"] as const;
export type PrecisionName = (typeof PRECISIONS)[number];

export interface Precision {
  /** Part of a run's fingerprint: a run goes on in the precision it began in. */
  readonly name: string;
  /** What losses are multiplied by before backward, and gradients divided by where their norm is taken. */
  readonly lossScale: number;
  /** A further factor of gradients, kept and adapted on the GPU: the step is then recorded in mixed precision. */
  readonly dynamic?: LossScale;
}

export const FLOAT32: Precision = { name: "float32", lossScale: 1 };

/** Throws UserError for a precision that there is not, or a loss scale without one that has it. */
export function checkPrecision({ precision, initialLossScale }: PrecisionArguments): void {
  if (precision !== undefined && !(PRECISIONS as readonly unknown[]).includes(precision))
    throw new UserError(`The precision is ${quote(precision)}, wanted ${PRECISIONS.map(quote).join(" or ")}.`);
  if (initialLossScale !== undefined && precision !== "mixed")
    throw new UserError("initialLossScale belongs to mixed precision: set precision to mixed, or leave it out.");
}

interface PrecisionArguments {
  readonly precision?: PrecisionName;
  readonly initialLossScale?: number;
}
