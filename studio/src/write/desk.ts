// A writer's desk: the document that is open, its gaps and all that was written for them. The editor holds the text;
// everything else is a signal here, and all of it is on the disk as soon as it changes.
import { isolateHistory } from "@codemirror/commands";
import { Transaction } from "@codemirror/state";
import type { EditorState } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import { computed, signal } from "@preact/signals";
import { readSetting, writeSetting } from "../app/settings.ts";
import { t } from "../i18n/index.ts";
import * as store from "../store/documents.ts";
import { LatestWriter } from "../store/latest.ts";
import { emptyDocument, newId } from "../store/records.ts";
import type {
  CandidateRecord,
  DocumentRecord,
  DocumentSummary,
  FillRecord,
  OpenGap,
  Wishes,
} from "../store/records.ts";
import { editorState } from "./editor.ts";
import { activateGap, activeGapOf, closeGap, gapsOf, openGap } from "./gap-field.ts";
import { insertionFor } from "./gap.ts";
import type { Gap } from "./gap.ts";
import { DEFAULT_DRAWING } from "./wishes.ts";
import type { Drawing } from "./wishes.ts";

export const documents = signal<readonly DocumentSummary[]>([]);
export const open = signal<DocumentRecord | undefined>(undefined);
export const fills = signal<readonly FillRecord[]>([]);
export const gaps = signal<readonly OpenGap[]>([]);
export const activeId = signal<string | undefined>(undefined);
export const saveState = signal<"saved" | "saving" | { readonly failed: string }>("saved");
export const problem = signal<string | undefined>(undefined);
export const drawing = signal<Drawing>(readDrawing());

export const activeFill = computed(() => fills.value.find(({ id }) => id === activeId.value));

let view: EditorView | undefined;
/** Each document's editor as it was left: its undo, its cursor. */
const states = new Map<string, EditorState>();
/** Set by work.ts, which knows how to fill. */
export const commands = { fill: (): boolean => false, stop: (): boolean => false };

const writer = new LatestWriter<DocumentRecord>(
  async (record) => {
    await store.writeDocument(record);
    if (!writer.isQueued) saveState.value = "saved";
  },
  (error) => void (saveState.value = { failed: error.message }),
);

export function attach(editor: EditorView | undefined): void {
  if (view && open.value) states.set(open.value.id, view.state);
  view = editor;
  if (view && open.value) show(view, open.value);
}

function show(editor: EditorView, record: DocumentRecord): void {
  editor.setState(stateOf(record));
  gaps.value = gapsOf(editor.state);
  activeId.value = activeGapOf(editor.state) ?? gaps.value[0]?.id;
}

export const editor = (): EditorView | undefined => view;
export const documentText = (): string => view?.state.doc.toString() ?? open.value?.text ?? "";

function stateOf({ id, text, gaps: places }: DocumentRecord): EditorState {
  const known = states.get(id);
  if (known) return known;
  return editorState(text, places, {
    label: t.value.write.manuscript,
    placeholder: t.value.write.placeholder,
    onChange,
    onPickGap: activate,
    onFill: () => commands.fill(),
    onStop: () => commands.stop(),
  });
}

function onChange(state: EditorState, changed: boolean): void {
  const all = gapsOf(state);
  const moved = all !== gaps.peek();
  if (moved) {
    gaps.value = all;
  }
  activeId.value = activeGapOf(state) ?? all[0]?.id;
  if (changed || moved) change({ ...(changed && { text: state.doc.toString() }), gaps: all });
}

/** Changes the record of the open document, and writes it. */
export function change(changes: Partial<Omit<DocumentRecord, "id">>): void {
  if (!open.value) return;
  const record = { ...open.value, ...changes, updated: Date.now() };
  open.value = record;
  saveState.value = "saving";
  writer.put(record);
  const { id, title, created, updated } = record;
  documents.value = [{ id, title, created, updated }, ...documents.value.filter((each) => each.id !== id)];
}

export function changeWishes(changes: Wishes): void {
  if (open.value) change({ wishes: { ...open.value.wishes, ...changes } });
}

export function changeDrawing(changes: Partial<Drawing>): void {
  drawing.value = { ...drawing.value, ...changes };
  writeSetting("drawing", JSON.stringify(drawing.value));
}

function readDrawing(): Drawing {
  try {
    return { ...DEFAULT_DRAWING, ...(JSON.parse(readSetting("drawing") ?? "{}") as Partial<Drawing>) };
  } catch {
    return DEFAULT_DRAWING;
  }
}

