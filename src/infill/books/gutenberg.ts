// What Project Gutenberg puts around a book: a header with title, author and language, a licence, and marker lines
// between them and the text. Markers of all ages are known: "*** START OF THIS PROJECT GUTENBERG EBOOK X ***" (at times
// wrapped over several lines), and the "SMALL PRINT" of the 1990s, which stood before the text or after it. A file may
// hold several etexts, one after the other; one without markers is all text.
import { languageCode } from "./language-code.ts";

/** What the header says; fields it lacks are left out. */
export interface HeaderFields {
  readonly title?: string;
  readonly author?: string;
  /** Its code where it is known, else its name. */
  readonly language?: string;
}

/** One text of a file. */
export interface Etext {
  readonly header: HeaderFields;
  /** Lines of the book itself. */
  readonly lines: readonly string[];
  /** Lines of the file before them. */
  readonly skipped: number;
}

export interface Unwrapped {
  /** At least one. */
  readonly etexts: readonly Etext[];
  /** Headers, licences, small print: in order, without blank ends. */
  readonly wrapping: readonly { readonly line: number; readonly text: string }[];
}

type MarkerKind = "start" | "smallPrintStart" | "smallPrintEnd" | "end";

const START = /^\s*\*{3} ?START OF (?:THE|THIS) PROJECT GUTENBERG/i;
const SMALL_PRINT_START = /START\W{0,4}THE SMALL PRINT/i;
const SMALL_PRINT_END = /END\W{0,4}THE SMALL PRINT/i;
const END = new RegExp(
  "^\\s*(?:\\*{3} ?END OF (?:THE|THIS) PROJECT GUTENBERG|" +
    "\\**(?:This is )?(?:the )?end of (?:the |this )?Project Gutenberg\\b)",
  "i",
);
/** Where a marker that runs over several lines must have closed. */
const MARKER_LINES = 4;

/** Words of headers and licences, which a story has in few paragraphs if in any. */
const BOILERPLATE = new RegExp(
  "gutenberg|e-?texts?\\b|electronic work|copyright|donat|small print|public domain|carnegie|\\bftp\\b|benedictine|" +
    "trademark|michael hart|https?:|www\\.|\\w@\\w|licen[cs]e|disclaimer|refund|foundation|e-?books?\\b",
  "i",
);
/** A paragraph, and not a line of a list. */
const PARAGRAPH = 100;
const FEWEST_PARAGRAPHS = 2;

/** Header lines that may stand at the top of the text itself. */
const FIELD =
  /^(?:title|author|language|release date|posting date|last updated|edition|character set encoding|credits):/i;
const HEADER_LINES = 60;

interface Segment {
  readonly from: number;
  readonly to: number;
  readonly isText: boolean;
}

export function unwrapGutenberg(text: string): Unwrapped {
  const lines = text.split("\n");
  const etexts: Etext[] = [];
  const wrapping: { line: number; text: string }[] = [];
  let header: HeaderFields = {};
  for (const { from, to, isText } of segmentsOf(lines)) {
    const own = lines.slice(from, to);
    if (!isText) {
      header = { ...header, ...headerFields(own) };
      const first = own.findIndex((line) => line.trim() !== "");
      if (first >= 0) wrapping.push({ line: from + first + 1, text: own.join("\n").trim() });
      continue;
    }
    const top = topFields(own);
    etexts.push({
      header: { ...header, ...headerFields(own.slice(0, top)) },
      lines: own.slice(top),
      skipped: from + top,
    });
    if (top > 0) wrapping.push({ line: from + 1, text: own.slice(0, top).join("\n").trim() });
    header = {};
  }
  return { etexts, wrapping };
}

/** The lines between markers, told into text and wrapping. Without any text the whole file is one. */
function segmentsOf(lines: readonly string[]): Segment[] {
  const segments: Segment[] = [];
  let from = 0;
  let before: MarkerKind | undefined;
  for (let i = 0; i <= lines.length; i++) {
    const marker = i < lines.length ? markerOf(lines[i]!) : undefined;
    if (marker === undefined && i < lines.length) continue;
    segments.push({ from, to: i, isText: isText(lines, from, i, before, marker) });
    if (marker === undefined) break;
    const closing =
      marker === "start" ? lines.slice(i, i + MARKER_LINES).findIndex((line) => /\*{3}\s*$/.test(line)) : 0;
    from = i + Math.max(closing, 0) + 1;
    i = from - 1;
    before = marker;
  }
  return segments.some((segment) => segment.isText) ? segments : [{ from: 0, to: lines.length, isText: true }];
}

function markerOf(line: string): MarkerKind | undefined {
  if (line.length > 200) return undefined;
  if (START.test(line)) return "start";
  if (SMALL_PRINT_END.test(line)) return "smallPrintEnd";
  if (SMALL_PRINT_START.test(line)) return "smallPrintStart";
  return END.test(line) ? "end" : undefined;
}

function isText(
  lines: readonly string[],
  from: number,
  to: number,
  before: MarkerKind | undefined,
  after: MarkerKind | undefined,
): boolean {
  if (before === undefined && after === undefined) return true;
  if (before === "smallPrintStart" || after === "start") return before === "start" && from < to;
  // Under a marker of today the header and the small print of the old etext may stand once more.
  if (before === "start") return after !== "smallPrintStart" || isStory(lines, from, to);
  if (before === "smallPrintEnd" && after === "end") return hasLetters(lines, from, to);
  return isStory(lines, from, to);
}

function hasLetters(lines: readonly string[], from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (/\p{L}/u.test(lines[i]!)) return true;
  return false;
}

/** Whether most of what is said in these lines is not about Project Gutenberg. */
function isStory(lines: readonly string[], from: number, to: number): boolean {
  let paragraphs = 0;
  let story = 0;
  let all = 0;
  let length = 0;
  let boilerplate = false;
  for (let i = from; i <= to; i++) {
    const line = i < to ? lines[i]!.trim() : "";
    if (line !== "") {
      length += line.length;
      boilerplate ||= BOILERPLATE.test(line);
      continue;
    }
    if (length >= PARAGRAPH) {
      all += length;
      if (!boilerplate) {
        story += length;
        paragraphs++;
      }
    }
    length = 0;
    boilerplate = false;
  }
  return paragraphs >= FEWEST_PARAGRAPHS && story > 0.6 * all;
}

/** How many lines at the top of a text are still its header: "The Project Gutenberg EBook of X", "Title: X". */
function topFields(lines: readonly string[]): number {
  const top = lines.slice(0, HEADER_LINES);
  const last = top.findLastIndex((line) => FIELD.test(line));
  if (last < 0 && !/^\W*(?:the )?project gutenberg/i.test(top.find((line) => line.trim() !== "") ?? "")) return 0;
  const end = top.findIndex((line, i) => i >= Math.max(last, 0) && line.trim() === "");
  return end < 0 ? Math.max(last, 0) + 1 : end;
}

function headerFields(lines: readonly string[]): HeaderFields {
  const field = (name: string): string | undefined => {
    const at = lines.findIndex((line) => line.toLowerCase().startsWith(`${name}:`));
    if (at < 0) return undefined;
    // A long title goes on in indented lines.
    let end = at + 1;
    while (end < lines.length && /^\s+\S/.test(lines[end]!)) end++;
    return (
      lines
        .slice(at, end)
        .join(" ")
        .slice(name.length + 1)
        .replace(/\s+/g, " ")
        .trim() || undefined
    );
  };
  const language = field("language");
  const fields = { title: field("title"), author: field("author"), language: language && languageCode(language) };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
