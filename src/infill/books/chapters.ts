// A book as its chapters and their paragraphs. Blocks are read in order: headings open and close parts, notes vanish,
// displays (verse, tables, separators) break the run of paragraphs, and what is left is prose. Whatever stands before
// the first chapter or after the end is not the story; a book without any chapter heading is one chapter.
import { readBlocks } from "./blocks.ts";
import type { Block, Margins } from "./blocks.ts";
import { paragraphText } from "./clean.ts";
import { unwrapGutenberg } from "./gutenberg.ts";
import type { HeaderFields } from "./gutenberg.ts";
import { Headings, isContentsEntry, isNumberOnly } from "./headings.ts";
import type { HeadingKind } from "./headings.ts";
import { leavesOpen, residueOf } from "./residue.ts";

export interface Paragraph {
  readonly text: string;
  /** Where it begins in the file, from 1. */
  readonly line: number;
  /** Counted from 0, from the first of the book. */
  readonly index: number;
}

export interface Book {
  readonly header: HeaderFields;
  readonly chapters: number;
  /**
   * Paragraphs that follow one another without anything between: a chapter, or the part of one between two displays.
   */
  readonly runs: readonly (readonly Paragraph[])[];
  /** Blocks left out: notes of others, and displays (verse, tables, signs, separators). */
  readonly notes: number;
  readonly displays: number;
}

/** A block, its words in one line, and the kind of heading it is. */
interface Item {
  readonly block: Block;
  readonly text: string;
  readonly heading: HeadingKind | undefined;
}

/** Footnotes follow their mark within so many paragraphs. */
const NOTE_REACH = 3;
/** An editorial note has its closing bracket within so many blocks. */
const NOTE_BLOCKS = 8;

/**
 * A section with fewer blocks that only looks like a chapter, before the first that is one, is a title page or a
 * dedication.
 */
const SHORT_SECTION = 8;

/** `text`: of the whole file, as decodeBook gives it. */
export function readBook(text: string): Book {
  const { header, lines, skipped } = unwrapGutenberg(text);
  const page = readBlocks(lines, skipped + 1);
  const items = findHeadings(page.blocks);
  const lastChapter = items.findLastIndex(isOpening);
  const story = new Story(page.margins);
  let inStory = lastChapter < 0;
  for (const [i, item] of items.entries()) {
    if (item.heading === undefined) {
      if (inStory) story.add(item.block, item.text);
      continue;
    }
    story.endRun({ chapter: isOpening(item) });
    if (isOpening(item)) inStory ||= item.heading === "chapter" || !isTitlePage(items, i);
    // A story inside the story may end too; and where there are no chapters, a preface cannot be told from what follows
    // it.
    else if (
      (lastChapter >= 0 && (item.heading !== "end" || i > lastChapter)) ||
      item.heading === "end" ||
      item.heading === "back"
    )
      inStory = false;
  }
  return story.book(header);
}

function isOpening({ heading }: Item): boolean {
  return heading === "chapter" || heading === "title";
}

/** Whether the section that this title opens is short and a numbered chapter follows later. */
function isTitlePage(items: readonly Item[], at: number): boolean {
  const next = items.findIndex(({ heading }, i) => i > at && heading !== undefined);
  return next >= 0 && next - at <= SHORT_SECTION && items.slice(at).some(({ heading }) => heading === "chapter");
}

/** Marks the headings. Titles are learned from the table of contents, and from standing below a chapter's number. */
function findHeadings(blocks: readonly Block[]): Item[] {
  const headings = new Headings();
  const items: Item[] = [];
  let above: Item | undefined; // a line of asterisks between a number and its title hides neither
  let inContents = false;
  for (const block of blocks) {
    const text = oneLine(block);
    const title = text.replace(/ ?\[\d+\]$/, ""); // the mark of a footnote
    let heading = headings.kindOf(title, block);
    inContents = heading === "contents" || (inContents && isContentsEntry(block));
    if (inContents && heading !== "contents") headings.addContents(block);
    if (above && isOpening(above)) {
      if (
        (heading === undefined && headings.isTitle(title, block)) ||
        (heading === "front" && isNumberOnly(above.text))
      )
        heading = above.heading;
    }
    const item = { block, text, heading };
    items.push(item);
    if (/[\p{L}\p{N}]/u.test(text)) above = item;
  }
  return items;
}

function oneLine({ lines }: Block): string {
  return lines
    .map((line) => line.trim())
    .join(" ")
    .replace(/\s\s+/g, " ")
    .replaceAll("_", "");
}

/** Collects paragraphs into runs. */
class Story {
  private readonly runs: Paragraph[][] = [[]];
  private readonly margins: Margins;
  private chapters = 0;
  private notes = 0;
  private displays = 0;
  private paragraphs = 0;
  private afterDisplay = false;
  private newChapter = true;
  /** Blocks that an open editorial note may still take. */
  private openNote = 0;
  /** The last paragraphs as they are in the file, with the marks of their footnotes. */
  private recent: readonly string[] = [];

  constructor(margins: Margins) {
    this.margins = margins;
  }

  add(block: Block, raw: string): void {
    const run = this.runs.at(-1)!;
    const before = this.recent;
    const residue = this.openNote > 0 ? "note" : residueOf(raw, block, { before, margins: this.margins });
    if (residue === "note") {
      this.notes++;
      this.openNote =
        this.openNote === 0 ? (leavesOpen(raw) ? NOTE_BLOCKS : 0) : /[\])]\s*$/.test(raw) ? 0 : this.openNote - 1;
      return;
    }
    const text = paragraphText(block.lines);
    // Half paragraphs: what stops for verse in the middle of a sentence, and what goes on after it.
    if (residue === "display" && /[\p{L},]$/u.test(run.at(-1)?.text ?? "")) run.pop();
    if (residue !== undefined || text === "" || (this.afterDisplay && /^\p{Ll}/u.test(text))) {
      this.displays++;
      this.endRun({ chapter: false });
      this.afterDisplay = true;
      return;
    }
    this.afterDisplay = false;
    this.recent = [...before.slice(1 - NOTE_REACH), raw];
    const last = run.at(-1);
    if (last && /[\p{L}\p{N},]$/u.test(last.text) && /^[\p{Ll},;:]/u.test(text)) {
      // cut by a page's end or a note
      run[run.length - 1] = { ...last, text: paragraphText([last.text, text]) };
      return;
    }
    if (this.newChapter) this.chapters++;
    this.newChapter = false;
    run.push({ text, line: block.line, index: this.paragraphs++ });
  }

  endRun({ chapter }: { readonly chapter: boolean }): void {
    this.newChapter ||= chapter;
    if (chapter) this.afterDisplay = false;
    if (this.runs.at(-1)!.length > 0) this.runs.push([]);
  }

  book(header: HeaderFields): Book {
    return {
      header,
      chapters: this.chapters,
      runs: this.runs.filter((run) => run.length > 0),
      notes: this.notes,
      displays: this.displays,
    };
  }
}
