// What the program does where nothing is trained: it measures a model, or every one in a run's folder, or says what
// memory training would take.
import { join } from "node:path";
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";
import { evaluateLoss } from "../../training/evaluate.ts";
import type { Evaluation } from "../../training/evaluate.ts";
import { byRankZero, isRankZero } from "../mpi/rank-zero.ts";
import { dryRun } from "./dry-run.ts";
import { evaluateFolders, foldersWithWeights } from "./eval-checkpoints.ts";
import { memoryQuestion } from "./memory-check.ts";
import { describe, openDevice } from "./opening.ts";
import { lossOn, print } from "./program.ts";
import type { Program } from "./program.ts";
import { lookedAt, readEvaluation, readJob, startFrom, startingModel } from "./read-job.ts";
import { RunFolder } from "./run-folder.ts";
import { loadModel } from "./setup.ts";

export async function evaluateModel(program: Program): Promise<void> {
  const { flags, signal, mpi } = program;
  if (flags.evalAllCheckpoints) return evaluateAll(program, new RunFolder(flags.outputDir!));
  const start = await lookedAt(program);
  const evaluation = (await readEvaluation(program, start))!;
  signal.throwIfAborted();
  const model = await loadModel(await openDevice(program), start, flags);
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
export async function evaluateAll(program: Program, run: RunFolder): Promise<void> {
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
  await evaluateFolders(await openDevice(program), { run, names, evaluate, writes: isRankZero(mpi), signal, print });
}

/** Returns the exit code: 1 where it does not fit. */
export async function tellMemory(program: Program): Promise<number> {
  const job = await readJob(program, await lookedAt(program));
  program.signal.throwIfAborted();
  const device = await openDevice(program);
  const { text, fits } = await dryRun(device, memoryQuestion(device, job));
  print(text);
  return fits ? 0 : 1;
}
