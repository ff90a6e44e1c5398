// Beam search: for each prompt the `numBeams` most probable unfinished texts are carried along; each step extends all
// of them by every token and keeps the best again. With `numBeamGroups` the beams are split into groups that search one
// after the other, each steered away from the tokens earlier groups just took (diverse beam search, Vijayakumar et al.
// 2016); plain beam search is one group. With `doSample` the extensions are drawn instead of taken from the top.
// Step for step the algorithm of Hugging Face 4.44 (generation/beam_search.py), but every prompt by itself: neighbours
// in the batch change nothing.
import { BeamHypotheses } from "./beam-hypotheses.ts";
import { candidateCount, eosTokens, padToken } from "../options/config.ts";
import type { RowContext } from "../scores/logits-processor.ts";
import type { ObservedBeams } from "./observer.ts";
import type { GenerationConfig } from "../options/options.ts";
import type { Prompt } from "../options/prompts.ts";
import type { ReadBack } from "./read-back.ts";
import type { Run, Sequence } from "./run.ts";
import { drawWithoutReplacement, randomStream, uniform } from "../scores/sampling.ts";
import type { RandomStream } from "../scores/sampling.ts";
import { readScores, tokenAt } from "./score-rows.ts";
import type { ScoreRow, ScoresOf } from "./score-rows.ts";
import { descending, topIndices } from "../scores/scores.ts";
import { finishReason } from "./stopping-criteria.ts";
import type { FinishReason } from "./stopping-criteria.ts";

interface Beam {
  readonly ids: readonly number[]; // prompt included
  /** Summed log-probability of the generated tokens, after processors. */
  readonly score: number;
  /** The beam (numbered over the batch) that each generated token continued. */
  readonly indices: readonly number[];
  /** Which of the prompt's beams it continued in the last step. */
  readonly parent: number;
}

/** One beam extended by one token. */
interface Candidate {
  readonly parent: number; // in the group
  readonly token: number;
  readonly score: number; // of the whole text
}

interface Group {
  readonly first: number; // number of its first beam among the prompt's
  beams: Beam[];
  readonly finished: BeamHypotheses<{
    readonly generated: readonly number[];
    readonly indices: readonly number[];
    readonly reason: FinishReason | null;
  }>;
  done: boolean;
}

interface Search {
  readonly prompt: Prompt;
  readonly number: number; // of the prompt
  readonly stream: RandomStream;
  readonly groups: readonly Group[];
  /** Set once the search ended by a criterion, with beams still open. */
  reason: FinishReason | null;
}

/** The `numReturnSequences` best sequences of each prompt, best first. */
export async function beamSearch(run: Run, back: ReadBack): Promise<Sequence[]> {
  const { decoder, config, recorder } = run;
  const all = run.prompts.map((prompt, number) => startSearch(prompt, number, config, run.seed));
  let searches = all; // those the decoder holds, numBeams rows each, in its order
  for (;;) {
    const scoresOf = await readScores(run, back, contextsOf(searches, config.numBeams));
    for (const [place, search] of searches.entries())
      if (!isOver(search)) advance(run, search, scoresOf, place * config.numBeams);

    const open = searches.filter((search) => !isOver(search));
    if (open.length === 0) return all.flatMap((search) => bestSequences(search, config));
    const kept = open.length * 2 <= searches.length && !recorder.active ? open : searches;
    const rows = kept.flatMap((search) =>
      nextRows(search, searches.indexOf(search) * config.numBeams, padToken(config)),
    );
    decoder.step(
      rows.map((row) => row.token),
      rows.map((row) => row.parent),
    );
    searches = kept;
  }
}

function startSearch(prompt: Prompt, number: number, config: GenerationConfig, seed: number): Search {
  const { numBeams, numBeamGroups } = config;
  const size = numBeams / numBeamGroups;
  const groups = Array.from({ length: numBeamGroups }, (_, g): Group => ({
    first: g * size,
    // All beams start as the same text: only the first may be extended in the first step.
    beams: Array.from({ length: size }, (_, i) => ({
      ids: prompt.ids,
      score: i === 0 ? 0 : -1e9,
      indices: [],
      parent: g * size + i,
    })),
    finished: new BeamHypotheses(size, config),
    done: false,
  }));
  return { prompt, number, stream: randomStream(seed, prompt.tokens, 0), groups, reason: null };
}

const isOver = (search: Search): boolean => search.reason !== null || search.groups.every((group) => group.done);

/** What processors see of every row of the decoder before a step; nothing where a row is over. */
function contextsOf(searches: readonly Search[], numBeams: number): (RowContext | undefined)[] {
  return searches.flatMap((search, place) =>
    search.groups.flatMap((group) =>
      group.beams.map((beam, i) =>
        group.done || isOver(search) ? undefined : contextOf(search, beam, place * numBeams + group.first + i, []),
      ),
    ),
  );
}

