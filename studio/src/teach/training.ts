// The run that is being trained on this page: one at a time, in an engine of its own, so that Write keeps its model. A
// run goes on from its newest checkpoint, bit for bit, whatever happened to the page meanwhile.
import { signal } from "@preact/signals";
import type { ModelSource, TrainingEstimate, TrainRequest } from "../../../src/entries/worker.ts";
import type { InfillExample, Progress } from "../../../src/entries/train.ts";
import { EngineHost } from "../engine/host.ts";
import { inWords, reasonOf, t } from "../i18n/index.ts";
import { SaidError } from "../i18n/reasons.ts";
import { addModel } from "../models/library.ts";
import { LatestWriter } from "../store/latest.ts";
import { goneOnWith, withEntry, withSample } from "./journal.ts";
import type { Journal } from "./journal.ts";
import {
  basePlaceOf,
  placeOf,
  readData,
  readJournal,
  removeCheckpoints,
  savedStep,
  writeJournal,
  writeRecord,
} from "./runs.ts";
import type { Base, RunData, RunRecord } from "./runs.ts";

export type Phase = "loading" | "before" | "training" | "pausing";

export interface Training {
  readonly run: RunRecord;
  readonly phase: Phase;
  readonly journal: Journal;
  readonly progress?: Progress;
  /** Measured over the last updates. */
  readonly secondsPerUpdate?: number;
  /** Updates that were made while the page was hidden, the last time. */
  readonly madeHidden?: number;
  /** What went wrong without ending it. */
  readonly note?: string;
}

/** The run at work; undefined between runs. */
export const training = signal<Training | undefined>(undefined);
/** Why a run ended before it should, by its id. */
export const failures = signal<Readonly<Record<string, string>>>({});
export const MODEL_KIND = "own" as const;
/** A failure that the page has words for. */
export const OTHER_TAB = "other-tab";

const own = new EngineHost(
  () => new Worker(new URL("../engine/worker.ts", import.meta.url), { type: "module", name: "training" }),
);
let pausing: AbortController | undefined;

export function sourceOf({ base, template }: Pick<RunRecord, "base" | "template">, data: RunData): ModelSource {
  return "fresh" in base
    ? { fresh: { config: base.fresh, template, examples: [...data.train, ...data.validation] } }
    : { base: base.source, template };
}

/** What a run would take, measured. Throws Error in a sentence. */
export async function estimateRun(
  run: Pick<RunRecord, "base" | "template" | "args">,
  data: RunData,
  abort: AbortSignal,
): Promise<TrainingEstimate & { readonly parameters: number }> {
  const engine = own.start();
  try {
    const { parameters } = await engine.load(sourceOf(run, data), { signal: abort });
    const request = { examples: data.train, evaluation: heldOut(data), args: run.args };
    return { ...(await engine.estimate(request, { signal: abort })), parameters };
  } finally {
    if (!training.value) own.stop();
  }
}

/**
 * What the run begins with, where the page finds it again: a folder that the user picked may be gone tomorrow, and so
 * may the permission to read it; a model that was taught here may be removed.
 */
export async function keptBase({ id, base }: Pick<RunRecord, "id" | "base">): Promise<Base> {
  if (!("source" in base) || typeof base.source === "string") return base;
  if (!("directory" in base.source || "opfs" in base.source)) return base;
  const engine = own.start();
  try {
    const source = basePlaceOf(id);
    await engine.load(base.source);
    await engine.save(source);
    return { ...base, source };
  } finally {
    if (!training.value) own.stop();
  }
}

const heldOut = ({ validation }: RunData): readonly InfillExample[] | undefined =>
  validation.length > 0 ? validation : undefined;

/** The same seed each time: what changes is the model. */
const SAMPLING = { doSample: true, topP: 0.9, seed: 42 };
const wishOf = ({ p1, p3, meta }: InfillExample) => ({ p1, p3, meta, options: SAMPLING });

