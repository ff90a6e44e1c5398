// The beams of one prompt on their way: groups of texts with their scores, and the rows of the decoder that hold them.
import type { GenerationConfig } from "../options/options.ts";
import type { Prompt } from "../options/prompts.ts";
import type { RowContext } from "../scores/logits-processor.ts";
import { randomStream } from "../scores/sampling.ts";
import type { RandomStream } from "../scores/sampling.ts";
import { BeamHypotheses } from "./beam-hypotheses.ts";
import type { ConstraintList, Progress } from "./constraint-list.ts";
import type { FinishReason } from "./stopping-criteria.ts";

export interface Beam {
  readonly ids: readonly number[]; // prompt included
  /** Summed log-probability of the generated tokens, after processors. */
  readonly score: number;
  /** The beam (numbered over the batch) that each generated token continued. */
  readonly indices: readonly number[];
  /** Which of the prompt's beams it continued in the last step. */
  readonly parent: number;
  /** Constrained search: how much of the constraints it holds. */
  readonly progress?: Progress;
}

/** The score of a beam that only fills a row. */
export const NO_BEAM = -1e9;

/** Whether a score is a text's, and not a filler's or that of an impossible text. */
export const isAlive = (score: number): boolean => score > NO_BEAM / 2;

export interface Group {
  readonly first: number; // number of its first beam among the prompt's
  beams: Beam[];
  readonly finished: BeamHypotheses<{
    readonly generated: readonly number[];
    readonly indices: readonly number[];
    readonly reason: FinishReason | null;
  }>;
  done: boolean;
}

export interface Search {
  readonly prompt: Prompt;
  readonly number: number; // of the prompt
  readonly stream: RandomStream;
  readonly groups: readonly Group[];
  /** Set once the search ended by a criterion, with beams still open. */
  reason: FinishReason | null;
}

export function startSearch(
  prompt: Prompt,
  number: number,
  config: GenerationConfig,
  seed: number,
  constraints?: ConstraintList,
): Search {
  const { numBeams, numBeamGroups } = config;
  const size = numBeams / numBeamGroups;
  const progress = constraints?.start(prompt.ids);
  const groups = Array.from({ length: numBeamGroups }, (_, g): Group => ({
    first: g * size,
    // All beams start as the same text: only the first may be extended in the first step.
    beams: Array.from({ length: size }, (_, i) => ({
      ids: prompt.ids,
      score: i === 0 ? 0 : NO_BEAM,
      indices: [],
      parent: g * size + i,
      progress,
    })),
    finished: new BeamHypotheses(size, config),
    done: false,
  }));
  return { prompt, number, stream: randomStream(seed, prompt.tokens, 0), groups, reason: null };
}

export const isOver = (search: Search): boolean => search.reason !== null || search.groups.every((group) => group.done);

/** What processors see of every row of the decoder before a step; nothing where a row is over. */
export function contextsOf(searches: readonly Search[], numBeams: number): (RowContext | undefined)[] {
  return searches.flatMap((search, place) =>
    search.groups.flatMap((group) =>
      group.beams.map((beam, i) =>
        group.done || isOver(search) ? undefined : contextOf(search, beam, place * numBeams + group.first + i, []),
      ),
    ),
  );
}

export function contextOf(
  { prompt, number }: Search,
  { ids }: Beam,
  row: number,
  earlierGroups: readonly number[],
): RowContext {
  return {
    ids,
    length: ids.length,
    promptLength: prompt.ids.length,
    maxLength: prompt.maxLength,
    prompt: number,
    row,
    earlierGroups,
  };
}

/**
 * What the decoder appends for each beam, and the row that it continues. Beams of a group that is done are fed padding.
 */
export function nextRows(
  search: Search,
  firstRow: number,
  pad: number,
): { readonly token: number; readonly parent: number }[] {
  return search.groups.flatMap((group) =>
    group.beams.map((beam, i) =>
      group.done || search.reason
        ? { token: pad, parent: firstRow + group.first + i }
        : { token: beam.ids.at(-1)!, parent: firstRow + beam.parent },
    ),
  );
}
