// Above the manuscript: which document, marks, undo, files in and out, Fill.
import { redo, undo } from "@codemirror/commands";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { modelState } from "../engine/engine.ts";
import { reasonOf, t } from "../i18n/index.ts";
import { Icon } from "../ui/icon.tsx";
import type { IconName } from "../ui/icon.tsx";
import { saveFile } from "../ui/save-file.ts";
import { change, documentText, editor, isElsewhere, open, problem, saveState } from "./desk.ts";
import { DocumentsDialog } from "./documents-dialog.tsx";
import { toggleHeading, toggleMark } from "./editor.ts";
import { takeFiles } from "./take-files.ts";
import { EXPORTS, exportFile, IMPORTS } from "./transfer.ts";
import type { ExportFormat } from "./transfer.ts";
import { fillHere, stop, working } from "./work.ts";

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);
const SHORTCUT = isMac ? "⌘⏎" : "Ctrl ⏎";

export function Toolbar(): JSX.Element {
  const listing = useSignal(false);
  const marks: readonly (readonly [label: string, sign: JSX.Element | string, act: () => unknown])[] = [
    [t.value.write.bold, <b>B</b>, () => toggleMark(editor()!, "**", "**")],
    [t.value.write.italic, <i>I</i>, () => toggleMark(editor()!, "_", "_")],
    [t.value.write.underline, <u>U</u>, () => toggleMark(editor()!, "<u>", "</u>")],
    [t.value.write.heading, "H", () => toggleHeading(editor()!)],
  ];
  return (
    <div class="toolbar" role="group" aria-label={t.value.write.tools}>
      <div class="row document">
        <button onClick={() => (listing.value = true)}>
          <Icon name="file" />
          <span class="words">{t.value.write.documents}</span>
          <span class="visually-hidden narrow-words">{t.value.write.documents}</span>
        </button>
        <input
          class="title"
          aria-label={t.value.write.documentTitle}
          readOnly={isElsewhere.value}
          value={open.value?.title ?? ""}
          onInput={(event) => change({ title: event.currentTarget.value })}
        />
        <SaveState />
      </div>
      <div class="row tools" inert={isElsewhere.value}>
        <Tool icon="undo" label={t.value.write.undo} act={() => undo(editor()!)} />
        <Tool icon="redo" label={t.value.write.redo} act={() => redo(editor()!)} />
        {marks.map(([label, sign, act]) => (
          <button key={label} class="quiet icon" aria-label={label} title={label} onClick={act}>
            {sign}
          </button>
        ))}
        <Files />
        <FillButton />
      </div>
      {listing.value && <DocumentsDialog onClose={() => (listing.value = false)} />}
    </div>
  );
}

interface ToolProps {
  readonly icon: IconName;
  readonly label: string;
  readonly act: () => unknown;
}

function Tool({ icon, label, act }: ToolProps): JSX.Element {
  return (
    <button class="quiet icon" aria-label={label} title={label} onClick={act}>
      <Icon name={icon} />
    </button>
  );
}

function SaveState(): JSX.Element {
  const state = saveState.value;
  if (typeof state === "object")
    return (
      <span class="small bad" role="alert">
        {t.value.write.notSaved(state.failed)}
      </span>
    );
  return <span class="small soft saved">{state === "saved" ? t.value.write.saved : t.value.write.saving}</span>;
}

function FillButton(): JSX.Element {
  if (working.value)
    return (
      <button class="primary fill" onClick={stop}>
        <Icon name="stop" />
        {t.value.write.stop}
      </button>
    );
  const isWaiting = modelState.value.is === "loading";
  return (
    <button
      class="primary fill"
      aria-keyshortcuts={isMac ? "Meta+Enter" : "Control+Enter"}
      title={isWaiting ? t.value.write.modelComes : `${t.value.write.fillTitle} (${SHORTCUT})`}
      onClick={fillHere}
    >
      <Icon name="write" />
      {t.value.write.fill}
      <kbd>{SHORTCUT}</kbd>
    </button>
  );
}

function Files(): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const give = async (format: ExportFormat): Promise<void> => {
    try {
      saveFile(await exportFile(documentText(), format), `${open.value?.title || t.value.write.untitled}.${format}`);
    } catch (error) {
      problem.value = reasonOf(error as Error);
    }
  };
  return (
    <>
      <input
        ref={input}
        type="file"
        class="visually-hidden"
        tabIndex={-1}
        aria-hidden="true"
        aria-label={t.value.write.import}
        accept={IMPORTS}
        multiple
        onChange={(event) => {
          void takeFiles(event.currentTarget.files ?? []);
          event.currentTarget.value = "";
        }}
      />
      <button
        class="quiet icon"
        aria-label={t.value.write.import}
        title={t.value.write.importTitle}
        onClick={() => input.current?.click()}
      >
        <Icon name="upload" />
      </button>
      <select
        class="export"
        aria-label={t.value.write.export}
        title={t.value.write.export}
        value=""
        onChange={(event) => {
          const format = event.currentTarget.value as ExportFormat;
          event.currentTarget.value = "";
          void give(format);
        }}
      >
        <option value="" disabled hidden>
          {t.value.write.export}
        </option>
        {EXPORTS.map((format) => (
          <option key={format} value={format}>
            {t.value.write.formats[format]}
          </option>
        ))}
      </select>
    </>
  );
}
