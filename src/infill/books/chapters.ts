// A book as its chapters and their paragraphs: etexts told from their wrapping, page numbers taken out, mark-up read,
// blocks put into sections, and what is left as runs of paragraphs. What becomes no paragraph is counted by its reason.
import type { BookText } from "./book-text.ts";
import { readBlocks } from "./blocks.ts";
import type { Page } from "./blocks.ts";
import { formOf } from "./form.ts";
import type { FormFound } from "./form.ts";
import { hasGlosses } from "./glosses.ts";
import { unwrapGutenberg } from "./gutenberg.ts";
import type { Etext, HeaderFields } from "./gutenberg.ts";
import { LeftOut } from "./left-out.ts";
import { readMarkdown } from "./markdown.ts";
import { removePageMarks } from "./pages.ts";
import { sectionsOf } from "./sections.ts";
import { Story } from "./story.ts";
import type { Paragraph, Verse } from "./story.ts";

export type { Paragraph } from "./story.ts";

/** Paragraphs that follow one another without anything between: a chapter, or the part of one between two displays. */
export type Run = readonly Paragraph[];

/** One text of a file; most files hold one. */
export interface BookPart {
  readonly header: HeaderFields;
  readonly runs: readonly Run[];
}

export interface Book {
  /** Of the first part. */
  readonly header: HeaderFields;
  readonly parts: readonly BookPart[];
  readonly chapters: number;
  /** Of all parts. */
  readonly runs: readonly Run[];
  /** Blocks left out: notes of others, and displays (verse, tables, signs, separators). */
  readonly notes: number;
  readonly displays: number;
  readonly leftOut: LeftOut;
  /** What speaks for a play or for verse; undefined for prose. */
  readonly form: FormFound | undefined;
}

export interface ReadBookOptions {
  /** "leave out" where it is not given: verse inside prose. */
  readonly verse?: Verse;
}

/** `file`: as readBookFile gives it, or the text alone as decodeBook does. */
export function readBook(file: string | BookText, { verse = "leave out" }: ReadBookOptions = {}): Book {
  const book: BookText = typeof file === "string" ? { text: file } : file;
  const { etexts, wrapping } = unwrapGutenberg(book.text);
  const leftOut = new LeftOut();
  for (const { reason, text, line } of book.markup?.leftOut ?? []) leftOut.add(reason, text, line);
  for (const { line, text: wrapped } of wrapping) leftOut.add("header and licence", wrapped, line);
  const parts: BookPart[] = [];
  let chapters = 0;
  let paragraphs = 0;
  let form: FormFound | undefined;
  for (const etext of etexts) {
    const { page, header } = readPage(etext, book, leftOut);
    form ??= formOf(page);
    const story = new Story({ margins: page.margins, leftOut, verse, glosses: hasGlosses(page.blocks) });
    story.paragraphs = paragraphs;
    story.chapters = chapters;
    tell(page, story, leftOut);
    parts.push({ header, runs: story.runs });
    chapters = story.chapters;
    paragraphs = story.paragraphs;
  }
  return {
    header: parts[0]!.header,
    parts,
    chapters,
    runs: parts.flatMap(({ runs }) => runs),
    notes: leftOut.pieces("notes of transcribers and footnotes"),
    displays: leftOut.pieces("verse, tables and signs") + leftOut.pieces("separators"),
    leftOut,
    form,
  };
}

function readPage(
  { lines, header, skipped }: Etext,
  { markup, isMarkdown }: BookText,
  leftOut: LeftOut,
): { readonly page: Page; readonly header: HeaderFields } {
  const markdown = markup ? undefined : readMarkdown(lines, { isMarkdown });
  const headings = markup ? new Set([...markup.headings].map((at) => at - skipped)) : markdown?.headings;
  const pages = removePageMarks(markdown?.lines ?? lines, headings);
  for (const { at, text } of pages.removed) leftOut.add("page numbers and running heads", text, skipped + at + 1);
  return {
    page: readBlocks(pages.lines, skipped + 1, headings),
    header: { ...markup?.header, ...header, ...markdown?.header },
  };
}

function tell(page: Page, story: Story, leftOut: LeftOut): void {
  for (const { heading, items, reason } of sectionsOf(page.blocks)) {
    leftOut.close();
    if (heading) leftOut.add("headings and synopses", heading.text, heading.block.line);
    const opens = heading?.heading === "chapter" || heading?.heading === "title" || heading === undefined;
    story.endRun({ chapter: opens });
    for (const item of items) {
      if (reason === undefined) story.add(item);
      else leftOut.add(reason, item.text, item.block.line);
    }
  }
  story.endRun();
}
