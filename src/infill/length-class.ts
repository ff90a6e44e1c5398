// The metadata field "length": three classes of p2's length in tokens. The bounds travel in the template, so that
// generation knows how many tokens each class allows.
import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";

/** S: up to the first; M: up to the second; L: more. */
export type LengthBounds = readonly [small: number, medium: number];
export const LENGTH_CLASSES = ["S", "M", "L"] as const;
export type LengthClass = (typeof LENGTH_CLASSES)[number];

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

/**
 * Throws UserError, naming `where`, for a value of the field "length" that is no class. `bounds`: what the classes
 * mean, where the template says it.
 */
export function requireLengthClass(value: string, bounds: LengthBounds | undefined, where: string): void {
  if ((LENGTH_CLASSES as readonly string[]).includes(value)) return;
  const classes = bounds
    ? `S (up to ${bounds[0]} tokens), M (up to ${bounds[1]}) or L (more), the classes that this template was made with`
    : "S, M or L (short, middling, long)";
  throw new UserError(
    `${where}: metadata field "length" is ${quote(value)}, wanted ${classes}; correct it, or leave it out.`,
  );
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