/** Trains `run` to its end or until pause(); never rejects: `failures` says what happened. */
export async function train(run: RunRecord): Promise<void> {
  if (training.value) return;
  failures.value = { ...failures.value, [run.id]: "" };
  const journal = await readJournal(run.id).catch((error: Error) => fail(run, reasonOf(error)));
  if (!journal || training.value) return;
  training.value = { run, phase: "loading", journal };
  pausing = new AbortController();
  // While a page holds a lock the browser does not freeze it, and no other tab trains the same run.
  await navigator.locks.request(`studio-run-${run.id}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return fail(run, OTHER_TAB);
    const awake = await keepAwake();
    try {
      await trainToTheEnd(run, pausing!.signal);
    } catch (error) {
      if (!pausing!.signal.aborted) fail(run, reasonOf(error as Error));
    } finally {
      awake();
      own.stop();
    }
  });
  training.value = undefined;
}

function fail({ id }: RunRecord, reason: string): void {
  failures.value = { ...failures.value, [id]: reason };
}

/** After the update in work and a checkpoint. */
export function pause(): void {
  if (!training.value) return;
  training.value = { ...training.value, phase: "pausing" };
  pausing?.abort();
}

async function trainToTheEnd(run: RunRecord, stopped: AbortSignal): Promise<void> {
  const data = await readData(run.id);
  if (!data) throw new SaidError(t.value.teach.dataGone);
  const saved = await savedStep(run.id);
  let journal = goneOnWith(training.value!.journal, saved);
  const writer = new LatestWriter<Journal>(
    (value) => writeJournal(run.id, value),
    (error) => update({ note: reasonOf(error) }),
  );
  const update = (change: Partial<Training>): void => {
    if (training.value) training.value = { ...training.value, ...change, journal };
  };
  const tell = (next: Journal): void => {
    journal = next;
    update({});
    writer.put(next);
  };
  const engine = own.start();
  await engine.load(sourceOf(run, data), { signal: stopped });
  if (saved === 0) {
    update({ phase: "before" });
    for (const [number, gap] of data.gaps.entries()) {
      const { text } = await engine.fill({ ...wishOf(gap), signal: stopped });
      tell(withSample(journal, { step: 0, number, text }));
    }
  }
  update({ phase: "training" });
  const speed = new Speed();
  const request: TrainRequest = {
    examples: data.train,
    evaluation: heldOut(data),
    args: run.args,
    saveTo: placeOf(run.id),
    resume: true,
    sample: { gaps: data.gaps.map(wishOf), everySteps: run.lookEvery },
  };
  const { finished } = await engine.train({
    ...request,
    signal: stopped,
    onStep: (progress) => {
      journal = { ...journal, step: progress.step };
      update({ progress, secondsPerUpdate: speed.after(progress.step) });
    },
    onLog: (entry) => tell(withEntry(journal, entry)),
    onSample: ({ text, step, number = 0 }) => tell(withSample(journal, { step, number, text })),
    onNote: (note) => update({ note: inWords(note) }),
  });
  writer.put(journal);
  await writer.done();
  if (!finished) return;
  await writeRecord({ ...run, finished: Date.now() });
  await removeCheckpoints(run.id);
  await addModel({ id: run.id, name: run.name, kind: MODEL_KIND, source: placeOf(run.id) });
}

/** Seconds an update, over the last half minute, evaluations and gaps included. */
class Speed {
  private readonly times: { readonly step: number; readonly at: number }[] = [];

  after(step: number): number | undefined {
    const at = performance.now();
    this.times.push({ step, at });
    while (this.times.length > 2 && at - this.times[0]!.at > 30_000) this.times.shift();
    const first = this.times[0]!;
    return step > first.step ? (at - first.at) / 1000 / (step - first.step) : undefined;
  }
}

/** A page that was hidden for less, and three updates, says nothing of it. */
const LONG_MS = 10_000;

/** Keeps the screen, and so the machine, awake while the page is seen; returns what ends it. */
async function keepAwake(): Promise<() => void> {
  let held: WakeLockSentinel | undefined;
  let hidden: { readonly step: number; readonly at: number } | undefined;
  const look = async (): Promise<void> => {
    const step = training.value?.progress?.step;
    if (document.visibilityState === "hidden") hidden = { step: step ?? 0, at: performance.now() };
    else {
      const wasLong =
        hidden && performance.now() - hidden.at > LONG_MS + 3000 * (training.value?.secondsPerUpdate ?? 0);
      if (hidden && wasLong && step !== undefined)
        training.value = { ...training.value!, madeHidden: step - hidden.step };
      hidden = undefined;
      held = await navigator.wakeLock?.request("screen").catch(() => undefined);
    }
  };
  document.addEventListener("visibilitychange", look);
  await look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    void held?.release().catch(() => undefined);
  };
}
