// Page numbers and running heads taken out, and the halves of a paragraph that they cut put together again. A number
// on a line of its own may be a page's or a chapter's. A page ends anywhere, so of a form that is pages' some marks
// stand in the middle of a sentence; chapters begin at 1, go up by one, and stand between whole paragraphs.
import { joinLines, LONG_LINE } from "../../text/lines.ts";
import { headWords, readPageMark } from "./page-marks.ts";
import type { PageMark } from "./page-marks.ts";

export interface Pages {
  /** As many as before; null: a line that is as if it had never been there. */
  readonly lines: readonly (string | null)[];
  /** The marks that were taken out. */
  readonly removed: readonly { readonly at: number; readonly text: string }[];
}

/** A mark with the lines of text nearest to it. */
interface PlacedMark extends PageMark {
  readonly before: number;
  readonly after: number;
  /** Whether a sentence runs on over it. */
  readonly cuts: boolean;
  /** Blank lines above it. */
  readonly blankBefore: number;
}

/** A line of prose, and no title, address or verse, has so many characters. */
const PROSE_LINE = 40;
const NOTHING_OR_NUMBER = /^\W{0,40}(?:[\divxlcIVXLC]{1,8}\W{0,40})?$/;
const FIRST_YEAR = 1500;
/** Of the marks of one form, those that cut a sentence where they are pages': a lone one among chapters is chance. */
const CUT_SHARE = 0.1;
/** Lines, blank ones too, between the text of two pages. */
const PAGE_BREAK = 16;
/** Running heads stand on many pages. */
const RECURS = 3;
const NAMED_CHAPTER = /^\s*(?:chapter|chapitre|kapitel|cap[ií]tulo)\b\.?\s+[\dIVXLCivxlc]/i;

/** `headings`: indices of lines that are headings by their mark-up, and so no marks. */
export function removePageMarks(lines: readonly string[], headings: ReadonlySet<number> = new Set()): Pages {
  const marks = placedMarks(lines, headings);
  if (marks.length === 0) return { lines, removed: [] };
  const chapters = lines.flatMap((line, i) => (line.length < 80 && NAMED_CHAPTER.test(line) ? [i] : []));
  const pages = [...groupBy(marks, ({ form }) => form).values()].flatMap((group) => pagesAmong(group, lines, chapters));
  const kept: (string | null)[] = [...lines];
  for (const { at } of pages) kept[at] = null;
  // Where each line is a paragraph, the halves must become one line.
  const joins = lines.filter((line) => line.length > LONG_LINE).length > lines.length / 10;
  for (const mark of pages.sort((a, b) => a.at - b.at)) closeGap(kept, mark, joins);
  return { lines: kept, removed: pages.map(({ at }) => ({ at, text: lines[at]!.trim() })) };
}

function placedMarks(lines: readonly string[], headings: ReadonlySet<number>): PlacedMark[] {
  const heads = recurringHeads(lines);
  const marks = new Map<number, PageMark>();
  const isSetOff = (i: number): boolean => [i - 1, i + 1].every((at) => NOTHING_OR_NUMBER.test(lines[at] ?? ""));
  const bareHeads: PageMark[] = [];
  for (const [i, line] of lines.entries()) {
    const mark = headings.has(i) ? undefined : readPageMark(line, i, (words) => heads.has(words));
    if (mark?.kind === "head" && mark.value === undefined) bareHeads.push(mark);
    // "I" may be the last word of a paragraph
    else if (mark && (!/^I\W?$/.test(line.trim()) || isSetOff(i))) marks.set(i, mark);
  }
  for (const mark of bareHeads)
    if (isSetOff(mark.at) || (heads.get(mark.form)! >= RECURS && isInSentence(mark, marks, lines)))
      marks.set(mark.at, mark);
  for (const mark of headsBesideNumbers(marks, lines)) if (isInSentence(mark, marks, lines)) marks.set(mark.at, mark);
  const isText = (i: number): boolean => !marks.has(i) && lines[i]!.trim() !== "";
  const after = new Int32Array(lines.length + 1).fill(lines.length);
  for (let i = lines.length - 1; i >= 0; i--) after[i] = isText(i) ? i : after[i + 1]!;
  const placed: PlacedMark[] = [];
  let before = -1;
  let blank = 0;
  for (const [i, line] of lines.entries()) {
    const mark = marks.get(i);
    if (mark) {
      const around = { before, after: after[i]! };
      placed.push({ ...mark, ...around, cuts: cutsSentence(lines, around, mark), blankBefore: blank });
    }
    if (isText(i)) before = i;
    blank = line.trim() === "" ? blank + 1 : 0;
  }
  return placed;
}

