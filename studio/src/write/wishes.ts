// From what a writer asks for to what the engine is asked: the template's fields that the model knows, and how to draw.
import type { FillRequest } from "../../../src/entries/infill.ts";
import { NAME_CLASSES } from "../store/records.ts";
import type { Wishes } from "../store/records.ts";

/** How texts are drawn, and how many. Numbers are generate()'s. */
export interface Drawing {
  readonly candidates: number;
  readonly temperature: number;
  readonly topP: number;
  /** What was used lately is less likely; 1 changes nothing. */
  readonly repetitionPenalty: number;
  /** The same number gives the same texts. */
  readonly seed?: number;
  /** The names that were picked must occur: a search then, which draws nothing. */
  readonly mustOccur: boolean;
  readonly avoid: readonly string[];
}

export const DEFAULT_DRAWING: Drawing = {
  candidates: 3,
  temperature: 1,
  topP: 0.9,
  repetitionPenalty: 1,
  mustOccur: false,
  avoid: [],
};

/** In a template's metadata, but asked for in a place of their own. */
export const BEGINS_WITH = "beginsWith";
const OWN_PLACE: readonly string[] = ["length", ...NAME_CLASSES];

/** The template's fields that are plain lines of text, in its order. */
export function lineFields(known: readonly string[]): string[] {
  return known.filter((field) => !OWN_PLACE.includes(field));
}

export function isEmptyWish(value: Wishes[string] | undefined): boolean {
  return value === undefined || (typeof value === "string" ? value.trim() === "" : value.length === 0);
}

/** Of what is wished, what a model with these fields knows. */
export function metaOf(wishes: Wishes, known: readonly string[]): Record<string, string | readonly string[]> {
  const meta: Record<string, string | readonly string[]> = {};
  for (const field of known) {
    const value = wishes[field];
    if (isEmptyWish(value)) continue;
    meta[field] = typeof value === "string" ? value.trim() : value;
  }
  return meta;
}

/** Every name that was picked, once. */
export function pickedNames(wishes: Wishes): string[] {
  return [...new Set(NAME_CLASSES.flatMap((each) => (Array.isArray(wishes[each]) ? (wishes[each] as string[]) : [])))];
}

export interface Asked {
  readonly p1: string;
  readonly p3: string;
  readonly wishes: Wishes;
  readonly drawing: Drawing;
  /** Instead of the wishes' own. */
  readonly beginsWith?: string;
  readonly candidates?: number;
}

/** The engine's request. Where names must occur there is a search over beams, and else texts are drawn. */
export function fillRequest({ p1, p3, wishes, drawing, ...own }: Asked, known: readonly string[]): FillRequest {
  const candidates = own.candidates ?? drawing.candidates;
  const wished = wishes[BEGINS_WITH];
  const beginsWith = own.beginsWith ?? (typeof wished === "string" ? wished : "");
  const { temperature, topP, repetitionPenalty, seed, avoid } = drawing;
  const forceWords = drawing.mustOccur ? pickedNames(wishes).filter((name) => !beginsWith.includes(name)) : [];
  const common = {
    p1,
    p3,
    meta: metaOf(wishes, known),
    candidates,
    ...(beginsWith.trim() !== "" && { beginsWith }),
    ...(avoid.length > 0 && { badWords: avoid }),
  };
  const penalty = repetitionPenalty === 1 ? {} : { repetitionPenalty };
  if (forceWords.length > 0) return { ...common, forceWords, options: penalty };
  const options = { doSample: true, temperature, topP, ...penalty, ...(seed !== undefined && { seed }) };
  return { ...common, options };
}

/** A text's beginning, as long as it takes to set its tone: about a third, at most twelve words. */
export function openingOf(text: string): string {
  const words = [...text.matchAll(/\S+/g)];
  const count = Math.min(12, Math.max(2, Math.round(words.length / 3)));
  const last = words[Math.min(count, words.length) - 1];
  return last === undefined ? "" : text.slice(0, last.index + last[0].length);
}

/** A text's words and what stands between them, in order: joined they are the text. */
export function wordsAndGaps(text: string): { readonly text: string; readonly isWord: boolean; readonly at: number }[] {
  return [...text.matchAll(/[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*|[^\p{L}\p{M}\p{N}]+/gu)].map(
    ({ 0: piece, index }) => ({ text: piece, isWord: /[\p{L}\p{N}]/u.test(piece), at: index }),
  );
}
