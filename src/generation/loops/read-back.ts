// What a step brings back from the decoder: the less, the faster. The one place that decides it for given options, and
// says why.
import { candidateCount, usesGuidance } from "../options/config.ts";
import type { TokenSampler } from "../device/decoder.ts";
import { isSparse } from "../scores/logits-processors.ts";
import { leastKept } from "../scores/logits-warpers.ts";
import type { Run } from "./run.ts";

export type ReadBack =
  /** The tokens that the decoder chose: one number a row. */
  | { readonly what: "tokens"; readonly sampler: TokenSampler }
  /** The best `count` tokens of each row, among which the choice is made here. */
  | { readonly what: "candidates"; readonly sampler: TokenSampler; readonly count: number }
  /** Whole rows [V], because of `why`. */
  | { readonly what: "logits"; readonly why: string };

/** Warpers that the decoder has itself. */
const DEVICE_WARPERS = ["temperature", "topK", "topP", "minP", "renormalizeLogits"];
/**
 * Candidates beyond topK: a tie with the last token that topK keeps seldom goes on further, and where it does the row
 * is read.
 */
const SPARE = 4;
/** Candidates that are found faster than rows are read and searched here, also on software adapters. */
const MOST_CANDIDATES = 256;

/** What the run's options allow. Every way gives the same tokens. */
export function readBackOf(run: Run): ReadBack {
  const {
    config,
    decoder: { sampler, vocabSize },
    processors,
    recorder,
    warpers,
  } = run;
  const logits = (why: string): ReadBack => ({ what: "logits", why });
  if (recorder.active) return logits("what is returned or observed of every step needs whole rows");
  if (usesGuidance(config)) return logits("guidanceScale mixes the whole rows of two runs");
  if (config.promptLookupNumTokens !== null)
    return logits("promptLookupNumTokens checks several positions of one row at once");
  if (!sampler) return logits("the decoder has no sampler");
  const whole = processors.find((processor) => !isSparse(processor) && processor.name !== "renormalizeLogits");
  if (whole) return logits(`${whole.name} changes whole rows`);
  if (config.numBeams === 1 && warpers.every(({ name }) => DEVICE_WARPERS.includes(name)))
    return { what: "tokens", sampler };
  if (config.doSample && config.topK === 0) return logits("without topK, what is drawn from is the whole row");
  if (config.numBeamGroups > 1 && config.renormalizeLogits)
    return logits("renormalizeLogits needs the probability of every token that diversityPenalty lowers");
  const count = config.doSample ? Math.max(config.topK, leastKept(config)) + SPARE : beamCandidates(run);
  if (2 * count >= vocabSize) return logits(`${count} candidates, each a token and its logit, are no less to read`);
  if (count > MOST_CANDIDATES) return logits(`${count} candidates take longer to find than rows to read`);
  return { what: "candidates", sampler, count };
}

/**
 * As many of each beam's best as its group looks at, though the group may be led away from any token that an earlier
 * group took: a penalised token is lower than it was, so what is not read is still no better than the last that is read
 * and not penalised.
 */
function beamCandidates({ config }: Run): number {
  const size = config.numBeams / config.numBeamGroups;
  return candidateCount(config, size) + config.numBeams - size;
}
