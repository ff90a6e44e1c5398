// Whether ranking finds what leads from p1 to p3: the true p2 among passages of the same book and length, with and
// without each term. Weights are either a model's own, or fitted here by parts: the examples of a part are judged with
// weights that were fitted to the other parts, so no example helps to judge itself.
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { InfillEncoder } from "../infill/encode.ts";
import type { InfillExample } from "../infill/example.ts";
import { fitWeights } from "../rerank/fit.ts";
import type { Choice } from "../rerank/fit.ts";
import { candidateTerms, fitsAsCandidate, SEAM_TOKENS, TERMS } from "../rerank/terms.ts";
import type { Term, TermOptions, Terms } from "../rerank/terms.ts";
import { scoreOf } from "../rerank/weights.ts";
import type { RerankWeights } from "../rerank/weights.ts";
import { ratio } from "./estimate.ts";
import type { Estimate, Part } from "./estimate.ts";
import { LikeTexts } from "./like-texts.ts";
import type { Cluster } from "./places.ts";

/** Terms that are left in, by what a table calls them. */
export const TERM_SETS: readonly (readonly [label: string, terms: readonly Term[]])[] = [
  ["all terms", TERMS],
  ["p2 alone", ["p2"]],
  ["p3 alone", ["p3"]],
  ["seams alone", ["seam_p1_p2", "seam_p2_p3"]],
  ["without p2", ["p3", "seam_p1_p2", "seam_p2_p3"]],
  ["without p3", ["p2", "seam_p1_p2", "seam_p2_p3"]],
  ["without seams", ["p2", "p3"]],
];

/** Parts that examples are divided into, each a run of neighbours: those share paragraphs. */
const PARTS = 5;

/** One example's candidates: the terms of its true p2, then of the others. Only the true p2 where there is no other. */
export type Trial = readonly Terms[];

export interface TrialFigures {
  /** Candidates of an example, the true p2 included: the fewest and the most. */
  readonly fewest: number;
  readonly candidates: number;
  readonly chance: number | undefined;
  /** By label of TERM_SETS: how often the true p2 has the best score, equals sharing. */
  readonly found: readonly (readonly [label: string, figure: Estimate | undefined])[];
}

/**
 * For each example up to `count` passages that are the p2 of others: the nearest in length, of the same book where that
 * is known. Never the example's own p1, p2 or p3.
 */
export function likePassages(
  examples: readonly InfillExample[],
  count: number,
  pool: readonly InfillExample[] = examples,
): string[][] {
  const like = new LikeTexts(pool, "p2");
  return examples.map((example) => like.of(example, count));
}

export interface TrialOptions extends TermOptions {
  readonly candidates: number;
  /** Where other passages are taken from; default the examples themselves. */
  readonly pool?: readonly InfillExample[];
  /** Given each example's, in their order, and waited for. */
  readonly onTrial?: (trial: Trial) => Promise<void> | void;
}

/** The terms of every example's candidates. */
export async function rerankTrials(
  model: GPT2LMHeadModel,
  encoder: InfillEncoder,
  examples: readonly InfillExample[],
  { candidates, pool, onTrial, ...options }: TrialOptions,
): Promise<Trial[]> {
  const others = likePassages(examples, candidates - 1, pool);
  const trials: Trial[] = [];
  for (const [i, example] of examples.entries()) {
    const { nPositions } = model.config;
    // A foreign passage that is too long for the context is none.
    const fitting = others[i].filter((text) => fitsAsCandidate(encoder.textIds(text).length, nPositions));
    options.signal?.throwIfAborted();
    trials.push(await candidateTerms(model, encoder, example, [example.p2, ...fitting], options));
    await onTrial?.(trials.at(-1)!);
  }
  return trials;
}

/** Weights of the terms in `set`, all others 0, for judging example `index`. */
export type Weigher = (set: readonly Term[], index: number) => Terms;

/** Those of a model, the same for every example. */
export function ownWeights({ weights }: RerankWeights): Weigher {
  return (set) => termRecord((term) => (set.includes(term) ? weights[term] : 0));
}

/** Fitted to the examples of the other parts. */
export function fittedByParts(trials: readonly Trial[]): Weigher {
  const parts = Math.min(PARTS, trials.length);
  const known = new Map<string, Terms>();
  return (set, index) => {
    const part = Math.floor((index * parts) / trials.length);
    const key = `${set.join()} ${part}`;
    let weights = known.get(key);
    if (weights === undefined) {
      const others = trials.filter((_, i) => Math.floor((i * parts) / trials.length) !== part);
      known.set(key, (weights = fittedTo(others, set)));
    }
    return weights;
  };
}

/** All of them, in a form to be saved. */
export function fittedWeights(trials: readonly Trial[]): RerankWeights {
  const several = trials.filter((trial) => trial.length > 1);
  const candidates = several.reduce((most, trial) => Math.max(most, trial.length), 0);
  return {
    version: 1,
    weights: fittedTo(trials, TERMS),
    seamTokens: SEAM_TOKENS,
    fittedOn: { examples: several.length, candidates },
  };
}

/** Zeros where there is nothing to fit to. */
function fittedTo(trials: readonly Trial[], set: readonly Term[]): Terms {
  const choices = trials
    .filter((trial) => trial.length > 1)
    .map((trial): Choice => ({ terms: trial.map((terms) => set.map((term) => terms[term])), right: 0 }));
  const fitted = choices.length > 0 ? fitWeights(choices) : [];
  return termRecord((term) => fitted[set.indexOf(term)] ?? 0);
}

function termRecord(valueOf: (term: Term) => number): Terms {
  return Object.fromEntries(TERMS.map((term) => [term, valueOf(term)])) as Terms;
}

/** How often the true p2 wins. `seed` draws the resampled books or chapters; `clusters`: where each trial stands. */
export function trialFigures(
  trials: readonly Trial[],
  weigh: Weigher,
  seed: number,
  clusters: readonly Cluster[] = [],
): TrialFigures {
  const sizes = trials.map((trial) => trial.length).filter((size) => size > 1);
  return {
    fewest: sizes.reduce((least, size) => Math.min(least, size), sizes[0] ?? 0),
    candidates: sizes.reduce((most, size) => Math.max(most, size), 0),
    chance: sizes.length > 0 ? sizes.reduce((sum, size) => sum + 1 / size, 0) / sizes.length : undefined,
    found: TERM_SETS.map(([label, set]) => [
      label,
      ratio(
        trials.flatMap((trial, i) =>
          trial.length > 1 ? [{ ...wins(trial, weigh(set, i)), cluster: clusters[i] }] : [],
        ),
        seed,
      ),
    ]),
  };
}

function wins(trial: Trial, weights: Terms): Part {
  const [own, ...others] = trial.map((terms) => scoreOf(terms, { weights }));
  const equal = others.filter((score) => score === own).length;
  return { amount: others.some((score) => score > own) ? 0 : 1 / (1 + equal), weight: 1 };
}
