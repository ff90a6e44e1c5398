// Texts that could stand in a part of an example as well as its own does, as far as book and length can tell: so what
// tells the true one from them is what they say.
import type { InfillExample } from "../infill/example.ts";
import { bookOf, tellingPieces } from "./places.ts";

export class LikeTexts {
  /** By book, the shortest first, each once. */
  private readonly sorted: ReadonlyMap<string, readonly string[]>;
  private readonly part: "p2" | "p3";

  /** `pool`: the examples whose texts are taken. */
  constructor(pool: readonly InfillExample[], part: "p2" | "p3") {
    this.part = part;
    const books = new Map<string, Set<string>>();
    for (const example of pool) {
      const texts = books.get(bookOf(example)) ?? new Set();
      if (example[part].trim() !== "") texts.add(example[part].trim());
      books.set(bookOf(example), texts);
    }
    this.sorted = new Map(
      [...books].map(([book, texts]) => [book, [...texts].sort((a, b) => a.length - b.length)] as const),
    );
  }

  /** Up to `count` texts of the example's book, the nearest in length; none with a paragraph of its p1, p2 or p3. */
  of(example: InfillExample, count: number): string[] {
    const own = new Set(tellingPieces([example.p1, example.p2, example.p3]));
    const others = (this.sorted.get(bookOf(example)) ?? []).filter(
      (text) => !tellingPieces([text]).some((piece) => own.has(piece)),
    );
    const { length } = example[this.part].trim();
    const after = others.findIndex((text) => text.length >= length);
    let high = after < 0 ? others.length : after;
    let low = high - 1;
    const near: string[] = [];
    while (near.length < count && (low >= 0 || high < others.length)) {
      const below = low >= 0 ? length - others[low].length : Infinity;
      const above = high < others.length ? others[high].length - length : Infinity;
      near.push(below <= above ? others[low--] : others[high++]);
    }
    return near;
  }
}
