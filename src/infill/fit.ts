// Making the context of a gap fit: when p1, p3 and metadata have more tokens than there is room, the far ends go first
// (the beginning of p1, the end of p3: what touches the gap says most about it), always whole words, and only then
// words at the end of metadata's longest field. Where there are no spaces (Chinese, Japanese, Thai, one endless word)
// characters are what is whole. What must stay (markers, p2, the end token) is not this file's to cut. Texts of any
// length take time in proportion to the room: a part that is longer than the room shows it early.
import type { MetadataSection } from "./metadata-text.ts";

export interface Context {
  readonly p1: string;
  readonly p3: string;
  readonly metadata: readonly (readonly [field: string, value: string])[];
}

export interface TokenCounts {
  /** Tokens of a text as it stands in the layout, a space before it; 0 for "". */
  text(text: string): number;
  /** Tokens of exactly this text. */
  plain(text: string): number;
  /** What metadata looks like in the layout. */
  sections(fields: Context["metadata"]): readonly MetadataSection[];
}

type Count = (text: string) => number;

/**
 * The context cut down to at most `room` tokens, unchanged if it has no more; with room <= 0 everything goes. Where p1
 * and p3 are cut, they get `share` of what metadata leaves.
 */
export function fitContext(context: Context, room: number, p1Share: number, count: TokenCounts, share = 1): Context {
  const inMetadata = metadataUpTo(context.metadata, room, count);
  const whole = room - inMetadata;
  const need = [context.p1, context.p3].map((text) => countUpTo(text, Math.max(0, whole), count.text));
  if (need[0]! + need[1]! <= whole) return context;
  if (whole <= 0) return { p1: "", p3: "", metadata: fitMetadata(context.metadata, room, count) };
  const left = Math.round(share * whole);

  const forP1 = Math.max(Math.round(left * p1Share), left - need[1]!);
  const p1 = need[0]! <= forP1 ? context.p1 : keepEnd(context.p1, forP1, count.text);
  const forP3 = left - count.text(p1);
  const p3 = need[1]! <= forP3 ? context.p3 : keepStart(context.p3, forP3, count.text);
  return { p1, p3, metadata: context.metadata };
}

/** Characters that GPT-2's tokens have at most about, in prose. */
const LONG_TOKEN = 16;

/** The tokens of `text`; Infinity where a part of it, up to a space, has more than `limit` already. */
function countUpTo(text: string, limit: number, count: Count): number {
  for (let length = LONG_TOKEN * (limit + 16); length < text.length; length *= 4) {
    const end = wholeEnd(text, length);
    // A part that ends inside an endless word may have some tokens more than its share of the whole.
    if (end > 0 && count(text.slice(0, end)) > limit + 16) return Infinity;
  }
  return count(text);
}

/** The same of metadata, its markers included. */
function metadataUpTo(fields: Context["metadata"], limit: number, count: TokenCounts): number {
  return count
    .sections(fields)
    .reduce((sum, { marker, text }) => sum + (marker ? 1 : 0) + countUpTo(text, limit, count.plain), 0);
}

/** The longest end of `text` that has at most `limit` tokens: whole words, or characters of what has no spaces. */
function keepEnd(text: string, limit: number, count: Count): string {
  const length = longest(
    text,
    limit,
    (size) => count(text.slice(text.length - size).trimStart()) <= limit,
    (size) => text.length - wholeStart(text, text.length - size),
  );
  return text.slice(text.length - length).trimStart();
}

/** The same of its beginning. */
function keepStart(text: string, limit: number, count: Count): string {
  const length = longest(
    text,
    limit,
    (size) => count(text.slice(0, size).trimEnd()) <= limit,
    (size) => wholeEnd(text, size),
  );
  return text.slice(0, length).trimEnd();
}

/**
 * The greatest length that fits, of those that `whole` gives (at most as long as asked). Bounds are found by doubling,
 * then by bisection.
 */
function longest(
  text: string,
  limit: number,
  fits: (length: number) => boolean,
  whole: (length: number) => number,
): number {
  if (limit <= 0) return 0;
  let bad = Math.min(text.length, limit);
  let good = 0;
  while (fits(whole(bad))) {
    good = bad;
    if (bad === text.length) return text.length;
    bad = Math.min(text.length, bad * 2);
  }
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (fits(whole(middle))) good = middle;
    else bad = middle;
  }
  return whole(good);
}

/** No word that people write apart is longer. */
const LONGEST_WORD = 64;
const SCRIPTS = ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan"];
const UNSPACED = new RegExp(
  `[${SCRIPTS.map((script) => `\\p{Script=${script}}`).join("")}\u3000-\u303f\uff00-\uffef]`,
  "u",
);
/** What belongs to the character before it. */
const CONTINUES = /^(?:\p{M}|\p{Emoji_Modifier}|\u200c|\u200d|[\udc00-\udfff])/u;

/** The first place from `at` on where the text may be cut to keep what follows. */
function wholeStart(text: string, at: number): number {
  const near = at + LONGEST_WORD;
  for (let i = at; i < text.length; i++) if (isSpace(text, i - 1) || isCut(text, i, i > near)) return i;
  return text.length;
}

/** The last place up to `at` where the text may be cut to keep what comes before. */
function wholeEnd(text: string, at: number): number {
  const near = at - LONGEST_WORD;
  for (let i = at; i > 0; i--) if (isSpace(text, i) || isCut(text, i, i < near)) return i;
  return 0;
}

function isSpace(text: string, at: number): boolean {
  return at < 0 || at >= text.length || text[at] === " " || text[at] === "\n";
}

/** Between two characters; of a word with spaces around it only if that is `endless`. */
function isCut(text: string, at: number, endless: boolean): boolean {
  const pair = text.slice(at - 1, at + 1);
  if (!endless && !UNSPACED.test(pair)) return false;
  return !CONTINUES.test(text.slice(at, at + 2)) && text[at - 1] !== "\u200d";
}

/** Where a metadata value may end, from "" to the whole of it. */
function endsOf(value: string): number[] {
  const ends = [0];
  for (let i = 1; i <= value.length; i++)
    if (!isSpace(value, i - 1) && (isSpace(value, i) || isCut(value, i, false))) ends.push(i);
  return ends;
}

/**
 * Takes words from the end of the field with the most characters, one after the other, until all fits; a field without
 * words is left out.
 */
function fitMetadata(fields: Context["metadata"], room: number, count: TokenCounts): Context["metadata"] {
  const ends = fields.map(([, value]) => endsOf(value));
  const words = ends.map((each) => each.length - 1);
  // Which field gives a word, in order; then how many must.
  const order: number[] = [];
  const kept = [...words];
  const length = (field: number): number => ends[field]![kept[field]!]!;
  for (const total = words.reduce((sum, each) => sum + each, 0); order.length < total;) {
    const field = kept.reduce((best, _, each) => (length(each) > length(best) ? each : best), 0);
    kept[field]!--;
    order.push(field);
  }
  const without = (steps: number): Context["metadata"] => {
    const left = [...words];
    for (const field of order.slice(0, steps)) left[field]!--;
    return fields.flatMap(([name, value], field) =>
      left[field]! > 0 ? [[name, value.slice(0, ends[field]![left[field]!])] as const] : [],
    );
  };
  let bad = 0;
  let good = order.length;
  while (good - bad > 1) {
    const middle = (good + bad) >> 1;
    if (metadataUpTo(without(middle), Math.max(0, room), count) <= room) good = middle;
    else bad = middle;
  }
  return without(good);
}
