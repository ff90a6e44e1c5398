// The Trainer's result files, written into the run's folder when it has ended.
import { isRankZero } from "../mpi/rank-zero.ts";
import { resultFiles } from "../../training/results.ts";
import type { LogEntry } from "../../training/trainer-state.ts";
import type { RunFolder } from "./run-folder.ts";
import type { Job } from "./session.ts";

export interface RunEnd {
  readonly history: readonly LogEntry[];
  /** The step that this process went on from. */
  readonly from: number;
  /** performance.now() when it began. */
  readonly started: number;
  /** Seconds in which the GPU had to wait for data; where it did not train, not known. */
  readonly dataWait?: number;
  /** The step whose weights were saved. */
  readonly finalStep: number;
  /** How many ranks' batches an update takes. */
  readonly worldSize: number;
}

export async function writeResults(
  run: RunFolder,
  { args, train, evaluation, mpi }: Job,
  { history, from, started, finalStep, dataWait, worldSize }: RunEnd,
): Promise<void> {
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
  await (await run.open("")).write(results);
}
