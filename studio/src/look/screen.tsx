// Look inside: a text in its gap, what was just written or what one types, and what the model made of each word of it.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Explanation } from "../../../src/entries/explain.ts";
import { route } from "../app/route.ts";
import { modelState, useEngine } from "../engine/engine.ts";
import { formatDate, reasonOf, t } from "../i18n/index.ts";
import { Inside } from "./inside.tsx";
import { WholePage } from "./whole-page.tsx";
import { writtenTexts } from "./written.ts";
import type { WrittenText } from "./written.ts";
import "./look.css";

const BEAMS = { numBeams: 4, numReturnSequences: 2, doSample: false };
const CHANCE = { doSample: true, topP: 0.95 };

export default function Screen(): JSX.Element {
  const words = t.value.look;
  const written = useSignal<readonly WrittenText[]>([]);
  const chosen = useSignal("");
  const [p1, text, p3] = [useSignal(""), useSignal(""), useSignal("")];
  const meta = useSignal<WrittenText["wishes"]>({});
  const found = useSignal<Explanation | undefined>(undefined);
  const failure = useSignal<string | undefined>(undefined);
  const isBusy = useSignal(false);
  const under = useRef<AbortController | undefined>(undefined);
  const list = useId();

  const choose = (id: string): void => {
    const one = written.value.find((each) => each.id === id);
    chosen.value = one ? id : "";
    if (!one) return;
    [p1.value, text.value, p3.value, meta.value] = [one.p1, one.text, one.p3, one.wishes];
    found.value = undefined;
  };
  useEffect(() => {
    writtenTexts().then(
      (texts) => {
        written.value = texts;
        const wanted = texts.find(({ id }) => id === route.value.rest) ?? texts[0];
        if (wanted && text.value === "") choose(wanted.id);
      },
      (error: Error) => void (failure.value = reasonOf(error)),
    );
    return () => under.current?.abort();
  }, []);

  const look = async (how: "given" | "beams" | "chance"): Promise<void> => {
    under.current?.abort();
    const { signal } = (under.current = new AbortController());
    isBusy.value = true;
    failure.value = found.value = undefined;
    try {
      const request = {
        gap: { p1: p1.value, p3: p3.value, meta: meta.value },
        labels: { before: words.before, after: words.after, written: words.written },
      };
      const more = how === "given" ? { text: text.value } : { options: how === "beams" ? BEAMS : CHANCE };
      found.value = await useEngine((engine) => engine.explain({ ...request, ...more }, { signal }));
    } catch (error) {
      if (!signal.aborted) failure.value = reasonOf(error as Error);
    } finally {
      if (!signal.aborted) isBusy.value = false;
    }
  };
  const area = (label: string, value: typeof text, rows: number): JSX.Element => (
    <label class="stack area">
      <span>{label}</span>
      <textarea
        rows={rows}
        value={value.value}
        onInput={(event) => {
          value.value = event.currentTarget.value;
          chosen.value = "";
        }}
      />
    </label>
  );
  const isReady = modelState.value.is === "ready";
  return (
    <div class="page look">
      <header class="stack">
        <h1>{words.title}</h1>
        <p class="soft">{words.lead}</p>
      </header>
      <form class="stack" onSubmit={(event) => (event.preventDefault(), void look("given"))}>
        {written.value.length > 0 && (
          <div class="stack">
            <label for={list}>{words.written}</label>
            <select id={list} value={chosen.value} onChange={(event) => choose(event.currentTarget.value)}>
              <option value="">{words.typed}</option>
              {written.value.map((each) => (
                <option key={each.id} value={each.id}>
                  {`${each.text.slice(0, 60)}… (${each.document}, ${formatDate(each.at)})`}
                </option>
              ))}
            </select>
          </div>
        )}
        <div class="areas">
          {area(words.before, p1, 4)}
          {area(words.text, text, 4)}
          {area(words.after, p3, 4)}
        </div>
        <div class="row">
          <button type="submit" class="primary" disabled={!isReady || isBusy.value || text.value.trim() === ""}>
            {words.lookAtText}
          </button>
          <button type="button" disabled={!isReady || isBusy.value} onClick={() => void look("chance")}>
            {words.lookByChance}
          </button>
          <button type="button" disabled={!isReady || isBusy.value} onClick={() => void look("beams")}>
            {words.lookByBeams}
          </button>
        </div>
      </form>
      <div aria-live="polite">{isBusy.value && <p class="soft">{words.looking}</p>}</div>
      {failure.value !== undefined && (
        <p class="notice bad" role="alert">
          {failure.value}
        </p>
      )}
      {found.value && <Inside explanation={found.value} />}
      {found.value && <WholePage explanation={found.value} />}
    </div>
  );
}
