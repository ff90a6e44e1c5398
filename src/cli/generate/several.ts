// How several candidates for a gap are searched for, where the flags leave it open: far enough apart to be worth
// reading. The best beams of one search differ by a word or two, so each beam is a group of its own (diverse beam
// search; Vijayakumar et al. 2018), or texts are drawn.
import { UserError } from "../../errors.ts";
import type { GenerationOptions } from "../../generation/options/options.ts";

/** A beam pays so many nats for a token that a beam before it took in the same step. */
const DIVERSITY_PENALTY = 1;
/** What is left to draw from: the rest are mostly slips. */
const TOP_P = 0.9;

/** Candidates where one chooses among them oneself, and where they are ranked. */
const TO_CHOOSE = 3,
  TO_RANK = 5;

export interface Wanted {
  readonly interactive: boolean;
  readonly rerank: boolean;
}

/**
 * The options as flags give them, completed; what they or the model's `defaults` say stays. Throws UserError where one
 * candidate is to be ranked.
 */
export function severalCandidates(
  options: GenerationOptions,
  defaults: GenerationOptions,
  { interactive, rerank }: Wanted,
): GenerationOptions {
  if (rerank && options.numReturnSequences === 1)
    throw new UserError(
      "--rerank chooses among candidates, and --num_return_sequences 1 asks for one; ask for more, or leave one of " +
        "them out.",
    );
  const { numBeams, doSample, numReturnSequences } = options;
  const open = numBeams === undefined && doSample === undefined && numReturnSequences === undefined;
  if (open && (interactive || rerank)) return drawn({ ...options, doSample: true }, defaults, rerank);
  const whole = { ...defaults, ...options };
  if (rerank && whole.doSample === true) return drawn(options, defaults, true);
  const beams = whole.numBeams ?? 1;
  const several = rerank ? (numReturnSequences ?? beams) : (whole.numReturnSequences ?? 1);
  if (several === 1 || beams === 1 || whole.doSample === true) return options;
  const apart = whole.numBeamGroups === undefined && whole.diversityPenalty === undefined;
  return {
    ...options,
    numReturnSequences: several,
    ...(apart && { numBeamGroups: beams, diversityPenalty: DIVERSITY_PENALTY }),
  };
}

function drawn(options: GenerationOptions, defaults: GenerationOptions, rerank: boolean): GenerationOptions {
  const warped = options.topP !== undefined || defaults.topP !== undefined;
  return { numReturnSequences: rerank ? TO_RANK : TO_CHOOSE, ...(!warped && { topP: TOP_P }), ...options };
}
