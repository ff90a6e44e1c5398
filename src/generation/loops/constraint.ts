// What a text must hold, token by token: Hugging Face's Constraint, PhrasalConstraint and DisjunctiveConstraint
// (generation/beam_constraints.py 4.44). A constraint here has no state of its own: where a text stands is a value, so
// beams that share a beginning share it. And no occurrence is missed: in Hugging Face's, "the the boat" does not hold
// "the boat", because the second "the" breaks what the first began.
import { UserError } from "../../errors.ts";

/** No text was found that holds what it must; another search may find one. */
export class UnmetConstraints extends UserError {}

/** Of the generated tokens alone; what the prompt holds does not count. `S`: where a text stands. */
export interface Constraint<S = unknown> {
  /** Tokens of the longest way to fulfil it. 0: it asks for no tokens of its own, and beams are not sorted by it. */
  readonly seqlen: number;
  /** Before the first generated token. */
  initial(prompt: readonly number[]): S;
  /** After one more token. What was fulfilled may be so no longer. */
  update(state: S, token: number): S;
  /** Tokens that bring the text nearer to it, or keep it fulfilled where others would not. */
  advance(state: S): readonly number[];
  /** Tokens that are still missing; 0 where it is fulfilled. */
  remaining(state: S): number;
  /** Of its tokens, those that the text's end has already; default: seqlen less the remaining. */
  begun?(state: S): number;
  /** The remaining if what has begun is given up for another constraint; default: seqlen, or 0 where fulfilled. */
  restart?(state: S): number;
}

interface Matched {
  readonly done: boolean;
  /** The longest end of the text with which one of the sequences begins. */
  readonly begun: readonly number[];
}

/** Fulfilled when one of several sequences of tokens has occurred. */
export class DisjunctiveConstraint implements Constraint<Matched> {
  readonly seqlen: number;
  readonly sequences: readonly (readonly number[])[];
  private readonly shortest: number;

  /** Throws UserError where there is no sequence, or an empty one. */
  constructor(nestedTokenIds: readonly (readonly number[])[]) {
    const wrong = nestedTokenIds.find(
      (ids) => ids.length === 0 || !ids.every((id) => Number.isSafeInteger(id) && id >= 0),
    );
    if (nestedTokenIds.length === 0 || wrong)
      throw new UserError(
        `A constraint holds ${wrong ? `the sequence [${wrong.slice(0, 8).join(", ")}]` : "no sequence"}; ` +
          "wanted lists of at least one token id.",
      );
    this.sequences = nestedTokenIds.map((ids) => [...ids]);
    const lengths = this.sequences.map((ids) => ids.length);
    this.seqlen = Math.max(...lengths);
    this.shortest = Math.min(...lengths);
  }

  initial(): Matched {
    return { done: false, begun: [] };
  }

  update({ done, begun }: Matched, token: number): Matched {
    if (done) return { done, begun };
    let end = [...begun, token];
    // One may end inside what a longer one has begun.
    if (this.sequences.some((ids) => startsWith(end.slice(-ids.length), ids))) return { done: true, begun: [] };
    while (!this.sequences.some((ids) => startsWith(ids, end))) end = end.slice(1);
    return { done: false, begun: end };
  }

  advance({ done, begun }: Matched): readonly number[] {
    return done ? [] : [...new Set(this.going(begun).map((ids) => ids[begun.length]!))];
  }

  remaining({ done, begun }: Matched): number {
    return done ? 0 : Math.min(...this.going(begun).map((ids) => ids.length - begun.length));
  }

  begun({ begun }: Matched): number {
    return begun.length;
  }

  restart({ done }: Matched): number {
    return done ? 0 : this.shortest;
  }

  private going(begun: readonly number[]): readonly (readonly number[])[] {
    return this.sequences.filter((ids) => ids.length > begun.length && startsWith(ids, begun));
  }
}

/** Fulfilled when one sequence of tokens has occurred. */
export class PhrasalConstraint extends DisjunctiveConstraint {
  constructor(tokenIds: readonly number[]) {
    super([tokenIds]);
  }
}

/** The constraints of the option forceWordsIds: each entry one sequence, or several of which one must occur. */
export function forcedWords(words: readonly (readonly number[] | readonly (readonly number[])[])[]): Constraint[] {
  return words.map((word) =>
    isSequence(word) ? new PhrasalConstraint(word) : new DisjunctiveConstraint(word as readonly (readonly number[])[]),
  );
}

const isSequence = (word: readonly unknown[]): word is readonly number[] => typeof word[0] === "number";

function startsWith(ids: readonly number[], beginning: readonly number[]): boolean {
  return beginning.length <= ids.length && beginning.every((id, i) => ids[i] === id);
}
