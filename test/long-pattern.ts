/** One pattern of pieces that stand on lines of their own, with the flags of the last. */
export const longPattern = (...pieces: readonly RegExp[]): RegExp =>
  new RegExp(pieces.map(({ source }) => source).join(""), pieces.at(-1)!.flags);
