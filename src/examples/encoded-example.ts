// A training sequence as token ids, each with what it is: what the makers of examples (infill, plain text) hand to what
// reads them (training, evaluation), so that neither needs to know the other.

/** What stands at a position: p1, p3 and metadata are context; markers special; p2 target; [EOS] end. */
export const TOKEN_TYPE = { pad: 0, context: 1, special: 2, target: 3, end: 4 } as const;

export interface EncodedExample {
  /** [T] token ids. */
  readonly ids: readonly number[];
  /** [T] a TOKEN_TYPE each. */
  readonly types: Uint8Array;
  /** [T] what the model adds the rows of (token_type_ids), where its examples have that: all of a set or none. */
  readonly tokenTypeIds?: readonly number[];
}
