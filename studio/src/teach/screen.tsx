// Teach: the models in the making, one of them, or what begins another.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { addressOf, route } from "../app/route.ts";
import { formatDate, reasonOf, t } from "../i18n/index.ts";
import { modelName } from "../i18n/names.ts";
import { Icon } from "../ui/icon.tsx";
import { NewRun } from "./new-run.tsx";
import { RunView } from "./run-view.tsx";
import { listRuns } from "./runs.ts";
import type { RunRecord } from "./runs.ts";
import { training } from "./training.ts";
import "./teach.css";

const NEW = "new";

export default function Screen(): JSX.Element {
  const runs = useSignal<readonly RunRecord[] | undefined>(undefined);
  const failure = useSignal<string | undefined>(undefined);
  const { rest } = route.value;
  const isBusy = training.value !== undefined;
  useEffect(() => {
    listRuns().then(
      (found) => void (runs.value = found),
      (error: Error) => {
        failure.value = reasonOf(error);
        runs.value = [];
      },
    );
  }, [rest, isBusy]);
  const words = t.value.teach;
  const now = training.value?.run;
  const run = runs.value?.find(({ id }) => id === rest) ?? (now?.id === rest ? now : undefined);
  return (
    <div class="page teach">
      <header class="stack">
        {rest !== "" && (
          <a href={addressOf("teach")} class="small">
            ← {words.back}
          </a>
        )}
        <h1>{run ? run.name : words.title}</h1>
        {!run && <p class="soft">{words.lead}</p>}
      </header>
      {failure.value !== undefined && (
        <p class="notice bad" role="alert">
          {failure.value}
        </p>
      )}
      {runs.value === undefined ? (
        <p class="soft">{t.value.app.loading}</p>
      ) : run ? (
        <RunView key={run.id} run={run} />
      ) : rest === NEW || (rest === "" && runs.value.length === 0) ? (
        <NewRun />
      ) : rest === "" ? (
        <Runs runs={runs.value} />
      ) : (
        <p class="notice">{words.gone}</p>
      )}
    </div>
  );
}

function Runs({ runs }: { readonly runs: readonly RunRecord[] }): JSX.Element {
  const words = t.value.teach;
  return (
    <section class="stack" aria-label={words.runs}>
      <ul class="runs">
        {runs.map((run) => (
          <li key={run.id}>
            <a class="card" href={addressOf("teach", run.id)}>
              <strong>{run.name}</strong>
              <span class="soft small">{words.facts(run.books.join(", "), modelName(run.base.name))}</span>
              <span class="small">
                {training.value?.run.id === run.id
                  ? words.phases[training.value.phase]
                  : words.phases[run.finished === undefined ? "paused" : "finished"]}
                {" · "}
                {formatDate(run.finished ?? run.created)}
              </span>
            </a>
          </li>
        ))}
      </ul>
      <a class="button" href={addressOf("teach", NEW)}>
        <Icon name="plus" />
        {words.another}
      </a>
    </section>
  );
}
