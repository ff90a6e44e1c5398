// Which examples stand near each other: in one chapter, in one book. Neighbours share passages, subject and style, so
// they count as one observation each chapter or book, not each example, and a passage of the same chapter is a harder
// rival than one of another book.
import type { InfillExample } from "../infill/example.ts";
import { STOCK_PHRASE } from "../infill/split.ts";

/** Keys: equal where the book, or the chapter, is the same. */
export interface Cluster {
  readonly book: string;
  readonly chapter: string;
}

/** The example's book: by its place, else by title and author; "" where neither is known. */
export function bookOf({ place, meta }: InfillExample): string {
  if (place) return place.book;
  if (typeof meta !== "object") return "";
  const [title, author] = ["title", "author"].map((name) => (Object.hasOwn(meta, name) ? String(meta[name]) : ""));
  return title === "" && author === "" ? "" : `${title}, ${author}`;
}

/**
 * The place of each of a file's examples. Where a chapter is not known, examples of a book that share a paragraph
 * stand in one; examples of no known book and chapter are books of their own.
 */
export function clustersOf(examples: readonly InfillExample[]): Cluster[] {
  const groups = groupsBySharedText(examples);
  return examples.map((example, i) => {
    const book = bookOf(example);
    const chapter = example.place?.chapter;
    const own = chapter === undefined ? `group ${groups[i]}` : `chapter ${chapter}`;
    return book === "" ? { book: own, chapter: own } : { book, chapter: `${book}, ${own}` };
  });
}

/** Pieces of texts by which one can be recognised in another: themselves, and their longer paragraphs. */
export function tellingPieces(texts: readonly string[]): string[] {
  return texts.flatMap((text) => {
    const whole = text.trim();
    const lines = whole.split("\n").map((line) => line.trim());
    return [...(whole === "" ? [] : [whole]), ...lines.filter((line) => line.length >= STOCK_PHRASE)];
  });
}

/** A number for each example, the same where examples of a book hang together by paragraphs that they share. */
function groupsBySharedText(examples: readonly InfillExample[]): number[] {
  const parent = examples.map((_, i) => i);
  const rootOf = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]];
    return i;
  };
  const owner = new Map<string, number>();
  for (const [i, example] of examples.entries()) {
    const pieces = tellingPieces([example.p1, example.p2, example.p3]);
    for (const piece of pieces.filter(({ length }) => length >= STOCK_PHRASE)) {
      const key = JSON.stringify([bookOf(example), piece]);
      const other = owner.get(key);
      if (other === undefined) owner.set(key, i);
      else parent[rootOf(i)] = rootOf(other);
    }
  }
  return examples.map((_, i) => rootOf(i));
}
