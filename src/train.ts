// Command line: fine-tunes GPT-2, or trains one from scratch, on infilling examples or plain text. See --help.
import { freemem } from "node:os";
import { join } from "node:path";
import { UserError } from "./errors.ts";
import { describeModel } from "./cli/shared/describe-model.ts";
import { formatBytes, formatDuration } from "./cli/shared/format.ts";
import { flagName } from "./cli/shared/flag-table.ts";
import { parseFlags } from "./cli/shared/flags.ts";
import type { FlagValues, ParsedFlags } from "./cli/shared/flags.ts";
import { announce } from "./cli/shared/announce.ts";
import { resolveModel } from "./cli/shared/model-source.ts";
import { TrainingProgress } from "./cli/shared/progress.ts";
import { DEMO_MODEL, samplePath } from "./cli/shared/project-path.ts";
import { runCli } from "./cli/shared/run.ts";
import type { CliContext } from "./cli/shared/run.ts";
import { RunFolder } from "./cli/train/run-folder.ts";
import { readExamples } from "./cli/train/data.ts";
import { dryRun } from "./cli/train/dry-run.ts";
import { TRAIN } from "./cli/train/flags.ts";
import type { TrainFlags } from "./cli/train/flags.ts";
import { loadModel, readStart } from "./cli/train/setup.ts";
import { paddedLength } from "./examples/collate.ts";
import type { EncodedExample } from "./examples/encoded-example.ts";
import { requestDevice } from "./gpu/device.ts";
import type { Device } from "./gpu/device.ts";
import { openFolder } from "./files/open.ts";
import { templateToJson } from "./infill/template.ts";
import { templatePreset } from "./infill/template-presets.ts";
import { DEFAULT_ARGUMENTS } from "./training/arguments.ts";
import { listCheckpoints } from "./training/checkpoint.ts";
import { digest } from "./training/fingerprint.ts";
import { evaluateLoss } from "./training/evaluate.ts";
import type { BatchShape } from "./training/memory-needs.ts";
import { Trainer } from "./training/trainer.ts";

type Flags = FlagValues<TrainFlags>;

/**
 * What a run without arguments does: a short further fine-tuning of the demo model, whose training has converged on
 * these stories, so at a rate low enough to improve it yet (evaluation loss 0.2844 to 0.2841; at 2e-4 it rises to
 * 0.286). Metadata stays, as it was there when the model was trained and is in what it is evaluated on.
 */
const QUICK = {
  maxSteps: 24,
  perDeviceTrainBatchSize: 16,
  groupByLength: true,
  learningRate: 5e-5,
  warmupSteps: 4,
  metadataDropout: 0,
  metadataDropoutAll: 0,
  loggingSteps: 4,
  maxEvalSamples: 48,
};

