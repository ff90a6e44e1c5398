// What a Trainer is given, and what it tells while it trains.
import type { FieldsOf } from "../fields.ts";
import type { Examples } from "../examples/example-set.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { TrainingArguments } from "./arguments.ts";
import type { Evaluation } from "./evaluate.ts";
import type { Exchange } from "./exchange.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { Precision } from "./precision.ts";
import type { Ranks } from "./ranks.ts";
import type { SaverOptions } from "./saver.ts";
import type { LogEntry } from "./trainer-state.ts";
import type { ExampleOf } from "./update-batches.ts";

export interface TrainerOptions extends Partial<SaverOptions> {
  readonly model: GPT2LMHeadModel;
  readonly args: TrainingArguments;
  readonly train: Examples;
  /**
   * Example `index` of `train` as an epoch has it, where it is not the same in all of them: a pure function, decided by
   * what `settings` hold, and none of them longer than nPositions. Default: as it is.
   */
  readonly varied?: ExampleOf;
  readonly evaluation?: Examples;
  readonly padId: number;
  /** What `train` was made from, for the fingerprint: files' digests, block size, limits. */
  readonly settings?: Fingerprint;
  /** Who trains together, each on its share of every update, with the same options; default: this process alone. */
  readonly ranks?: Ranks;
  /**
   * An update takes gradientAccumulationSteps micro-batches for each of so many ranks, however many there are now: a
   * run that goes on with more or fewer stays the same run. Default: those that there are.
   */
  readonly worldSize?: number;
  /** Not beside `ranks`. */
  readonly exchange?: Exchange;
  readonly precision?: Precision;
  readonly onStep?: (progress: Progress) => void;
  readonly onLog?: (entry: LogEntry) => void;
  /** After each evaluation, beside the entry of the log. */
  readonly onEvaluation?: (evaluation: Evaluation, progress: Progress) => void;
  /** onSample is called after every so many updates and after the last; default 0, never. */
  readonly sampleSteps?: number;
  /**
   * To look at what the model writes by now: it is without dropout meanwhile and may generate, and training goes on
   * when the promise is fulfilled, just as it would have without.
   */
  readonly onSample?: (progress: Progress) => Promise<void>;
  /** An update that changed nothing, and why, as a clause. */
  readonly onSkip?: (step: number, reason: string) => void;
}

export const TRAINER_FIELDS: FieldsOf<TrainerOptions> = {
  model: true,
  args: true,
  train: true,
  varied: true,
  evaluation: true,
  padId: true,
  settings: true,
  ranks: true,
  worldSize: true,
  exchange: true,
  precision: true,
  onStep: true,
  onLog: true,
  onEvaluation: true,
  sampleSteps: true,
  onSample: true,
  onSkip: true,
  store: true,
  extraFiles: true,
  saveDtype: true,
  maxShardBytes: true,
  onSave: true,
  onSaveFailed: true,
};

export interface Progress {
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** Mean of the last logging interval; undefined before the first. */
  readonly loss: number | undefined;
  /**
   * Of the updates that are known to be done, all but the last two, the loss as an exponentially weighted mean (with
   * ranks, of this one's share), and the last one's norm of gradients before clipping. undefined before the first.
   */
  readonly smoothedLoss: number | undefined;
  readonly gradNorm: number | undefined;
  /** Positions processed by this run so far, on all ranks (estimated by this one's), pads included. */
  readonly positions: number;
}