/** Lines in capitals right above or below a page number, blank ones aside: there a running head need not recur. */
function headsBesideNumbers(marks: ReadonlyMap<number, PageMark>, lines: readonly string[]): PageMark[] {
  const numbers = [...marks.values()].filter(({ kind }) => kind !== "head" && kind !== "part");
  return numbers.flatMap((number) =>
    [-1, 1].flatMap((step): PageMark[] => {
      const at = nextLine(lines, number.at, step, (i) => lines[i]!.trim() !== "");
      const form = marks.has(at) ? "" : headWords(lines[at] ?? "");
      return form.length > 3 ? [{ at, form, value: undefined, kind: "head" }] : [];
    }),
  );
}

/** Whether a running head in capitals has half a sentence above and the other below. */
function isInSentence({ at, form }: PageMark, marks: ReadonlyMap<number, PageMark>, lines: readonly string[]): boolean {
  if (form !== form.toUpperCase()) return false;
  const [above, below] = [-1, 1].map(
    (step) => lines[nextLine(lines, at, step, (i) => !marks.has(i) && lines[i]!.trim() !== "")]?.trim() ?? "",
  );
  return isOpen(above!) && GOES_ON.test(below!);
}

/** Index of the nearest line beside `at`, going by `step`, that is wanted; none beyond the foot and head of a page. */
function nextLine(lines: readonly string[], at: number, step: number, isWanted: (i: number) => boolean): number {
  for (let i = at + step; i >= 0 && i < lines.length && Math.abs(i - at) <= PAGE_BREAK; i += step)
    if (isWanted(i)) return i;
  return -1;
}

/** Lines in capitals, or of few words in a title's spelling, that stand in a file several times. */
function recurringHeads(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) {
    if (!/^\s*\p{Lu}/u.test(line.slice(0, 100))) continue;
    const words = headWords(line);
    if (words.length > 3 && isTitle(words)) counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  return new Map([...counts].filter(([, count]) => count >= 2));
}

function isTitle(words: string): boolean {
  return words === words.toUpperCase() || words.split(" ").filter((word) => /^\p{Ll}/u.test(word)).length <= 3;
}

