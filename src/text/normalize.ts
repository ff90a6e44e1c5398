// One spelling of a text for everything that becomes tokens: the same paragraph must have the same ids whether it was
// cut from a book, read from JSON Lines or given on a command line, whatever its file's line ends, spaces, accents and
// marks of italics. GPT-2's tokenizer sees each of these differences, and readers see none.
import { joinLines, meantLines } from "./lines.ts";
import { removeEmphasis } from "./emphasis.ts";

/** What plain text that needs nothing done does not hold: line breaks, marks, doubled or outer spaces, non-ASCII. */
const WORK = /[^ !-),-<>-^`-}]| {2}|^ | $/;
const SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
/** Zero-width space, word joiner, byte-order mark. */
const NO_WIDTH = /[\u200b\u2060\ufeff]/g;
/** A soft hyphen at a line's end was printed: the rest of its word comes up, so that line numbers stay. */
const BROKEN_WORD = /\u00ad[ \t]*\n[ \t]*(\S*)[ \t]?/g;
/**
 * Joiners that join nothing. U+200C and U+200D shape Persian and Indic words and hold emoji together; after a combining
 * mark (a virama) they also stand at the end of a word.
 */
const STRAY_JOINER = new RegExp(
  String.raw`(?<![\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}\u200c\u200d])[\u200c\u200d]+|` +
    String.raw`(?<!\p{M})[\u200c\u200d]+(?![\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])`,
  "gu",
);

const DOUBLE_SPACE = /\t|  /;
/** Thirty marks that another one follows; the joiner itself (U+034F) is no part of a run. */
const MARKS = /[^\P{M}\u034f]{30}(?=[^\P{M}\u034f])/gu;
const LONG_MARKS = new RegExp(MARKS, "u");

/** Without a byte-order mark, and "\n" at every line's end: all that plain text mode changes, as Python's reader. */
export function normalizeLineEnds(text: string): string {
  return unifyLineEnds(text.startsWith("\uFEFF") ? text.slice(1) : text);
}

/** The same for a text's later parts, of which none may end between "\r" and "\n". */
export function unifyLineEnds(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

/**
 * The characters of a text in one spelling, its lines as they are: every line end "\n" (a paragraph separator two),
 * every kind of space U+0020, an accent and its letter one character (NFC), and nothing without width but what shapes
 * the letters and emoji beside it. Marks of direction and variation selectors stay.
 */
export function normalizeCharacters(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the range is ASCII
  if (!/[^\t\n\x20-\x7e]/.test(text)) return text;
  let plain = normalizeLineEnds(text)
    .replaceAll("\u2029", "\n\n")
    .replace(/[\x85\u2028\v\f]/g, "\n");
  plain = plain.replace(SPACES, " ").replace(NO_WIDTH, "");
  if (plain.includes("\u00ad")) plain = plain.replace(BROKEN_WORD, "$1\n").replaceAll("\u00ad", "");
  if (/[\u200c\u200d]/.test(plain)) plain = plain.replace(STRAY_JOINER, "");
  return composed(plain);
}

/**
 * NFC. Putting a run of combining marks in order takes time with the square of its length (160,000 of them: 25 s), so
 * runs are first cut at 30 as Unicode's Stream-Safe Text Format does it, by a combining grapheme joiner (UAX #15,
 * section 13). No writing has so many on a letter.
 */
function composed(text: string): string {
  if (!LONG_MARKS.test(text)) return text.normalize("NFC");
  // Once more behind it: U+0344 becomes two marks.
  return streamSafe(streamSafe(text).normalize("NFC"));
}

function streamSafe(text: string): string {
  return text.replace(MARKS, "$&\u034f");
}

/**
 * A paragraph, or several: one line each, wrapped lines joined, marks of emphasis taken out, single spaces, none at the
 * ends. A text that has been through this comes out unchanged.
 */
export function normalizeText(text: string): string {
  if (!WORK.test(text)) return text;
  const paragraphs = meantLines(normalizeCharacters(text).split("\n").map(singleSpaces));
  return paragraphs
    .map((paragraph) => singleSpaces(removeEmphasis(paragraph)))
    .filter((paragraph) => paragraph !== "")
    .join("\n");
}

/** A text that is one line whatever its line breaks: a metadata value, a sentence saying what is wanted. */
export function normalizeLine(text: string): string {
  return WORK.test(text) ? singleSpaces(removeEmphasis(normalizeName(text))) : text;
}

/** The name of a field: one line, in which an underscore marks nothing. */
export function normalizeName(text: string): string {
  return WORK.test(text) ? joinLines(normalizeCharacters(text).split("\n").map(singleSpaces)) : text;
}

function singleSpaces(line: string): string {
  return (DOUBLE_SPACE.test(line) ? line.replace(/[ \t]+/g, " ") : line).trim();
}
