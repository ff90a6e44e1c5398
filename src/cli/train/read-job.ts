// From a command line to what is trained or measured: the model that it starts from, the examples, the arguments.
import { UserError } from "../../errors.ts";
import { eachOf, exampleSet } from "../../examples/example-set.ts";
import { argumentsAmong } from "../../training/arguments.ts";
import { eachByRankZero, rankZeroFirst } from "../mpi/rank-zero.ts";
import { resolveModel } from "../shared/model-source.ts";
import { DEMO_MODEL } from "../shared/project-path.ts";
import { cacheUse, openExamples } from "./data.ts";
import type { DataChoice, OpenedExamples } from "./data.ts";
import type { Job } from "./job.ts";
import { knownFieldsOnly, lossOn } from "./program.ts";
import type { Program } from "./program.ts";
import { RunFolder } from "./run-folder.ts";
import { noCheckpoint, startingPoints } from "./saved.ts";
import { parseSchedulerKwargs } from "./scheduler-kwargs.ts";
import { readStart } from "./setup.ts";
import type { Start } from "./setup.ts";

/** What is only looked at starts where training would. */
export async function lookedAt(program: Program): Promise<Start> {
  const run = new RunFolder(program.flags.outputDir ?? ".");
  const first = await eachByRankZero(program.mpi, startingPoints(program.flags, run)).next();
  if (first.done) throw await noCheckpoint(run);
  const saved = first.value;
  return startFrom(program, saved?.path ?? (await startingModel(program)), saved !== undefined);
}

/** What training starts from when no checkpoint is gone on with: a folder. */
export async function startingModel({ flags, signal, mpi }: Program): Promise<string> {
  const { modelNameOrPath, revision, offline, cacheDir } = flags;
  if (modelNameOrPath === undefined) return DEMO_MODEL;
  return rankZeroFirst(mpi, () => resolveModel(modelNameOrPath, { revision, offline, cacheDir, signal }));
}

export function startFrom(program: Program, from: string, resuming: boolean): Promise<Start> {
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

export async function readJob(program: Program, start: Start): Promise<Job> {
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

export async function readEvaluation(program: Program, start: Start): Promise<OpenedExamples | undefined> {
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
