// Command line: fine-tunes GPT-2, or trains one from scratch, on infilling examples or plain text. See --help.
// oxlint-disable-next-line import/no-unassigned-import -- it takes effect before the others are evaluated
import "./cli/shared/beside-tsx.ts";
import { join } from "node:path";
import { UserError } from "./errors.ts";
import { describeModel } from "./cli/shared/describe-model.ts";
import { formatBytes } from "./cli/shared/format.ts";
import { flagName } from "./cli/shared/flag-table.ts";
import { parseFlags } from "./cli/shared/flags.ts";
import type { FlagValues } from "./cli/shared/flags.ts";
import { announce, writeNote } from "./cli/shared/announce.ts";
import { resolveModel } from "./cli/shared/model-source.ts";
import { DEMO_MODEL, samplePath } from "./cli/shared/project-path.ts";
import { runCli } from "./cli/shared/run.ts";
import type { CliContext } from "./cli/shared/run.ts";
import { announceRanks } from "./cli/mpi/announce-ranks.ts";
import { byRankZero, eachByRankZero, isRankZero, rankZeroFirst } from "./cli/mpi/rank-zero.ts";
import { withRanks } from "./cli/mpi/with-ranks.ts";
import type { MpiJob } from "./cli/mpi/with-ranks.ts";
import { RunFolder } from "./cli/train/run-folder.ts";
import { cacheUse, openExamples } from "./cli/train/data.ts";
import type { DataChoice, OpenedExamples } from "./cli/train/data.ts";
import { lossesText, nothingLeft, waitText, whichModel, whyEarly } from "./cli/train/ended.ts";
import { asScript, checkCombination } from "./cli/train/check-flags.ts";
import { dryRun } from "./cli/train/dry-run.ts";
import { evaluateFolders, foldersWithWeights } from "./cli/train/eval-checkpoints.ts";
import { TRAIN } from "./cli/train/flags.ts";
import type { TrainFlags } from "./cli/train/flags.ts";
import { memoryQuestion, requireMemory } from "./cli/train/memory-check.ts";
import { noCheckpoint, savedFingerprint, startingPoints } from "./cli/train/saved.ts";
import type { Saved } from "./cli/train/saved.ts";
import { chooseFolder, trainTogether } from "./cli/train/together.ts";
import { Session, startOf, trainThroughLosses } from "./cli/train/session.ts";
import type { Job } from "./cli/train/session.ts";
import { parseSchedulerKwargs } from "./cli/train/scheduler-kwargs.ts";
import { writeResults } from "./cli/train/results.ts";
import { loadModel, readStart } from "./cli/train/setup.ts";
import type { Start } from "./cli/train/setup.ts";
import { described } from "./cli/train/trainable.ts";
import { countElements } from "./autograd/parameter.ts";
import { requestDevice } from "./gpu/device.ts";
import type { Device } from "./gpu/device.ts";
import type { LossOn } from "./examples/collate.ts";
import { eachOf, exampleSet } from "./examples/example-set.ts";
import type { GPT2LMHeadModel } from "./gpt2/model.ts";
import { templatePreset } from "./infill/template-presets.ts";
import { argumentsAmong, DEFAULT_ARGUMENTS } from "./training/arguments.ts";
import { listCheckpoints, OtherRunError } from "./training/checkpoint.ts";
import { evaluateLoss } from "./training/evaluate.ts";
import type { Evaluation } from "./training/evaluate.ts";

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
  contextDropout: 0,
  loggingSteps: 4,
  maxEvalSamples: 48,
};

const STOPPED_EARLY = "Stopped before the first update: there is nothing to save; start again with the same flags";

async function main({ argv, signal }: CliContext, mpi: MpiJob | undefined): Promise<number | void> {
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
  const trainFile =
    (evaluateOnly ? evalFile : (flags.trainDataFile ?? flags.trainFile)) ?? samplePath("train.jsonl", "--train_file");
  const files = { trainFile, evalFile, infilling };
  const program = { flags, given: parsed.given, files, signal, mpi };
  if (mpi) await announceRanks(mpi.ranks);
  if (evaluateOnly) return evaluateModel(program);
  if (flags.dryRun) return tellMemory(program);

  const run = await chooseFolder(flags, mpi);
  try {
    return await train(program, run);
  } catch (error) {
    if (signal.aborted && error === signal.reason) print(STOPPED_EARLY);
    throw error;
  } finally {
    run.release();
  }
}

