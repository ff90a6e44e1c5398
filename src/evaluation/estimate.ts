// A figure with the range in which it would lie on other examples of the same kind: percentile bootstrap over examples
// (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993). Every figure is a ratio of sums (loss over tokens,
// hits over tries), and examples are drawn whole, because the tokens of one example depend on each other.
import { Random } from "../random.ts";

/** `low` to `high`: the interval of LEVEL. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What one example adds to the numerator and to the denominator. */
export interface Part {
  readonly amount: number;
  readonly weight: number;
}

export const LEVEL = 0.95;
export const RESAMPLES = 1000;

/**
 * Sum of amounts over sum of weights; undefined where nothing weighs. The same seed draws the same examples for every
 * figure.
 */
export function ratio(parts: readonly Part[], seed: number): Estimate | undefined {
  const counted = parts.filter(({ weight }) => weight > 0);
  if (counted.length === 0) return undefined;
  const random = new Random(seed);
  const resampled = Array.from({ length: RESAMPLES }, () => {
    let amount = 0,
      weight = 0;
    for (let i = 0; i < counted.length; i++) {
      const part = counted[random.below(counted.length)];
      amount += part.amount;
      weight += part.weight;
    }
    return amount / weight;
  }).sort((a, b) => a - b);
  const [amount, weight] = counted.reduce(([a, w], part) => [a + part.amount, w + part.weight], [0, 0]);
  return {
    value: amount / weight,
    low: quantile(resampled, (1 - LEVEL) / 2),
    high: quantile(resampled, (1 + LEVEL) / 2),
  };
}

/** The same estimate on another scale; `scale` must be increasing. */
export function rescale(estimate: Estimate | undefined, scale: (value: number) => number): Estimate | undefined {
  return estimate && { value: scale(estimate.value), low: scale(estimate.low), high: scale(estimate.high) };
}

/** Of sorted values, linear between neighbors. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at),
    above = Math.ceil(at);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}
