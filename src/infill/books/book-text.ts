// The text of a book file with what its mark-up says of it: which lines are headings, what its metadata are, and what
// the reader of its format left out. Plain text has none; in it headings are told by their words and their place.
import type { HeaderFields } from "./gutenberg.ts";
import type { Reason } from "./left-out.ts";

export interface BookText {
  /** Lines end with "\n" and hold no control characters. */
  readonly text: string;
  /** Of formats with mark-up. */
  readonly markup?: Markup;
  /** Whether the file's name says that it is Markdown; else its headings must show it. */
  readonly isMarkdown?: boolean;
}

export interface Markup {
  /** Indices of lines that are headings. */
  readonly headings: ReadonlySet<number>;
  readonly header: HeaderFields;
  readonly leftOut: readonly RemovedPiece[];
}

/** What of a file did not become a line of the text. */
export interface RemovedPiece {
  readonly reason: Reason;
  readonly text: string;
  /** The line of the text before which it stood, from 1. */
  readonly line: number;
}