/** What the command line asks for. */
interface Program {
  readonly flags: Flags;
  readonly given: ReadonlySet<string>;
  readonly files: { readonly trainFile: string; readonly evalFile: string | undefined; readonly infilling: boolean };
  readonly signal: AbortSignal;
  /** Who runs it together; undefined: this process alone. */
  readonly mpi: MpiJob | undefined;
}

/** What is only looked at starts where training would. */
async function lookedAt(program: Program): Promise<Start> {
  const run = new RunFolder(program.flags.outputDir ?? ".");
  const first = await eachByRankZero(program.mpi, startingPoints(program.flags, run)).next();
  if (first.done) throw await noCheckpoint(run);
  const saved = first.value;
  return startFrom(program, saved?.path ?? (await startingModel(program)), saved !== undefined);
}

async function evaluateModel(program: Program): Promise<void> {
  const { flags, signal, mpi } = program;
  if (flags.evalAllCheckpoints) return evaluateAll(program, new RunFolder(flags.outputDir!));
  const start = await lookedAt(program);
  const evaluation = (await readEvaluation(program, start))!;
  signal.throwIfAborted();
  const model = await loadModel(await openDevice(), start, flags);
  describe(start, model);
  print(`Evaluate ${evaluation.summary}`);
  const { loss, perplexity } = await evaluateLoss(model, evaluation.examples, {
    batchSize: flags.perDeviceEvalBatchSize,
    padId: start.padId,
    lossOn: lossOn(program, start),
    ranks: mpi?.ranks,
  });
  print(`Result   loss ${loss.toFixed(4)}, perplexity ${perplexity.toFixed(2)}`);
}

/** Every model in the run's folder, whose tokenizer and template are those of the last one unless flags name others. */
async function evaluateAll(program: Program, run: RunFolder): Promise<void> {
  const { flags, signal, mpi } = program;
  const names = await byRankZero(mpi, () => foldersWithWeights(run));
  const last = join(run.path, names.at(-1)!);
  const from = flags.modelNameOrPath === undefined ? last : await startingModel(program);
  const start = await startFrom(program, from, true);
  const { examples, summary } = (await readEvaluation(program, start))!;
  signal.throwIfAborted();
  print(`Evaluate ${summary}`);
  const { perDeviceEvalBatchSize: batchSize } = flags;
  const settings = { batchSize, padId: start.padId, lossOn: lossOn(program, start), ranks: mpi?.ranks };
  const evaluate = (model: GPT2LMHeadModel): Promise<Evaluation> => evaluateLoss(model, examples, settings);
  await evaluateFolders(await openDevice(), { run, names, evaluate, writes: isRankZero(mpi), signal, print });
}

async function tellMemory(program: Program): Promise<number> {
  const job = await readJob(program, await lookedAt(program));
  program.signal.throwIfAborted();
  const device = await openDevice();
  const { text, fits } = await dryRun(device, memoryQuestion(device, job));
  print(text);
  return fits ? 0 : 1;
}

async function openDevice(): Promise<Device> {
  const device = await requestDevice();
  announce(device);
  return device;
}

