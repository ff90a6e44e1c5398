// Why a run ended: which parameter's gradient is no longer a number. It is looked for only then, on the CPU.
import { UserError } from "../errors.ts";
import { parameterShapes } from "../gpt2/checkpoint-files.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { Shards } from "./shards.ts";
import type { MicroBatch, TrainingStep } from "./step.ts";

/** The update to look at, and who makes it. */
interface Again {
  readonly step: TrainingStep;
  readonly microBatches: readonly MicroBatch[];
  readonly dropoutStep: number;
  readonly shards: Shards | undefined;
}

/**
 * Makes the gradients of these micro-batches again, with the dropout they had (as every process does: all have met the
 * same norm), and returns the name of the first parameter, in the checkpoint's order, whose gradient holds NaN or
 * infinity; where all are finite and only their norm is not, that of the largest. The gradients are zero afterwards.
 */
export async function offendingParameter(
  model: GPT2LMHeadModel,
  { step, microBatches, dropoutStep, shards }: Again,
): Promise<string> {
  model.transformer.dropoutStep = dropoutStep;
  model.trained.zeroGrad();
  await step.sum(microBatches);
  await shards?.gatherGradients();
  let largest = { name: "", value: -1 };
  let first: string | undefined;
  const names = model.adapter ? [...model.trained.all()].map(({ name }) => name) : parameterShapes(model.config).keys();
  for (const name of names) {
    const { grad } = model.trained.get(name);
    if (!grad) continue; // frozen
    const gradient = await model.device.read(grad);
    const value = gradient.reduce((most, g) => Math.max(most, Math.abs(g)), 0); // NaN stays NaN
    if (!Number.isFinite(value)) {
      first = name;
      break;
    }
    if (value > largest.value) largest = { name, value };
  }
  model.trained.zeroGrad();
  return first ?? largest.name;
}

/** What went wrong in the run's own terms: a clause, before what is left of the run is known. */
export class DivergedError extends UserError {}

export function notFinite(step: number, inARow: number, parameter: string): DivergedError {
  const updates = inARow === 1 ? "update" : `${inARow} updates in a row`;
  return new DivergedError(
    `The gradients of the last ${updates} up to step ${step} are not finite, first in ${parameter}`,
  );
}

/** `what` went wrong, what is left (`saved`: the newest checkpoint), and what to do. */
export function diverged(what: string, saved: string | undefined): UserError {
  const left = saved === undefined ? "nothing was saved yet" : `nothing was saved since ${saved}, which is good`;
  return new UserError(
    `${what}: the run has diverged, ${left}; lower --learning_rate, set --max_grad_norm, or allow more skipped ` +
      "updates in a row with --max_skipped_updates.",
  );
}
