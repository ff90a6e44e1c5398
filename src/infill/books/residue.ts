// What stands between a book's paragraphs and is none. Notes (illustrations, footnotes, transcribers' remarks) were put
// into the text from outside: taken out, what stood around them is continuous again. Scene separators, verse, tables,
// signs and letterheads belong to the text but are no paragraphs: nothing may be learned across them as if they were
// not there.
import { indentOf } from "./blocks.ts";
import type { Block, Margins } from "./blocks.ts";
import { isCapitals } from "./headings.ts";

export type Residue = "note" | "separator" | "display";

const EDITORIAL =
  /^[[(]\s*(?:illustration|footnote|transcriber|transcription|note\b|sidenote|image|picture|decoration|frontispiece|blank page|pg\.? ?\d|page \d|editor'?s? note|later editions|gravure|note d[eu] )/i;
const CREDIT =
  /^(?:produced by|e-?text prepared by|transcribed (?:from|by)|this (?:e-?book|e-?text) was (?:produced|prepared)|scanned by|proofread|html version by|illustrated by)\b/i;
const PICTURE =
  /^(?:0\d{1,3}|cover|\d{2}-\d{3}\.(?:jpg|png|gif).*|[\w-]+\.(?:jpg|png|gif)\b.*|(?:tail|head)piece|frontispiece)$/i;
const LEADERS = /\.{5,}|(?:\s\.){4,}/;
/** Columns that a line must stop short of the width to have been broken on purpose. */
const SLACK = 12;
const SHORT = 60;

/**
 * What `block` is, `text` being its words in one line; undefined for a paragraph. `before`: the paragraphs just above,
 * in which the marks of footnotes stand.
 */
export function residueOf(
  text: string,
  block: Block,
  { before, margins }: { readonly before: readonly string[]; readonly margins: Margins },
): Residue | undefined {
  // a colon that lost its sentence is no sign
  if (!/[\p{L}\p{N}]/u.test(text)) return /^[,;:]$/.test(text) ? undefined : "separator";
  if (isEditorial(text) || CREDIT.test(text) || PICTURE.test(text) || isFootnote(text, before)) return "note";
  if (/^\*/.test(text) || LEADERS.test(text) || isVerse(block, margins)) return "display";
  // Someone shouts, or says one word; a headline in quotes does not.
  if (/^["“«‘']/.test(text) && (isCapitals(text) ? /[!?—-]["”»’']*$/ : /[.!?…—-]["”»’']*$/).test(text))
    return undefined;
  if (text.length <= SHORT && isCapitals(text)) return "display";
  // An address, a signature, a heading of a letter: a line that is no sentence and no speech.
  return block.lines.length === 1 &&
    text.length <= SHORT &&
    /^[\p{L}\p{N}_(]/u.test(text) &&
    /[\p{L}\p{N}_)]$/u.test(text)
    ? "display"
    : undefined;
}

/** Whether an open bracket of an editorial note is left for the blocks that follow to close. */
export function leavesOpen(text: string): boolean {
  return isEditorial(text) && text.split(/[[(]/).length > text.split(/[\])]/).length;
}

function isEditorial(text: string): boolean {
  return /^[[(]/.test(text) && EDITORIAL.test(text.replaceAll("’", "'"));
}

/** "[1] ...", "[Footnote 1: ...", "* ..." and, where the text above refers to that number, "1. ..." or "(1) ...". */
function isFootnote(text: string, before: readonly string[]): boolean {
  const [, bracketed] = /^\[(\d{1,3}|[A-Z*†‡])[\].:\s]/.exec(text) ?? [];
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
function isVerse({ lines }: Block, { width, indent }: Margins): boolean {
  if (lines.length < 2 || width === Infinity) return lines.length > 1;
  const early = lines.slice(0, -1).filter((line, i) => {
    if (line.length >= width - SLACK) return false;
    const next = lines[i + 1]!.trimStart();
    const space = next.indexOf(" ");
    return line.length + 1 + (space < 0 ? next.length : space) < width - SLACK;
  });
  if (early.length >= (lines.length - 1) / 2) return true;
  return (
    (lines.length > 3 || lines.every((line) => indentOf(line) > indent)) &&
    lines.every((line) => /^\s*["“«‘'(—-]*\p{Lu}/u.test(line))
  );
}