/** Trains in `run`, from where its newest checkpoint stands if the flags say so. */
async function train(program: Program, run: RunFolder): Promise<void> {
  const { flags, given, signal, mpi } = program;
  for (const name of await run.mend())
    writeNote(`${join(run.path, name)}, which a killed run left unfinished, is gone.`);
  const { session, job } = await firstSession(program, run);
  const { trainer, state } = session;
  const { worldSize } = trainer;
  if (state && (await trainer.isComplete())) {
    await run.writeLog(state.logHistory);
    // Killed after the model and before these: how long it took is lost.
    if (!(await byRankZero(mpi, async () => (await run.open("")).has("all_results.json"))))
      await writeResults(run, job, {
        history: state.logHistory,
        from: state.step,
        started: performance.now(),
        finalStep: await trainer.finalStep(),
        worldSize,
      });
    throw nothingLeft(run.path, state, trainer.totalSteps, whyEarly(state.logHistory, job.args));
  }
  if (state && state.step > trainer.totalSteps) throw nothingLeft("The checkpoint", state, trainer.totalSteps);
  print(
    `Run      ${trainer.totalSteps} updates of ` +
      `${flags.perDeviceTrainBatchSize * flags.gradientAccumulationSteps * worldSize} sequences` +
      `${mpi ? ` by ${mpi.ranks.size} ranks` : ""}` +
      `${state ? `, from step ${state.step}` : ""}; ${(100 * trainer.loader.padShare(0)).toFixed(0)}% of ` +
      "positions are padding; " +
      `output in ${run.path}`,
  );
  const started = performance.now();
  const sessions = [session];
  const reopen = async (saved: Saved | undefined): Promise<Session> => {
    const model = await loadModel(await requestDevice(), await startOf(job, saved), flags);
    sessions.push(await Session.open(model, job, run, saved));
    return sessions.at(-1)!;
  };
  const { finished, logHistory, finalStep } = await (mpi
    ? trainTogether(session, mpi, signal)
    : trainThroughLosses(session, { run, signal, reopen }));
  const dataWait = sessions.reduce((sum, { trainer }) => sum + trainer.dataWait, 0);
  if (!finished && (await listCheckpoints(run)).length === 0) {
    print(STOPPED_EARLY);
    return;
  }
  const chart = await run.writeLog(logHistory); // lines that the disk had no room for come after all
  const losses = lossesText(logHistory, started);
  if (losses !== undefined) print(`Loss     ${losses}; curve in ${chart}`);
  print(`Data     ${waitText(dataWait, started)}`);
  if (!finished) {
    const quick = Object.entries(QUICK).map(([key, value]) => flagName(key) + (value === true ? "" : ` ${value}`));
    const same = given.size === 0 ? quick.join(" ") : "the same flags and";
    print(`Stopped; go on with ${same} --output_dir ${run.path} --should_continue`);
    return;
  }
  const early = whyEarly(logHistory, job.args);
  if (early !== undefined) print(`Ended    ${early}`);
  const which = whichModel(logHistory, job.args, finalStep);
  if (which !== undefined) print(`Best     ${which}`);
  const from = state?.step ?? 0;
  await writeResults(run, job, { history: logHistory, from, started, finalStep, dataWait, worldSize });
  print(`Saved    ${run.path}`);
  if (flags.evalAllCheckpoints) await evaluateAll(program, run);
  print(
    `Generate npx tsx src/generate.ts --model_name_or_path ${run.path} ` +
      `${program.files.infilling ? "--beam 4" : `--prompt "Once upon a time"`}`,
  );
}

/** The session that the flags ask for: a new run's, or from the newest whole checkpoint that is this run's. */
async function firstSession(program: Program, run: RunFolder): Promise<{ session: Session; job: Job }> {
  const { flags, mpi } = program;
  let device: Device | undefined;
  let refusal: OtherRunError | undefined;
  const refused = new Map<string, string>(); // fingerprint -> the newest checkpoint that has it
  for await (const saved of eachByRankZero(mpi, startingPoints(flags, run))) {
    const fingerprint = refusal && saved ? await savedFingerprint(saved) : "";
    if (refused.has(fingerprint)) continue;
    const from = saved?.path ?? (await startingModel(program));
    const job = await rankZeroFirst(mpi, async () =>
      readJob(program, await startFrom(program, from, saved !== undefined)),
    );
    const { start } = job;
    program.signal.throwIfAborted();
    device ??= await openDevice();
    await requireMemory(device, job);
    await mpi?.ranks.meet(); // before anyone takes of what others are asking for
    const model = await loadModel(device, start, flags);
    describe(start, model);
    print(`Train    ${job.train.summary}`);
    if (job.evaluation) print(`Evaluate ${job.evaluation.summary}`);
    if (program.given.size === 0) await printLossBefore(job, model);
    try {
      const session = await Session.open(model, job, run, saved);
      for (const path of refused.values()) writeNote(`${path} is skipped: it belongs to another run.`);
      if (saved?.own) await run.writeLog(session.state!.logHistory);
      else await run.startOver();
      return { session, job };
    } catch (error) {
      if (!(error instanceof OtherRunError && flags.shouldContinue)) throw error;
      refusal ??= error;
      refused.set(await savedFingerprint(saved!), saved!.path);
      model.destroy();
    }
  }
  throw refusal ?? (await noCheckpoint(run));
}

/** What training starts from when no checkpoint is gone on with: a folder. */
async function startingModel({ flags, signal, mpi }: Program): Promise<string> {
  const { modelNameOrPath, revision, offline, cacheDir } = flags;
  if (modelNameOrPath === undefined) return DEMO_MODEL;
  return rankZeroFirst(mpi, () => resolveModel(modelNameOrPath, { revision, offline, cacheDir, signal }));
}

