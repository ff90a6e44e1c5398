// What is measured of the models, part by part: an example's losses, a text. Each is measured once; where there is a
// journal, it is kept as soon as it is there.
import type { Journal } from "../shared/journal.ts";

/** A part's value goes into a journal as JSON: plain objects, finite numbers. */
export class Parts {
  private readonly known: Map<string, unknown>;
  private readonly journal: Journal | undefined;

  constructor(known: ReadonlyMap<string, unknown> = new Map(), journal?: Journal) {
    this.known = new Map(known);
    this.journal = journal;
  }

  /** How many there are. */
  get size(): number {
    return this.known.size;
  }

  /** Those of `which` that are still to be measured. `kind` says of what: "0 score" are the first model's losses. */
  missing(kind: string, which: readonly number[]): number[] {
    return which.filter((number) => !this.known.has(`${kind} ${number}`));
  }

  async keep(kind: string, number: number, value: unknown): Promise<void> {
    const name = `${kind} ${number}`;
    this.known.set(name, value);
    await this.journal?.add(new Map([[name, value]]));
  }

  /** What keep() was given. Throws Error for a part that is missing. */
  values<V>(kind: string, which: readonly number[]): V[] {
    return which.map((number) => {
      const name = `${kind} ${number}`;
      if (!this.known.has(name)) throw new Error(`Parts: cannot give "${name}": it is not measured, wanted all`);
      return this.known.get(name) as V;
    });
  }
}
