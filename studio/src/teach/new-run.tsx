// What begins a run: books, a model to begin with, how long, what that will take.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { TrainingEstimate } from "../../../src/entries/worker.ts";
import { goTo } from "../app/route.ts";
import { formatBytes, numbers, reasonOf, t } from "../i18n/index.ts";
import { adapterName } from "../i18n/names.ts";
import { demo, models } from "../models/library.ts";
import { keepWaiting, listWaiting } from "../store/books.ts";
import { newId } from "../store/records.ts";
import { readBooks } from "./books.ts";
import type { BookResult } from "./books.worker.ts";
import { DropZone } from "./drop-zone.tsx";
import { formatDuration } from "./duration.ts";
import { inspect } from "./inspect.ts";
import type { BaseFacts } from "./inspect.ts";
import { argumentsOf, gapsOf, learningRateFor, secondsOf, SIZE_NAMES, updatesOf } from "./plan.ts";
import type { Wish } from "./plan.ts";
import { createRun } from "./runs.ts";
import type { RunData, RunRecord } from "./runs.ts";
import { estimateRun, keptBase, train, training } from "./training.ts";
import { Triples } from "./triples.tsx";
import { WishFields } from "./wish-fields.tsx";

const HELD_OUT = 0.1;

export function NewRun(): JSX.Element {
  const words = t.value.teach;
  const books = useSignal<readonly File[]>([]);
  const base = useSignal("model:demo");
  const found = useSignal<BookResult | undefined>(undefined);
  const facts = useSignal<BaseFacts | undefined>(undefined);
  const isReading = useSignal(false);
  const failure = useSignal<string | undefined>(undefined);
  const name = useSignal("");
  const wish = useSignal<Omit<Wish, "learningRate"> & { readonly learningRate?: number }>({
    passes: 3,
    batchSize: 8,
    seed: 42,
  });
  const estimate = useSignal<TrainingEstimate | undefined>(undefined);
  const busy = useSignal<"estimating" | "starting" | undefined>(undefined);
  const reading = useRef(new AbortController());
  const waiting = useRef<Promise<void>>(Promise.resolve());
  const choose = (files: readonly File[]): void => {
    books.value = files;
    waiting.current = waiting.current
      .then(() => keepWaiting(files))
      .catch((error: Error) => void (failure.value = reasonOf(error)));
  };
  useEffect(() => {
    void listWaiting().then((files) => {
      if (books.value.length === 0) books.value = files;
    });
  }, []);

  // Which passages are good follows from the books and from how much the model sees.
  useEffect(() => {
    reading.current.abort();
    const { signal } = (reading.current = new AbortController());
    found.value = estimate.value = failure.value = undefined;
    if (books.value.length === 0) return;
    isReading.value = true;
    void (async () => {
      try {
        const inspected = await inspect(base.value);
        const result = await readBooks(books.value, inspected, HELD_OUT, signal);
        if (signal.aborted) return;
        facts.value = inspected;
        found.value = result;
      } catch (error) {
        if (!signal.aborted) failure.value = reasonOf(error as Error);
      } finally {
        if (!signal.aborted) isReading.value = false;
      }
    })();
    return () => reading.current.abort();
  }, [books.value, base.value]);

  const whole = (): { readonly run: RunRecord; readonly data: RunData } | undefined => {
    const { train: examples = [], validation = [], template } = found.value ?? {};
    if (!facts.value || !template || examples.length === 0) return undefined;
    const learningRate = wish.value.learningRate ?? learningRateFor(facts.value.parameters);
    const wished = { ...wish.value, learningRate };
    const args = argumentsOf(wished, examples.length, validation.length > 0, estimate.value?.secondsPerUpdate);
    const first = books.value[0]!.name.replace(/\.\w+$/, "");
    const run: RunRecord = {
      version: 1,
      id: newId(),
      name: name.value.trim() || words.defaultName(first),
      created: Date.now(),
      books: books.value.map((book) => book.name),
      base: facts.value.base,
      template,
      args,
      totalSteps: estimate.value?.totalSteps ?? updatesOf(wished, examples.length),
      lookEvery: args.saveSteps!,
    };
    return { run, data: { train: examples, validation, gaps: gapsOf(examples, validation) } };
  };
  const attempt = async (doing: "estimating" | "starting", act: () => Promise<void>): Promise<void> => {
    busy.value = doing;
    failure.value = undefined;
    try {
      await act();
    } catch (error) {
      failure.value = reasonOf(error as Error);
    } finally {
      busy.value = undefined;
    }
  };
  const ask = (): Promise<void> =>
    attempt("estimating", async () => {
      const { run, data } = whole()!;
      estimate.value = await estimateRun(run, data, new AbortController().signal);
    });
  const begin = (): Promise<void> =>
    attempt("starting", async () => {
      // Where there is too little memory that is said first; who starts again after that has read it.
      if (!estimate.value) {
        await ask();
        busy.value = "starting";
        if (failure.value !== undefined || !estimate.value || isShort(estimate.value)) return;
      }
      const { run: wished, data } = whole()!;
      const run = { ...wished, base: await keptBase(wished) };
      await createRun(run, data);
      choose([]);
      void train(run);
      goTo("teach", run.id);
    });
  const ready = found.value !== undefined && found.value.train.length > 0;
  const another = training.value !== undefined;
  const change = (part: Partial<typeof wish.value>): void => {
    wish.value = { ...wish.value, ...part };
    estimate.value = undefined;
  };

  return (
    <form class="stack sections" onSubmit={(event) => (event.preventDefault(), void begin())}>
      <section class="stack">
        <h2>{words.books}</h2>
        <DropZone files={books.value} onChange={choose} />
      </section>
      <fieldset class="stack">
        <legend>
          <h2>{words.model}</h2>
        </legend>
        <BaseChoice value={base.value} onChange={(next) => void (base.value = next)} />
      </fieldset>
      <div aria-live="polite">{isReading.value && <p class="soft reading">{words.reading}</p>}</div>
      {found.value && <Triples found={found.value} />}
      {ready && (
        <section class="stack">
          <h2>{words.length}</h2>
          <WishFields
            name={name}
            wish={wish.value}
            learningRate={learningRateFor(facts.value?.parameters ?? 0)}
            onChange={change}
          />
        </section>
      )}
      {ready && (
        <section class="stack">
          <div class="row">
            <button type="button" disabled={busy.value !== undefined || another} onClick={() => void ask()}>
              {busy.value === "estimating" ? words.estimating : words.estimate}
            </button>
            <button type="submit" class="primary" disabled={busy.value !== undefined || another}>
              {busy.value === "starting" ? words.starting : words.start}
            </button>
          </div>
          {another && <p class="notice">{words.running}</p>}
          <div aria-live="polite">
            {estimate.value && <EstimateSaid estimate={estimate.value} run={whole()!.run} data={whole()!.data} />}
          </div>
        </section>
      )}
      {failure.value !== undefined && (
        <p class="notice bad" role="alert">
          {failure.value}
        </p>
      )}
    </form>
  );
}

