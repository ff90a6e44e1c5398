// What of a file did not become a paragraph, by reason: nothing is left out without a word. The largest pieces are
// shown with their line, so that a lost chapter is seen at a glance.
import { printable } from "../../files/quote.ts";

export const REASONS = [
  "header and licence",
  "contents",
  "title page and dedication",
  "preface or introduction",
  "notes at the end of a part",
  "after the end",
  "notes of transcribers and footnotes",
  "verse, tables and signs",
  "half sentences beside them",
  "headings and synopses",
  "separators",
  "page numbers and running heads",
] as const;
export type Reason = (typeof REASONS)[number];

export interface LeftOutPiece {
  readonly reason: Reason;
  /** Line of the file where it begins, from 1. */
  readonly line: number;
  readonly characters: number;
  /** How it begins. */
  readonly text: string;
}

/** Reasons whose pieces are what they should be, whatever their size. */
const EXPECTED: ReadonlySet<Reason> = new Set<Reason>([
  "header and licence",
  "headings and synopses",
  "separators",
  "page numbers and running heads",
]);
const WORD = /\p{L}+/gu;
const EXCERPT = 60;
/** Pieces that are shown, and the fewest characters of one that is worth showing. */
const SHOWN = 3;
const WORTH_SHOWING = 400;

export class LeftOut {
  private readonly counts = new Map<Reason, { pieces: number; characters: number }>();
  /** In everything left out, expected or not. */
  words = 0;
  private readonly largest: LeftOutPiece[] = [];
  /** The piece that goes on where the next block of the same reason follows. */
  private open: { reason: Reason; line: number; characters: number; text: string } | undefined;

  add(reason: Reason, text: string, line: number): void {
    this.words += text.match(WORD)?.length ?? 0;
    const count = this.counts.get(reason) ?? { pieces: 0, characters: 0 };
    this.counts.set(reason, { pieces: count.pieces + 1, characters: count.characters + text.length });
    if (this.open?.reason === reason) this.open.characters += text.length;
    else {
      this.close();
      this.open = { reason, line, characters: text.length, text: text.slice(0, 4 * EXCERPT) };
    }
  }

  /** Something was kept: what is left out next is another piece. */
  close(): void {
    if (this.open && !EXPECTED.has(this.open.reason) && this.open.characters >= WORTH_SHOWING) {
      this.largest.push(this.open);
      this.largest.sort((a, b) => b.characters - a.characters).splice(SHOWN);
    }
    this.open = undefined;
  }

  pieces(reason: Reason): number {
    return this.counts.get(reason)?.pieces ?? 0;
  }

  /** Of what is not expected: the share of a text that a reader would miss. */
  get characters(): number {
    let sum = 0;
    for (const [reason, { characters }] of this.counts) if (!EXPECTED.has(reason)) sum += characters;
    return sum;
  }

  /** In the order of REASONS. */
  get counted(): { readonly reason: Reason; readonly pieces: number; readonly characters: number }[] {
    return REASONS.filter((reason) => this.counts.has(reason)).map((reason) => ({
      reason,
      ...this.counts.get(reason)!,
    }));
  }

  /** Those that are worth showing, the largest first. */
  get largestPieces(): readonly LeftOutPiece[] {
    this.close();
    return [...this.largest];
  }

  /** Lines for people, each shorter than a paragraph; none where nothing was left out. `kept`: characters. */
  report(kept: number): string[] {
    this.close();
    const counts = REASONS.filter((reason) => this.counts.has(reason)).map((reason) => {
      const { pieces, characters } = this.counts.get(reason)!;
      return `${pieces} ${reason}${EXPECTED.has(reason) ? "" : ` (${number(characters)} characters)`}`;
    });
    if (counts.length === 0) return [];
    const share = (100 * this.characters) / Math.max(1, this.characters + kept);
    return [
      `left out ${percent(share)} of the text: ${counts.join(", ")}`,
      ...this.largest.map(
        ({ reason, line, characters, text }) =>
          `line ${line}, ${number(characters)} characters of ${reason}: "${excerpt(text)}"`,
      ),
    ];
  }
}

/** A beginning of `text` in one line. */
function excerpt(text: string): string {
  return printable(
    text
      .slice(0, 4 * EXCERPT)
      .replace(/\s+/g, " ")
      .trim(),
    EXCERPT,
  );
}

function percent(share: number): string {
  return `${share >= 0.05 && share < 10 ? share.toFixed(1) : Math.round(share)}%`;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
