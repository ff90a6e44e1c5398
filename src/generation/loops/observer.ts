// For looking into a generation while it runs: what every token was chosen from and, in beam search, every beam.
// Whoever watches changes nothing but the way: scores are computed here instead of on the device, and finished rows
// stay in the batch.

/** Told as things happen. Arrays that it gets are not used again, so it may keep them. */
export interface GenerationObserver {
  /** Greedy search, sampling and prompt lookup: one sequence took a token. */
  token?(choice: ObservedChoice): void;
  /** Beam search: one group of one prompt's beams took a step. */
  beams?(step: ObservedBeams): void;
}

/** What a row was extended by. */
export interface ObservedRow {
  /** [V] as the model gave them. */
  readonly logits: Float32Array;
  /**
   * [V] after all processors and warpers: the token is chosen by softmax(scores). In beam search log-probabilities,
   * then processed.
   */
  readonly scores: Float64Array;
}

export interface ObservedChoice extends ObservedRow {
  /** The sequence's number in the output. */
  readonly sequence: number;
  readonly token: number;
}

export interface ObservedBeams {
  readonly prompt: number;
  readonly group: number;
  /** Number of the group's first beam among the prompt's. */
  readonly first: number;
  /** 0 for the step that chooses the first token. */
  readonly step: number;
  /** What each beam of the group, as it was before the step, was extended by. */
  readonly rows: readonly ObservedRow[];
  /** The group's beams from now on, in their order. */
  readonly kept: readonly ObservedExtension[];
  /** Extensions by an end-of-sequence token that compete for the result, best first. */
  readonly ended: readonly ObservedExtension[];
}

export interface ObservedExtension {
  /** The beam of the group that it extends: an index into `rows`. */
  readonly parent: number;
  readonly token: number;
  /** Summed scores of all tokens so far. About -1e9 for a beam that was started only to fill a row. */
  readonly score: number;
}
