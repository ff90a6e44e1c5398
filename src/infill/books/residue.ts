// What stands between a book's paragraphs and is none. Notes (illustrations, footnotes, transcribers' remarks) were put
// into the text from outside: taken out, what stood around them is continuous again. Scene separators, verse, tables,
// signs and letterheads belong to the text but are no paragraphs: nothing may be learned across them as if they were
// not there.
import { indentOf } from "./blocks.ts";
import type { Block, Margins } from "./blocks.ts";
import { isDateLine } from "./date-line.ts";
import { isCapitals } from "./headings.ts";
import { isTranscribersNote } from "./transcribers.ts";

export type Residue = "note" | "separator" | "display";

const EDITORIAL = new RegExp(
  String.raw`^[[({]\s*(?:illustration|footnote|transcriber|transcription|note\b|sidenote|(?:sheet )?music\b|` +
    String.raw`musical|listen\b|score\b|tn\b|image|picture|decoration|frontispiece|blank page|pg\.? ?\d|page \d|` +
    String.raw`editor'?s? note|later editions|gravure|note d[eu] |emphasi[sz]ed |sic\b|see (?:appendix|next page|` +
    String.raw`page|note|plate|map|frontispiece)\b|all rights reserved)`,
  "i",
);
const CREDIT = new RegExp(
  String.raw`^(?:produced by|e-?text prepared by|transcribed (?:from|by)|this (?:e-?book|` +
    String.raw`e-?text) was (?:produced|prepared)|scanned by|proofread|html version by|illustrated by)\b|` +
    String.raw`^printed (?:in (?:the united states|u\. ?s\. ?a|great britain|england|france)|` +
    String.raw`and bound (?:in|by)|by)\b.{0,80}$|^(?:copyright\b[,:]? ?(?:©|\(c\)|1[6-9]\d\d|by\b)|` +
    String.raw`all rights reserved|tous droits réservés|entered according to act of (?:congress|parliament)|` +
    String.raw`set up and electrotyped)`,
  "i",
);
const PICTURE =
  /^(?:0\d{1,3}|cover|\d{2}-\d{3}\.(?:jpg|png|gif).*|[\w-]+\.(?:jpg|png|gif)\b.*|(?:tail|head)piece|frontispiece)$/i;
/** What a publisher's list says of a book; a story may say one of them. */
const CATALOGUE = new RegExp(
  "\\b(?:12mo|16mo|8vo|4to|crown 8vo|cloth|gilt|morocco|illustrated|per vol(?:ume)?|price|post-?paid|vols?\\.|" +
    "in-8°?|broché|net)\\b|[$£] ?\\d|\\b\\d+ ?(?:cents|cts\\b|fr\\.)",
  "gi",
);
/** However many of them a paragraph holds, sums of money are one of those words. */
const MONEY = /^[$£]|^\d/;
const CATALOGUE_WORDS = 3;
const LEADERS = /\.{5,}|(?:\s\.){4,}/;
/** Columns that a line must stop short of the width to have been broken on purpose. */
const SLACK = 12;
const SHORT = 60;
const LINE_OF_VERSE = 70;
/** Columns beyond a paragraph's beginning at which a line by itself was set to the middle or to the right. */
const SET_APART = 12;
/** Longest inscription in capitals, and fewest letters that stand each by itself in a cipher. */
const INSCRIPTION = 1000;
const CIPHER = 10;
/** To whom a letter goes: "To Mrs. Saville, England." */
const ADDRESSEE = /^(?:To|From|À|A) \p{Lu}[^!?;:]{2,50}$/u;

export interface ResidueContext {
  /** The paragraphs just above, in which the marks of footnotes stand. */
  readonly before: readonly string[];
  readonly margins: Margins;
  /** Whether verse is text like any other. */
  readonly keepVerse?: boolean;
}

/**
 * What `block` is, `text` being its words in one line; undefined for a paragraph.
 */
