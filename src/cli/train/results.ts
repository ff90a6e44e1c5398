// The model card and the Trainer's result files, written into the run's folder when it has ended.
import { isRankZero } from "../mpi/rank-zero.ts";
import { resultFiles } from "../../training/results.ts";
import { cardFile } from "../shared/model-card.ts";
import { runCard } from "./run-card.ts";
import type { RunEnd } from "./run-end.ts";
import type { RunFolder } from "./run-folder.ts";
import type { Job } from "./session.ts";

export async function writeResults(run: RunFolder, job: Job, end: RunEnd): Promise<void> {
  const { args, train, evaluation, mpi } = job;
  const { history, from, started, finalStep, dataWait, worldSize } = end;
  if (!isRankZero(mpi)) return;
  const results = resultFiles({
    history,
    finalStep,
    dataWait,
    runtime: (performance.now() - started) / 1000,
    updates: (history[history.length - 1]?.step ?? from) - from,
    batchSize: args.perDeviceTrainBatchSize * args.gradientAccumulationSteps * worldSize,
    trainSamples: train.examples.length,
    evalSamples: evaluation?.examples.length ?? 0,
  });
  const folder = await run.open("");
  const card = await cardFile(folder, run.path, await runCard(run, job, end));
  await folder.write(new Map([...card, ...results])); // the results last: where they are, nothing is missing
}
