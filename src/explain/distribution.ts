// The figures of one token within the distribution it was chosen from and within the model's own.
import type { ObservedRow } from "../generation/loops/observer.ts";
import { entropy, logSoftmax, topIndices } from "../generation/scores/scores.ts";
import type { Alternative, TokenChoiceDetail, TokenFigures } from "./explanation.ts";

const ALTERNATIVES = 10;

/** Figures of any token [V] of a row. What they share is computed once. */
export function choiceDetails({ logits, scores }: ObservedRow): (token: number) => TokenChoiceDetail {
  const chosenFrom = distribution(scores);
  const own = distribution(logits);
  const alternatives = topAlternatives(chosenFrom.logProbs, own.logProbs);
  return (token) => ({ ...figures(chosenFrom, token), own: figures(own, token), alternatives });
}

interface Distribution {
  /** [V] */
  readonly logProbs: Float64Array;
  readonly entropy: number;
}

function distribution(scores: ArrayLike<number>): Distribution {
  const logProbs = Float64Array.from(scores);
  logSoftmax(logProbs);
  return { logProbs, entropy: entropy(logProbs) };
}

function figures({ logProbs, entropy }: Distribution, token: number): TokenFigures {
  const logProb = logProbs[token];
  let greater = 0;
  for (const each of logProbs) if (each > logProb) greater++;
  return {
    probability: rounded(Math.exp(logProb)),
    logProb: finite(logProb),
    rank: greater + 1,
    entropy: rounded(entropy),
  };
}

/** The most probable tokens; where options left fewer than ten, the model's favourites among those they removed. */
function topAlternatives(chosenFrom: Float64Array, own: Float64Array): Alternative[] {
  const possible = topIndices(chosenFrom, ALTERNATIVES).filter((id) => chosenFrom[id] > -Infinity);
  const removed =
    possible.length < ALTERNATIVES
      ? topIndices(own, ALTERNATIVES + possible.length).filter((id) => chosenFrom[id] === -Infinity)
      : [];
  return [...possible, ...removed]
    .slice(0, ALTERNATIVES)
    .map((id) => ({ id, probability: rounded(Math.exp(chosenFrom[id])), own: rounded(Math.exp(own[id])) }));
}

/** Six digits: more than a page can show, and half the size. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

export function finite(value: number): number | null {
  return Number.isFinite(value) ? rounded(value) : null;
}
