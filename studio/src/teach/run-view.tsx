// One run: where it stands, its curve, what it writes into the same three gaps, and what can be done with it.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { InfillExample } from "../../../src/entries/train.ts";
import { goTo } from "../app/route.ts";
import { numbers, reasonOf, t } from "../i18n/index.ts";
import { modelName } from "../i18n/names.ts";
import { chooseModel } from "../models/library.ts";
import { removeModel } from "../models/remove.ts";
import { Icon } from "../ui/icon.tsx";
import { saveFile } from "../ui/save-file.ts";
import { Curve } from "./curve.tsx";
import { fileNameOf, ggufOf, zipOf } from "./download.ts";
import { formatDuration } from "./duration.ts";
import { Gaps } from "./gaps.tsx";
import { EMPTY } from "./journal.ts";
import type { Journal } from "./journal.ts";
import { placeOf, readData, readJournal, savedStep } from "./runs.ts";
import type { RunRecord } from "./runs.ts";
import { failures, MODEL_KIND, OTHER_TAB, pause, train, training } from "./training.ts";
import type { Training } from "./training.ts";

interface Kept {
  readonly journal: Journal;
  readonly saved: number;
  readonly gaps: readonly InfillExample[];
}

export function RunView({ run }: { readonly run: RunRecord }): JSX.Element {
  const words = t.value.teach;
  const kept = useSignal<Kept>({ journal: EMPTY, saved: 0, gaps: [] });
  const failure = useSignal<string | undefined>(undefined);
  const now = training.value?.run.id === run.id ? training.value : undefined;
  const isNow = now !== undefined;
  useEffect(() => {
    void (async () => {
      try {
        const [journal, saved, data] = await Promise.all([readJournal(run.id), savedStep(run.id), readData(run.id)]);
        kept.value = { journal, saved, gaps: data?.gaps ?? [] };
      } catch (error) {
        failure.value = reasonOf(error as Error);
      }
    })();
  }, [run.id, isNow]);
  const journal = now?.journal ?? kept.value.journal;
  const isDone = run.finished !== undefined;
  const step = now?.progress?.step ?? (isDone ? run.totalSteps : now ? journal.step : kept.value.saved);
  const total = now?.progress?.totalSteps ?? run.totalSteps;
  const stopped = failures.value[run.id] || failure.value;
  return (
    <div class="stack sections">
      <section class="stack" aria-label={run.name}>
        <p class="soft">{words.facts(run.books.join(", "), modelName(run.base.name))}</p>
        <div class="row between">
          <p class="state" role="status">
            <strong>{words.phases[phaseOf(now, isDone, kept.value.saved)]}</strong>
            <span>{words.at(numbers.value.format(step), numbers.value.format(total))}</span>
            {now?.phase === "training" && now.secondsPerUpdate !== undefined && step < total && (
              <span class="soft">{words.left(formatDuration((total - step) * now.secondsPerUpdate))}</span>
            )}
          </p>
          <Actions run={run} now={now} onFailure={(reason) => void (failure.value = reason)} />
        </div>
        <progress max={total} value={step} aria-label={words.at(String(step), String(total))} />
        {now && <p class="soft small">{words.hidden}</p>}
        {now?.madeHidden !== undefined && (
          <p class="small">
            {now.madeHidden > 0 ? words.madeHidden(numbers.value.format(now.madeHidden)) : words.hiddenPaused}
          </p>
        )}
        {!now && !isDone && kept.value.saved > 0 && (
          <p class="soft small saved">{words.savedAt(numbers.value.format(kept.value.saved))}</p>
        )}
        {now?.note && <p class="notice">{now.note}</p>}
        {stopped && (
          <p class="notice bad" role="alert">
            {stopped === OTHER_TAB ? words.otherTab : `${words.failed(stopped)} ${words.mayGoOn}`}
          </p>
        )}
      </section>
      <Curve journal={journal} totalSteps={total} />
      <Gaps gaps={kept.value.gaps} journal={journal} />
    </div>
  );
}

function phaseOf(now: Training | undefined, isDone: boolean, saved: number): keyof typeof t.value.teach.phases {
  if (now) return now.phase;
  if (isDone) return "finished";
  return saved > 0 ? "paused" : "ready";
}

interface ActionsProps {
  readonly run: RunRecord;
  readonly now: Training | undefined;
  readonly onFailure: (reason: string | undefined) => void;
}

function Actions({ run, now, onFailure }: ActionsProps): JSX.Element {
  const words = t.value.teach;
  const isMaking = useSignal(false);
  const asks = useSignal(false);
  const isDone = run.finished !== undefined;
  const doing = async (act: () => Promise<void>): Promise<void> => {
    isMaking.value = true;
    onFailure(undefined);
    try {
      await act();
    } catch (error) {
      onFailure(reasonOf(error as Error));
    } finally {
      isMaking.value = false;
    }
  };
  const model = { id: run.id, name: run.name, kind: MODEL_KIND, source: placeOf(run.id) };
  const remove = (): Promise<void> =>
    doing(async () => {
      await removeModel(model);
      goTo("teach", "", { replace: true });
    });
  if (now)
    return (
      <button type="button" onClick={pause} disabled={now.phase === "pausing"}>
        <Icon name="stop" />
        {words.pause}
      </button>
    );
  if (asks.value)
    return (
      <div class="row" role="group" aria-label={words.delete}>
        <p>{words.deleteSure(run.name)}</p>
        <button type="button" class="danger" onClick={() => void remove()}>
          {words.delete}
        </button>
        <button type="button" onClick={() => void (asks.value = false)}>
          {words.keep}
        </button>
      </div>
    );
  return (
    <div class="row">
      {!isDone && (
        <button
          type="button"
          class="primary"
          disabled={training.value !== undefined}
          onClick={() => void train(run)}
          title={training.value && words.running}
        >
          {words.goOnButton}
        </button>
      )}
      {isDone && (
        <>
          <button
            type="button"
            class="primary"
            onClick={() => {
              void chooseModel(model);
              goTo("write");
            }}
          >
            <Icon name="write" />
            {words.use}
          </button>
          <button
            type="button"
            disabled={isMaking.value}
            onClick={() =>
              void doing(async () => saveFile(await zipOf(run.id, run.name), `${fileNameOf(run.name)}.zip`))
            }
          >
            <Icon name="download" />
            {words.downloadZip}
          </button>
          <button
            type="button"
            disabled={isMaking.value}
            onClick={() =>
              void doing(async () => saveFile(await ggufOf(run.id, run.name), `${fileNameOf(run.name)}.gguf`))
            }
          >
            <Icon name="download" />
            {words.downloadGguf}
          </button>
        </>
      )}
      <button
        type="button"
        class="icon quiet danger"
        aria-label={words.delete}
        onClick={() => void (asks.value = true)}
      >
        <Icon name="trash" />
      </button>
      {isMaking.value && (
        <span class="soft small" role="status">
          {words.making}
        </span>
      )}
    </div>
  );
}
