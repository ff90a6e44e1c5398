// A document's undo as plain data, so that it outlives the page: CodeMirror's own form of its steps, the gaps that each
// step opens or closes, which that form leaves out, and the cursor. The newest steps that have room are kept.
import { historyField } from "@codemirror/commands";
import { EditorState } from "@codemirror/state";
import type { Extension, StateEffect } from "@codemirror/state";
import type { DocumentRecord, UndoRecord } from "../store/records.ts";
import { gapEffects, gapSteps } from "./gap-field.ts";
import type { GapStep } from "./gap-field.ts";

/** What is used of CodeMirror's step: the field is exported, its class is not. */
interface Step {
  readonly changes?: { readonly length: number };
  effects: readonly StateEffect<unknown>[];
  toJSON(): { readonly selectionsAfter: readonly unknown[] };
}
interface Steps {
  readonly done: readonly Step[];
  readonly undone: readonly Step[];
}

/** Characters of a branch's steps: a whole novel that was replaced by another still fits. */
const MOST = 4_000_000;
/** Steps never change, and at each edit but one are old. */
const written = new WeakMap<Step, string>();

function jsonOf(step: Step): string {
  const known = written.get(step);
  if (known !== undefined) return known;
  const own = step.toJSON();
  // The first selection is where undo leads; those behind it are steps of the cursor alone.
  const json = JSON.stringify({
    ...own,
    selectionsAfter: own.selectionsAfter.slice(0, 1),
    gaps: gapSteps(step.effects),
  });
  written.set(step, json);
  return json;
}

/** The last steps of a branch, which come next, as long as they fit. */
function newest(branch: readonly Step[]): string[] {
  const kept: string[] = [];
  let room = MOST;
  for (const step of branch.toReversed()) {
    const json = jsonOf(step);
    room -= json.length;
    if (room < 0) break;
    kept.unshift(json);
  }
  return kept;
}

/** `state`: the editor's with the text of `record`. */
export function undoRecord({ id, updated }: DocumentRecord, state: EditorState): UndoRecord {
  const { done, undone } = state.field(historyField) as Steps;
  const { anchor, head } = state.selection.main;
  return { id, updated, anchor, head, done: newest(done), undone: newest(undone) };
}

/** An editor's state with that undo; without one, or with one that does not fit, undo begins here. */
export function withUndoOf(undo: UndoRecord | undefined, text: string, extensions: Extension): EditorState {
  const bare = (): EditorState => EditorState.create({ doc: text, extensions });
  if (!undo) return bare();
  try {
    return restored(undo, text, extensions);
  } catch {
    return bare(); // the text is what counts
  }
}

/** Throws where the steps are not those of this text. */
function restored({ anchor, head, ...undo }: UndoRecord, text: string, extensions: Extension): EditorState {
  const parsed = (steps: readonly string[]): { readonly gaps: readonly GapStep[] }[] =>
    steps.map((step) => JSON.parse(step) as { readonly gaps: readonly GapStep[] });
  const [done, undone] = [parsed(undo.done), parsed(undo.undone)];
  const selection = { ranges: [{ anchor, head }], main: 0 };
  const json = { doc: text, selection, history: { done, undone } };
  const state = EditorState.fromJSON(json, { extensions }, { history: historyField });
  const steps = state.field(historyField) as Steps;
  for (const [branch, gaps] of [
    [steps.done, done],
    [steps.undone, undone],
  ] as const) {
    for (const [i, step] of branch.entries()) step.effects = gapEffects(gaps[i].gaps);
    const length = branch.at(-1)?.changes?.length ?? state.doc.length;
    if (length !== state.doc.length) throw new RangeError(`a step of undo is for ${length} characters`);
  }
  return state;
}
