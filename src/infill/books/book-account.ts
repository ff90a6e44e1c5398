// What became of a book, in numbers: how many examples, which passages are none and why, and what of the text was left
// out. For pages, which say it in their own words.
import type { LeftOutPiece, Reason } from "./left-out.ts";

export interface BookAccount {
  readonly name: string;
  /** ISO 639-1, as far as it is known; "" else. */
  readonly language: string;
  readonly chapters: number;
  readonly paragraphs: number;
  readonly passages: number;
  readonly examples: number;
  /** Passages that are no p2: too short or too long, cut inside a speech, without two neighbours. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** What of the text became no paragraph, in the order of its reasons. */
  readonly leftOut: readonly { readonly reason: Reason; readonly pieces: number; readonly characters: number }[];
  /** The largest pieces of it that a reader might miss. */
  readonly largest: readonly LeftOutPiece[];
}

export const DROP_REASONS = ["tooShort", "tooLong", "torn", "alone"] as const;
export type DropReason = (typeof DROP_REASONS)[number];
