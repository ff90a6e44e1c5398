// The metadata field "length": three classes of p2's length in tokens. The bounds travel in the template, so that
// generation knows how many tokens each class allows.

/** S: up to the first; M: up to the second; L: more. */
export type LengthBounds = readonly [small: number, medium: number];
export type LengthClass = "S" | "M" | "L";

/** About a third each of the paragraphs of novels that are long enough to be learned. */
export const DEFAULT_LENGTH_BOUNDS: LengthBounds = [32, 70];

export function lengthClass(tokens: number, [small, medium]: LengthBounds): LengthClass {
  return tokens <= small ? "S" : tokens <= medium ? "M" : "L";
}

export function isLengthBounds(value: unknown): value is LengthBounds {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((bound) => Number.isSafeInteger(bound)) &&
    value[0] >= 1 &&
    value[1] > value[0]
  );
}
