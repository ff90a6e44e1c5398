// The candidates of a step of beam search: a group's beams, each extended by its next tokens.
import { candidateCount } from "../options/config.ts";
import { drawWithoutReplacement, uniform } from "../scores/sampling.ts";
import { topIndices } from "../scores/scores.ts";
import { contextOf } from "./beam-state.ts";
import type { Beam, Group, Search } from "./beam-state.ts";
import type { Run } from "./run.ts";
import { tokenAt } from "./score-rows.ts";
import type { ScoreRow, ScoresOf } from "./score-rows.ts";

/** One beam extended by one token. */
export interface Candidate {
  readonly parent: number; // in the group
  readonly token: number;
  readonly score: number; // of the whole text
}

/**
 * Extensions of a group's beams, which are the decoder's rows from `firstRow` on: the best, or some drawn; best first.
 */
export function extensions(
  { config }: Run,
  search: Search,
  { beams }: Group,
  scoresOf: ScoresOf,
  firstRow: number,
  earlierGroups: readonly number[],
): Candidate[] {
  const width = candidateCount(config, beams.length);
  const rows = beams.map((beam, i) => scoresOf(contextOf(search, beam, firstRow + i, earlierGroups)));
  if (config.doSample) return drawExtensions(beams, rows, width, search);
  // Each beam's own best are enough to find the best of all.
  const each = extensionsOfEach(beams, rows, width);
  return topIndices(
    each.map(({ score }) => score),
    width,
  ).map((i) => each[i]);
}

/** The `width` best extensions of each beam, whose rows of scores are given; beam by beam, best first. */
export function extensionsOfEach(beams: readonly Beam[], rows: readonly ScoreRow[], width: number): Candidate[] {
  return rows.flatMap((row, parent) =>
    topIndices(row.scores, width).map((i): Candidate => ({
      parent,
      token: tokenAt(row, i),
      score: beams[parent].score + row.scores[i],
    })),
  );
}

/** `width` different extensions drawn by their probability over all beams, best first. */
function drawExtensions(
  beams: readonly Beam[],
  rows: readonly ScoreRow[],
  width: number,
  { stream, prompt }: Search,
): Candidate[] {
  let end = 0;
  const starts = rows.map(({ scores }) => (end += scores.length) - scores.length);
  const all = new Float64Array(end);
  rows.forEach(({ scores }, parent) =>
    all.set(
      scores.map((score) => score + beams[parent].score),
      starts[parent],
    ),
  );
  const step = beams[0].ids.length - prompt.ids.length;
  return drawWithoutReplacement(all, width, (draw) => uniform(stream, step, draw)).map((i) => {
    const parent = starts.findLastIndex((start) => start <= i);
    return { parent, token: tokenAt(rows[parent], i - starts[parent]), score: all[i] };
  });
}