function startFrom(program: Program, from: string, resuming: boolean): Promise<Start> {
  const { flags, given, files } = program;
  return readStart(
    flags,
    from,
    resuming,
    files.infilling ? files.trainFile : undefined,
    {
      ...(given.has("sectionTypes") && { sectionTypes: flags.sectionTypes }),
      ...(flags.orderMix !== undefined && { orderMix: flags.orderMix }),
    },
    async (tokenizer, template, nPositions) => {
      const { examples } = await openExamples(
        files.trainFile,
        { tokenizer, blockSize: flags.blockSize ?? nPositions, template, lineByLine: flags.lineByLine },
        { limit: flags.maxTrainSamples, knownFieldsOnly: knownFieldsOnly(flags) },
        cacheUse(program),
      );
      const tokens = new Set<number>();
      for (const { ids } of eachOf(exampleSet(examples))) for (const id of ids) tokens.add(id);
      return tokens;
    },
  );
}

function describe({ origin }: Start, model: GPT2LMHeadModel): void {
  const { parameters, trained } = model;
  const bytes = parameters.trainingBytes + (trained === parameters ? 0 : trained.trainingBytes);
  print(
    `Model    ${origin}: ${describeModel(model)}, vocabulary ${model.config.vocabSize}; ` +
      `${formatBytes(bytes)} for weights, gradients and moments${trainedText(model)}`,
  );
}

/** What is trained where that is not all of it. */
function trainedText({ parameters, trained, adapter }: GPT2LMHeadModel): string {
  const count = countElements(trained.trainable());
  if (count === parameters.elementCount) return "";
  const what = adapter ? `(an adapter: ${described(adapter.config)})` : "of them";
  return `; trained are ${(count / 1e6).toFixed(2)}M ${what}`;
}

async function readJob(program: Program, start: Start): Promise<Job> {
  const { flags, files } = program;
  const { template } = start;
  const data = choice(program, start);
  const evaluation = await readEvaluation(program, start);
  const limits = {
    limit: flags.maxTrainSamples,
    knownFieldsOnly: knownFieldsOnly(flags),
    variation: template && {
      metadataDropout: flags.metadataDropout,
      metadataDropoutAll: flags.metadataDropoutAll,
      orderMix: template.orderMix ?? 0,
      contextDropout: flags.contextDropout,
      seed: flags.seed,
    },
  };
  const train = await openExamples(files.trainFile, data, limits, cacheUse(program));
  const lrSchedulerKwargs = parseSchedulerKwargs(flags.lrSchedulerKwargs ?? "");
  const args = argumentsAmong({ ...flags, lossOn: lossOn(program, start), lrSchedulerKwargs });
  return { flags, args, start, blockSize: data.blockSize, train, evaluation, mpi: program.mpi };
}

async function printLossBefore({ evaluation, args, start, mpi }: Job, model: GPT2LMHeadModel): Promise<void> {
  if (!evaluation) return;
  const settings = { batchSize: 8, padId: start.padId, lossOn: args.lossOn, ranks: mpi?.ranks };
  const { loss } = await evaluateLoss(model, evaluation.examples, settings);
  print(`Before   evaluation loss ${loss.toFixed(4)}`);
}

async function readEvaluation(program: Program, start: Start): Promise<OpenedExamples | undefined> {
  const { flags, files } = program;
  if (files.evalFile === undefined) return undefined;
  const limits = { limit: flags.maxEvalSamples, drawSeed: flags.seed, knownFieldsOnly: knownFieldsOnly(flags) };
  return openExamples(files.evalFile, choice(program, start), limits, cacheUse(program));
}

function choice({ flags }: Program, { config, tokenizer, template }: Start): DataChoice {
  const { nPositions } = config;
  const blockSize = flags.blockSize ?? nPositions;
  if (blockSize > nPositions)
    throw new UserError(
      `--block_size is ${blockSize}, the model has ${nPositions} positions; use at most ${nPositions}.`,
    );
  return { tokenizer, blockSize, template, lineByLine: flags.lineByLine, stride: flags.stride };
}

/** Windows have their new tokens as targets. */
const lossOn = ({ flags }: Program, { template }: Start): LossOn =>
  flags.stride !== undefined ? "target" : (flags.lossOn ?? template?.lossOn ?? DEFAULT_ARGUMENTS.lossOn);

/** A preset may be tried on any data; a file is written for its own. */
const knownFieldsOnly = (flags: Flags): boolean =>
  flags.template !== undefined && templatePreset(flags.template) !== undefined;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await runCli((cli) => withRanks((mpi) => main(cli, mpi)));
