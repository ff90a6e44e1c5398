// Which authors a model learns from, which it is fitted on and which it is judged by. All books of an author stay
// together: a model that has read Emma knows something of Persuasion.
import { UserError } from "../../src/errors.ts";
import { Random } from "../../src/random.ts";

/** An entry of a manifest (src/prepare.ts --manifest). */
export interface Book {
  readonly file: string;
  readonly title: string;
  readonly author: string;
  /** Of the file, in bytes. */
  readonly size: number;
}

export const PARTS = ["train", "validation", "test"] as const;
export type Part = (typeof PARTS)[number];
export type BookSplit = Readonly<Record<Part, readonly Book[]>>;

/** Largest part of all that one author of the held-out parts may have, so that those hold several authors. */
const LARGEST = 1 / 4;

/**
 * Draws whole authors, in an order decided by the seed, for the test until it has `test` of all bytes, then for the
 * validation until it has `validation`; all others are trained on. An author too large for what a part may still get
 * (or with more than a quarter of it) is passed over. Throws UserError where a part would get no book.
 */
export function splitByAuthor(
  books: readonly Book[],
  shares: { readonly validation: number; readonly test: number },
  seed: number,
): BookSplit {
  const authors = new Map<string, Book[]>();
  for (const book of books) authors.set(book.author, [...(authors.get(book.author) ?? []), book]);
  const total = sizeOf(books);
  const left = new Random(seed).shuffle([...authors.keys()].sort()).map((author) => authors.get(author)!);
  /** At least `others` authors are left. */
  const take = (part: "validation" | "test", others: number): Book[] => {
    const wanted = shares[part] * total;
    const taken: Book[] = [];
    for (let i = 0; i < left.length && sizeOf(taken) < wanted;) {
      const size = sizeOf(left[i]!);
      const fits = size <= Math.max(LARGEST * wanted, smallest(left)) && left.length > others;
      if (fits) taken.push(...left.splice(i, 1)[0]!);
      else i++;
    }
    if (taken.length === 0)
      throw new UserError(
        `${books.length} books by ${authors.size} authors leave none for ${part}; give books by three authors or more.`,
      );
    return taken;
  };
  const test = take("test", 2);
  const validation = take("validation", 1);
  return { train: left.flat(), validation, test };
}

function sizeOf(books: readonly Book[]): number {
  return books.reduce((sum, { size }) => sum + size, 0);
}

function smallest(authors: readonly (readonly Book[])[]): number {
  return Math.min(...authors.map(sizeOf));
}