async function main({ argv, signal }: CliContext): Promise<number | void> {
  const parsed = parseFlags(TRAIN, argv);
  const flags: Flags = parsed.given.size === 0 ? { ...parsed.values, ...QUICK } : asScript(parsed);
  checkCombination(flags, parsed.given);
  // A preset may be tried on any data; a file is written for its own.
  const knownFieldsOnly = flags.template !== undefined && templatePreset(flags.template) !== undefined;
  const evaluateOnly = flags.doEval && !flags.doTrain;
  const infilling = flags.trainDataFile === undefined && flags.evalDataFile === undefined;
  const evalFile =
    flags.evalDataFile ??
    flags.validationFile ??
    (infilling && flags.trainFile === undefined ? samplePath("validation.jsonl", "--validation_file") : undefined);
  if (flags.doEval && evalFile === undefined)
    throw new UserError("--do_eval needs something to evaluate on: --validation_file, or --eval_data_file for text.");
  const trainFile =
    (evaluateOnly ? evalFile : (flags.trainDataFile ?? flags.trainFile)) ?? samplePath("train.jsonl", "--train_file");
  const run = await RunFolder.choose(
    flags.outputDir,
    evaluateOnly || flags.overwriteOutputDir || flags.shouldContinue || flags.resumeFromCheckpoint !== undefined,
  );
  const checkpoint =
    flags.resumeFromCheckpoint ?? (flags.shouldContinue ? join(run.path, await newest(run)) : undefined);

  const from =
    checkpoint ??
    (flags.modelNameOrPath === undefined
      ? DEMO_MODEL
      : await resolveModel(flags.modelNameOrPath, { revision: flags.revision, offline: flags.offline, signal }));
  const start = await readStart(
    flags,
    from,
    checkpoint !== undefined,
    infilling ? trainFile : undefined,
    {
      ...(parsed.given.has("sectionTypes") && { sectionTypes: flags.sectionTypes }),
      ...(flags.orderMix !== undefined && { orderMix: flags.orderMix }),
    },
    async (tokenizer, template, nPositions) => {
      const { examples } = await readExamples(
        trainFile,
        { tokenizer, blockSize: flags.blockSize ?? nPositions, template, lineByLine: flags.lineByLine },
        { limit: flags.maxTrainSamples, knownFieldsOnly },
      );
      return new Set(examples.flatMap(({ ids }) => ids));
    },
  );
  const { tokenizer, template, padId, extraFiles } = start;
  const lossOn = flags.lossOn ?? template?.lossOn ?? DEFAULT_ARGUMENTS.lossOn;
  const { nPositions } = start.config;
  const blockSize = flags.blockSize ?? nPositions;
  if (blockSize > nPositions)
    throw new UserError(
      `--block_size is ${blockSize}, the model has ${nPositions} positions; use at most ${nPositions}.`,
    );
  const choice = { tokenizer, blockSize, template, lineByLine: flags.lineByLine };
  const evaluation =
    evalFile === undefined
      ? undefined
      : await readExamples(evalFile, choice, { limit: flags.maxEvalSamples, drawSeed: flags.seed, knownFieldsOnly });
  const train = evaluateOnly
    ? undefined
    : await readExamples(trainFile, choice, {
        limit: flags.maxTrainSamples,
        knownFieldsOnly,
        variation: template && {
          metadataDropout: flags.metadataDropout,
          metadataDropoutAll: flags.metadataDropoutAll,
          orderMix: template.orderMix ?? 0,
          seed: flags.seed,
        },
      });
  signal.throwIfAborted();

  const device = await requestDevice();
  announce(device);
  if (flags.dryRun && train) {
    const { text, fits } = await dryRun(device, {
      config: start.config.with({ vocabSize: Math.max(start.config.vocabSize, tokenizer.vocabSize) }),
      shape: largestBatch(train.examples, flags, blockSize),
      gradientAccumulationSteps: flags.gradientAccumulationSteps,
      limit: memoryLimit(flags, device),
      fresh: start.fresh,
    });
    print(text);
    return fits ? 0 : 1;
  }
  const model = await loadModel(device, start, flags);
  print(
    `Model    ${start.origin}: ${describeModel(model)}, vocabulary ${model.config.vocabSize}; ` +
      `${formatBytes(2 * model.parameters.bytes)} for weights, gradients and moments`,
  );
  if (train) print(`Train    ${train.summary}`);
  if (evaluation) print(`Evaluate ${evaluation.summary}`);
  if (!train) {
    const { perDeviceEvalBatchSize: batchSize } = flags;
    const { loss, perplexity } = await evaluateLoss(model, evaluation!.examples, { batchSize, padId, lossOn });
    print(`Result   loss ${loss.toFixed(4)}, perplexity ${perplexity.toFixed(2)}`);
    return;
  }
  if (parsed.given.size === 0 && evaluation) {
    const { loss } = await evaluateLoss(model, evaluation.examples, { batchSize: 8, padId, lossOn });
    print(`Before   evaluation loss ${loss.toFixed(4)}`);
  }

  const progress: { bar?: TrainingProgress } = {};
  let positions = 0;
  const trainer = new Trainer({
    model,
    args: { ...flags, lossOn },
    train: train.examples,
    varied: train.varied,
    evaluation: evaluation?.examples,
    padId,
    extraFiles,
    store: run,
    saveDtype: flags.saveDtype === "float16" ? "F16" : "F32",
    settings: {
      training_data: train.source,
      template: template ? await digest(templateToJson(template)) : null,
      tokenizer: await digest(JSON.stringify([...tokenizer.save()])),
      block_size: blockSize,
      line_by_line: flags.lineByLine,
      max_train_samples: flags.maxTrainSamples ?? null,
      metadata_dropout: flags.metadataDropout,
      metadata_dropout_all: flags.metadataDropoutAll,
      order_mix: template?.orderMix ?? 0,
    },
    onStep: (at) => {
      progress.bar?.step(at.step, { loss: at.loss, learningRate: at.learningRate, tokens: at.positions - positions });
      positions = at.positions;
    },
    onLog: (entry) => {
      run
        .log(entry)
        .catch((error) => progress.bar?.log(`metrics.jsonl cannot be written: ${(error as Error).message}`));
      if ("eval_loss" in entry)
        progress.bar?.log(
          `step ${entry.step}: evaluation loss ${entry.eval_loss.toFixed(4)}, ` +
            `perplexity ${entry.eval_perplexity.toFixed(2)}`,
        );
    },
    onSkip: (step, reason) => progress.bar?.log(`step ${step}: no update was made: ${reason}`),
    onSave: (name) => progress.bar?.log(`saved ${join(run.path, name)}`),
  });
  const state = checkpoint === undefined ? undefined : await trainer.resume(await openFolder(checkpoint));
  if (state && state.step >= trainer.totalSteps)
    throw new UserError(
      `${checkpoint} is at step ${state.step} and the run has ${trainer.totalSteps}: ` +
        `nothing is left to do; raise --max_steps or --num_train_epochs.`,
    );
  print(
    `Run      ${trainer.totalSteps} updates of ` +
      `${flags.perDeviceTrainBatchSize * flags.gradientAccumulationSteps} sequences` +
      `${state ? `, from step ${state.step}` : ""}; ${(100 * trainer.loader.padShare(0)).toFixed(0)}% of ` +
      "positions are padding; " +
      `output in ${run.path}`,
  );

  const started = performance.now();
  progress.bar = new TrainingProgress({ totalSteps: trainer.totalSteps, startStep: state?.step });
  const { finished, logHistory } = await trainer.train(signal).finally(() => progress.bar?.stop());
  const chart = await run.drawLoss(logHistory);
  const losses = logHistory.filter((entry) => "loss" in entry);
  if (losses.length > 0)
    print(
      `Loss     ${losses[0].loss.toFixed(4)} at step ${losses[0].step}, ` +
        `${losses[losses.length - 1].loss.toFixed(4)} at step ${losses[losses.length - 1].step}, ` +
        `in ${formatDuration((performance.now() - started) / 1000)}; curve in ${chart}`,
    );
  if (!finished) {
    const quick = Object.entries(QUICK).map(([key, value]) => flagName(key) + (value === true ? "" : ` ${value}`));
    const same = parsed.given.size === 0 ? quick.join(" ") : "the same flags and";
    print(`Stopped; go on with ${same} --output_dir ${run.path} --should_continue`);
    return;
  }
  print(`Saved    ${run.path}`);
  print(
    `Generate npx tsx src/generate.ts --model_name_or_path ${run.path} ` +
      `${template ? "--beam 4" : `--prompt "Once upon a time"`}`,
  );
}

