// Which evaluation of a run is the best, and when they have stopped getting better: Hugging Face's
// load_best_model_at_end (TrainingArguments, Trainer._determine_best_metric) and EarlyStoppingCallback. Both follow
// from the log alone, which every checkpoint holds: a run that goes on counts as one that never stopped.
import { UserError } from "../errors.ts";
import type { BestModelArguments, TrainingArguments } from "./arguments.ts";
import { checkpointName, stepOf } from "./checkpoint-names.ts";
import type { LogEntry } from "./log-entry.ts";

export interface Standing {
  /** The best evaluation so far, the first of equal ones; undefined before any. */
  readonly best: LogEntry | undefined;
  /** Evaluations since one was better than all before by more than the threshold: early_stopping_patience_counter. */
  readonly withoutImprovement: number;
}

type Choice = Pick<BestModelArguments, "metricForBestModel" | "greaterIsBetter">;

/** "loss" -> "eval_loss", as the log has it. */
export function metricName({ metricForBestModel: name }: Choice): string {
  return name.startsWith("eval_") ? name : `eval_${name}`;
}

export function standingOf(history: readonly LogEntry[], args: Choice & { earlyStoppingThreshold: number }): Standing {
  const name = metricName(args);
  let best: LogEntry | undefined;
  let withoutImprovement = 0;
  for (const entry of evaluationsOf(history, args)) {
    const better = isBetter(entry, best, args);
    const byEnough = better && (!best || Math.abs(entry[name] - best[name]) > args.earlyStoppingThreshold);
    withoutImprovement = byEnough ? 0 : withoutImprovement + 1;
    if (better) best = entry; // by however little, as in Hugging Face: the threshold is for stopping alone
  }
  return { best, withoutImprovement };
}

/** Whether the evaluations say that the run is to end. */
export function stopsEarly(history: readonly LogEntry[], args: BestModelArguments): boolean {
  const { earlyStoppingPatience: patience } = args;
  return patience > 0 && standingOf(history, args).withoutImprovement >= patience;
}

/** Of these checkpoints' names that of the best evaluation; undefined where none of them was evaluated. */
export function bestCheckpoint(
  names: readonly string[],
  history: readonly LogEntry[],
  args: Choice,
): string | undefined {
  const stored = new Map(names.map((name) => [stepOf(name), name]));
  const evaluated = evaluationsOf(history, args).filter(({ step }) => stored.has(step));
  const best = evaluated.reduce<LogEntry | undefined>((a, b) => (isBetter(b, a, args) ? b : a), undefined);
  return best && stored.get(best.step);
}

function evaluationsOf(history: readonly LogEntry[], args: Choice): LogEntry[] {
  return history.filter((entry) => entry[metricName(args)] !== undefined);
}

function isBetter(entry: LogEntry, than: LogEntry | undefined, args: Choice): boolean {
  if (!than) return true;
  const name = metricName(args);
  return args.greaterIsBetter ? entry[name] > than[name] : entry[name] < than[name];
}

/** Throws UserError where there would be nothing to choose from, or no checkpoint of what is chosen. */
export function checkBestModel(
  args: BestModelArguments & Pick<TrainingArguments, "evalSteps" | "saveSteps">,
  { evaluates, saves }: { readonly evaluates: boolean; readonly saves: boolean },
): void {
  const { loadBestModelAtEnd, earlyStoppingPatience, evalSteps, saveSteps } = args;
  if (!loadBestModelAtEnd && earlyStoppingPatience === 0) return;
  const flag = loadBestModelAtEnd ? "--load_best_model_at_end" : "--early_stopping_patience";
  if (!evaluates)
    throw new UserError(`${flag} goes by evaluations, and there is nothing to evaluate on: give --validation_file.`);
  if (loadBestModelAtEnd && !saves)
    throw new UserError("--load_best_model_at_end loads a checkpoint, and none is saved: give the Trainer a store.");
  if (evalSteps === 0)
    throw new UserError(`${flag} goes by evaluations, and the only one is at the end: give --eval_steps.`);
  if (loadBestModelAtEnd && (saveSteps === 0 || saveSteps % evalSteps !== 0))
    throw new UserError(
      "--load_best_model_at_end chooses among checkpoints by their evaluations, so --save_steps must be a multiple " +
        `of --eval_steps: they are ${saveSteps} and ${evalSteps}; give --save_steps ${evalSteps}.`,
    );
}

/** What trainer_state.json says of it, in Hugging Face's schema, for its readers: here it follows from the log. */
export function bestModelState(
  step: number,
  history: readonly LogEntry[],
  args: BestModelArguments & Pick<TrainingArguments, "saveSteps">,
): Readonly<Record<string, unknown>> {
  const { loadBestModelAtEnd, earlyStoppingPatience, earlyStoppingThreshold, saveSteps } = args;
  if (!loadBestModelAtEnd && earlyStoppingPatience === 0) return { best_metric: null, best_model_checkpoint: null };
  const { best, withoutImprovement } = standingOf(history, args);
  const saved = history.filter((entry) => entry.step === step || (saveSteps > 0 && entry.step % saveSteps === 0));
  const names = saved.map((entry) => checkpointName(entry.step));
  const callback = {
    args: { early_stopping_patience: earlyStoppingPatience, early_stopping_threshold: earlyStoppingThreshold },
    attributes: { early_stopping_patience_counter: withoutImprovement },
  };
  return {
    best_global_step: best?.step ?? null,
    best_metric: best?.[metricName(args)] ?? null,
    best_model_checkpoint: (loadBestModelAtEnd && bestCheckpoint(names, history, args)) || null,
    ...(earlyStoppingPatience > 0 && { stateful_callbacks: { EarlyStoppingCallback: callback } }),
  };
}
