// From options to processors, in Hugging Face's order (generation/utils.py 4.44): those of the options, the caller's
// own, normalisation, and with sampling the warpers.
import { asList, candidateCount, eosTokens } from "../options/config.ts";
import type { GenerationConfig, SequenceBias } from "../options/options.ts";
import type { LogitsProcessor } from "./logits-processor.ts";
import {
  ExponentialDecayLengthPenalty,
  ForcedBOSTokenLogitsProcessor,
  ForcedEOSTokenLogitsProcessor,
  MinLengthLogitsProcessor,
  MinNewTokensLengthLogitsProcessor,
  SuppressTokensAtBeginLogitsProcessor,
} from "./length-processors.ts";
import {
  EpsilonLogitsWarper,
  EtaLogitsWarper,
  MinPLogitsWarper,
  TemperatureLogitsWarper,
  TopKLogitsWarper,
  TopPLogitsWarper,
  TypicalLogitsWarper,
} from "./logits-warpers.ts";
import { InfNanRemoveLogitsProcessor, LogitNormalization, PrefixConstrainedLogitsProcessor } from "./row-processors.ts";
import type { PrefixAllowedTokens } from "./row-processors.ts";
import { withinFloat32 } from "./scores.ts";
import {
  HammingDiversityLogitsProcessor,
  NoBadWordsLogitsProcessor,
  NoRepeatNGramLogitsProcessor,
  RepetitionPenaltyLogitsProcessor,
  SequenceBiasLogitsProcessor,
  SuppressTokensLogitsProcessor,
} from "./token-processors.ts";

/** What the caller brings besides options. */
export interface OwnProcessors {
  /** Guidance, which needs a second run of the model, and comes first. */
  readonly guidance?: LogitsProcessor;
  readonly prefixAllowedTokensFn?: PrefixAllowedTokens;
  readonly logitsProcessors?: readonly LogitsProcessor[];
}

/** All that changes scores, in the order of its application. */
export function buildProcessors(config: GenerationConfig, own: OwnProcessors = {}): LogitsProcessor[] {
  return [
    ...(own.guidance ? [own.guidance] : []),
    ...optionProcessors(config, own.prefixAllowedTokensFn),
    ...(own.logitsProcessors ?? []),
    ...(config.renormalizeLogits ? [new LogitNormalization()] : []),
    ...(config.doSample ? buildWarpers(config) : []),
  ];
}

function optionProcessors(config: GenerationConfig, allowed: PrefixAllowedTokens | undefined): LogitsProcessor[] {
  const eos = eosTokens(config);
  const list: LogitsProcessor[] = [];
  if (config.sequenceBias) list.push(new SequenceBiasLogitsProcessor(biasesOf(config.sequenceBias)));
  if (config.diversityPenalty > 0) list.push(new HammingDiversityLogitsProcessor(config.diversityPenalty));
  if (config.repetitionPenalty !== 1)
    list.push(new RepetitionPenaltyLogitsProcessor(withinFloat32(config.repetitionPenalty)));
  if (config.noRepeatNgramSize > 0) list.push(new NoRepeatNGramLogitsProcessor(config.noRepeatNgramSize));
  if (config.badWordsIds) list.push(new NoBadWordsLogitsProcessor(config.badWordsIds, eos));
  if (config.minLength > 0 && eos.length) list.push(new MinLengthLogitsProcessor(config.minLength, eos));
  if (config.minNewTokens && eos.length) list.push(new MinNewTokensLengthLogitsProcessor(config.minNewTokens, eos));
  if (allowed) list.push(new PrefixConstrainedLogitsProcessor(allowed));
  if (config.forcedBosTokenId !== null) list.push(new ForcedBOSTokenLogitsProcessor(config.forcedBosTokenId));
  if (config.forcedEosTokenId !== null) list.push(new ForcedEOSTokenLogitsProcessor(asList(config.forcedEosTokenId)));
  if (config.removeInvalidValues) list.push(new InfNanRemoveLogitsProcessor());
  if (config.exponentialDecayLengthPenalty && eos.length)
    list.push(new ExponentialDecayLengthPenalty(config.exponentialDecayLengthPenalty, eos));
  if (config.suppressTokens) list.push(new SuppressTokensLogitsProcessor(config.suppressTokens));
  if (config.beginSuppressTokens)
    list.push(new SuppressTokensAtBeginLogitsProcessor(config.beginSuppressTokens, config.forcedBosTokenId !== null));
  return list;
}

const biasesOf = (biases: SequenceBias): SequenceBias => biases.map(([ids, bias]) => [ids, withinFloat32(bias)]);

/** More than any vocabulary; a device's sampler takes 32 bits of it. */
const MOST_TOP_K = 2 ** 31 - 1;

/** Only sampling uses them. */
export function buildWarpers(config: GenerationConfig): LogitsProcessor[] {
  // A beam must have one token that does not end it.
  const keep = config.numBeams > 1 ? candidateCount(config, 1) : 1;
  const list: LogitsProcessor[] = [];
  if (config.temperature !== 1) list.push(new TemperatureLogitsWarper(withinFloat32(config.temperature)));
  if (config.topK > 0) list.push(new TopKLogitsWarper(Math.min(config.topK, MOST_TOP_K), keep));
  if (config.topP < 1) list.push(new TopPLogitsWarper(config.topP, keep));
  if (config.minP !== null) list.push(new MinPLogitsWarper(config.minP, keep));
  if (config.typicalP < 1) list.push(new TypicalLogitsWarper(config.typicalP, keep));
  if (config.epsilonCutoff > 0) list.push(new EpsilonLogitsWarper(config.epsilonCutoff, keep));
  if (config.etaCutoff > 0) list.push(new EtaLogitsWarper(config.etaCutoff, keep));
  if (config.renormalizeLogits) list.push(new LogitNormalization());
  return list;
}
