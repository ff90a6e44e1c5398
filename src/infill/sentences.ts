// Where sentences end, so that a text that ran into its limit can be cut back to whole ones. A sentence ends in . ! ?
// or … and closing quotes or brackets, before white space; not after an abbreviation or an initial, and not where a
// small letter follows ("Stop!" she cried).
import { isAbbreviation } from "./abbreviations.ts";

const ENDINGS = /(?:[.!?…]+["'”’)\]»]*(?:[\s\u00a0\u202f]»)?|[。！？]+[」』”’）]*)/gu;

/**
 * Index just behind the last sentence end beyond `from`; -1 when there is none. `growing`: more text may follow, so an
 * end counts only once what comes after it is known; such an end stays one however the text goes on.
 */
export function lastSentenceEnd(
  text: string,
  { from = 0, growing = false }: { readonly from?: number; readonly growing?: boolean } = {},
): number {
  let last = -1;
  for (const match of text.matchAll(ENDINGS)) {
    const end = match.index + match[0].length;
    if (end > from && endsHere(text, match[0], end, growing)) last = end;
  }
  return last;
}

/** Sentences that a text has begun, the last one finished or not; and whether it ends at a sentence's end. */
export function countSentences(text: string): { readonly begun: number; readonly atEnd: boolean } {
  let begun = 0;
  let last = 0;
  let atEnd = false;
  const length = text.trimEnd().length;
  for (const match of text.matchAll(ENDINGS)) {
    const end = match.index + match[0].length;
    atEnd = end === length && endsHere(text, match[0], end, false);
    if (end === length || !endsHere(text, match[0], end, true)) continue;
    begun++;
    last = end;
  }
  return { begun: begun + (text.slice(last).trim() === "" ? 0 : 1), atEnd };
}

function endsHere(text: string, ending: string, end: number, growing: boolean): boolean {
  if (ending === "." && isAbbreviation(text, end)) return false;
  const rest = text.slice(end);
  if (/^\s*$/u.test(rest)) return !growing;
  return /^[。！？]/u.test(ending) || /^\s+[^\s\p{Ll}]/u.test(rest);
}

export interface CutText {
  readonly text: string;
  /** The text ended in the middle of a sentence. */
  readonly unfinished: boolean;
  /** It was cut back; an unfinished text without any sentence end is left as it is. */
  readonly trimmed: boolean;
}

/** `text` up to its last sentence end, never shorter than `from` characters (a beginning that was asked for). */
export function trimToSentence(text: string, from = 0): CutText {
  const end = lastSentenceEnd(text, { from });
  if (end === text.trimEnd().length) return { text, unfinished: false, trimmed: false };
  return end < 0
    ? { text, unfinished: true, trimmed: false }
    : { text: text.slice(0, end), unfinished: true, trimmed: true };
}