function contextOf(
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

/** One step of one prompt, whose beams are the decoder's rows from `firstRow` on. */
function advance(run: Run, search: Search, scoresOf: ScoresOf, firstRow: number): void {
  const { config } = run;
  const { prompt } = search;
  const chosen: number[] = []; // tokens that earlier groups took
  for (const group of search.groups) {
    if (group.done) {
      // as in HF, earlier groups that are done count as taking padding
      chosen.push(...group.beams.map(() => padToken(config)));
      continue;
    }
    const candidates = extensions(run, search, group, scoresOf, firstRow + group.first, chosen);
    keepBest(group, candidates, search, config);
    if (run.recorder.observer?.beams)
      run.recorder.observer.beams(observedStep(run, search, group, candidates, firstRow));
    chosen.push(...group.beams.map((beam) => beam.ids.at(-1)!));
  }
  const open = search.groups.filter((group) => !group.done).flatMap((group) => group.beams);
  const reasons = open.map((beam) => finishReason(run.stopping, beam.ids, prompt.maxLength));
  if (reasons.every((reason) => reason !== null)) search.reason = reasons[0] ?? null;
}

/** A group's step as an observer sees it. Of `candidates`, those that ended are banked as keepBest() does. */
function observedStep(
  { recorder, config }: Run,
  { number, prompt, groups }: Search,
  group: Group,
  candidates: readonly Candidate[],
  firstRow: number,
): ObservedBeams {
  const { first, beams } = group;
  const eos = eosTokens(config);
  return {
    prompt: number,
    group: groups.indexOf(group),
    first,
    step: beams[0].ids.length - 1 - prompt.ids.length,
    rows: beams.map((_, i) => recorder.observed(firstRow + first + i)),
    kept: beams.map(({ ids, score, parent }) => ({ parent: parent - first, token: ids.at(-1)!, score })),
    ended: candidates.slice(0, beams.length).filter(({ token }) => eos.includes(token)),
  };
}

/**
 * Extensions of a group's beams, which are the decoder's rows from `firstRow` on: the best, or some drawn; best first.
 */
function extensions(
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
  const each = rows.flatMap((row, parent) =>
    topIndices(row.scores, width).map((i): Candidate => ({
      parent,
      token: tokenAt(row, i),
      score: beams[parent].score + row.scores[i],
    })),
  );
  return topIndices(
    each.map(({ score }) => score),
    width,
  ).map((i) => each[i]);
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

/** Banks candidates that end, carries on the best that do not, and tells whether the group is done. */
function keepBest(group: Group, candidates: readonly Candidate[], search: Search, config: GenerationConfig): void {
  const eos = eosTokens(config);
  const size = group.beams.length;
  const { prompt } = search;
  const length = group.beams[0].ids.length + 1 - prompt.ids.length; // of the candidates, in generated tokens
  const next: Beam[] = [];
  for (const [rank, { parent, token, score }] of candidates.entries()) {
    const beam = group.beams[parent];
    const indices = [...beam.indices, search.number * config.numBeams + group.first + parent];
    if (!eos.includes(token)) {
      next.push({ ids: [...beam.ids, token], score, indices, parent: group.first + parent });
      if (next.length === size) break;
    } else if (rank < size) {
      // An ending that is not among the best `size` would not have been kept as a beam either. Whichever token ended
      // the beam, the text gets the first of the list, as in HF.
      group.finished.add(
        { generated: [...beam.ids.slice(prompt.ids.length), eos[0]], indices, reason: "eos" },
        score,
        length,
      );
    }
  }
  group.beams = next;
  group.done = group.finished.isDone(candidates[0].score, length, prompt.maxLength - prompt.ids.length);
}

/**
 * What the decoder appends for each beam, and the row that it continues. Beams of a group that is done are fed padding.
 */
function nextRows(
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

/** Ends the search: open beams compete with finished ones, over all groups. */
function bestSequences({ prompt, groups, reason }: Search, config: GenerationConfig): Sequence[] {
  for (const { done, beams, finished } of groups) {
    if (done) continue;
    for (const { ids, score, indices } of beams) {
      const generated = ids.slice(prompt.ids.length);
      finished.add({ generated, indices, reason }, score, generated.length);
    }
  }
  return groups
    .flatMap((group) => group.finished.kept)
    .reverse() // of equal scores the later one comes first, as in HF
    .sort((a, b) => descending(a.score, b.score))
    .slice(0, config.numReturnSequences)
    .map(({ score, value }) => ({
      prompt,
      generated: value.generated,
      reason: value.reason!,
      beam: { score, indices: value.indices },
    }));
}