/** The values, with what the 2020 script's flags mean in today's: --block_size -1, --evaluate_during_training. */
function asScript({ values, given }: ParsedFlags<TrainFlags>): Flags {
  const { blockSize } = values;
  if (blockSize === 0 || blockSize === 1)
    throw new UserError(
      `--block_size is ${blockSize}, wanted at least 2 tokens, or -1 for all of the model's positions.`,
    );
  return {
    ...values,
    blockSize: blockSize === -1 ? undefined : blockSize,
    evalSteps: values.evaluateDuringTraining && !given.has("evalSteps") ? values.loggingSteps : values.evalSteps,
  };
}

/** The most that a micro-batch of these examples can be. */
function largestBatch(
  examples: readonly EncodedExample[],
  { perDeviceTrainBatchSize, padToMultipleOf }: Flags,
  blockSize: number,
): BatchShape {
  const longest = examples.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  return {
    batchSize: Math.min(perDeviceTrainBatchSize, examples.length),
    length: paddedLength(longest, padToMultipleOf, blockSize),
    tokenTypes: examples.some(({ tokenTypeIds }) => tokenTypeIds !== undefined),
  };
}

/** Bytes that the device has, where that is known. */
function memoryLimit({ memoryLimit }: Flags, device: Device): number | undefined {
  if (memoryLimit !== undefined) return memoryLimit * 1e9;
  return device.software ? freemem() : undefined;
}

function checkCombination(flags: Flags, given: ReadonlySet<string>): void {
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
  const needs = (flag: keyof Flags & string, other: keyof Flags & string): void => {
    if (given.has(flag) && !given.has(other))
      throw new UserError(`${flagName(flag)} belongs to ${flagName(other)}, which is not given.`);
  };
  if (!given.has("evalDataFile")) needs("lineByLine", "trainDataFile");
  if (!flags.doEval || flags.doTrain) needs("evalDataFile", "trainDataFile");
  needs("shouldContinue", "outputDir");
  needs("memoryLimit", "dryRun");
  if (flags.dryRun && flags.doEval && !flags.doTrain)
    throw new UserError("--dry_run tells what training takes, and --do_eval alone trains nothing; leave one out.");
  if (flags.evaluateDuringTraining && given.has("trainDataFile")) needs("evaluateDuringTraining", "evalDataFile");
  if (given.has("trainDataFile") && given.has("lossOn") && flags.lossOn === "target")
    throw new UserError("--loss_on target learns p2 of infilling examples; plain text has none: leave it out.");
  if (flags.maxSteps === 0)
    throw new UserError("--max_steps is 0, wanted at least 1 update, or -1 to go by --num_train_epochs.");
}

async function newest(run: RunFolder): Promise<string> {
  const name = (await listCheckpoints(run)).at(-1);
  if (name === undefined)
    throw new UserError(`${run.path} has no checkpoint to go on from; leave --should_continue out to start.`);
  return name;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await runCli(main);
