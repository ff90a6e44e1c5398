// The merge rules of a byte-pair encoding over token ids: which two neighbouring symbols join, into which symbol, and
// with which priority. Applying them is the inner loop of encoding.

/** A queue entry is rank * MAX_SYMBOLS + position in one exact double: numeric order is rank first, then leftmost. */
const MAX_SYMBOLS = 2 ** 31;

export class MergeTable {
  private readonly vocabSize: number;
  private readonly rankOfPair = new Map<number, number>();
  private readonly resultOfRank: number[] = [];

  /** `vocabSize`: every id given to `add` and `apply` is below it. */
  constructor(vocabSize: number) {
    this.vocabSize = vocabSize;
  }

  /**
   * Adds the rule left + right -> result, after all earlier ones in priority. A repeated pair keeps the later rank, as
   * in Hugging Face.
   */
  add(left: number, right: number, result: number): void {
    this.rankOfPair.set(left * this.vocabSize + right, this.resultOfRank.length);
    this.resultOfRank.push(result);
  }

  /**
   * Joins neighbours, best rank first and leftmost among equals, until no rule fits. `symbols` is used as scratch
   * space. A doubly linked list holds the live symbols and a heap the possible merges: O(n log n) for n symbols, where
   * rescanning for the best pair takes minutes on a "word" of 100,000 letters.
   */
  apply(symbols: number[]): number[] {
    const count = symbols.length;
    if (count < 2) return symbols;
    const next: number[] = [],
      previous: number[] = [],
      live: boolean[] = []; // plain arrays: most words have a few symbols
    for (let at = 0; at < count; at++) {
      next.push(at + 1);
      previous.push(at - 1);
      live.push(true);
    }
    const queue = new MinHeap();
    const rankAt = (at: number): number | undefined =>
      next[at] < count ? this.rankOfPair.get(symbols[at] * this.vocabSize + symbols[next[at]]) : undefined;
    const propose = (at: number): void => {
      const rank = rankAt(at);
      if (rank !== undefined) queue.push(rank * MAX_SYMBOLS + at);
    };

    for (let at = 0; at < count - 1; at++) propose(at);
    while (queue.size > 0) {
      const entry = queue.pop();
      const at = entry % MAX_SYMBOLS;
      const rank = (entry - at) / MAX_SYMBOLS;
      if (!live[at] || rankAt(at) !== rank) continue; // a neighbour has merged since this was proposed
      const right = next[at];
      symbols[at] = this.resultOfRank[rank];
      live[right] = false;
      next[at] = next[right];
      if (next[at] < count) previous[next[at]] = at;
      propose(at);
      if (previous[at] >= 0) propose(previous[at]);
    }
    return symbols.filter((_, at) => live[at]);
  }
}

class MinHeap {
  private readonly items: number[] = [];

  get size(): number {
    return this.items.length;
  }

  push(value: number): void {
    const items = this.items;
    let at = items.length;
    items.push(value);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent] <= value) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = value;
  }

  /** Removes and returns the least value; the heap must not be empty. */
  pop(): number {
    const items = this.items;
    const least = items[0];
    const value = items.pop()!;
    if (items.length === 0) return least;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1] < items[child]) child++;
      if (items[child] >= value) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = value;
    return least;
  }
}
