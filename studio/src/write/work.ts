// What the engine does for a gap: it fills, writes more, goes on from a word, judges. One thing at a time; what is
// being written is on the page as it grows and on the disk every second, and stays when it is stopped.
import { signal } from "@preact/signals";
import { parseDocument } from "../../../src/entries/infill.ts";
import type { FillRequest, GapRequest, NextWord } from "../../../src/entries/infill.ts";
import { modelState, useEngine } from "../engine/engine.ts";
import { reasonOf, t } from "../i18n/index.ts";
import { newId } from "../store/records.ts";
import type { CandidateRecord, FillRecord, Origin, Wishes } from "../store/records.ts";
import { commands, documentText, drawing, editor, fills, isElsewhere, open, problem, saveFill } from "./desk.ts";
import { beginGap } from "./fills.ts";
import { gapAt } from "./gap.ts";
import { fillRequest, metaOf, openingOf } from "./wishes.ts";

/** Texts while they grow, by their candidates. */
export const live = signal<ReadonlyMap<string, string>>(new Map());
/** What is being written now: for which gap, and whether its texts show as they grow. */
export const working = signal<{ readonly fill: string; readonly grows: boolean } | undefined>(undefined);

let stopping: AbortController | undefined;
const KEEP_EVERY_MS = 1000;

/** The candidates of a fill that stand beside each other: not those that the writer has since changed. */
export function shown(fill: FillRecord): CandidateRecord[] {
  const replaced = new Set(fill.candidates.flatMap(({ editedFrom }) => editedFrom ?? []));
  return fill.candidates.filter(({ id }) => !replaced.has(id));
}

/** Fills the gap at the editor's selection. */
export function fillHere(): void {
  const view = editor();
  if (!view || !open.value || working.value || isElsewhere.value) return;
  const { anchor, head } = view.state.selection.main;
  const gap = gapAt(documentText(), anchor, head);
  if (gap.p1 === "" && gap.p3 === "") return void (problem.value = t.value.write.needText);
  const fillsGaps = modelState.value.is !== "ready" || modelState.value.info.fillsGaps;
  if (!fillsGaps) return void (problem.value = t.value.write.cannotFill);
  let meta: GapRequest["meta"];
  try {
    meta = gap.marker && parseDocument(`a\n\n${gap.marker}\n\nb`, t.value.write.theGap).request.meta;
  } catch (error) {
    return void (problem.value = reasonOf(error as Error));
  }
  const fill = beginGap(gap, modelState.value.is === "none" ? "" : modelState.value.model.name);
  void write(fill, "fill", (known) => {
    const request = fillRequest({ p1: fill.p1, p3: fill.p3, wishes: fill.wishes, drawing: drawing.value }, known);
    if (meta === undefined) return request;
    return { ...request, meta: typeof meta === "string" ? meta : { ...(request.meta as object), ...meta } };
  });
}

/** More texts for the same gap. */
export function fillAgain(fill: FillRecord): void {
  const wishes = open.value?.wishes ?? fill.wishes;
  const { p1, p3 } = fill;
  void write({ ...fill, wishes }, "fill", (known) => fillRequest({ p1, p3, wishes, drawing: unseeded() }, known));
}

/** Other texts that begin as this one does. */
export function moreLike(fill: FillRecord, candidate: CandidateRecord): void {
  const { p1, p3, wishes } = fill;
  const beginsWith = openingOf(candidate.text);
  void write(fill, "more", (known) => fillRequest({ p1, p3, wishes, drawing: unseeded(), beginsWith }, known));
}

/** A text that is this one up to some word and goes on from there. */
export function writeOn(fill: FillRecord, beginsWith: string): void {
  const { p1, p3, wishes } = fill;
  const free = { ...unseeded(), mustOccur: false };
  void write(fill, "word", (known) => fillRequest({ p1, p3, wishes, drawing: free, beginsWith, candidates: 1 }, known));
}

/** What the model would have written instead, behind `before`. */
export function alternatives(fill: FillRecord, before: string, signal: AbortSignal): Promise<NextWord[]> {
  return useEngine((engine, info) => engine.nextWords(gapOf(fill, info.metadata), before, { signal }));
}

/** The same seed would give the same texts again. */
const unseeded = (): typeof drawing.value => ({ ...drawing.value, seed: undefined });

const gapOf = (
  { p1, p3, wishes }: { p1: string; p3: string; wishes: Wishes },
  known: readonly string[],
): GapRequest => ({ p1, p3, meta: metaOf(wishes, known) });

