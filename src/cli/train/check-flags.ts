// What the flags of src/train.ts mean together: the 2020 script's forms in today's, and what excludes or needs what.
import { UserError } from "../../errors.ts";
import { isLossScale } from "../../training/loss-scale.ts";
import { flagName } from "../shared/flag-table.ts";
import type { FlagValues, ParsedFlags } from "../shared/flags.ts";
import type { TrainFlags } from "./flags.ts";

type Flags = FlagValues<TrainFlags>;

/**
 * The values, with what other flags mean in those of today: the 2020 script's --block_size -1 and
 * --evaluate_during_training, and --eval_only.
 */
export function asScript({ values, given }: ParsedFlags<TrainFlags>): Flags {
  const { blockSize } = values;
  if (blockSize === 0 || blockSize === 1)
    throw new UserError(
      `--block_size is ${blockSize}, wanted at least 2 tokens, or -1 for all of the model's positions.`,
    );
  return {
    ...values,
    doEval: values.doEval || values.evalOnly,
    precision: values.fp16 ? "mixed" : values.precision,
    blockSize: blockSize === -1 ? undefined : blockSize,
    evalSteps: values.evaluateDuringTraining && !given.has("evalSteps") ? values.loggingSteps : values.evalSteps,
  };
}

/** Throws UserError for flags that exclude each other, or that lack one they belong to. */
export function checkCombination(flags: Flags, given: ReadonlySet<string>): void {
  const exclusive = (a: keyof Flags & string, b: keyof Flags & string): void => {
    if (given.has(a) && given.has(b))
      throw new UserError(`${flagName(a)} and ${flagName(b)} exclude each other; give one.`);
  };
  exclusive("trainFile", "trainDataFile");
  exclusive("validationFile", "trainDataFile");
  exclusive("evalDataFile", "trainFile");
  exclusive("template", "trainDataFile");
  exclusive("modelNameOrPath", "configName");
  exclusive("modelNameOrPath", "configOverrides");
  exclusive("resumeFromCheckpoint", "shouldContinue");
  exclusive("packing", "groupByLength");
  exclusive("loraR", "freeze");
  exclusive("loraR", "configName");
  exclusive("loraR", "configOverrides");
  exclusive("fp16", "precision");
  if (flags.precision === "mixed") {
    if (given.has("loraR"))
      throw new UserError(
        "--precision mixed trains a model's own weights, and --lora_r an adapter beside them; leave one out.",
      );
  } else if (given.has("initialLossScale"))
    throw new UserError("--initial_loss_scale belongs to --precision mixed, which is not given.");
  if (flags.initialLossScale !== undefined && !isLossScale(flags.initialLossScale))
    throw new UserError(`--initial_loss_scale is ${flags.initialLossScale}, wanted a power of 2, such as 1024.`);
  if (flags.evalOnly && flags.doTrain)
    throw new UserError("--eval_only trains nothing, and --do_train asks for it; leave one out.");
  const needs = (flag: keyof Flags & string, other: keyof Flags & string): void => {
    if (given.has(flag) && !given.has(other))
      throw new UserError(`${flagName(flag)} belongs to ${flagName(other)}, which is not given.`);
  };
  if (!given.has("evalDataFile")) needs("lineByLine", "trainDataFile");
  if (!flags.doEval || flags.doTrain) needs("evalDataFile", "trainDataFile");
  for (const flag of ["loraAlpha", "loraDropout", "loraTarget"] as const) needs(flag, "loraR");
  needs("shouldContinue", "outputDir");
  if (!flags.doEval) needs("evalAllCheckpoints", "doEval");
  if (!flags.doTrain) needs("evalAllCheckpoints", "outputDir");
  if (!flags.loadBestModelAtEnd && flags.earlyStoppingPatience === 0)
    for (const flag of ["metricForBestModel", "greaterIsBetter"] as const)
      if (given.has(flag))
        throw new UserError(
          `${flagName(flag)} belongs to --load_best_model_at_end or --early_stopping_patience, and neither is given.`,
        );
  if (flags.earlyStoppingPatience === 0) needs("earlyStoppingThreshold", "earlyStoppingPatience");
  if (given.has("stride")) {
    needs("stride", "evalDataFile");
    exclusive("stride", "lineByLine");
    if (!flags.doEval || flags.doTrain)
      throw new UserError("--stride belongs to an evaluation alone: add --eval_only, or leave it out.");
  }
  if (flags.dryRun && flags.doEval && !flags.doTrain)
    throw new UserError("--dry_run tells what training takes, and an evaluation alone trains nothing; leave one out.");
  for (const flag of ["profile", "trace"] as const) exclusive("dryRun", flag); // it computes nothing
  if (flags.evaluateDuringTraining && given.has("trainDataFile")) needs("evaluateDuringTraining", "evalDataFile");
  for (const flag of ["metadataDropout", "metadataDropoutAll", "contextDropout", "orderMix", "sectionTypes"] as const)
    if (given.has("trainDataFile") && given.has(flag))
      throw new UserError(`${flagName(flag)} changes infilling examples, and plain text has none: leave it out.`);
  if (given.has("trainDataFile") && given.has("lossOn") && flags.lossOn === "target")
    throw new UserError("--loss_on target learns p2 of infilling examples; plain text has none: leave it out.");
  if (flags.packing && given.has("trainDataFile") && !flags.lineByLine)
    throw new UserError(
      "--packing puts several examples into a row, and blocks of plain text fill theirs: leave it out, or add " +
        "--line_by_line.",
    );
  if (flags.packing && flags.perDeviceTrainBatchSize === 1)
    throw new UserError(
      "--packing puts the examples of a batch into shared rows, and --per_device_train_batch_size is 1: make it " +
        "larger.",
    );
  if (flags.maxSteps === 0)
    throw new UserError("--max_steps is 0, wanted at least 1 update, or -1 to go by --num_train_epochs.");
}
