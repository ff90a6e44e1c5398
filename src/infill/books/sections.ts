// A book's blocks as sections, each with the heading that opens it, and which of them hold the story. Front matter, the
// contents, notes and what stands after the end do not; text before the first heading does where it is prose, and a
// title that only sounds like an ending ('THE END OF THE ROAD') opens a chapter like any other.
import type { Block } from "./blocks.ts";
import { backMatterFrom } from "./back-matter.ts";
import { Headings, isCapitals, isContentsEntry, isNumberOnly, mayBeTitle } from "./headings.ts";
import type { HeadingKind } from "./headings.ts";
import { headingText, oneLine } from "./clean.ts";
import type { Reason } from "./left-out.ts";
import { isTranscribersTalk } from "./transcribers.ts";

/** A block, its words in one line, and the kind of heading it is. */
export interface Item {
  readonly block: Block;
  readonly text: string;
  readonly heading: HeadingKind | undefined;
}

export interface Section {
  /** Undefined before the first heading. */
  readonly heading: Item | undefined;
  readonly items: readonly Item[];
  /** Undefined: it is the story's. */
  readonly reason: Reason | undefined;
}

/**
 * A section with fewer blocks, or without prose, that only looks like a chapter, before the first that is one, is a
 * title page or a dedication.
 */
const SHORT_SECTION = 8;
/** Paragraphs without which text before the first heading is a title page, and characters that a paragraph has. */
const FEWEST_PARAGRAPHS = 2;
const PARAGRAPH = 100;
const LINE_OF_PROSE = 50;
/** Most blocks of what transcribers wrote above a book. */
const FRONT_NOTES = 15;

export function sectionsOf(blocks: readonly Block[]): Section[] {
  const found = findHeadings(blocks);
  const end = backMatterFrom(found) ?? found.length;
  const behind: Section = { heading: undefined, items: found.slice(end), reason: "after the end" };
  return [...storySections(withLooseTitles(found.slice(0, end))), behind].filter(
    ({ heading, items }) => heading !== undefined || items.length > 0,
  );
}

function storySections(items: readonly Item[]): Section[] {
  const lastChapter = items.findLastIndex(isOpening);
  const lastNumbered = items.findLastIndex(({ heading }) => heading === "chapter");
  const sections: Section[] = [];
  let reason: Reason | undefined;
  let seen = false; // whether the story has begun
  let start = 0;
  while (start < items.length) {
    const heading = items[start]!.heading === undefined ? undefined : items[start]!;
    const first = heading ? start + 1 : start;
    let end = first;
    while (end < items.length && items[end]!.heading === undefined) end++;
    const own = items.slice(first, end);
    if (heading === undefined) {
      reason = lastChapter < 0 || isProse(own) ? undefined : "title page and dedication";
      if (lastChapter >= 0 && own.length <= FRONT_NOTES && own.some(({ text }) => isTranscribersTalk(text)))
        reason = "notes of transcribers and footnotes";
    } else if (isOpening(heading)) {
      const isTitlePage: boolean =
        !seen &&
        heading.heading === "title" &&
        end < items.length &&
        (end - start <= SHORT_SECTION || !isProse(own)) &&
        start < lastNumbered;
      reason = isTitlePage ? "title page and dedication" : undefined;
      seen ||= !isTitlePage;
    } else {
      reason = closes(heading.heading!, start, lastChapter) ?? reason;
    }
    for (const section of split({ heading, items: own, reason }, lastChapter >= 0)) sections.push(section);
    start = end;
  }
  return sections;
}

function isOpening({ heading }: Item): boolean {
  return heading === "chapter" || heading === "title";
}

/** Why what stands below a heading that opens no chapter is left out; undefined where it changes nothing. */
function closes(kind: HeadingKind, at: number, lastChapter: number): Reason | undefined {
  // A story inside the story may end too.
  if (kind === "end") return at > lastChapter ? "after the end" : undefined;
  if (kind === "back") return "notes at the end of a part";
  // Where there are no chapters, a preface cannot be told from what follows it.
  if (lastChapter < 0) return undefined;
  return kind === "contents" ? "contents" : "preface or introduction";
}

