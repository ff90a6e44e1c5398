// Arithmetic on one row of scores [V]. Rows are float64 copies of the model's float32 logits: a row is small next to
// the model, and sums of fifty thousand probabilities then need no care.

/** Replaces the scores by their logarithmic softmax. A row without any finite entry is left as it is. */
export function logSoftmax(scores: Float64Array): void {
  const shift = logSumExp(scores);
  if (shift === -Infinity) return;
  for (let i = 0; i < scores.length; i++) scores[i] -= shift;
}

/** The logarithm of the sum of the exponentials; -Infinity when no value is finite. */
export function logSumExp(values: ArrayLike<number>): number {
  const max = values[argmax(values)];
  if (max === -Infinity) return max;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i] - max);
  return max + Math.log(sum);
}

/** Probabilities of the scores, in a new row that sums to 1 (all 0 when no score is finite). */
export function softmax(scores: Float64Array): Float64Array {
  const probs = new Float64Array(scores.length);
  const max = scores[argmax(scores)];
  if (max === -Infinity) return probs;
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += probs[i] = Math.exp(scores[i] - max);
  for (let i = 0; i < scores.length; i++) probs[i] /= sum;
  return probs;
}

/** Index of the greatest score; the first one of equals. */
export function argmax(scores: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i;
  return best;
}

/** Entropy in nats of a row of logarithmic probabilities; entries of -Infinity add nothing. */
export function entropy(logProbs: Float64Array): number {
  let sum = 0;
  for (const logProb of logProbs) if (logProb !== -Infinity) sum -= Math.exp(logProb) * logProb;
  return sum;
}

/** Indices of the `k` greatest scores (all of them when there are fewer), greatest first; equals in index order. */
export function topIndices(scores: ArrayLike<number>, k: number): number[] {
  const size = Math.min(k, scores.length);
  if (size * 8 > scores.length)
    return Array.from(scores, (_, i) => i)
      .sort((a, b) => descending(scores[a], scores[b]))
      .slice(0, size);
  // Far fewer than the row: keep a short sorted list and look at every score once.
  const best: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    if (best.length === size && !(scores[i] > scores[best[size - 1]])) continue;
    let at = best.length;
    while (at > 0 && scores[i] > scores[best[at - 1]]) at--;
    best.splice(at, 0, i);
    if (best.length > size) best.pop();
  }
  return best;
}

/** Comparison for sorting greatest first. Infinities are equal to themselves, which a subtraction would not see. */
export function descending(a: number, b: number): number {
  return a === b ? 0 : a > b ? -1 : 1;
}

/** Each run of `width` values `times` times over. */
export function repeatRows<T extends Float32Array | Float64Array | Uint32Array>(
  values: T,
  width: number,
  times: number,
): T {
  if (times === 1) return values;
  const repeated = new (values.constructor as new (length: number) => T)(values.length * times);
  for (let row = 0; row < values.length / width; row++) {
    for (let copy = 0; copy < times; copy++)
      repeated.set(values.subarray(row * width, (row + 1) * width), (row * times + copy) * width);
  }
  return repeated;
}

/** A factor or summand in the range where float32 logits, changed by it, stay finite; beyond it nothing differs. */
export function withinFloat32(value: number): number {
  return Math.sign(value) * Math.min(1e30, Math.max(1e-30, Math.abs(value)));
}