export async function refreshDocuments(): Promise<void> {
  documents.value = await store.listDocuments();
}

/** Opens a document; false where there is none of that id. */
export async function openDocument(id: string): Promise<boolean> {
  if (open.value?.id === id) return true;
  commands.stop();
  await writer.done();
  const [record, found] = await Promise.all([store.readDocument(id), store.listFills(id)]);
  if (!record) return false;
  if (view && open.value) states.set(open.value.id, view.state);
  open.value = record;
  fills.value = found;
  gaps.value = record.gaps;
  activeId.value = record.gaps[0]?.id;
  problem.value = undefined;
  if (view) show(view, record);
  return true;
}

/** Makes a document and opens it. */
export async function createDocument(title: string, text = ""): Promise<string> {
  const record = emptyDocument(title, text);
  await store.writeDocument(record);
  await refreshDocuments();
  await openDocument(record.id);
  return record.id;
}

/** With all that was written for it. Another one is opened where it was the open one. */
export async function removeDocument(id: string): Promise<void> {
  await writer.done();
  await store.removeDocument(id);
  states.delete(id);
  await refreshDocuments();
  if (open.value?.id !== id) return;
  open.value = undefined;
  const [next] = documents.value;
  if (next) await openDocument(next.id);
  else await createDocument(t.value.write.untitled);
}

export function saveFill(fill: FillRecord): void {
  const others = fills.value.filter(({ id }) => id !== fill.id);
  fills.value = [fill, ...others].sort((a, b) => b.begun - a.begun);
  store.writeFill(fill).catch((error: Error) => void (saveState.value = { failed: error.message }));
}

export function changeCandidate(fillId: string, id: string, changes: Partial<CandidateRecord>): void {
  const fill = fills.value.find((each) => each.id === fillId);
  if (!fill) return;
  const candidates = fill.candidates.map((each) => (each.id === id ? { ...each, ...changes } : each));
  saveFill({ ...fill, candidates });
}

/** A gap of its own for what is asked for now; the one that waits there is gone on with. */
export function beginGap(found: Gap, model: string): FillRecord {
  const waiting = gaps.value.find((gap) => gap.from === found.from && gap.to === found.to);
  const known = waiting && fills.value.find(({ id }) => id === waiting.id);
  const { id: documentId, wishes } = open.value!;
  const { p1, p3, replaced } = found;
  if (known) {
    activate(known.id);
    const fill = { ...known, p1, p3, wishes, model };
    saveFill(fill);
    return fill;
  }
  const id = newId();
  const fill = { id, documentId, begun: Date.now(), p1, p3, replaced, wishes, model, candidates: [] };
  saveFill(fill);
  view?.dispatch({
    effects: openGap.of({ id, from: found.from, to: found.to }),
    annotations: Transaction.addToHistory.of(false),
  });
  return fill;
}

export function activate(id: string | undefined): void {
  view?.dispatch({ effects: activateGap.of(id), annotations: Transaction.addToHistory.of(false) });
}

/** The text stands in the gap, as one step of undo; what was written for the gap stays in the history. */
export function accept(fill: FillRecord, candidate: CandidateRecord): void {
  const gap = gaps.value.find(({ id }) => id === fill.id);
  if (!view || !gap) return;
  const { from, to, insert, start } = insertionFor(documentText(), gap, candidate.text);
  saveFill({ ...fill, accepted: candidate.id });
  view.dispatch({
    changes: { from, to, insert },
    selection: { anchor: from + start, head: from + start + candidate.text.length },
    effects: closeGap.of(fill.id),
    annotations: isolateHistory.of("full"),
    userEvent: "input.accept",
    scrollIntoView: true,
  });
  view.focus();
}

/** The gap is none any more; its texts stay in the history. */
export function dismiss(id: string): void {
  view?.dispatch({ effects: closeGap.of(id), annotations: Transaction.addToHistory.of(false) });
}

/** From the history into the text, where the cursor is. */
export function insertAtCursor(words: string): void {
  if (!view) return;
  const { from, to } = view.state.selection.main;
  const { from: start, to: end, insert, start: lead } = insertionFor(documentText(), { from, to }, words);
  view.dispatch({
    changes: { from: start, to: end, insert },
    selection: { anchor: start + lead + words.length },
    annotations: isolateHistory.of("full"),
    userEvent: "input.accept",
    scrollIntoView: true,
  });
  view.focus();
}
