// Scores of one gap's candidates as shares: how probable it is, by the weights that were fitted to the model, that each
// is the right one of them (conditional logit: a softmax of the scores).
import type { Score } from "../store/records.ts";

/** undefined where there are not two scores to compare. */
export function sharesOf(scores: readonly (Score | undefined)[]): (number | undefined)[] {
  const known = scores.flatMap((each) => (each ? [each.score] : []));
  if (known.length < 2) return scores.map(() => undefined);
  const most = Math.max(...known);
  const sum = known.reduce((total, score) => total + Math.exp(score - most), 0);
  return scores.map((each) => each && Math.exp(each.score - most) / sum);
}

/** A mean log-probability as the number of words among which the model wavered, as it read: 1 is no surprise at all. */
export const surprise = (logProb: number): number => Math.exp(-logProb);
