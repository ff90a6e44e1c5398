// How several candidates for a gap are searched for, where the options leave it open: far enough apart to be worth
// reading. The best beams of one search differ by a word or two, so each beam is a group of its own (diverse beam
// search; Vijayakumar et al. 2018), or texts are drawn.
import { UserError } from "../errors.ts";
import type { GenerationOptions } from "../generation/options/options.ts";

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
 * The options as they are given, completed; what they or the model's `defaults` say stays. Throws UserError where
 * one candidate is to be ranked.
 */
export function severalCandidates(
  options: GenerationOptions,
  defaults: GenerationOptions,
  { interactive, rerank }: Wanted,
): GenerationOptions {
  const { numBeams, doSample } = options;
  const whole = { ...defaults, ...options };
  const open = rerank || (interactive && options.numReturnSequences !== 1);
  if (open && numBeams === undefined && doSample === undefined) {
    const count = options.numReturnSequences ?? (rerank ? TO_RANK : TO_CHOOSE);
    const search = constrained(whole) ? { numBeams: count } : { doSample: true, topP: defaults.topP ?? TOP_P };
    return several({ ...search, ...options, numReturnSequences: count }, rerank);
  }
  const beams = whole.numBeams ?? 1;
  const count = options.numReturnSequences ?? (rerank ? (whole.doSample ? TO_RANK : beams) : whole.numReturnSequences);
  const completed = count === undefined ? options : { ...options, numReturnSequences: count };
  const ungrouped = whole.numBeamGroups === undefined && whole.diversityPenalty === undefined;
  const groups = ungrouped && beams > 1 && (count ?? 1) > 1 && !whole.doSample && !constrained(whole);
  return several(
    groups ? { ...completed, numBeamGroups: beams, diversityPenalty: DIVERSITY_PENALTY } : completed,
    rerank,
  );
}

/** Words are brought in by one beam search without groups, which sampling does not replace. */
const constrained = ({ forceWordsIds }: GenerationOptions): boolean => forceWordsIds != null;

/** The same options. Throws UserError where they ask for one candidate and more are wanted. */
function several(options: GenerationOptions, wanted: boolean): GenerationOptions {
  if (!wanted || options.numReturnSequences !== 1) return options;
  throw new UserError(
    "rerank chooses among candidates, and the options ask for one; ask for more with numReturnSequences and " +
      "doSample or numBeams, or leave rerank out.",
  );
}
