// trainer_state.json: where a run stands, in Hugging Face's schema and with what its rng_state.pth and optimizer.pt
// hold in numbers. It is read as strictly as it is written: a run goes on from a state that it can have been in, or not
// at all.
import { UserError } from "../errors.ts";
import { isObject } from "../files/json.ts";
import { printable, quote } from "../files/quote.ts";
import type { Position } from "../examples/data-loader.ts";
import type { TrainingArguments } from "./arguments.ts";
import { bestModelState } from "./best-model.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { LogEntry } from "./log-entry.ts";
import { isLossScale } from "./loss-scale.ts";
import type { LossScaleState } from "./loss-scale.ts";

export type { LogEntry } from "./log-entry.ts";

/** What was summed since the last log entry. */
export interface Pending {
  readonly loss: number;
  readonly count: number;
  readonly skipped: number;
  readonly gradNorm: number | null;
}

export interface TrainerState {
  /** Updates so far, skipped ones and those without a label included: the data's place follows from it. */
  readonly step: number;
  /** How many forwards drew dropout. */
  readonly dropoutStep: number;
  /** Steps that the optimizer was asked for, how many of them it skipped, and how many in a row up to the last one. */
  readonly optimizerStep: number;
  readonly skippedUpdates: number;
  readonly skippedInARow: number;
  readonly pending: Pending;
  /** In mixed precision. */
  readonly lossScale?: LossScaleState;
  readonly logHistory: readonly LogEntry[];
}

/** What a state must agree with. */
export interface RunShape {
  readonly args: TrainingArguments;
  /** Updates of the whole run. */
  readonly totalSteps: number;
  readonly batchesPerEpoch: number;
  /** The next micro-batch after `step` updates. */
  readonly positionAfter: (step: number) => Position;
}

