// Random choices that can be repeated. There is no generator with a state: each number is a hash of (stream, step,
// draw), and a stream is a hash of (seed, the prompt's tokens, which of its sequences this is). So a row's text is the
// same alone, in any batch, after its neighbours were dropped, and whether or not tokens were guessed ahead.

/** Names one sequence's random numbers. */
export interface RandomStream {
  readonly a: number;
  readonly b: number;
}

/** The stream of sequence number `sequence` of a prompt. `seed` is an integer from 0 to 2^53 - 1. */
export function randomStream(seed: number, prompt: readonly number[], sequence: number): RandomStream {
  let a = seed >>> 0;
  let b = Math.floor(seed / 2 ** 32);
  const words = [sequence, ...prompt];
  for (let i = 0; i < words.length; i++) [a, b] = pcg4d(a, b, words[i], i);
  return { a, b };
}

/** A number in [0, 1) with 53 random bits. */
export function uniform(stream: RandomStream, step: number, draw = 0): number {
  const [x, y] = pcg4d(stream.a, stream.b, step, draw);
  return ((x >>> 5) * 2 ** 26 + (y >>> 6)) / 2 ** 53;
}

/**
 * Four words hashed into four (Jarzynski and Olano, Hash Functions for GPU Rendering, 2020); plain 32-bit integer
 * arithmetic.
 */
function pcg4d(x: number, y: number, z: number, w: number): [number, number, number, number] {
  x = (Math.imul(x, 1664525) + 1013904223) | 0;
  y = (Math.imul(y, 1664525) + 1013904223) | 0;
  z = (Math.imul(z, 1664525) + 1013904223) | 0;
  w = (Math.imul(w, 1664525) + 1013904223) | 0;
  for (let round = 0; round < 2; round++) {
    x = (x + Math.imul(y, w)) | 0;
    y = (y + Math.imul(z, x)) | 0;
    z = (z + Math.imul(x, y)) | 0;
    w = (w + Math.imul(y, z)) | 0;
    if (round === 1) break;
    x ^= x >>> 16;
    y ^= y >>> 16;
    z ^= z >>> 16;
    w ^= w >>> 16;
  }
  return [x >>> 0, y >>> 0, z >>> 0, w >>> 0];
}

/** Draws one index with probability softmax(scores), by inverting the cumulative sum at `u` in [0, 1). */
export function drawToken(scores: Float64Array, u: number): number {
  const weights = exponentials(scores);
  let total = 0;
  for (const weight of weights) total += weight;
  return invertCumulative(weights, u * total);
}

/**
 * Draws `count` different indices, each in turn with probability softmax(scores) among those not drawn yet, and returns
 * them greatest score first (equals in index order). Where fewer have any probability, the greatest of the others
 * follow.
 */
export function drawWithoutReplacement(scores: Float64Array, count: number, next: (draw: number) => number): number[] {
  const weights = exponentials(scores);
  const drawn = new Set<number>();
  for (let draw = 0; draw < Math.min(count, scores.length); draw++) {
    let total = 0;
    for (const weight of weights) total += weight;
    const index = total > 0 ? invertCumulative(weights, next(draw) * total) : greatestExcept(scores, drawn);
    weights[index] = 0;
    drawn.add(index);
  }
  return [...drawn].sort((i, j) => (scores[j] > scores[i] ? 1 : scores[j] < scores[i] ? -1 : i - j));
}

function exponentials(scores: Float64Array): Float64Array {
  let max = -Infinity;
  for (const score of scores) if (score > max) max = score;
  return scores.map((score) => (score === -Infinity ? 0 : Math.exp(score - max)));
}

function invertCumulative(weights: Float64Array, target: number): number {
  let sum = 0;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    sum += weights[i];
    last = i;
    if (sum > target) return i;
  }
  return last; // rounding left the target at the total
}

function greatestExcept(scores: Float64Array, taken: ReadonlySet<number>): number {
  let best = -1;
  for (let i = 0; i < scores.length; i++) if (!taken.has(i) && (best < 0 || scores[i] > scores[best])) best = i;
  return best;
}
