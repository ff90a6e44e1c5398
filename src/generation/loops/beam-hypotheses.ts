// The finished beams of one prompt (or of one of its groups): the best `size` by length-normalised score, and the rule
// that says when no better one is to be expected. The rule is that of Hugging Face's BeamHypotheses (4.44).

/** The options that rank beams. `lengthPenalty` p: a score is the summed log-probability divided by length^p. */
export interface BeamRules {
  readonly earlyStopping: boolean | "never";
  readonly lengthPenalty: number;
}

export interface Hypothesis<T> {
  readonly score: number;
  readonly value: T;
}

export class BeamHypotheses<T> {
  /** At most `size`, in the order in which they were added. */
  readonly kept: Hypothesis<T>[] = [];
  private readonly size: number;
  private readonly rules: BeamRules;

  constructor(size: number, rules: BeamRules) {
    this.size = size;
    this.rules = rules;
  }

  /**
   * Adds a finished beam of `length` generated tokens, if it is better than the worst one kept; the worst one then
   * goes.
   */
  add(value: T, sumLogProb: number, length: number): void {
    const score = this.normalise(sumLogProb, length);
    if (this.kept.length === this.size) {
      const worst = this.worst();
      if (score <= worst.score) return;
      this.kept.splice(this.kept.indexOf(worst), 1);
    }
    this.kept.push({ score, value });
  }

  /**
   * Whether the search may stop. `best` is the greatest summed log-probability among this step's candidates, whose
   * length is `length`; `maxLength` is the greatest length. Lengths count generated tokens.
   */
  isDone(best: number, length: number, maxLength: number): boolean {
    if (this.kept.length < this.size) return false;
    const { earlyStopping, lengthPenalty } = this.rules;
    if (earlyStopping === true) return true;
    // A candidate only loses probability from here. false: compare as if the best one ended now. "never": as if it
    // ended at the length that favours it most, which is the longest where a penalty above 0 makes long ones better.
    const favourable = earlyStopping === "never" && lengthPenalty > 0 ? maxLength : length;
    return this.worst().score >= this.normalise(best, favourable);
  }

  private normalise(sumLogProb: number, length: number): number {
    return sumLogProb / length ** this.rules.lengthPenalty;
  }

  private worst(): Hypothesis<T> {
    return this.kept.reduce((worst, next) => (next.score < worst.score ? next : worst));
  }
}
