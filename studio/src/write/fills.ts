// What a writer does with a gap and its texts: begin, change, take one over, close; all that was written stays.
import { isolateHistory } from "@codemirror/commands";
import { Transaction } from "@codemirror/state";
import { computed } from "@preact/signals";
import { newId } from "../store/records.ts";
import type { CandidateRecord, FillRecord } from "../store/records.ts";
import { activate, activeId, documentText, editor, fills, gaps, isElsewhere, open, saveFill } from "./desk.ts";
import { closeGap, openGap } from "./gap-field.ts";
import { insertionFor } from "./gap.ts";
import type { Gap } from "./gap.ts";

export const activeFill = computed(() => fills.value.find(({ id }) => id === activeId.value));

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
  editor()?.dispatch({
    effects: openGap.of({ id, from: found.from, to: found.to }),
    annotations: Transaction.addToHistory.of(false),
  });
  return fill;
}

/** The text stands in the gap, as one step of undo; what was written for the gap stays in the history. */
export function accept(fill: FillRecord, candidate: CandidateRecord): void {
  const view = editor();
  const gap = gaps.value.find(({ id }) => id === fill.id);
  if (!view || !gap || isElsewhere.value) return;
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
  editor()?.dispatch({ effects: closeGap.of(id), annotations: Transaction.addToHistory.of(false) });
}

/** From the history into the text, where the cursor is. */
export function insertAtCursor(words: string): void {
  const view = editor();
  if (!view || isElsewhere.value) return;
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
