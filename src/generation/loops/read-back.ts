// What a step brings back from the decoder: the less, the faster. The one place that decides it, from what the
// processors say that they need.
import type { TokenSampler } from "../device/decoder.ts";
import { candidateCount } from "../options/config.ts";
import type { LogitsProcessor, SamplerSettings } from "../scores/logits-processor.ts";
import type { Run } from "./run.ts";

export type ReadBack =
  /** The tokens that the decoder sampled: one number a row. */
  | { readonly what: "tokens"; readonly sampler: TokenSampler; readonly settings: SamplerSettings }
  /** The best `count` tokens of each row, among which the choice is made here. */
  | { readonly what: "candidates"; readonly sampler: TokenSampler; readonly count: number }
  /** Whole rows [V], because of `why`. */
  | { readonly what: "logits"; readonly why: string };

/**
 * Candidates beyond topK: a tie with the last token that topK keeps seldom goes on further, and where it does the row
 * is read.
 */
const SPARE = 4;
/** Candidates that are found faster than rows are read and searched here, also on software adapters. */
const MOST_CANDIDATES = 256;

/** What the run allows. Every way gives the same tokens. */
export function readBackOf(run: Run): ReadBack {
  const {
    config,
    decoder: { sampler, vocabSize },
    processors,
    recorder,
  } = run;
  const logits = (why: string): ReadBack => ({ what: "logits", why });
  if (recorder.active) return logits("what is returned or observed of every step needs whole rows");
  if (config.promptLookupNumTokens !== null)
    return logits("promptLookupNumTokens checks several positions of one row at once");
  if (run.constraints) return logits("constraints may ask for any token");
  if (!sampler) return logits("the decoder has no sampler");
  const settings = config.numBeams === 1 ? samplerSettings(processors) : undefined;
  if (settings) return { what: "tokens", sampler, settings };
  const { topK, why } = topKOf(processors);
  if (why !== undefined) return logits(why);
  if (config.doSample && topK === undefined) return logits("without topK, what is drawn from is the whole row");
  const count = Math.max(topK === undefined ? 0 : topK + SPARE, config.doSample ? 0 : beamCandidates(run));
  if (2 * count >= vocabSize) return logits(`${count} candidates, each a token and its logit, are no less to read`);
  if (count > MOST_CANDIDATES) return logits(`${count} candidates take longer to find than rows to read`);
  return { what: "candidates", sampler, count };
}

const SETTINGS: readonly (keyof SamplerSettings)[] = ["temperature", "topK", "topP", "minP"];

/**
 * The settings with which a device's sampler does all that the processors do: edits come first, then each setting once,
 * in its order. Undefined where they want something else.
 */
export function samplerSettings(processors: readonly LogitsProcessor[]): SamplerSettings | undefined {
  const settings = { temperature: 1, topK: 0, topP: 1, minP: 0 };
  let next = -1; // the first of SETTINGS that may still come; -1: edits may
  for (const processor of processors) {
    switch (processor.needs) {
      case "lengths":
      case "text":
      case "groups":
        if (next >= 0) return undefined;
        break;
      case "sum": // moves all scores alike, which neither the sampler nor its settings notice
        next = Math.max(next, 0);
        break;
      case "sampler": {
        const at = SETTINGS.indexOf(processor.setting);
        if (at < next || processor.minTokensToKeep > 1) return undefined;
        settings[processor.setting] = processor.value;
        next = at + 1;
        break;
      }
      case "candidates":
      case "logits":
        return undefined;
      default:
        processor satisfies never;
    }
  }
  return settings;
}

/**
 * How many tokens the processors leave of a row (undefined: all), where they can work on its best tokens and those that
 * are edited; else why they cannot.
 */
function topKOf(processors: readonly LogitsProcessor[]): { readonly topK?: number; readonly why?: string } {
  let topK: number | undefined;
  let edits: "allowed" | "over" = "allowed";
  let groups = false;
  let scaled = false;
  for (const processor of processors) {
    switch (processor.needs) {
      case "lengths":
      case "text":
      case "groups":
        if (edits === "over") return { why: "edits that follow on a change of all scores need whole rows" };
        groups ||= processor.needs === "groups";
        break;
      case "sum":
        edits = "over";
        if (topK !== undefined) break; // the sum over what topK left
        if (groups) return { why: "normalisation needs every token that earlier groups lower" };
        if (scaled) return { why: "normalisation after a temperature needs whole rows" };
        break;
      case "sampler":
        edits = "over";
        if (processor.setting === "topK") topK ??= processor.value;
        else if (processor.setting === "temperature") scaled = true;
        else if (topK === undefined) return { why: `without topK, ${processor.setting} looks at the whole row` };
        break;
      case "candidates":
        edits = "over";
        if (topK === undefined) return { why: `without topK, ${nameOf(processor)} looks at the whole row` };
        break;
      case "logits":
        return { why: `${nameOf(processor)} needs whole rows` };
      default:
        processor satisfies never;
    }
  }
  return { topK };
}

const nameOf = ({ name }: { readonly name?: string }): string => name ?? "a processor";

/**
 * As many of each beam's best as its group looks at, though the group may be led away from any token that an earlier
 * group took: a penalised token is lower than it was, so what is not read is still no better than the last that is read
 * and not penalised.
 */
function beamCandidates({ config }: Run): number {
  const size = config.numBeams / config.numBeamGroups;
  return candidateCount(config, size) + config.numBeams - size;
}
