// The buffers of a pool that nobody holds, of one usage, by size. Of a size the oldest goes out first, so that once
// everything is back a step that asks in the same order gets the same buffers whatever order they came back in, and
// every bind group is found again (last in, first out permutes them from step to step).

/** What it asks of a buffer. */
export interface FreeBuffer {
  readonly bytes: number;
  /** Its number in the order of creation. */
  readonly age: number;
  /** When it was last handed out. */
  readonly taken: number;
}

/** A larger buffer is handed out where none of the size is free, if it has at most so many times the size. */
const LARGER = 4;

export class FreeBuffers<B extends FreeBuffer> {
  /** By size, the youngest first: the oldest is popped. */
  private readonly lists = new Map<number, B[]>();

  /** One of just that size, else the smallest larger one, not much larger; undefined: none is free. */
  take(bytes: number): B | undefined {
    const exact = this.lists.get(bytes)?.pop();
    if (exact) return exact;
    let best: B[] | undefined;
    for (const [size, list] of this.lists)
      if (list.length > 0 && size > bytes && size <= LARGER * bytes && !(best && best[0].bytes < size)) best = list;
    return best?.pop();
  }

  put(buffer: B): void {
    let list = this.lists.get(buffer.bytes);
    if (!list) this.lists.set(buffer.bytes, (list = []));
    let at = list.push(buffer) - 1;
    for (; at > 0 && list[at - 1].age < buffer.age; at--) list[at] = list[at - 1];
    list[at] = buffer;
  }

  remove(buffer: B): void {
    const list = this.lists.get(buffer.bytes);
    const at = list?.indexOf(buffer) ?? -1;
    if (at >= 0) list!.splice(at, 1);
  }

  all(): B[] {
    return [...this.lists.values()].flat();
  }

  /** All of them, free no more. */
  drain(): B[] {
    return [...this.lists.values()].flatMap((list) => list.splice(0));
  }
}
