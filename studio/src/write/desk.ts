// A writer's desk: the document that is open and its editor. The editor holds the text; everything else is a signal
// here, and all of it is on the disk as soon as it changes. What another tab writes is only read (one-tab.ts).
import { Transaction } from "@codemirror/state";
import type { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { signal } from "@preact/signals";
import { readSetting, writeSetting } from "../app/settings.ts";
import { reasonOf, t } from "../i18n/index.ts";
import { SaidError } from "../i18n/reasons.ts";
import * as store from "../store/documents.ts";
import { LatestWriter } from "../store/latest.ts";
import { emptyDocument } from "../store/records.ts";
import type { DocumentRecord, DocumentSummary, FillRecord, OpenGap, UndoRecord, Wishes } from "../store/records.ts";
import { editorState, setWords, setWritable } from "./editor.ts";
import type { EditorWords } from "./editor.ts";
import { activateGap, activeGapOf, gapsOf } from "./gap-field.ts";
import { isBeingWritten, OneTab } from "./one-tab.ts";
import { undoRecord } from "./undo-record.ts";
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
/** Another tab writes the open document. */
export const isElsewhere = signal(false);

let view: EditorView | undefined;
/** The open document's editor while no view shows it. */
let left: EditorState | undefined;
/** Set by work.ts, which knows how to fill. `ended`: nothing is being written any more. */
export const commands = {
  fill: (): boolean => false,
  stop: (): boolean => false,
  ended: (): Promise<void> => Promise.resolve(),
};

interface Edited {
  readonly record: DocumentRecord;
  readonly state: EditorState | undefined;
}
/** By their documents, those that could not be written: where the disk is full they live on here. */
const unwritten = new Map<string, Edited>();
const writer = new LatestWriter<Edited>(
  async (edited) => {
    const { record, state } = edited;
    unwritten.set(record.id, edited);
    await store.writeDocument(record, state && undoRecord(record, state));
    unwritten.delete(record.id);
    if (!writer.isQueued) saveState.value = "saved";
  },
  (error) => void (saveState.value = { failed: reasonOf(error) }),
);
/** Fills are records of their own, written as they come. */
let fillsWritten: Promise<unknown> = Promise.resolve();

const tab = new OneTab({
  onChange: (mine) => {
    if (!mine) mayWrite(false);
    else if (open.value) void read(open.value.id).then(() => mayWrite(true));
  },
  handOver: async () => {
    commands.stop();
    await commands.ended();
    mayWrite(false);
    await writer.done();
    await fillsWritten;
  },
});

function mayWrite(may: boolean): void {
  isElsewhere.value = !may;
  view?.dispatch(setWritable(may));
}

/** From the tab that writes it to this one. */
export const writeHere = (): Promise<void> => tab.take();

// What another tab writes is shown anew when one comes back to this one.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible" || !isElsewhere.value || !open.value) return;
  void read(open.value.id);
});

export function attach(editor: EditorView | undefined): void {
  if (view) left = view.state;
  view = editor;
  if (view && open.value && left) show(view, left);
}

function show(editor: EditorView, state: EditorState): void {
  editor.setState(state);
  editor.dispatch(setWritable(!isElsewhere.value), setWords(editorWords()), {
    effects: EditorView.scrollIntoView(state.selection.main.head, { y: "center" }),
  });
  gaps.value = gapsOf(editor.state);
  activeId.value = activeGapOf(editor.state) ?? gaps.value[0]?.id;
}

export const editor = (): EditorView | undefined => view;
export const documentText = (): string => view?.state.doc.toString() ?? open.value?.text ?? "";

function editorWords(): EditorWords {
  const { manuscript, placeholder, gapHere, editorPhrases } = t.value.write;
  return { label: manuscript, placeholder, gapHere, phrases: editorPhrases };
}

t.subscribe(() => view?.dispatch(setWords(editorWords())));

function newState({ text, gaps: places }: DocumentRecord, undo: UndoRecord | undefined): EditorState {
  return editorState({ text, gaps: places, undo }, editorWords(), {
    onChange,
    onPickGap: activate,
    onFill: () => commands.fill(),
    onStop: () => commands.stop(),
  });
}

function onChange(state: EditorState, changed: boolean): void {
  const all = gapsOf(state);
  const moved = all !== gaps.peek();
  if (moved) gaps.value = all;
  activeId.value = activeGapOf(state) ?? all[0]?.id;
  if (changed || moved) change({ ...(changed && { text: state.doc.toString() }), gaps: all });
}

/** Changes the record of the open document, and writes it. */
export function change(changes: Partial<Omit<DocumentRecord, "id">>): void {
  if (!open.value || isElsewhere.value) return;
  const record = { ...open.value, ...changes, updated: Date.now() };
  open.value = record;
  saveState.value = "saving";
  writer.put({ record, state: view?.state ?? left });
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
  if (!(await store.readDocument(id))) return false;
  commands.stop();
  view?.dispatch(setWritable(false)); // what is typed from now on would go to neither
  await writer.done();
  const mine = await tab.open(id);
  isElsewhere.value = !mine;
  return read(id);
}

/** The document as it is on the disk, where another tab may have written it, onto the desk. */
async function read(id: string): Promise<boolean> {
  const [kept, found] = await Promise.all([store.readDocument(id), store.listFills(id)]);
  const edited = unwritten.get(id);
  const record = edited?.record ?? kept;
  if (!record) return false;
  const undo = await store.readUndo(record).catch(() => undefined);
  if (!tab.has(id)) return true; // another was opened meanwhile
  left = edited?.state ?? newState(record, undo);
  open.value = record;
  fills.value = found;
  gaps.value = record.gaps;
  activeId.value = record.gaps[0]?.id;
  problem.value = undefined;
  if (view) show(view, left);
  if (edited) writer.put(edited);
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

/** With all that was written for it. Another one is opened where it was the open one. Throws Error in a sentence. */
export async function removeDocument(id: string): Promise<void> {
  const isMine = open.value?.id === id && !isElsewhere.value;
  if (!isMine && (await isBeingWritten(id))) throw new SaidError(t.value.write.openElsewhere);
  await writer.done();
  await store.removeDocument(id);
  unwritten.delete(id);
  await refreshDocuments();
  if (open.value?.id !== id) return;
  tab.close();
  open.value = undefined;
  const [next] = documents.value;
  if (next) await openDocument(next.id);
  else await createDocument(t.value.write.untitled);
}

export function saveFill(fill: FillRecord): void {
  if (isElsewhere.value) return;
  const others = fills.value.filter(({ id }) => id !== fill.id);
  fills.value = [fill, ...others].sort((a, b) => b.begun - a.begun);
  const writing = store.writeFill(fill).catch((error: Error) => void (saveState.value = { failed: reasonOf(error) }));
  fillsWritten = Promise.all([fillsWritten, writing]);
}

export function activate(id: string | undefined): void {
  view?.dispatch({ effects: activateGap.of(id), annotations: Transaction.addToHistory.of(false) });
}
