// Collects the paragraphs of a book into runs, each as they follow one another without anything between. Notes vanish,
// displays (verse, tables, signs) break the run, halves of a paragraph are put together; what goes is entered as left
// out.
import type { Block, Margins } from "./blocks.ts";
import { paragraphText } from "./clean.ts";
import { withoutGlosses } from "./glosses.ts";
import type { LeftOut } from "./left-out.ts";
import { isOfNames, leavesOpen, residueOf } from "./residue.ts";
import { sentenceSpans } from "./sentence-spans.ts";
import type { Item } from "./sections.ts";

export interface Paragraph {
  readonly text: string;
  /** Where it begins in the file, from 1. */
  readonly line: number;
  /** Counted from 0, from the first of the book. */
  readonly index: number;
  /** Counted from 1, from the first of the book. */
  readonly chapter: number;
}

/** How blocks that look like verse are taken. */
export type Verse = "leave out" | "join lines" | "keep lines";

export interface StoryOptions {
  readonly margins: Margins;
  readonly leftOut: LeftOut;
  readonly verse: Verse;
  /** Whether small brackets explain words: "Kashi [Benares]". */
  readonly glosses: boolean;
}

/** Footnotes follow their mark within so many paragraphs. */
const NOTE_REACH = 3;
/** An editorial note has its closing bracket within so many blocks. */
const NOTE_BLOCKS = 8;
const ATTRIBUTION = 60;
const QUOTATION = 200;
/** Characters to which a paragraph grows out of pieces that nothing but their small letters joins. */
const LONGEST_JOINED = 20_000;

interface OpenParagraph {
  readonly line: number;
  readonly parts: string[];
  length: number;
}

export class Story {
  readonly runs: Paragraph[][] = [];
  chapters = 0;
  paragraphs = 0;
  private run: OpenParagraph[] = [];
  private readonly margins: Margins;
  private readonly leftOut: LeftOut;
  private readonly verse: Verse;
  private readonly glosses: boolean;
  private afterDisplay = false;
  private newChapter = true;
  /** Blocks that an open editorial note may still take. */
  private openNote = 0;
  /** The last paragraphs as they are in the file, with the marks of their footnotes. */
  private recent: readonly string[] = [];

  constructor({ margins, leftOut, verse, glosses }: StoryOptions) {
    this.margins = margins;
    this.leftOut = leftOut;
    this.verse = verse;
    this.glosses = glosses;
  }

  add({ block, text: raw }: Item): void {
    const before = this.recent;
    const context = { before, margins: this.margins, keepVerse: this.verse !== "leave out" };
    let residue = this.openNote > 0 ? "note" : residueOf(raw, block, context);
    if (residue === "note") {
      this.leftOut.add("notes of transcribers and footnotes", raw, block.line);
      this.openNote =
        this.openNote === 0 ? (leavesOpen(raw) ? NOTE_BLOCKS : 0) : /[\])}]\s*$/.test(raw) ? 0 : this.openNote - 1;
      return;
    }
    let text = this.textOf(block);
    if (this.afterDisplay && this.run.length === 0 && isAttribution(block, text)) residue = "display";
    if (residue === "display") this.dropHalf();
    if (residue !== undefined || text === "") {
      const isSign = residue === "separator" || text === "";
      this.leftOut.add(isSign ? "separators" : "verse, tables and signs", raw, block.line);
      this.endRun();
      this.afterDisplay = true;
      return;
    }
    if (this.afterDisplay && /^\p{Ll}/u.test(text)) {
      const from = sentenceSpans(text)[1]?.[0] ?? text.length;
      this.leftOut.add("half sentences beside them", text.slice(0, from), block.line);
      text = text.slice(from);
      if (text === "") return;
    }
    this.leftOut.close();
    this.afterDisplay = false;
    this.recent = [...before.slice(1 - NOTE_REACH), raw];
    if (/^[\p{Ll},;:]/u.test(text) && this.joins(text)) return;
    if (this.newChapter) this.chapters++;
    this.newChapter = false;
    this.run.push({ line: block.line, parts: [text], length: text.length });
  }

  /** Closes the run; `chapter`: what comes next belongs to another one. */
  endRun({ chapter = false }: { readonly chapter?: boolean } = {}): void {
    this.newChapter ||= chapter;
    if (chapter) this.afterDisplay = false;
    if (this.run.length === 0) return;
    this.runs.push(
      this.run.map(({ line, parts }) => ({
        text: parts.length > 1 ? paragraphText(parts) : parts[0]!,
        line,
        index: this.paragraphs++,
        chapter: this.chapters,
      })),
    );
    this.run = [];
  }

  private textOf(block: Block): string {
    const text =
      this.verse === "keep lines"
        ? block.lines
            .map((line) => paragraphText([line]))
            .filter((line) => line !== "")
            .join("\n")
        : paragraphText(block.lines);
    if (!this.glosses || !text.includes("[")) return text;
    const without = withoutGlosses(text);
    for (const gloss of without.glosses) this.leftOut.add("notes of transcribers and footnotes", gloss, block.line);
    return without.text;
  }

  /**
   * Puts the second half of a sentence behind its first, which a page's end or a note cut off, or what is quoted in a
   * line of its own: "unless it were like Cowper, / “Myself creating what I saw,” / brought him yet stronger".
   */
  private joins(text: string): boolean {
    const last = this.run.at(-1);
    if (!last || last.length >= LONGEST_JOINED) return false;
    const end = last.parts.at(-1)!;
    if (!isOpen(end) && !isOpenQuotation(end)) return false;
    last.parts.push(text);
    last.length += text.length;
    const before = this.run.at(-2);
    if (!isOpen(end) && before && before.length < LONGEST_JOINED && announces(before.parts.at(-1)!)) {
      before.parts.push(...last.parts);
      before.length += last.length;
      this.run.pop();
    }
    return true;
  }

  /** What stops in the middle of a sentence, for verse, a table or a signature, back to the sentence before. */
  private dropHalf(): void {
    for (let last = this.run.at(-1); last !== undefined; last = this.run.at(-1)) {
      const part = last.parts.at(-1)!;
      if (!/[\p{L},]$/u.test(part.slice(-2))) return;
      const whole = sentenceSpans(part).at(-2)?.[1] ?? 0;
      this.leftOut.add("half sentences beside them", part.slice(whole), last.line);
      if (whole > 0) {
        last.parts[last.parts.length - 1] = part.slice(0, whole);
        return;
      }
      if (last.parts.length > 1) last.parts.pop();
      else this.run.pop();
    }
  }
}

/** Under the verse above a chapter, whose it is: "Buddha at Kamakura." */
function isAttribution({ lines }: Block, text: string): boolean {
  return lines.length === 1 && text.length <= ATTRIBUTION && /^\p{Lu}[^!?:;]*\.$/u.test(text) && isOfNames(text);
}

function isOpen(text: string): boolean {
  return /[\p{L}\p{N},]$/u.test(text.slice(-2));
}

/** A short quotation that its sentence goes on behind: “Myself creating what I saw,” */
function isOpenQuotation(text: string): boolean {
  return text.length <= QUOTATION && /^["“«‘'].*[\p{L}\p{N},—–-][”"»’'][—–-]?$/u.test(text);
}

/** Whether what is quoted behind `text` belongs to its sentence. */
function announces(text: string): boolean {
  return /(?:[\p{L}\p{N},:—–-]|\.\.\.|…)$/u.test(text.slice(-3));
}
