// When a sequence ends. Each criterion looks at one sequence whose last token was just appended.
import { asList, eosTokens } from "../options/config.ts";
import type { GenerationConfig } from "../options/options.ts";

/**
 * Why a sequence ended: an end-of-sequence token, its greatest length, a stop string or a criterion of the caller,
 * maxTime, or the caller's signal.
 */
export type FinishReason = "eos" | "length" | "stop" | "time" | "aborted";

export interface StoppingCriterion {
  readonly reason: FinishReason;
  /** Whether the sequence `ids` (prompt included) of greatest length `maxLength` ends here. */
  holds(ids: readonly number[], maxLength: number): boolean;
}

/** A caller's own: whether the sequence `ids`, prompt included, ends with its last token, which was just appended. */
export type StoppingCriteria = (ids: readonly number[]) => boolean;

export interface StoppingInputs {
  readonly signal?: AbortSignal;
  readonly decode?: (ids: readonly number[]) => string;
  readonly stoppingCriteria?: readonly StoppingCriteria[];
}

/**
 * The criteria that the options ask for; maxTime counts from this call. Beam search leaves out the first, as it banks
 * such beams.
 */
export function buildStopping(
  config: GenerationConfig,
  { signal, decode, stoppingCriteria = [] }: StoppingInputs,
): StoppingCriterion[] {
  const criteria: StoppingCriterion[] = [];
  const eos = eosTokens(config);
  if (eos.length && config.numBeams === 1) criteria.push({ reason: "eos", holds: (ids) => eos.includes(ids.at(-1)!) });
  if (config.stopStrings !== null && decode) criteria.push(stopStrings(asList(config.stopStrings), decode));
  criteria.push({ reason: "length", holds: (ids, maxLength) => ids.length >= maxLength });
  if (config.maxTime !== null) criteria.push(maxTime(config.maxTime));
  for (const holds of stoppingCriteria) criteria.push({ reason: "stop", holds: (ids) => holds(ids) });
  if (signal) criteria.push({ reason: "aborted", holds: () => signal.aborted });
  return criteria;
}

export function finishReason(
  criteria: readonly StoppingCriterion[],
  ids: readonly number[],
  maxLength: number,
): FinishReason | null {
  return criteria.find((criterion) => criterion.holds(ids, maxLength))?.reason ?? null;
}

function maxTime(seconds: number): StoppingCriterion {
  const start = performance.now();
  return { reason: "time", holds: () => performance.now() - start > seconds * 1000 };
}

/**
 * True when the text holds one of `strings` and that occurrence ends in the last token: what the token brings may go on
 * beyond it, and part of the occurrence may be the prompt's.
 */
export function stopStrings(strings: readonly string[], decode: (ids: readonly number[]) => string): StoppingCriterion {
  // A token is at least one byte of UTF-8, so this many tokens hold any of the strings; the extra ones are for tokens
  // without text.
  const window = Math.max(...strings.map((string) => new TextEncoder().encode(string).length)) + 8;
  return {
    reason: "stop",
    holds(ids) {
      const tail = ids.slice(-window);
      const before = decode(tail.slice(0, -1));
      const after = decode(tail);
      // The last token may complete a character, so the text before it is only trusted as far as both agree.
      let known = 0;
      while (known < before.length && before[known] === after[known]) known++;
      return strings.some((string) => after.includes(string, Math.max(0, known - string.length + 1)));
    },
  };
}
