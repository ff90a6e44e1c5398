// The metadata field "length": three classes of p2's length in tokens. The bounds travel in the template, so that
// generation knows how many tokens each class allows.

/** S: up to the first; M: up to the second; L: more. */
export type LengthBounds = readonly [small: number, medium: number];
export type LengthClass = "S" | "M" | "L";

/**
 * Bounds that put about a third of the texts, of so many tokens each, into each class: so each class says something.
 */
export function lengthThirds(tokens: readonly number[]): LengthBounds {
  const sorted = [...tokens].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 1;
  const small = Math.max(1, at(1 / 3));
  return [small, Math.max(small + 1, at(2 / 3))];
}

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