function cutsSentence(
  lines: readonly string[],
  { before, after }: { readonly before: number; readonly after: number },
  { kind, value }: PageMark,
): boolean {
  const above = lines[before]?.trimEnd() ?? "";
  const below = lines[after]?.trim() ?? "";
  if (above === "" || below === "") return false;
  if (above === above.toUpperCase()) return false;
  const open = isOpen(above);
  const isProse = above.trim().length >= PROSE_LINE;
  const goesOn = GOES_ON.test(below);
  // A title page has such lines too, but short ones.
  if (kind === "head" && value === undefined) return open && goesOn && (isProse || below.length >= PROSE_LINE);
  if (goesOn) return isProse || (open && below.length >= PROSE_LINE);
  return open && isProse && below.length >= PROSE_LINE && !/^["“«]/.test(below) && /\p{Ll}/u.test(below);
}

const GOES_ON = /^["“«‘'([—–-]*\s?\p{Ll}/u;

function isOpen(line: string): boolean {
  return /[\p{L}\p{N},;—–-]["”»’)]?$/u.test(line);
}

/** Those of `marks`, which have one form, that are pages'. `chapters`: lines of headings that say so. */
function pagesAmong(
  marks: readonly PlacedMark[],
  lines: readonly string[],
  chapters: readonly number[],
): readonly PlacedMark[] {
  const [first] = marks;
  const cutting = marks.filter(({ cuts }) => cuts);
  const cut = cutting.length > marks.length * CUT_SHARE;
  switch (first!.kind) {
    case "named":
      return [...marks];
    case "head":
      return runningHeads(marks, lines, cut);
    case "part":
      return first!.form === first!.form.toUpperCase() || marks.length > 1 ? runningPart(marks, cutting) : [];
    case "set off":
    case "bare": {
      const others = marks.filter(({ cuts }) => !cuts);
      if (others.length > 1 && countsFromOne(others) && !rises(marks)) return cutting;
      if (cut) {
        const numbers = chapterNumbers(marks);
        return marks.filter((mark) => !numbers.has(mark));
      }
      if (countsFromOne(marks)) return runsOn(marks, chapters) ? marks : [];
      if (first!.before < 0 && marks.length > 1 && countsUp(marks)) return [];
      const alone = marks.length === 1 && (first!.before < 0 || first!.value! >= FIRST_YEAR);
      return !alone && (first!.kind === "set off" || chapters.length > 0 || first!.value! > 2) ? [...marks] : [];
    }
  }
}

/** A chapter's heading never stands in the middle of a sentence; its running head mostly does. */
function runningPart(marks: readonly PlacedMark[], cutting: readonly PlacedMark[]): readonly PlacedMark[] {
  return cutting.length * 2 > marks.length && rises(marks) ? marks : cutting;
}

function runningHeads(marks: readonly PlacedMark[], lines: readonly string[], cut: boolean): PlacedMark[] {
  const { form } = marks[0]!;
  const tells = form === form.toUpperCase() || form.includes("|");
  const counts = marks.length >= RECURS && marks[0]!.value !== undefined && rises(marks);
  if (!(cut && (tells || marks.length >= 2 || isSetOffTitle(marks[0]!, lines))) && !counts) return [];
  // An entry in the table of contents reads as a running head, and stands among others.
  const amidProse = ({ before, after }: PlacedMark): boolean =>
    [before - 1, before, after, after + 1].some((i) => (lines[i]?.trim().length ?? 0) >= PROSE_LINE);
  return marks.filter(
    (mark) => mark.cuts || (mark.value !== undefined || marks.length >= RECURS ? amidProse(mark) : false),
  );
}

/** A single "The Miller 12" between blank lines and the halves of a sentence; a line of prose may begin with a year. */
function isSetOffTitle({ at, before, form }: PlacedMark, lines: readonly string[]): boolean {
  const isAlone = [at - 1, at + 1].every((i) => lines[i]?.trim() === "");
  return isAlone && isOpen(lines[before]?.trimEnd() ?? "") && isTitle(form);
}

function rises(marks: readonly PlacedMark[]): boolean {
  return marks.every(({ value }, i) => i === 0 || value! > marks[i - 1]!.value!);
}

/** Whether the numbers go on over a chapter's heading: a page's do, a section's begin anew. */
function runsOn(marks: readonly PlacedMark[], chapters: readonly number[]): boolean {
  let next = chapters.findIndex((at) => at > marks[0]!.at);
  for (const { at, value } of next < 0 ? [] : marks) {
    if (chapters[next] === undefined || at < chapters[next]!) continue;
    if (value !== 1) return true;
    while (chapters[next]! <= at) next++;
  }
  return false;
}

function countsUp(marks: readonly PlacedMark[]): boolean {
  return marks.every(({ value }, i) => i === 0 || value === marks[i - 1]!.value! + 1);
}

/**
 * Whether the numbers are those of chapters: from 1 (or 2, where the first has no heading) by ones, from 1 again in a
 * next part.
 */
function countsFromOne(marks: readonly PlacedMark[]): boolean {
  return marks.every(({ value }, i) => {
    const last = marks[i - 1]?.value;
    return last === undefined ? value! <= 2 : value === last + 1 || value === 1;
  });
}

/** Among page numbers, the chapters' that look like them: they stand wider apart and count from 1 by themselves. */
function chapterNumbers(marks: readonly PlacedMark[]): ReadonlySet<PlacedMark> {
  if (rises(marks)) return new Set();
  let next = 1;
  const chapters = new Set<PlacedMark>();
  for (const mark of marks) {
    if (mark.cuts || mark.blankBefore < 2 || (mark.value !== next && mark.value !== 1)) continue;
    chapters.add(mark);
    next = mark.value! + 1;
  }
  return chapters;
}

/** Takes the blank lines out that set a mark off: all where a sentence runs on, those below it where none does. */
function closeGap(lines: (string | null)[], { at, before, after, cuts }: PlacedMark, joins: boolean): void {
  if (!cuts) {
    if (at > 0 && lines[at - 1]?.trim() === "")
      for (let i = at + 1; i < lines.length && lines[i]?.trim() === ""; i++) lines[i] = null;
    return;
  }
  for (let i = before + 1; i < after; i++) if (lines[i]?.trim() === "") lines[i] = null;
  const above = lines[before],
    below = lines[after];
  if (above && below && joins) {
    lines[after] = null;
    lines[before] = joinLines([above, below]);
  }
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
