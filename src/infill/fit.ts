// Making the context of a gap fit: when p1, p3 and metadata have more tokens than there is room, the far ends go first
// (the beginning of p1, the end of p3: what touches the gap says most about it), always whole words, and only then
// words at the end of metadata's longest field. What must stay (markers, p2, the end token) is not this file's to cut.
import { metadataText } from "./template.ts";

export interface Context {
  readonly p1: string;
  readonly p3: string;
  readonly metadata: readonly (readonly [field: string, value: string])[];
}

/** Tokens of a text as it stands in the layout; 0 for "". */
export interface TokenCounts {
  text(text: string): number;
  metadata(text: string): number;
}

/** The context cut down to at most `room` tokens, unchanged if it has no more; with room <= 0 everything goes. */
export function fitContext(context: Context, room: number, p1Share: number, count: TokenCounts): Context {
  const inMetadata = (fields: Context["metadata"]): number => count.metadata(metadataText(fields));
  const need = [count.text(context.p1), count.text(context.p3)] as const;
  const left = room - inMetadata(context.metadata);
  if (need[0] + need[1] <= left) return context;
  if (left <= 0) return { p1: "", p3: "", metadata: fitMetadata(context.metadata, room, inMetadata) };

  const forP1 = Math.max(Math.round(left * p1Share), left - need[1]);
  const p1 = longest(context.p1, keepEnd, (text) => count.text(text) <= forP1);
  const forP3 = left - count.text(p1);
  const p3 = longest(context.p3, keepStart, (text) => count.text(text) <= forP3);
  return { p1, p3, metadata: context.metadata };
}

/** Shortens the field with the most characters, word by word, until all fits; a field without words is left out. */
function fitMetadata(
  fields: Context["metadata"],
  room: number,
  size: (fields: Context["metadata"]) => number,
): Context["metadata"] {
  let kept = fields;
  while (kept.length > 0 && size(kept) > room) {
    const target = kept.reduce((best, field) => (field[1].length > best[1].length ? field : best));
    const withValue = (value: string): Context["metadata"] =>
      value === ""
        ? kept.filter((field) => field !== target)
        : kept.map((field) => (field === target ? [field[0], value] : field));
    const value = keepStart(target[1], wordCount(target[1]) - 1);
    kept = withValue(value);
  }
  return kept;
}

/** The longest cut of `text` at word boundaries that fits, by bisection on the number of words kept. */
function longest(text: string, cut: (text: string, words: number) => string, fits: (text: string) => boolean): string {
  if (fits(text)) return text;
  let good = 0,
    bad = wordCount(text);
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (fits(cut(text, middle))) good = middle;
    else bad = middle;
  }
  return cut(text, good);
}

function wordCount(text: string): number {
  return words(text).length;
}

function keepStart(text: string, count: number): string {
  const last = count > 0 ? words(text)[count - 1] : undefined;
  return last ? text.slice(0, last.index + last[0].length) : "";
}

function keepEnd(text: string, count: number): string {
  const first = count > 0 ? words(text).at(-count) : undefined;
  return first ? text.slice(first.index) : "";
}

function words(text: string): RegExpExecArray[] {
  return [...text.matchAll(/\S+/gu)];
}
