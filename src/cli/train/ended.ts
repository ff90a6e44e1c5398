// What is said of a run that has ended: why before its last update, which step's weights are saved, and that nothing is
// left to do.
import { formatDuration } from "../shared/format.ts";
import { UserError } from "../../errors.ts";
import type { DataLoader } from "../../examples/data-loader.ts";
import { metricName, standingOf, stopsEarly } from "../../training/best-model.ts";
import type { BestModelArguments } from "../../training/arguments.ts";
import type { LogEntry, TrainerState } from "../../training/trainer-state.ts";

/** `early`: as whyEarly() says. */
export function nothingLeft(what: string, { step }: TrainerState, totalSteps: number, early?: string): UserError {
  if (early !== undefined)
    return new UserError(`${what} has ended: ${early}; raise --early_stopping_patience to go on.`);
  return new UserError(
    `${what} is at step ${step} and the run has ${totalSteps}: nothing is left to do; raise --max_steps or ` +
      "--num_train_epochs.",
  );
}

/** Why the run ended, as a sentence; undefined where it did not end early. */
export function whyEarly(history: readonly LogEntry[], args: BestModelArguments): string | undefined {
  const { best, withoutImprovement } = standingOf(history, args);
  if (!best || !stopsEarly(history, args)) return undefined;
  const { earlyStoppingThreshold: threshold } = args;
  const by = threshold > 0 ? ` by more than ${threshold}` : "";
  return (
    `${withoutImprovement} evaluation${withoutImprovement === 1 ? "" : "s in a row"} up to step ` +
    `${history.at(-1)!.step} did not improve${by} on ${figure(best, args)}`
  );
}

/** From which training loss to which, in a run that began at `started`; undefined where none was logged. */
export function lossesText(history: readonly LogEntry[], started: number): string | undefined {
  const losses = history.filter((entry) => "loss" in entry);
  if (losses.length === 0) return undefined;
  const seconds = (performance.now() - started) / 1000;
  return `${lossText(losses[0])}, ${lossText(losses.at(-1)!)}, in ${formatDuration(seconds)}`;
}

const lossText = ({ loss, step }: LogEntry): string => `${loss.toFixed(4)} at step ${step}`;

/** How long the GPU had to wait for data, in a run that began at `started` (performance.now()). */
export function waitText(seconds: number, started: number): string {
  const share = (1e5 * seconds) / (performance.now() - started);
  return `the GPU waited for it ${formatDuration(seconds)}, ${share.toFixed(1)}% of the run`;
}

/** How much of the first epoch's work is for nothing, and would be without packing. */
export function paddingText(loader: DataLoader, packing: boolean): string {
  const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;
  const without = packing ? `, ${percent(loader.padShare(0, { packed: false }))} without --packing` : "";
  return `${percent(loader.padShare(0))} of positions are padding${without}`;
}

/** Which weights are saved, where that is not plainly the last ones; undefined where it is. */
export function whichModel(
  history: readonly LogEntry[],
  args: BestModelArguments,
  finalStep: number,
): string | undefined {
  if (!args.loadBestModelAtEnd) return undefined;
  const { best } = standingOf(history, args);
  const chosen = history.find((entry) => entry.step === finalStep && metricName(args) in entry);
  if (!best || !chosen) return `step ${finalStep}, the last: no checkpoint was evaluated`;
  const other = best === chosen ? "" : `; the best evaluation, ${figure(best, args)}, has no whole checkpoint`;
  return `${figure(chosen, args)}: its checkpoint is the final model${other}`;
}

function figure(entry: LogEntry, args: BestModelArguments): string {
  return `${metricName(args)} ${entry[metricName(args)].toFixed(4)} at step ${entry.step}`;
}
