// What a command line of src/train.ts asks for: its flags, its files, what a run without flags does.
import { UserError } from "../../errors.ts";
import type { LossOn } from "../../examples/collate.ts";
import { templatePreset } from "../../infill/template-presets.ts";
import { DEFAULT_ARGUMENTS } from "../../training/arguments.ts";
import { checkBestModel } from "../../training/best-model.ts";
import { checkSchedule } from "../../training/lr-schedule.ts";
import { isRankZero } from "../mpi/rank-zero.ts";
import type { MpiJob } from "../mpi/with-ranks.ts";
import { parseFlags } from "../shared/flags.ts";
import type { FlagValues } from "../shared/flags.ts";
import { Profiling } from "../shared/profiling.ts";
import { samplePath } from "../shared/project-path.ts";
import type { CliContext } from "../shared/run.ts";
import { asScript, checkCombination } from "./check-flags.ts";
import { TRAIN } from "./flags.ts";
import type { TrainFlags } from "./flags.ts";
import { parseSchedulerKwargs } from "./scheduler-kwargs.ts";
import type { Start } from "./setup.ts";

type Flags = FlagValues<TrainFlags>;

/**
 * What a run without arguments does: a short further fine-tuning of the demo model, whose training has converged on
 * these stories, so at a rate low enough to improve it yet (evaluation loss 0.2844 to 0.2841; at 2e-4 it rises to
 * 0.286). Metadata stays, as it was there when the model was trained and is in what it is evaluated on.
 */
export const QUICK = {
  maxSteps: 24,
  perDeviceTrainBatchSize: 16,
  groupByLength: true,
  learningRate: 5e-5,
  warmupSteps: 4,
  metadataDropout: 0,
  metadataDropoutAll: 0,
  contextDropout: 0,
  loggingSteps: 4,
  maxEvalSamples: 48,
};

/** What the command line asks for. */
export interface Program {
  readonly flags: Flags;
  readonly given: ReadonlySet<string>;
  /** Nothing is trained: a model, or all of a run, is measured. */
  readonly evaluateOnly: boolean;
  readonly files: { readonly trainFile: string; readonly evalFile: string | undefined; readonly infilling: boolean };
  readonly signal: AbortSignal;
  /** Who runs it together; undefined: this process alone. */
  readonly mpi: MpiJob | undefined;
  /** Opens the device. */
  readonly profiling: Profiling;
}

/** Throws UserError for flags that are not known, or make no sense together. */
export async function readProgram({ argv, signal }: CliContext, mpi: MpiJob | undefined): Promise<Program> {
  const parsed = parseFlags(TRAIN, argv);
  const flags: Flags = parsed.given.size === 0 ? { ...parsed.values, ...QUICK } : asScript(parsed);
  checkCombination(flags, parsed.given);
  const evaluateOnly = flags.doEval && !flags.doTrain;
  const infilling = flags.trainDataFile === undefined && flags.evalDataFile === undefined;
  const evalFile =
    flags.evalDataFile ??
    flags.validationFile ??
    (infilling && flags.trainFile === undefined ? samplePath("validation.jsonl", "--validation_file") : undefined);
  if (flags.doEval && evalFile === undefined)
    throw new UserError(
      `${flags.evalOnly ? "--eval_only" : "--do_eval"} needs something to evaluate on: --validation_file, or ` +
        "--eval_data_file for text.",
    );
  if (!evaluateOnly) checkTraining(flags, evalFile !== undefined);
  const trainFile =
    (evaluateOnly ? evalFile : (flags.trainDataFile ?? flags.trainFile)) ?? samplePath("train.jsonl", "--train_file");
  const files = { trainFile, evalFile, infilling };
  const profiling = await Profiling.begin(deviceFlags(flags, mpi), print);
  return { flags, given: parsed.given, evaluateOnly, files, signal, mpi, profiling };
}

/** Rank 0 alone profiles; and ranks that share a GPU, or time at once, would tune it badly. */
function deviceFlags(flags: Flags, mpi: MpiJob | undefined): Parameters<typeof Profiling.begin>[0] {
  if (!mpi) return flags;
  return { ...(isRankZero(mpi) ? flags : { profile: false }), noTune: true };
}

/** What the Trainer would refuse, before a file is read for it. */
function checkTraining(flags: Flags, evaluates: boolean): void {
  checkBestModel(flags, { evaluates, saves: true });
  const { lrSchedulerType: schedule, learningRate, warmupSteps } = flags;
  checkSchedule({
    ...parseSchedulerKwargs(flags.lrSchedulerKwargs ?? ""),
    schedule,
    learningRate,
    warmupSteps,
    totalSteps: Math.max(1, flags.maxSteps),
  });
}

/** Windows have their new tokens as targets. */
export const lossOn = ({ flags }: Program, { template }: Start): LossOn =>
  flags.stride !== undefined ? "target" : (flags.lossOn ?? template?.lossOn ?? DEFAULT_ARGUMENTS.lossOn);

/** A preset may be tried on any data; a file is written for its own. */
export const knownFieldsOnly = (flags: Flags): boolean =>
  flags.template !== undefined && templatePreset(flags.template) !== undefined;

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
