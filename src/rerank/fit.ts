// Weights of terms from choices whose answer is known: conditional logit (McFadden, "Conditional Logit Analysis of
// Qualitative Choice Behavior", 1974), a softmax regression whose classes are the candidates of one choice. The
// log-likelihood is concave, so Newton's method finds its one maximum.

/** Candidates' terms, [candidates][terms], and which candidate is right. */
export interface Choice {
  readonly terms: readonly (readonly number[])[];
  readonly right: number;
}

/** Of a weight before any data, for terms of unit spread: keeps weights finite where data are few. */
const PRIOR_DEVIATION = 3;
const MOST_STEPS = 100;
const SMALL_ENOUGH = 1e-9;

/**
 * Weights [terms] that make the right candidates most probable under softmax(weights · terms). Terms are compared
 * within a choice, so what is the same for all its candidates counts nothing; a term that never differs has weight 0.
 * Throws Error without choices, for choices of unequal width, and for terms that are not finite.
 */
export function fitWeights(choices: readonly Choice[]): number[] {
  const width = choices[0]?.terms[0]?.length ?? 0;
  if (width === 0) throw new Error("fitWeights: cannot fit: no choices, wanted at least one with candidates and terms");
  for (const { terms } of choices)
    if (!terms.every((row) => row.length === width && row.every(Number.isFinite)))
      throw new Error(`fitWeights: cannot fit: a row of terms is not ${width} finite numbers, as the first is long`);
  const spread = spreads(choices, width);
  const scaled = choices.map(({ terms, right }) => ({
    terms: terms.map((row) => row.map((value, t) => (spread[t] > 0 ? value / spread[t] : 0))),
    right,
  }));
  let weights = Array<number>(width).fill(0);
  let now = objective(scaled, weights);
  for (let step = 0; step < MOST_STEPS; step++) {
    const towards = solve(now.curvature, now.gradient);
    let size = 1;
    let next = now;
    do {
      const tried = weights.map((weight, t) => weight + size * towards[t]);
      next = objective(scaled, tried);
      if (next.value >= now.value) weights = tried;
      size /= 2;
    } while (next.value < now.value && size > SMALL_ENOUGH);
    const gained = next.value - now.value;
    now = next;
    if (!(gained > SMALL_ENOUGH)) break;
  }
  return weights.map((weight, t) => (spread[t] > 0 ? weight / spread[t] : 0));
}

/** Probability of each candidate, [candidates]. */
export function choiceProbabilities(terms: readonly (readonly number[])[], weights: readonly number[]): number[] {
  const scores = terms.map((row) => dot(row, weights));
  const most = Math.max(...scores);
  const parts = scores.map((score) => Math.exp(score - most));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** Standard deviation of each term within choices. */
function spreads(choices: readonly Choice[], width: number): number[] {
  const candidates = choices.reduce((sum, { terms }) => sum + terms.length, 0);
  return Array.from({ length: width }, (_, t) => {
    const squares = choices.reduce((sum, { terms }) => {
      const mean = terms.reduce((all, row) => all + row[t], 0) / terms.length;
      return sum + terms.reduce((all, row) => all + (row[t] - mean) ** 2, 0);
    }, 0);
    const deviation = Math.sqrt(squares / candidates);
    return deviation > SMALL_ENOUGH ? deviation : 0;
  });
}

interface Objective {
  /** Log-likelihood plus the log of the prior. */
  readonly value: number;
  readonly gradient: readonly number[];
  /** Minus the matrix of second derivatives; positive definite. */
  readonly curvature: readonly (readonly number[])[];
}

function objective(choices: readonly Choice[], weights: readonly number[]): Objective {
  const precision = 1 / PRIOR_DEVIATION ** 2;
  let value = (-precision / 2) * dot(weights, weights);
  const gradient = weights.map((weight) => -precision * weight);
  const curvature = weights.map((_, i) => weights.map((_, j) => (i === j ? precision : 0)));
  for (const { terms, right } of choices) {
    const probability = choiceProbabilities(terms, weights);
    value += Math.log(Math.max(probability[right], Number.MIN_VALUE));
    const mean = weights.map((_, t) => terms.reduce((sum, row, c) => sum + probability[c] * row[t], 0));
    weights.forEach((_, i) => {
      gradient[i] += terms[right][i] - mean[i];
      weights.forEach((_, j) => {
        const moment = (row: readonly number[]): number => (row[i] - mean[i]) * (row[j] - mean[j]);
        curvature[i][j] += terms.reduce((sum, row, c) => sum + probability[c] * moment(row), 0);
      });
    });
  }
  return { value, gradient, curvature };
}

/** x of matrix · x = vector, for a positive definite matrix: Gaussian elimination needs no pivoting there. */
function solve(matrix: readonly (readonly number[])[], vector: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, vector[i]]);
  rows.forEach((pivot, i) => {
    for (const row of rows.slice(i + 1)) {
      const factor = row[i] / pivot[i];
      row.forEach((_, j) => (row[j] -= factor * pivot[j]));
    }
  });
  const x = Array<number>(vector.length).fill(0);
  for (let i = vector.length - 1; i >= 0; i--) {
    const known = x.reduce((sum, value, j) => (j > i ? sum + rows[i][j] * value : sum), 0);
    x[i] = (rows[i][vector.length] - known) / rows[i][i];
  }
  return x;
}
