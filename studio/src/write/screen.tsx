// Write: the manuscript, what is wished for its gaps, the candidates, and the history of all that was written.
import { useSignal } from "@preact/signals";
import { EditorView } from "@codemirror/view";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { goTo, route } from "../app/route.ts";
import { readSetting, writeSetting } from "../app/settings.ts";
import { reasonOf, t } from "../i18n/index.ts";
import { keepsNothing } from "../store/documents.ts";
import { holdsFiles } from "../ui/holds-files.ts";
import {
  attach,
  createDocument,
  documents,
  fills,
  isElsewhere,
  open,
  openDocument,
  problem,
  refreshDocuments,
  writeHere,
} from "./desk.ts";
import { Candidates } from "./candidates.tsx";
import { activeFill } from "./fills.ts";
import { History } from "./history.tsx";
import { watchNames } from "./names.ts";
import { takeFiles } from "./take-files.ts";
import { Toolbar } from "./toolbar.tsx";
import { WishPanel } from "./wish-panel.tsx";
import { working } from "./work.ts";
import "./write.css";

const VIEWS = ["text", "wishes", "candidates", "history"] as const;
type View = (typeof VIEWS)[number];

export default function WriteScreen(): JSX.Element {
  const view = useSignal<View>("text");
  const side = useSignal<"wishes" | "history">("wishes");
  const failure = useSignal<string | undefined>(undefined);
  useEffect(() => {
    openFirst().catch((error: Error) => void (failure.value = reasonOf(error)));
    return watchNames();
  }, []);
  // Another document's address, or the browser's Back.
  useEffect(() => {
    const { screen, rest } = route.value;
    if (screen === "write" && rest !== "" && open.value && rest !== open.value.id) void openDocument(rest);
  }, [route.value]);
  useEffect(() => {
    if (open.value && route.value.screen === "write") goTo("write", open.value.id, { replace: true });
  }, [open.value?.id]);
  useEffect(() => {
    if (working.value) view.value = "candidates";
  }, [working.value?.fill]);
  const counts: Readonly<Record<View, number | undefined>> = {
    text: undefined,
    wishes: undefined,
    candidates: activeFill.value?.candidates.length,
    history: fills.value.length,
  };
  return (
    <div
      class={`write shows-${view.value}`}
      onDragOver={(event) => holdsFiles(event) && event.preventDefault()}
      onDropCapture={(event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        event.stopPropagation(); // the editor would put a file's bytes into the text
        void takeFiles(event.dataTransfer?.files ?? []);
      }}
    >
      <h1 class="visually-hidden">{t.value.write.title}</h1>
      <Toolbar />
      <div class="views" role="group" aria-label={t.value.write.views}>
        {VIEWS.map((each) => (
          <button key={each} class="quiet" aria-pressed={view.value === each} onClick={() => (view.value = each)}>
            {t.value.write.viewNames[each]}
            {counts[each] ? <span class="count">{counts[each]}</span> : null}
          </button>
        ))}
      </div>
      <div class="banners">
        {keepsNothing.value !== undefined && <p class="notice bad">{t.value.app.noStorage}</p>}
        {isElsewhere.value && <Elsewhere />}
        {(problem.value ?? failure.value) !== undefined && (
          <div class="notice bad row" role="alert">
            <span>{problem.value ?? failure.value}</span>
            <button class="quiet" onClick={() => (problem.value = failure.value = undefined)}>
              {t.value.app.close}
            </button>
          </div>
        )}
      </div>
      <Manuscript />
      <aside class={`side shows-${side.value}`} aria-label={t.value.write.side} inert={isElsewhere.value}>
        <div class="side-switch row" role="group" aria-label={t.value.write.side}>
          {(["wishes", "history"] as const).map((each) => (
            <button key={each} class="quiet" aria-pressed={side.value === each} onClick={() => (side.value = each)}>
              {t.value.write.viewNames[each]}
            </button>
          ))}
        </div>
        <WishPanel />
        <History />
      </aside>
      <Candidates />
    </div>
  );
}

/** Another tab writes this document. */
function Elsewhere(): JSX.Element {
  const isAsking = useSignal(false);
  const take = async (): Promise<void> => {
    isAsking.value = true;
    await writeHere().finally(() => (isAsking.value = false));
  };
  return (
    <div class="notice row" role="status">
      <span>{t.value.write.elsewhere}</span>
      <button disabled={isAsking.value} onClick={() => void take()}>
        {t.value.write.writeHere}
      </button>
    </div>
  );
}

/** The document of the address, else the one that was open last, else the newest, else a first one. */
async function openFirst(): Promise<void> {
  await refreshDocuments();
  const wanted = [route.value.rest, readSetting("document"), documents.value[0]?.id];
  for (const id of wanted) if (id && (await openDocument(id))) return;
  await createDocument(t.value.write.sampleTitle, t.value.write.sample);
}

function Manuscript(): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const editor = new EditorView({ parent: place.current! });
    attach(editor);
    return () => {
      attach(undefined);
      editor.destroy();
    };
  }, []);
  useEffect(() => {
    if (open.value) writeSetting("document", open.value.id);
  }, [open.value?.id]);
  return <div class="manuscript" ref={place} lang={languageTag()} />;
}

/** Of the manuscript, for spelling and screen readers, where the writer has said it. */
function languageTag(): string | undefined {
  const said = open.value?.wishes.language;
  return typeof said === "string" && /^[a-z]{2,3}(?:-\w+)*$/i.test(said.trim()) ? said.trim() : undefined;
}