export function residueOf(
  text: string,
  block: Block,
  { before, margins, keepVerse = false }: ResidueContext,
): Residue | undefined {
  // a colon that lost its sentence is no sign
  if (!/[\p{L}\p{N}]/u.test(text)) return /^[,;:]$/.test(text) ? undefined : "separator";
  if (isEditorial(text) || CREDIT.test(text) || PICTURE.test(text) || isFootnote(text, before)) return "note";
  if (isCatalogue(text) || isTranscribersNote(text)) return "note";
  if (/^\*/.test(text) || hasLeaders(block) || (!keepVerse && isVerse(block, margins))) return "display";
  if (block.lines.length === 1 && (isSetApart(text, block.lines[0]!, margins) || isDateLine(text))) return "display";
  // Someone shouts, or says one word; a headline in quotes does not.
  const spoken = isCapitals(text) ? /[!?—-]["”»’']*$/ : /[.!?…—-]["”»’']*$/;
  if (/^["“«‘']/.test(text) && spoken.test(text)) return undefined;
  if ((text.length <= INSCRIPTION && isCapitals(text)) || isCipher(text)) return "display";
  return block.lines.length === 1 && isLetterhead(text, block.lines[0]!) ? "display" : undefined;
}

/** An address, a signature, a heading of a letter: a line that is no sentence and no speech. */
function isLetterhead(text: string, line: string): boolean {
  if (text.length > SHORT) return false;
  if (/^[\p{L}\p{N}_(]/u.test(text) && /[\p{L}\p{N}_)]$/u.test(text)) return true;
  // "_Dr. Hall's Diary._" by itself is set in other letters, all of it
  return isOfNames(text) && (ADDRESSEE.test(text) || /^\s*_[^_]+\._\.?\s*$/.test(line));
}

/** Under a letter, above a chapter: a line in the middle of the page or at its right. */
function isSetApart(text: string, line: string, { width, indent }: Margins): boolean {
  return width !== Infinity && text.length <= LINE_OF_VERSE && indentOf(line) >= indent + SET_APART;
}

/** Whether the long words are names or titles: "Buddha at Kamakura." */
export function isOfNames(text: string): boolean {
  const long = text.match(/\p{L}{4,}/gu) ?? [];
  return long.filter((word) => /^\p{Lu}/u.test(word)).length >= 0.6 * long.length;
}

/** Letters and pairs of signs instead of words: "m r n l l s e s", "EF E6 B3 DA". */
function isCipher(text: string): boolean {
  if (text.length > INSCRIPTION) return false;
  const signs = text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  return (
    signs.length >= CIPHER && signs.filter((word) => /^(?:\p{L}|\p{Lu}\d|\d)$/u.test(word)).length > 0.7 * signs.length
  );
}

function isCatalogue(text: string): boolean {
  const found = text.length < 2000 ? text.match(CATALOGUE) : null;
  if (found === null) return false;
  return new Set(found.map((word) => (MONEY.test(word) ? "$" : word.toLowerCase()))).size >= CATALOGUE_WORDS;
}

/** Whether an open bracket of an editorial note is left for the blocks that follow to close. */
export function leavesOpen(text: string): boolean {
  return isEditorial(text) && text.split(/[[({]/).length > text.split(/[\])}]/).length;
}

function isEditorial(text: string): boolean {
  return /^[[({]/.test(text) && EDITORIAL.test(text.replaceAll("’", "'"));
}

/** "[1] ...", "{1} ...", "* ..." and, where the text above refers to that number, "1. ..." or "(1) ...". */
function isFootnote(text: string, before: readonly string[]): boolean {
  const [, bracketed] = /^[[{](\d{1,3}|[A-Z*†‡])[\]}.:\s]/.exec(text) ?? [];
  if (bracketed !== undefined) return true;
  const [, number] = /^\(?(\d{1,3})[.)] /.exec(text) ?? [];
  if (number !== undefined)
    return before.some((above) => above.includes(`[${number}]`) || above.includes(`(${number})`));
  return /^[*†‡] ?[\p{L}“"«]/u.test(text) && before.some((above) => above.includes(text[0]!));
}

/**
 * Whether at least half of the line ends come long before the next word would have met the margin; or, where lines are
 * as long as prose, whether each begins with a capital.
 */
export function isVerse({ lines }: Block, { width, indent }: Margins): boolean {
  if (lines.length < 2) return false;
  // Where each line is a paragraph, or a sentence, verse is what is shorter.
  if (width === Infinity) return lines.filter((line) => line.trim().length > LINE_OF_VERSE).length < lines.length / 2;
  const early = lines.slice(0, -1).filter((line, i) => {
    if (line.length >= width - SLACK) return false;
    const next = lines[i + 1]!.trimStart();
    const space = next.indexOf(" ");
    return line.length + 1 + (space < 0 ? next.length : space) < width - SLACK;
  });
  if (early.length >= (lines.length - 1) / 2) return !isNarrowProse(lines);
  return (
    (lines.length > 3 || lines.every((line) => indentOf(line) > indent)) &&
    lines.every((line) => /^\s*["“«‘'(—-]*\p{Lu}/u.test(line))
  );
}

/** Prose with a margin of its own, as of a letter: its lines are filled, and many begin in the middle of a sentence. */
function isNarrowProse(lines: readonly string[]): boolean {
  const width = Math.max(...lines.slice(0, 12).map((line) => line.trim().length));
  const inner = lines.slice(1);
  const filled = lines.slice(0, -1).filter((line) => line.trim().length >= width - SLACK);
  const inside = inner.filter((line) => /^\s*[\p{Ll}\d(]/u.test(line));
  return width > 30 && filled.length >= 0.8 * (lines.length - 1) && inside.length > 0.4 * inner.length;
}

/** Dots that lead to a number; in prose a row of dots is a pause. */
function hasLeaders({ lines }: Block): boolean {
  return lines.filter((line) => LEADERS.test(line)).length >= lines.length / 2;
}
