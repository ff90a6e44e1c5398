// What a run has told so far: its curve, what it wrote into the three gaps, where it was gone on with. Plain data; a
// run that goes on from an earlier step tells the steps after it once more, and the new ones count.
import type { LogEntry } from "../../../src/entries/train.ts";

export interface Sample {
  readonly step: number;
  /** Number of the gap. */
  readonly number: number;
  readonly text: string;
}

export interface Journal {
  readonly log: readonly LogEntry[];
  readonly samples: readonly Sample[];
  /** Steps after which the run was gone on with. */
  readonly resumed: readonly number[];
  /** The last update that was told of. */
  readonly step: number;
}

export const EMPTY: Journal = { log: [], samples: [], resumed: [], step: 0 };

/** The run is at `step` and goes on from there: what was told of later ones was of a page that was closed. */
export function goneOnWith(journal: Journal, step: number): Journal {
  return {
    log: journal.log.filter((entry) => entry.step <= step),
    samples: journal.samples.filter((sample) => sample.step <= step),
    resumed: step > 0 ? [...journal.resumed.filter((at) => at < step), step] : [],
    step,
  };
}

export function withEntry(journal: Journal, entry: LogEntry): Journal {
  const same = (other: LogEntry): boolean => other.step === entry.step && "eval_loss" in other === "eval_loss" in entry;
  return { ...journal, log: [...journal.log.filter((other) => !same(other)), entry] };
}

export function withSample(journal: Journal, sample: Sample): Journal {
  const others = journal.samples.filter(({ step, number }) => step !== sample.step || number !== sample.number);
  return { ...journal, samples: [...others, sample] };
}

/** Steps at which the gaps were filled, in order. */
export function sampledSteps({ samples }: Journal): number[] {
  return [...new Set(samples.map(({ step }) => step))].sort((a, b) => a - b);
}

/** The lowest evaluation, if there was one. */
export function bestOf({ log }: Journal): { readonly step: number; readonly loss: number } | undefined {
  let best: { step: number; loss: number } | undefined;
  for (const { step, eval_loss: loss } of log)
    if (loss !== undefined && (!best || loss < best.loss)) best = { step, loss };
  return best;
}

/** Columns of the chart: steps, the training loss and the evaluation's, null where there is none. */
export function columnsOf({ log }: Journal): [number[], (number | null)[], (number | null)[]] {
  const steps = [...new Set(log.map(({ step }) => step))].sort((a, b) => a - b);
  const column = (name: string): (number | null)[] => {
    const values = new Map(log.filter((entry) => name in entry).map((entry) => [entry.step, entry[name]!]));
    return steps.map((step) => values.get(step) ?? null);
  };
  return [steps, column("loss"), column("eval_loss")];
}