const isShort = ({ available, memory }: TrainingEstimate): boolean =>
  available !== undefined && available < memory.peak;

interface EstimateProps {
  readonly estimate: TrainingEstimate;
  readonly run: RunRecord;
  readonly data: RunData;
}

function EstimateSaid({ estimate, run, data }: EstimateProps): JSX.Element {
  const words = t.value.teach;
  const { secondsPerUpdate, totalSteps, memory, available, adapter, leftOut } = estimate;
  const short = isShort(estimate);
  return (
    <div class={`notice estimate${short ? " bad" : ""}`}>
      {secondsPerUpdate !== undefined && (
        <p>
          {words.takes(
            formatDuration(secondsOf({ secondsPerUpdate, totalSteps }, run.args, data.validation.length)),
            numbers.value.format(totalSteps),
          )}
        </p>
      )}
      <p>
        {words.memory(formatBytes(memory.peak), adapterName(adapter))},{" "}
        {available === undefined
          ? words.memoryUnknown
          : short
            ? words.memoryShort(formatBytes(available))
            : words.memoryGiven}
      </p>
      {leftOut > 0 && <p>{words.doNotFit(numbers.value.format(leftOut))}</p>}
    </div>
  );
}

interface BaseProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function BaseChoice({ value, onChange }: BaseProps): JSX.Element {
  const words = t.value.teach;
  const option = (key: string, label: string): JSX.Element => (
    <label key={key} class="choice">
      <input type="radio" name="base" value={key} checked={value === key} onChange={() => onChange(key)} />
      <span>{label}</span>
    </label>
  );
  return (
    <div class="bases">
      <div role="group" aria-label={words.goOn}>
        <p class="soft small">{words.goOn}</p>
        {[demo(), ...models.value].map((model) => option(`model:${model.id}`, model.name))}
      </div>
      <div role="group" aria-label={words.fresh}>
        <p class="soft small">{words.fresh}</p>
        {SIZE_NAMES.map((size) => option(`fresh:${size}`, words.sizes[size]))}
      </div>
    </div>
  );
}
