// From the lines of a paragraph to its text: wrapped lines joined, and what the transcription added taken out again
// (marks of italics and of footnotes, doubled spaces). Quotes, dashes and spelling stay as the book has them.
import { removeEmphasis } from "../../text/emphasis.ts";
import { joinLines } from "../../text/lines.ts";
import { normalizeText } from "../../text/normalize.ts";

/** What was set into a paragraph: pictures, music, notes, page numbers. */
const INSERTED = new RegExp(
  String.raw`\s?\[\s*(?:(?:Footnote|Illustrations?|Note|Sidenote|Music|Musical|Transcriber['’]s note|TN|` +
    String.raw`Blank|Image|Picture|Decoration|Pg|Page)(?![\p{L}'’]| [a-z]+ [a-z])|p\. ?\d|` +
    String.raw`See (?:next page|page|p\.|appendix|note|plate|map|frontispiece)(?!\p{L}))[^[\]]*\]`,
  "giu",
);
/** An asterisk that calls a note. */
const NOTE_STAR = /(?<=\S) \*(?=\s|$)|(?<=[\p{L}\p{N}.,;!?”"»)])\*+(?=[\s,.;:!?]|$)/gu;

/** [... (Note de l'auteur.)] */
const SIGNED = new RegExp(
  "\\s?\\[[^[\\]]{1,1000}[(\\s](?:note d[eu] (?:l['’][ée]diteur|l['’]auteur|traducteur)|" +
    "(?:author|editor|translator)['’]s note)\\W{0,3}\\]",
  "giu",
);
/** [... --ED.], [... D.W.] */
const INITIALLED = /(?:--|[—–])?\s?\[[^[\]]{3,1000}(?:[.!?]\s|[—–-])(?:(?:\p{Lu}\. ?){2,3}|E[Dd]\.|T[Rr]\.)\]/gu;

/** One line of text; "" when nothing but marks stood there. */
export function paragraphText(lines: readonly string[]): string {
  let text = removeEmphasis(joinLines(lines));
  if (text.includes("[")) {
    text = text
      .replace(INSERTED, "")
      .replace(/ ?\*? ?\[\*[^[\]]*\]/g, "") // a note of the author's set into the line: [* ...]
      .replace(SIGNED, "")
      .replace(INITIALLED, "")
      .replace(/ ?\[(?:\d{1,3}|[A-Z*†‡])\]/g, ""); // its number: word[1]
  }
  if (text.includes("{")) text = text.replace(/\s?\{(?:(?:pg?\.?|page) ?)?\d{1,4}\}/gi, ""); // a page's number: {12}
  if (text.includes("*")) text = text.replace(NOTE_STAR, "");
  return normalizeText(text.startsWith("|") ? text.replace(/^\|(?=\p{L})/u, "") : text); // a large initial: |MATTHEW
}

/** A block's words in one line as they stand in the file, without its marks of emphasis. */
export function oneLine(lines: readonly string[]): string {
  const text = lines
    .map((line) => line.trim())
    .join(" ")
    .replace(/\s\s+/g, " ");
  return removeEmphasis(text);
}

/** A heading without the mark of its footnote. */
export function headingText(text: string): string {
  return text.length > 400
    ? text
    : text.replace(/(?<=\S) ?\[\d+\]$/, "").replace(/^[=+*~]+\s*(?=\p{L})|(?<=[\p{L}.])\s*[=+*~]+$/gu, "");
}
