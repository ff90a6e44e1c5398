// A gap in a document: where the text that is accepted will stand, and the paragraphs around it that a model reads.
// They are as long as the passages that models learn from, and never from another part: a heading or a break ends them.
import { blocksOf, separatorOf, textOfRuns } from "./markdown.ts";
import type { Block } from "./markdown.ts";

/** Characters: neighbours are taken until there are so many, as prepare's passages have. */
const ENOUGH = 600;
/** So much of a document is looked at on each side, in which are enough paragraphs; a novel would take long. */
const AROUND = 20_000;

export interface Gap {
  /** What is replaced; where nothing is, from and to are the same. */
  readonly from: number;
  readonly to: number;
  /** The words that stand there now. */
  readonly replaced: string;
  /** A [[...]] that stands there, which may say what is wanted. */
  readonly marker?: string;
  readonly p1: string;
  readonly p3: string;
}

const MARKER = /\[\[[^[\]]*\]\]/g;

/**
 * The gap at a selection, or at the cursor (from = to): a [[...]] that it touches, else what is selected, else the
 * place between two paragraphs or two words.
 */
export function gapAt(text: string, from: number, to: number): Gap {
  const near = startOf(text, Math.min(from, to));
  const marker = [...text.slice(near, endOf(text, Math.max(from, to))).matchAll(MARKER)]
    .map(({ index, 0: all }) => ({ start: near + index, end: near + index + all.length }))
    .find(({ start, end }) => start <= Math.max(from, to) && end >= Math.min(from, to));
  if (marker) [from, to] = [marker.start, marker.end];
  else if (from > to) [from, to] = [to, from];
  while (from < to && /\s/.test(text[from])) from++;
  while (to > from && /\s/.test(text[to - 1])) to--;
  const separator = separatorOf(text.slice(0, from), text.slice(to));
  return {
    from,
    to,
    replaced: marker ? "" : text.slice(from, to),
    ...(marker && { marker: text.slice(marker.start, marker.end) }),
    p1: before(blocksOf(text.slice(startOf(text, from), from), separator)),
    p3: after(blocksOf(text.slice(to, endOf(text, to)), separator, to)),
  };
}

/** Where lines begin and end, about AROUND from a place; a line is never cut. */
const startOf = (text: string, from: number): number =>
  from <= AROUND ? 0 : text.lastIndexOf("\n", from - AROUND) + 1;
function endOf(text: string, to: number): number {
  const end = text.indexOf("\n", to + AROUND);
  return end < 0 ? text.length : end;
}

function before(blocks: readonly Block[]): string {
  const taken: string[] = [];
  let length = 0;
  for (const block of [...blocks].reverse()) {
    if (block.kind !== "paragraph" || length >= ENOUGH) break;
    const text = wordsOf(block);
    taken.unshift(text);
    length += text.length;
  }
  return taken.join("\n").trim();
}

function after(blocks: readonly Block[]): string {
  const taken: string[] = [];
  let length = 0;
  for (const block of blocks) {
    if (block.kind !== "paragraph" || length >= ENOUGH) break;
    const text = wordsOf(block);
    taken.push(text);
    length += text.length;
  }
  return taken.join("\n").trim();
}

/** Other gaps that wait are no words. */
const wordsOf = (block: Block & { readonly kind: "paragraph" }): string =>
  textOfRuns(block.runs).replace(MARKER, "").trim();

export interface Insertion {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
  /** Of the accepted text within `insert`. */
  readonly start: number;
}

/**
 * What to change so that `words` stand in the gap: a paragraph of their own where the gap is between paragraphs or
 * where nothing was selected, else part of the paragraph around.
 */
export function insertionFor(
  text: string,
  gap: { readonly from: number; readonly to: number },
  words: string,
): Insertion {
  let { from, to } = gap;
  const isPlace = from === to;
  const left = /\s*$/.exec(text.slice(0, from))![0];
  const right = /^\s*/.exec(text.slice(to))![0];
  const ownLeft = isPlace || left.includes("\n") || left.length === from;
  const ownRight = isPlace || right.includes("\n") || to + right.length === text.length;
  const separator = separatorOf(text.slice(0, from), text.slice(to));
  if (ownLeft) from -= left.length;
  if (ownRight) to += right.length;
  const lead = ownLeft
    ? from > 0
      ? separator
      : ""
    : left === "" && /[\p{L}\p{N}.,;:!?…”’]/u.test(text[from - 1])
      ? " "
      : "";
  const tail = ownRight
    ? to < text.length
      ? separator
      : ""
    : right === "" && /[\p{L}\p{N}“‘—]/u.test(text[to])
      ? " "
      : "";
  return { from, to, insert: lead + words + tail, start: lead.length };
}
