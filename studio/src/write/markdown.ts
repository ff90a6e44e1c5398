// A document as its paragraphs: the little of Markdown that a manuscript needs (headings, breaks, bold, italic and
// <u>underlined</u>), so that a model reads words and not marks, and an export has what the page shows. All else is
// text. A text without blank lines has one paragraph a line.

export interface Run {
  readonly text: string;
  readonly bold?: true;
  readonly italic?: true;
  readonly underline?: true;
}

export type Block = { readonly from: number; readonly to: number } & (
  | { readonly kind: "paragraph"; readonly runs: readonly Run[] }
  | { readonly kind: "heading"; readonly level: number; readonly runs: readonly Run[] }
  | { readonly kind: "break" }
);

const HEADING = /^(#{1,6})[ \t]+(.*?)[ \t]*#*$/;
/** "***", "* * *", "---": the scene changes. */
const BREAK = /^[ \t]*(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|[⁂#])[ \t]*$/;

/** What stands between the document's paragraphs, as its `parts` show: a gap between those shows nothing. */
export function separatorOf(...parts: readonly string[]): "\n" | "\n\n" {
  if (parts.some((part) => /\S[^\S\n]*\n\s*\n\s*\S/.test(part))) return "\n\n";
  return parts.some((part) => /\S[^\S\n]*\n[^\S\n]*\S/.test(part)) ? "\n" : "\n\n";
}

/** The blocks of the text from `start` on, with their places in the whole of it. */
export function blocksOf(text: string, separator = separatorOf(text), start = 0): Block[] {
  const blocks: Block[] = [];
  let lines: string[] = [];
  let from = 0;
  let at = start;
  const close = (to: number): void => {
    if (lines.length > 0) blocks.push({ kind: "paragraph", runs: runsOf(lines.join(" ")), from, to });
    lines = [];
  };
  for (const line of text.split("\n")) {
    const end = at + line.length;
    const [, marks, title] = HEADING.exec(line) ?? [];
    if (line.trim() === "") close(at);
    else if (marks !== undefined && title !== "") {
      close(at);
      blocks.push({ kind: "heading", level: marks.length, runs: runsOf(title), from: at, to: end });
    } else if (BREAK.test(line)) {
      close(at);
      blocks.push({ kind: "break", from: at, to: end });
    } else {
      if (lines.length === 0) from = at;
      lines.push(line.trim());
      if (separator === "\n") close(end);
    }
    at = end + 1;
  }
  close(Math.max(from, at - 1));
  return blocks;
}

interface Style {
  readonly field: "bold" | "italic" | "underline";
  readonly close: string;
}

const OPENINGS: readonly (readonly [open: string, style: Style])[] = [
  ["**", { field: "bold", close: "**" }],
  ["__", { field: "bold", close: "__" }],
  ["*", { field: "italic", close: "*" }],
  ["_", { field: "italic", close: "_" }],
  ["<u>", { field: "underline", close: "</u>" }],
];
const ESCAPED = /^\\[\\*_#<>[\]`-]/;
const LETTER = /[\p{L}\p{N}]/u;

/** A paragraph's text in pieces of one style each. A mark without its partner is text. */
export function runsOf(text: string): Run[] {
  const runs: Run[] = [];
  const open: Style[] = [];
  const put = (piece: string): void => {
    const style = Object.fromEntries(open.map(({ field }) => [field, true]));
    const last = runs.at(-1);
    if (last && sameStyle(last, style)) runs[runs.length - 1] = { ...last, text: last.text + piece };
    else runs.push({ text: piece, ...style });
  };
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at);
    if (ESCAPED.test(rest)) {
      put(rest[1]);
      at += 2;
      continue;
    }
    const closing = open.findLastIndex(({ close }) => rest.startsWith(close) && closes(text, at, close));
    if (closing >= 0) {
      const { close } = open[closing];
      open.splice(closing, 1);
      at += close.length;
      continue;
    }
    const opening = OPENINGS.find(
      ([mark, { field, close }]) =>
        rest.startsWith(mark) &&
        !open.some((style) => style.field === field) &&
        opens(text, at, mark) &&
        hasPartner(text, at + mark.length, close),
    );
    if (opening) {
      open.push(opening[1]);
      at += opening[0].length;
      continue;
    }
    const character = String.fromCodePoint(rest.codePointAt(0)!);
    put(character);
    at += character.length;
  }
  return runs;
}

const sameStyle = (run: Run, style: Partial<Run>): boolean =>
  run.bold === style.bold && run.italic === style.italic && run.underline === style.underline;

/** Inside a word an underscore is a letter; before a space no mark opens. */
function opens(text: string, at: number, mark: string): boolean {
  const after = text[at + mark.length] ?? " ";
  if (mark === "<u>") return true;
  return !/\s/.test(after) && !(mark.startsWith("_") && LETTER.test(text[at - 1] ?? ""));
}

function closes(text: string, at: number, mark: string): boolean {
  if (mark === "</u>") return true;
  return !/\s/.test(text[at - 1] ?? " ") && !(mark.startsWith("_") && LETTER.test(text[at + mark.length] ?? ""));
}

function hasPartner(text: string, from: number, close: string): boolean {
  for (let at = text.indexOf(close, from + 1); at >= 0; at = text.indexOf(close, at + 1))
    if (text[at - 1] !== "\\" && closes(text, at, close)) return true;
  return false;
}

export const textOfRuns = (runs: readonly Run[]): string => runs.map(({ text }) => text).join("");

/** Letters that would be taken for marks, escaped: for text that comes from elsewhere. */
export function escapeMarks(text: string): string {
  return text.replace(/\\(?=[\\*_#<>[\]`-])|[*_](?=\S)|(?<=\S)[*_]|<(?=\/?u>)/g, "\\$&").replace(/^(#{1,6}\s)/, "\\$1");
}