export function stateText(state: TrainerState, fingerprint: Fingerprint, run: RunShape): string {
  const { args } = run;
  const position = run.positionAfter(state.step);
  const json = {
    ...bestModelState(state.step, state.logHistory, args),
    epoch: epochOf(position, run),
    eval_steps: args.evalSteps,
    global_step: state.step,
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    log_history: state.logHistory,
    logging_steps: args.loggingSteps,
    max_steps: run.totalSteps,
    num_train_epochs: args.numTrainEpochs,
    save_steps: args.saveSteps,
    train_batch_size: args.perDeviceTrainBatchSize,
    trial_name: null,
    trial_params: null,
    // What Hugging Face keeps in rng_state.pth: here these numbers are all there is to restore.
    data_position: position,
    dropout_step: state.dropoutStep,
    optimizer_step: state.optimizerStep,
    skipped_updates: state.skippedUpdates,
    skipped_in_a_row: state.skippedInARow,
    // as torch's GradScaler.state_dict() names them
    ...(state.lossScale && {
      loss_scale: { scale: state.lossScale.scale, _growth_tracker: state.lossScale.goodUpdates },
    }),
    pending: {
      loss: state.pending.loss,
      count: state.pending.count,
      skipped: state.pending.skipped,
      grad_norm: state.pending.gradNorm,
    },
    fingerprint,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** A position as Hugging Face counts epochs: with the share of the one begun. */
export function epochOf({ epoch, batch }: Position, { batchesPerEpoch }: Pick<RunShape, "batchesPerEpoch">): number {
  return epoch + batch / batchesPerEpoch;
}

/**
 * The fingerprint in a trainer_state.json; `what` names the file in messages. Throws UserError when there is none.
 */
export function parseFingerprint(json: unknown, what: string): Fingerprint {
  const state = object(json, "", what);
  if (state.fingerprint === undefined && Number.isInteger(state.global_step)) {
    throw new UserError(
      `${what}: does not say which run it belongs to (it has no "fingerprint": another program or an older version ` +
        `saved it), so it cannot be gone on with; start a new run from its weights with --model_name_or_path.`,
    );
  }
  const fingerprint = object(state.fingerprint, "fingerprint", what);
  for (const [name, value] of Object.entries(fingerprint)) {
    if (value !== null && typeof value === "object") refuse(what, `fingerprint.${name}`, value, "a plain value");
  }
  return fingerprint as Fingerprint;
}

/** Throws UserError naming the field unless this is a state that a run of this shape can have been in. */
export function parseState(json: unknown, run: RunShape, what: string): TrainerState {
  const state = object(json, "", what);
  const integer = (from: Record<string, unknown>, name: string, min: number, max: number, path = name): number => {
    const value = from[name];
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    return refuse(what, path, value, `an integer from ${min} to ${max}`);
  };
  const step = integer(state, "global_step", 0, Number.MAX_SAFE_INTEGER);
  const wanted = run.positionAfter(step);
  const position = object(state.data_position, "data_position", what);
  for (const name of ["epoch", "batch"] as const)
    integer(position, name, wanted[name], wanted[name], `data_position.${name}`);
  const epoch = number(state.epoch, "epoch", what);
  if (Math.abs(epoch - epochOf(wanted, run)) > 1e-6)
    refuse(what, "epoch", state.epoch, `${epochOf(wanted, run)} after ${step} updates`);
  integer(state, "max_steps", Math.max(1, step), Number.MAX_SAFE_INTEGER);
  integer(state, "logging_steps", 1, Number.MAX_SAFE_INTEGER);
  for (const name of ["eval_steps", "save_steps"]) integer(state, name, 0, Number.MAX_SAFE_INTEGER);
  const { perDeviceTrainBatchSize } = run.args;
  integer(state, "train_batch_size", perDeviceTrainBatchSize, perDeviceTrainBatchSize);
  if (number(state.num_train_epochs, "num_train_epochs", what) <= 0)
    refuse(what, "num_train_epochs", state.num_train_epochs, "a number above 0");

  const optimizerStep = integer(state, "optimizer_step", 0, step);
  const lossScale = run.args.precision === "mixed" ? parseLossScale(state.loss_scale, optimizerStep, what) : undefined;
  const pending = object(state.pending, "pending", what);
  const count = integer(pending, "count", 0, Number.MAX_SAFE_INTEGER, "pending.count");
  const loss = number(pending.loss, "pending.loss", what);
  if (count === 0 && loss !== 0) refuse(what, "pending.loss", loss, "0, since pending.count is 0");
  return {
    step,
    dropoutStep: integer(state, "dropout_step", 0, wanted.epoch * run.batchesPerEpoch + wanted.batch),
    optimizerStep,
    // Before it was kept, the bias corrections counted skipped steps, too: a run that began so goes on so.
    skippedUpdates: state.skipped_updates === undefined ? 0 : integer(state, "skipped_updates", 0, optimizerStep),
    skippedInARow: integer(state, "skipped_in_a_row", 0, optimizerStep),
    pending: {
      loss,
      count,
      skipped: integer(pending, "skipped", 0, optimizerStep, "pending.skipped"),
      gradNorm: pending.grad_norm === null ? null : number(pending.grad_norm, "pending.grad_norm", what),
    },
    ...(lossScale && { lossScale }),
    logHistory: parseLog(state.log_history, step, what),
  };
}

function parseLossScale(json: unknown, optimizerStep: number, what: string): LossScaleState {
  const { scale, _growth_tracker: goodUpdates } = object(json, "loss_scale", what);
  if (!isLossScale(scale)) return refuse(what, "loss_scale.scale", scale, "a power of 2 from 2^-24 to 2^24");
  if (Number.isInteger(goodUpdates) && (goodUpdates as number) >= 0 && (goodUpdates as number) <= optimizerStep)
    return { scale, goodUpdates: goodUpdates as number };
  return refuse(what, "loss_scale._growth_tracker", goodUpdates, `an integer from 0 to ${optimizerStep}`);
}

/** Entries of numbers, in the order of their steps, none later than the state. */
function parseLog(json: unknown, last: number, what: string): LogEntry[] {
  if (!Array.isArray(json)) return refuse(what, "log_history", json, "a list");
  let before = 0;
  return json.map((each: unknown, i) => {
    const path = `log_history[${i}]`;
    const entry = object(each, path, what);
    for (const [name, value] of Object.entries(entry)) number(value, `${path}.${name}`, what);
    const { step } = entry as { step?: number };
    if (!Number.isInteger(step) || step! < before || step! > last)
      refuse(what, `${path}.step`, step, `an integer from ${before} to ${last}`);
    number(entry.epoch, `${path}.epoch`, what);
    before = step!;
    return entry as unknown as LogEntry;
  });
}

function object(value: unknown, path: string, what: string): Record<string, unknown> {
  return isObject(value) ? value : refuse(what, path, value, "a JSON object");
}

/** Every number in a state is finite and none is below 0. */
function number(value: unknown, path: string, what: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  return refuse(what, path, value, "a number of at least 0");
}

function refuse(what: string, path: string, found: unknown, wanted: string): never {
  throw new UserError(
    `${what}: ${printable(path) || "its content"} is ${quote(found)}, wanted ${wanted}; ` +
      `it is no state that training saved: take another checkpoint.`,
  );
}