/** Title pages and lists that run on into prose without a heading: the prose is the story's. */
function split(section: Section, hasChapters: boolean): Section[] {
  const { heading, items, reason } = section;
  const mayRunOn = heading === undefined ? hasChapters && reason === undefined : reason === "contents";
  const from = mayRunOn ? items.findIndex(isParagraph) : -1;
  if (from <= 0 || !isProse(items.slice(from))) return [section];
  const above = items.slice(0, from);
  // Speech above the first paragraph of a story is its beginning.
  const isSpeech = ({ text }: { readonly text: string }): boolean => /^["“«—]|[.!?…]["”»’]*$/.test(text);
  if (heading === undefined && above.some(isSpeech)) return [section];
  return [
    { heading, items: above, reason: reason ?? "title page and dedication" },
    { heading: undefined, items: items.slice(from), reason: undefined },
  ];
}

function isProse(items: readonly Item[]): boolean {
  let paragraphs = 0;
  for (const item of items) if (isParagraph(item)) paragraphs++;
  return paragraphs >= FEWEST_PARAGRAPHS || (paragraphs > 0 && paragraphs > items.length / 2);
}

function isParagraph({ text, block }: Item): boolean {
  return (
    (text.length >= PARAGRAPH || (block.lines.length > 2 && text.length >= PARAGRAPH / 2)) &&
    /[.!?…]["”»’)\]]*$/.test(text) &&
    /\p{Ll}/u.test(text) &&
    !/^[[(*]/.test(text)
  );
}

/** Headings that close by their words, but have paragraphs of prose below them, open a chapter. */
function withLooseTitles(items: readonly Item[]): Item[] {
  let next = items.length;
  const found = [...items];
  for (let i = items.length - 1; i >= 0; i--) {
    const { heading, text } = items[i]!;
    if (heading === undefined) continue;
    const below = items.slice(i + 1, Math.min(next, i + 1 + 3 * SHORT_SECTION));
    if ((heading === "end" || heading === "back") && mayBeTitle(text) && isProse(below))
      found[i] = { ...items[i]!, heading: "title" };
    next = i;
  }
  return found;
}

/** A chapter's number right above its first paragraph, without a blank line, is a heading of its own. */
function withHeadingApart(block: Block): Block[] {
  const [first, second] = block.lines;
  if (second === undefined || first!.length > 40 || second.trim().length < LINE_OF_PROSE) return [block];
  if (!isNumberOnly(headingText(oneLine([first!])))) return [block];
  return [
    { ...block, lines: [first!] },
    { lines: block.lines.slice(1), blankBefore: 0, line: block.line + 1 },
  ];
}

/** Marks the headings. Titles are learned from the table of contents, and from standing below a chapter's number. */
function findHeadings(blocks: readonly Block[]): Item[] {
  const headings = new Headings();
  const items: Item[] = [];
  let above: Item | undefined; // a line of asterisks between a number and its title hides neither
  let inContents = false;
  for (const block of blocks.flatMap(withHeadingApart)) {
    const text = oneLine(block.lines);
    const title = headingText(text);
    let heading = headings.kindOf(title, block);
    inContents = heading === "contents" || (inContents && isContentsEntry(block));
    if (inContents && heading !== "contents") headings.addContents(block);
    if (above && isOpening(above)) {
      const underNumber = isNumberOnly(headingText(above.text));
      if (heading === undefined ? headings.isTitle(title, block) : underNumber && isTitleUnderNumber(heading, title))
        heading = above.heading;
    }
    const item = { block, text, heading };
    items.push(item);
    if (/[\p{L}\p{N}]/u.test(text)) above = item;
  }
  return items;
}

/** Below "CHAPTER III" stands its title, whatever it sounds like; only THE END alone would be one. */
function isTitleUnderNumber(heading: HeadingKind, title: string): boolean {
  return (
    heading === "front" ||
    heading === "contents" ||
    ((heading === "end" || heading === "back") && (mayBeTitle(title) || isCapitals(title)))
  );
}
