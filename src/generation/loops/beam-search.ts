// Beam search: for each prompt the `numBeams` most probable unfinished texts are carried along; each step extends all
// of them by every token and keeps the best again. With `numBeamGroups` the beams are split into groups that search one
// after the other, each steered away from the tokens earlier groups just took (diverse beam search, Vijayakumar et al.
// 2016); plain beam search is one group. With `doSample` the extensions are drawn instead of taken from the top.
// Step for step the algorithm of Hugging Face 4.44 (generation/beam_search.py), but every prompt by itself: neighbours
// in the batch change nothing.
import { eosTokens, padToken } from "../options/config.ts";
import type { GenerationConfig } from "../options/options.ts";
import { descending } from "../scores/scores.ts";
import { extensions } from "./beam-candidates.ts";
import type { Candidate } from "./beam-candidates.ts";
import { contextsOf, isAlive, isOver, nextRows, startSearch } from "./beam-state.ts";
import type { Beam, Group, Search } from "./beam-state.ts";
import { constrainedExtensions } from "./constrained-beams.ts";
import { UnmetConstraints } from "./constraint.ts";
import type { ConstraintList } from "./constraint-list.ts";
import type { ObservedBeams } from "./observer.ts";
import type { ReadBack } from "./read-back.ts";
import type { Run, Sequence } from "./run.ts";
import { readScores } from "./score-rows.ts";
import type { ScoresOf } from "./score-rows.ts";
import { finishReason } from "./stopping-criteria.ts";

/** The `numReturnSequences` best sequences of each prompt, best first. */
export async function beamSearch(run: Run, back: ReadBack): Promise<Sequence[]> {
  const { decoder, config, recorder } = run;
  const all = run.prompts.map((prompt, number) => startSearch(prompt, number, config, run.seed, run.constraints));
  let searches = all; // those the decoder holds, numBeams rows each, in its order
  for (;;) {
    const scoresOf = await readScores(run, back, contextsOf(searches, config.numBeams));
    for (const [place, search] of searches.entries())
      if (!isOver(search)) advance(run, search, scoresOf, place * config.numBeams);

    const open = searches.filter((search) => !isOver(search));
    if (open.length === 0) return all.flatMap((search) => bestSequences(run, search));
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
    const candidates = run.constraints
      ? constrainedExtensions(run.constraints, run, search, group, scoresOf, firstRow + group.first)
      : extensions(run, search, group, scoresOf, firstRow + group.first, chosen);
    keepBest(group, candidates, search, config, run.constraints);
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

/** Banks candidates that end, carries on the best that do not, and tells whether the group is done. */
function keepBest(
  group: Group,
  candidates: readonly Candidate[],
  search: Search,
  config: GenerationConfig,
  constraints?: ConstraintList,
): void {
  const eos = eosTokens(config);
  const size = group.beams.length;
  const { prompt } = search;
  const length = group.beams[0].ids.length + 1 - prompt.ids.length; // of the candidates, in generated tokens
  const next: Beam[] = [];
  for (const [rank, { parent, token, score }] of candidates.entries()) {
    const beam = group.beams[parent];
    const indices = [...beam.indices, search.number * config.numBeams + group.first + parent];
    if (!eos.includes(token)) {
      const progress = constraints?.update(beam.progress!, token);
      next.push({ ids: [...beam.ids, token], score, indices, parent: group.first + parent, progress });
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
  const best = Math.max(...candidates.map(({ score }) => score));
  group.done =
    group.finished.isDone(best, length, prompt.maxLength - prompt.ids.length) ||
    (constraints !== undefined && !next.some(({ score }) => isAlive(score)));
}

/**
 * Ends the search: open beams compete with finished ones, over all groups; those that hold all constraints, if there
 * are any. Throws UserError when too few do, unless the caller's signal came first.
 */
function bestSequences({ config, constraints }: Run, { prompt, groups, reason }: Search): Sequence[] {
  const mustHold = constraints !== undefined && reason !== "aborted";
  for (const { done, beams, finished } of groups) {
    if (done) continue;
    for (const { ids, score, indices, progress } of beams) {
      if (mustHold && !(isAlive(score) && progress!.complete)) continue;
      const generated = ids.slice(prompt.ids.length);
      finished.add({ generated, indices, reason }, score, generated.length);
    }
  }
  const kept = groups.flatMap((group) => group.finished.kept);
  if (mustHold && kept.length < config.numReturnSequences)
    throw new UnmetConstraints(
      `The constraints are met by ${kept.length === 0 ? "none" : `only ${kept.length}`} of the texts that the search ` +
        `found${reason === "time" || reason === "stop" ? ", which other criteria ended" : ""}, and ` +
        `numReturnSequences is ${config.numReturnSequences}; use more beams, more new tokens or fewer constraints.`,
    );
  return kept
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
