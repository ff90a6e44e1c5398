// train_results.json, eval_results.json and all_results.json as Hugging Face's Trainer.save_metrics writes them, with
// its names, for scripts that collect the results of runs.
import type { LogEntry } from "./trainer-state.ts";

/** All that a run may write. */
export const RESULT_FILES = ["train_results.json", "eval_results.json", "all_results.json"] as const;

export interface RunFigures {
  readonly history: readonly LogEntry[];
  /** The step whose weights were saved; default: the last. */
  readonly finalStep?: number;
  /** Seconds and updates of this process; a resumed run's earlier ones are not in them, as in the Trainer. */
  readonly runtime: number;
  readonly updates: number;
  /** Seconds of the runtime in which the GPU had to wait for data, where it is known. */
  readonly dataWait?: number;
  /** Sequences an update. */
  readonly batchSize: number;
  readonly trainSamples: number;
  /** 0 without evaluation. */
  readonly evalSamples: number;
}

/** File name -> text. */
export function resultFiles(run: RunFigures): Map<string, string> {
  const train = trainResults(run);
  const evaluation = evalResults(run);
  const [trainFile, evalFile, allFile] = RESULT_FILES;
  return new Map([
    [trainFile, sortedJson(train)],
    ...(evaluation ? [[evalFile, sortedJson(evaluation)] as const] : []),
    [allFile, sortedJson({ ...train, ...evaluation })],
  ]);
}

function trainResults({
  history,
  runtime,
  updates,
  dataWait,
  batchSize,
  trainSamples,
}: RunFigures): Record<string, number> {
  const logged = history.filter((entry) => "loss" in entry);
  // Each entry is the mean since the one before.
  let [sum, steps] = [0, 0];
  for (const { loss, step } of logged) {
    sum += loss * (step - steps);
    steps = step;
  }
  return {
    epoch: history[history.length - 1]?.epoch ?? 0,
    ...(steps > 0 && { train_loss: sum / steps }),
    ...(dataWait !== undefined && { train_data_wait: dataWait / runtime }),
    train_runtime: runtime,
    train_samples: trainSamples,
    train_samples_per_second: (updates * batchSize) / runtime,
    train_steps_per_second: updates / runtime,
  };
}

function evalResults({ history, evalSamples, finalStep }: RunFigures): Record<string, number> | undefined {
  const evaluations = history.filter((entry) => "eval_loss" in entry);
  const last = evaluations.find(({ step }) => step === finalStep) ?? evaluations.at(-1);
  if (!last) return undefined;
  const { epoch, eval_loss, eval_perplexity } = last;
  return { epoch, eval_loss, eval_samples: evalSamples, perplexity: eval_perplexity };
}

/** Python's json.dump(indent=4, sort_keys=True). */
function sortedJson(values: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 4)}\n`;
}
