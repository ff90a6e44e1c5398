// Warpers reshape a distribution before sampling: each takes one row of scores [V] and changes it in place, setting
// what it removes to -Infinity. Formulas and order are those of Hugging Face's generation/logits_process.py (4.44),
// ties included.
import { descending, entropy, logSoftmax, softmax, topIndices } from "./scores.ts";
import type { GenerationConfig } from "../options/options.ts";
import { candidateCount } from "../options/config.ts";

export interface LogitsWarper {
  readonly name: string;
  warp(scores: Float64Array): void;
}

/** The warpers that the options ask for, in their order of application. Only sampling uses them. */
export function buildWarpers(config: GenerationConfig): LogitsWarper[] {
  const keep = leastKept(config);
  const warpers: LogitsWarper[] = [];
  if (config.temperature !== 1) warpers.push(temperature(config.temperature));
  if (config.topK > 0) warpers.push(topK(config.topK, keep));
  if (config.topP < 1) warpers.push(topP(config.topP, keep));
  if (config.minP !== null) warpers.push(minP(config.minP, keep));
  if (config.typicalP < 1) warpers.push(typicalP(config.typicalP, keep));
  if (config.epsilonCutoff > 0) warpers.push(epsilonCutoff(config.epsilonCutoff, keep));
  if (config.etaCutoff > 0) warpers.push(etaCutoff(config.etaCutoff, keep));
  if (config.renormalizeLogits) warpers.push({ name: "renormalizeLogits", warp: logSoftmax });
  return warpers;
}

/** Tokens that every warper leaves of a row: a beam must have one that is not an end-of-sequence token. */
export function leastKept(config: Pick<GenerationConfig, "numBeams" | "eosTokenId">): number {
  return config.numBeams > 1 ? candidateCount(config, 1) : 1;
}

export function temperature(value: number): LogitsWarper {
  return {
    name: "temperature",
    warp: (scores) => {
      for (let i = 0; i < scores.length; i++) scores[i] /= value;
    },
  };
}

/** Keeps the k greatest scores, and every score equal to the last of them. */
export function topK(k: number, keep = 1): LogitsWarper {
  return {
    name: "topK",
    warp(scores) {
      const least = scores[topIndices(scores, Math.max(k, keep)).at(-1)!];
      removeWhere(scores, (i) => scores[i] < least);
    },
  };
}

/**
 * Keeps the smallest set of most probable tokens whose probabilities sum to at least p (nucleus sampling, Holtzman et
 * al. 2019).
 */
export function topP(p: number, keep = 1): LogitsWarper {
  return {
    name: "topP",
    warp(scores) {
      const probs = softmax(scores);
      // Tokens below (1-p)/V together weigh less than 1-p: they go in any case, and need not be sorted.
      const floor = (1 - p) / scores.length;
      const candidates: number[] = [];
      let mass = 0;
      for (let i = 0; i < probs.length; i++) {
        if (probs[i] >= floor) candidates.push(i);
        else mass += probs[i];
      }
      candidates.sort((a, b) => descending(probs[b], probs[a]));
      const kept = new Set(topIndices(scores, keep));
      for (const i of candidates) {
        mass += probs[i];
        if (mass > 1 - p) kept.add(i);
      }
      removeWhere(scores, (i) => !kept.has(i));
    },
  };
}

/** Keeps tokens at least `p` times as probable as the most probable one. */
export function minP(p: number, keep = 1): LogitsWarper {
  return {
    name: "minP",
    warp(scores) {
      const probs = softmax(scores);
      const best = topIndices(scores, keep);
      const least = p * probs[best[0]];
      const kept = new Set(best);
      removeWhere(scores, (i) => probs[i] < least && !kept.has(i));
    },
  };
}

/**
 * Keeps the tokens whose surprise is nearest to the entropy, until they weigh `mass` (locally typical sampling, Meister
 * et al. 2022).
 */
export function typicalP(mass: number, keep = 1): LogitsWarper {
  return {
    name: "typicalP",
    warp(scores) {
      const logProbs = scores.slice();
      logSoftmax(logProbs);
      const expected = entropy(logProbs);
      const distance = logProbs.map((logProb) => Math.abs(-logProb - expected));
      const order = Array.from(distance, (_, i) => i).sort((a, b) => descending(distance[b], distance[a]));
      let sum = 0;
      let last = 0;
      while (last < order.length - 1 && (sum += Math.exp(logProbs[order[last]])) < mass) last++;
      const limit = distance[order[last]];
      const kept = new Set(order.slice(0, keep));
      removeWhere(scores, (i) => distance[i] > limit && !kept.has(i));
    },
  };
}

/** Keeps tokens of probability at least `epsilon` (Hewitt et al. 2022). */
export function epsilonCutoff(epsilon: number, keep = 1): LogitsWarper {
  return { name: "epsilonCutoff", warp: (scores) => removeBelow(scores, epsilon, keep) };
}

/**
 * As epsilonCutoff, with a threshold that falls where the distribution is flat: min(epsilon,
 * sqrt(epsilon)·exp(-entropy)).
 */
export function etaCutoff(epsilon: number, keep = 1): LogitsWarper {
  return {
    name: "etaCutoff",
    warp(scores) {
      const logProbs = scores.slice();
      logSoftmax(logProbs);
      removeBelow(scores, Math.min(epsilon, Math.sqrt(epsilon) * Math.exp(-entropy(logProbs))), keep);
    },
  };
}

function removeBelow(scores: Float64Array, probability: number, keep: number): void {
  const probs = softmax(scores);
  const least = scores[topIndices(scores, keep).at(-1)!];
  removeWhere(scores, (i) => probs[i] < probability && scores[i] < least);
}

function removeWhere(scores: Float64Array, remove: (i: number) => boolean): void {
  for (let i = 0; i < scores.length; i++) if (remove(i)) scores[i] = -Infinity;
}