async function write(
  before: FillRecord,
  origin: Origin,
  requestOf: (known: readonly string[]) => FillRequest,
): Promise<void> {
  if (working.value) return;
  const { signal } = (stopping = new AbortController());
  problem.value = undefined;
  const known = modelState.value.is === "ready" ? modelState.value.info.metadata : [];
  const request = requestOf(known);
  const ids = Array.from({ length: request.candidates ?? 1 }, newId);
  const grows = request.forceWords === undefined;
  working.value = { fill: before.id, grows };
  const begun = ids.map((id): CandidateRecord => ({
    id,
    text: "",
    origin,
    at: Date.now(),
    pinned: false,
    unfinished: true,
  }));
  saveFill({ ...before, candidates: [...before.candidates, ...begun] });
  const keep = setInterval(() => keepTexts(before.id, ids), KEEP_EVERY_MS);
  const show = frameByFrame((texts) => {
    live.value = new Map(ids.map((id, i) => [id, texts[i] ?? ""]));
  });
  try {
    const filled = await useEngine((engine, info) =>
      engine.fill({ ...requestOf(info.metadata), signal, onTexts: show.later }),
    );
    show.now();
    const texts = new Map(filled.candidates.map(({ text }, i) => [ids[filled.sequences[i]], text]));
    keepTexts(before.id, ids, (id) => texts.get(id) ?? "", false);
  } catch (error) {
    show.now();
    keepTexts(before.id, ids, (id) => live.peek().get(id) ?? "", true);
    if (!signal.aborted) problem.value = reasonOf(error as Error);
  } finally {
    clearInterval(keep);
    live.value = new Map();
    working.value = undefined;
  }
  await judge(before.id);
}

/** Those texts of a fill, as they are now; at the end (`textOf`) candidates without one go. */
function keepTexts(fillId: string, ids: readonly string[], textOf?: (id: string) => string, unfinished = true): void {
  const fill = fills.peek().find(({ id }) => id === fillId);
  if (!fill) return;
  const text = textOf ?? ((id: string) => live.peek().get(id) ?? "");
  const candidates = fill.candidates
    .map((each) => (ids.includes(each.id) ? { ...each, text: text(each.id), unfinished } : each))
    .filter(({ id, text }) => !textOf || text !== "" || !ids.includes(id));
  saveFill({ ...fill, candidates });
}

/** Scores all of a fill's texts against each other. */
export async function judge(fillId: string): Promise<void> {
  const fill = fills.peek().find(({ id }) => id === fillId);
  const judged = fill ? shown(fill).filter(({ text }) => text.trim() !== "") : [];
  if (!fill || judged.length === 0) return;
  try {
    const ranked = await useEngine((engine, info) =>
      engine.rank(
        gapOf(fill, info.metadata),
        judged.map(({ text }) => text),
      ),
    );
    const scores = new Map(ranked.map(({ index, score, terms }) => [judged[index].id, { score, terms }]));
    const now = fills.peek().find(({ id }) => id === fillId);
    if (!now) return;
    const candidates = now.candidates.map((each) => {
      const score = scores.get(each.id);
      return score ? { ...each, score } : each;
    });
    saveFill({ ...now, candidates });
  } catch (error) {
    problem.value = reasonOf(error as Error);
  }
}

/** Ends what is being written; what there is of it stays. False where nothing was. */
export function stop(): boolean {
  if (!working.value) return false;
  stopping?.abort();
  return true;
}

/** Texts come faster than frames: the last of a frame is shown. */
function frameByFrame(show: (texts: readonly string[]) => void) {
  let latest: readonly string[] | undefined;
  let asked = false;
  const now = (): void => {
    if (latest) show(latest);
    latest = undefined;
  };
  const later = (texts: readonly string[]): void => {
    latest = texts;
    if (asked) return;
    asked = true;
    // A hidden page has no frames.
    const soon = document.hidden ? (act: () => void) => setTimeout(act, 100) : requestAnimationFrame;
    soon(() => {
      asked = false;
      now();
    });
  };
  return { later, now };
}

commands.fill = () => {
  fillHere();
  return true;
};
commands.stop = stop;
commands.ended = () =>
  new Promise((resolve) => {
    const end = working.subscribe((now) => {
      if (now) return;
      resolve();
      queueMicrotask(() => end());
    });
  });
