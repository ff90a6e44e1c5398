// The blocks of a marked-up book put into lines, and what only the whole of it shows taken out: the notes that marks in
// the text point to, and contents that nothing but their links tells from prose.
import { normalizeCharacters } from "../../text/normalize.ts";
import type { BookText, RemovedPiece } from "./book-text.ts";
import type { HeaderFields } from "./gutenberg.ts";
import type { Reason } from "./left-out.ts";

/** An element that begins lines of its own, as far as notes need it. */
export interface HtmlElement {
  readonly parent: HtmlElement | undefined;
  /** Its names, as links give them: "path#id". */
  readonly keys: readonly string[];
  /** Whether it is more than a note. */
  hasHeading: boolean;
}

export interface HtmlBlock {
  readonly lines: readonly string[];
  isHeading: boolean;
  /** Why it is left out. */
  reason: Reason | undefined;
  readonly element: HtmlElement | undefined;
  /** Names of anchors at its very start. */
  readonly anchors: readonly string[];
  /** Characters of it that are links inside the book. */
  readonly linked: number;
  /** Blank lines above that stand for an empty paragraph. */
  readonly blank: number;
}

/** Of a block that is an entry of a table of contents, and such lines in a row that make one. */
const LINKED_SHARE = 0.6;
const FEWEST_ENTRIES = 3;
// oxlint-disable-next-line no-control-regex -- they come in as character references and mean nothing
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]/g;

/** `noteTargets`: by the name of an element, the number of the block with the first mark that points to it. */
export function renderBlocks(
  blocks: readonly HtmlBlock[],
  noteTargets: ReadonlyMap<string, number>,
  header: HeaderFields,
): BookText {
  leaveOutNotes(blocks, noteTargets);
  leaveOutContents(blocks);
  const lines: string[] = [];
  const headings = new Set<number>();
  const leftOut: RemovedPiece[] = [];
  for (const { lines: own, isHeading, reason, blank } of blocks) {
    const text = own.map(oneSpelling).filter((line) => line.trim() !== "");
    if (text.length === 0) continue;
    if (reason !== undefined) {
      leftOut.push({ reason, text: text.join(" "), line: lines.length + 1 });
      continue;
    }
    for (let i = 0; i < blank + (isHeading ? 2 : 1) && lines.length > 0; i++) lines.push("");
    if (isHeading) headings.add(lines.length);
    if (isHeading) lines.push(text.join(" "));
    else lines.push(...text);
  }
  return { text: lines.join("\n"), markup: { headings, header, leftOut } };
}

/** A line that stays one, whatever line breaks its character references make. */
function oneSpelling(line: string): string {
  return normalizeCharacters(line.replace(CONTROLS, ""))
    .replace(/\s*\n\s*/g, " ")
    .trim();
}

/** What a mark points to is a note where it stands behind the mark, and is no chapter. */
function leaveOutNotes(blocks: readonly HtmlBlock[], targets: ReadonlyMap<string, number>): void {
  if (targets.size === 0) return;
  for (const { element, isHeading } of blocks)
    if (isHeading) for (let each = element; each && !each.hasHeading; each = each.parent) each.hasHeading = true;
  /** The first mark that points to the element or to one around it. */
  const known = new Map<HtmlElement, number>();
  const markOf = (element: HtmlElement | undefined): number => {
    if (element === undefined) return Infinity;
    const found = known.get(element);
    if (found !== undefined) return found;
    known.set(element, Infinity);
    const own = element.hasHeading ? Infinity : firstMark(element.keys, targets);
    const mark = Math.min(own, markOf(element.parent));
    known.set(element, mark);
    return mark;
  };
  for (const [i, block] of blocks.entries())
    if (!block.isHeading && Math.min(markOf(block.element), firstMark(block.anchors, targets)) < i)
      block.reason ??= "notes of transcribers and footnotes";
}

function firstMark(keys: readonly string[], targets: ReadonlyMap<string, number>): number {
  return keys.reduce((first, key) => Math.min(first, targets.get(key) ?? Infinity), Infinity);
}

function leaveOutContents(blocks: readonly HtmlBlock[]): void {
  let row: HtmlBlock[] = [];
  for (const block of [...blocks, undefined]) {
    if (block?.reason !== undefined) continue;
    if (block && !block.isHeading && isEntry(block)) {
      row.push(block);
      continue;
    }
    if (row.reduce((sum, { lines }) => sum + lines.length, 0) >= FEWEST_ENTRIES)
      for (const entry of row) entry.reason = "contents";
    row = [];
  }
}

function isEntry({ lines, linked }: HtmlBlock): boolean {
  const length = lines.reduce((sum, line) => sum + line.length, 0);
  return linked > 0 && linked >= LINKED_SHARE * length;
}

/** Whether two titles are the same but for case, spaces and signs. */
export function sameLetters(a: string, b: string): boolean {
  const letters = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  return letters(a) === letters(b) && letters(a) !== "";
}
