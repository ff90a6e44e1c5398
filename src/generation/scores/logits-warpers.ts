// Warpers reshape a distribution before sampling: each changes one row of scores [V] in place, setting what it removes
// to -Infinity, and leaves at least `minTokensToKeep` tokens. Named, ordered and defined as in Hugging Face's
// generation/logits_process.py (4.44), ties included.
import { descending, entropy, logSoftmax, softmax, topIndices } from "./scores.ts";
import type { RowProcessor, SamplerWarper } from "./logits-processor.ts";

export class TemperatureLogitsWarper implements SamplerWarper {
  readonly needs = "sampler";
  readonly setting = "temperature";
  readonly value: number;
  readonly minTokensToKeep = 1;

  constructor(temperature: number) {
    this.value = temperature;
  }

  apply(scores: Float64Array): void {
    for (let i = 0; i < scores.length; i++) scores[i] /= this.value;
  }
}

/** Keeps the k greatest scores, and every score equal to the last of them. */
export class TopKLogitsWarper implements SamplerWarper {
  readonly needs = "sampler";
  readonly setting = "topK";
  /** k, or minTokensToKeep where that is more. */
  readonly value: number;
  readonly minTokensToKeep = 1;

  constructor(topK: number, minTokensToKeep = 1) {
    this.value = Math.max(topK, minTokensToKeep);
  }

  apply(scores: Float64Array): void {
    const least = scores[topIndices(scores, this.value).at(-1)!];
    removeWhere(scores, (i) => scores[i] < least);
  }
}

/**
 * Keeps the smallest set of most probable tokens whose probabilities sum to at least p (nucleus sampling, Holtzman et
 * al. 2019).
 */
export class TopPLogitsWarper implements SamplerWarper {
  readonly needs = "sampler";
  readonly setting = "topP";
  readonly value: number;
  readonly minTokensToKeep: number;

  constructor(topP: number, minTokensToKeep = 1) {
    this.value = topP;
    this.minTokensToKeep = minTokensToKeep;
  }

  apply(scores: Float64Array): void {
    const probs = softmax(scores);
    // Tokens below (1-p)/V together weigh less than 1-p: they go in any case, and need not be sorted.
    const floor = (1 - this.value) / scores.length;
    const candidates: number[] = [];
    let mass = 0;
    for (let i = 0; i < probs.length; i++) {
      if (probs[i] >= floor) candidates.push(i);
      else mass += probs[i];
    }
    candidates.sort((a, b) => descending(probs[b], probs[a]));
    const kept = new Set(topIndices(scores, this.minTokensToKeep));
    for (const i of candidates) {
      mass += probs[i];
      if (mass > 1 - this.value) kept.add(i);
    }
    removeWhere(scores, (i) => !kept.has(i));
  }
}

/** Keeps tokens at least `minP` times as probable as the most probable one. */
export class MinPLogitsWarper implements SamplerWarper {
  readonly needs = "sampler";
  readonly setting = "minP";
  readonly value: number;
  readonly minTokensToKeep: number;

  constructor(minP: number, minTokensToKeep = 1) {
    this.value = minP;
    this.minTokensToKeep = minTokensToKeep;
  }

  apply(scores: Float64Array): void {
    const probs = softmax(scores);
    const best = topIndices(scores, this.minTokensToKeep);
    const least = this.value * probs[best[0]];
    const kept = new Set(best);
    removeWhere(scores, (i) => probs[i] < least && !kept.has(i));
  }
}

/**
 * Keeps the tokens whose surprise is nearest to the entropy, until they weigh `mass` (locally typical sampling, Meister
 * et al. 2022).
 */
export class TypicalLogitsWarper implements RowProcessor {
  readonly name = "TypicalLogitsWarper";
  readonly needs = "candidates";
  private readonly mass: number;
  private readonly minTokensToKeep: number;

  constructor(mass: number, minTokensToKeep = 1) {
    this.mass = mass;
    this.minTokensToKeep = minTokensToKeep;
  }

  apply(scores: Float64Array): void {
    const logProbs = scores.slice();
    logSoftmax(logProbs);
    const expected = entropy(logProbs);
    const distance = logProbs.map((logProb) => Math.abs(-logProb - expected));
    const order = Array.from(distance, (_, i) => i).sort((a, b) => descending(distance[b], distance[a]));
    let sum = 0;
    let last = 0;
    while (last < order.length - 1 && (sum += Math.exp(logProbs[order[last]])) < this.mass) last++;
    const limit = distance[order[last]];
    const kept = new Set(order.slice(0, this.minTokensToKeep));
    removeWhere(scores, (i) => distance[i] > limit && !kept.has(i));
  }
}

/** Keeps tokens of probability at least `epsilon` (Hewitt et al. 2022). */
export class EpsilonLogitsWarper implements RowProcessor {
  readonly name = "EpsilonLogitsWarper";
  readonly needs = "candidates";
  private readonly epsilon: number;
  private readonly minTokensToKeep: number;

  constructor(epsilon: number, minTokensToKeep = 1) {
    this.epsilon = epsilon;
    this.minTokensToKeep = minTokensToKeep;
  }

  apply(scores: Float64Array): void {
    removeBelow(scores, this.epsilon, this.minTokensToKeep);
  }
}

/**
 * As EpsilonLogitsWarper, with a threshold that falls where the distribution is flat: min(epsilon,
 * sqrt(epsilon)·exp(-entropy)).
 */
export class EtaLogitsWarper implements RowProcessor {
  readonly name = "EtaLogitsWarper";
  readonly needs = "candidates";
  private readonly epsilon: number;
  private readonly minTokensToKeep: number;

  constructor(epsilon: number, minTokensToKeep = 1) {
    this.epsilon = epsilon;
    this.minTokensToKeep = minTokensToKeep;
  }

  apply(scores: Float64Array): void {
    const logProbs = scores.slice();
    logSoftmax(logProbs);
    const eta = Math.min(this.epsilon, Math.sqrt(this.epsilon) * Math.exp(-entropy(logProbs)));
    removeBelow(scores, eta, this.minTokensToKeep);
  }
}

function removeBelow(scores: Float64Array, probability: number, keep: number): void {
  const probs = softmax(scores);
  const least = scores[topIndices(scores, keep).at(-1)!];
  removeWhere(scores, (i) => probs[i] < probability && scores[i] < least);
}

function removeWhere(scores: Float64Array, remove: (i: number) => boolean): void {
  for (let i = 0; i < scores.length; i++) if (remove(i)) scores[i] = -Infinity;
}
