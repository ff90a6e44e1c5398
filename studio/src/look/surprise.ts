// How surprised the model was, in numbers that need no explanation.

/** Of a probability: 0 not at all, 1 for a chance of 1 in 100 and less. */
export function surpriseOf(probability: number): number {
  return probability <= 0 ? 1 : Math.min(1, Math.max(0, -Math.log(probability) / Math.log(100)));
}

/** A chance as "1 in so many": rounded to what is worth saying. */
export function oneIn(probability: number): number {
  const whole = 1 / Math.max(probability, 1e-9);
  if (whole < 10) return Math.round(whole * 10) / 10;
  const digits = 10 ** Math.max(0, Math.floor(Math.log10(whole)) - 1);
  return Math.round(whole / digits) * digits;
}

/** Between how many equally likely words the model would have had to choose to be as unsure as on average. */
export function meanChoice(logProbs: readonly (number | null)[]): number | undefined {
  const known = logProbs.filter((value) => value !== null);
  if (known.length === 0) return undefined;
  return Math.exp(-known.reduce((sum, value) => sum + value, 0) / known.length);
}
