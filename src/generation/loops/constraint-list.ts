// Several constraints that one text must hold, as Hugging Face's ConstraintListState keeps them: how far a text has
// come, which bank of beams it belongs to, and the tokens that it needs at least. Each follows the text by itself, so
// an occurrence counts for every constraint it fulfils; the same constraint given twice wants two occurrences.
import { DisjunctiveConstraint } from "./constraint.ts";
import type { Constraint } from "./constraint.ts";

/** Where a text stands. */
export interface Progress {
  readonly states: readonly unknown[];
  readonly complete: boolean;
  /** The more of the constraints it holds, the greater. */
  readonly bank: number;
  /** So many further tokens suffice to fulfil all that is open, one constraint after the other. */
  readonly need: number;
}

export class ConstraintList {
  readonly constraints: readonly Constraint[];
  /** For each the number of an equal one before it, which must be fulfilled first; -1: none. */
  private readonly after: readonly number[];
  private readonly longest: number;

  constructor(constraints: readonly Constraint[]) {
    this.constraints = constraints;
    const keys = constraints.map((constraint) =>
      constraint instanceof DisjunctiveConstraint ? JSON.stringify([...constraint.sequences].sort()) : constraint,
    );
    this.after = keys.map((key, i) => keys.slice(0, i).lastIndexOf(key));
    this.longest = Math.max(...constraints.map(({ seqlen }) => seqlen));
  }

  start(prompt: readonly number[]): Progress {
    return this.progress(this.constraints.map((constraint) => constraint.initial(prompt)));
  }

  update({ states }: Progress, token: number): Progress {
    return this.progress(
      this.constraints.map((constraint, i) =>
        this.waits(states, i) ? states[i] : constraint.update(states[i], token),
      ),
    );
  }

  /** Tokens that bring a text nearer to any that is open. */
  advance({ states }: Progress): readonly number[] {
    return [
      ...new Set(
        this.constraints.flatMap((constraint, i) => (this.waits(states, i) ? [] : constraint.advance(states[i]))),
      ),
    ];
  }

  private waits(states: readonly unknown[], i: number): boolean {
    const before = this.after[i]!;
    return before >= 0 && this.constraints[before]!.remaining(states[before]) > 0;
  }

  private progress(states: readonly unknown[]): Progress {
    let complete = true;
    let bank = 0;
    let restarts = 0;
    let saved = 0; // what has begun of one constraint need not be begun again, if that one goes first
    this.constraints.forEach((constraint, i) => {
      const left = constraint.remaining(states[i]);
      const again = constraint.restart?.(states[i]) ?? (left === 0 ? 0 : constraint.seqlen);
      complete &&= left === 0;
      restarts += again;
      saved = Math.max(saved, again - left);
      if (constraint.seqlen === 0) return;
      if (left === 0) bank += this.longest;
      else {
        const begun = constraint.begun?.(states[i]) ?? constraint.seqlen - left;
        if (begun > 0) bank += this.longest - constraint.seqlen + begun;
      }
    });
    return { states, complete, bank, need: restarts - saved };
  }
}
