// Constrained beam search: beams that must hold given words before they may end. Each step looks at the best
// extensions, as plain beam search does, and at every token that brings a beam nearer to what it lacks; beams are
// sorted into banks by how much they hold, and the places are dealt out over the banks in turn (dynamic beam
// allocation, Post and Vilar 2018; Hu et al. 2019), as in Hugging Face's ConstrainedBeamSearchScorer (4.44). Unlike
// there, each beam's own best extension is looked at too (as in the paper: else beams that hold all are lost to
// likelier ones that hold nothing), and a beam is never carried on when the tokens left are too few for what it
// lacks: so whatever is returned holds all constraints.
import { UserError } from "../../errors.ts";
import { candidateCount, eosTokens } from "../options/config.ts";
import type { GenerationConfig } from "../options/options.ts";
import { checkTokens } from "../options/prompts.ts";
import type { Prompt } from "../options/prompts.ts";
import { descending } from "../scores/scores.ts";
import { extensionsOfEach } from "./beam-candidates.ts";
import type { Candidate } from "./beam-candidates.ts";
import { contextOf, isAlive, NO_BEAM } from "./beam-state.ts";
import type { Group, Search } from "./beam-state.ts";
import { DisjunctiveConstraint, UnmetConstraints } from "./constraint.ts";
import type { ConstraintList, Progress } from "./constraint-list.ts";
import type { Run } from "./run.ts";
import type { ScoresOf } from "./score-rows.ts";

interface Extension {
  readonly candidate: Candidate;
  readonly progress: Progress;
}

/**
 * Extensions of a group's beams, which are the decoder's rows from `firstRow` on: those that end and hold all
 * constraints, then as many as there are beams, dealt out over the banks. Throws UserError when no text is left that
 * could hold them.
 */
export function constrainedExtensions(
  constraints: ConstraintList,
  run: Run,
  search: Search,
  group: Group,
  scoresOf: ScoresOf,
  firstRow: number,
): Candidate[] {
  const { config } = run;
  const { beams, finished } = group;
  const size = beams.length;
  const eos = eosTokens(config);
  const rows = beams.map((beam, i) => scoresOf(contextOf(search, beam, firstRow + i, [])));
  // After one of these come so many tokens more; a forced end takes one of them.
  const left = search.prompt.maxLength - beams[0].ids.length - 1 - (config.forcedEosTokenId === null ? 0 : 1);
  const texts = new Set<string>();
  const viable = (candidate: Candidate): Extension[] => {
    const { parent, token, score } = candidate;
    const text = `${parent} ${token}`;
    if (!isAlive(score) || texts.has(text)) return [];
    texts.add(text);
    const { progress: before } = beams[parent];
    if (eos.includes(token)) return before!.complete ? [{ candidate, progress: before! }] : [];
    const progress = constraints.update(before!, token);
    return progress.need <= left ? [{ candidate, progress }] : [];
  };
  const best = extensionsOfEach(beams, rows, candidateCount(config, size))
    .flatMap(viable)
    .sort((a, b) => descending(a.candidate.score, b.candidate.score));
  const isEnd = ({ candidate }: Extension): boolean => eos.includes(candidate.token);
  const ended = best.slice(0, size).filter(isEnd);
  // The best of all and, so that no beam is lost to likelier ones that hold less, the best of each.
  const going = best.filter((extension) => !isEnd(extension));
  const ofEach = beams.flatMap((_, parent) => going.find(({ candidate }) => candidate.parent === parent) ?? []);
  const free = [...new Set([...going.slice(0, size), ...ofEach])];
  texts.clear(); // what was not among the best may still come as an advance
  for (const { candidate } of free) texts.add(`${candidate.parent} ${candidate.token}`);
  const advanced = beams.flatMap(({ score, progress }, parent) =>
    constraints
      .advance(progress!)
      .map((token): Candidate => ({ parent, token, score: score + rows[parent].scores[token] })),
  );
  const open = [...free, ...advanced.flatMap(viable).filter((extension) => !isEnd(extension))];
  const chosen = dealt(open).slice(0, size).map(candidateOf);
  if (chosen.length + ended.length + finished.kept.length === 0)
    throw new UnmetConstraints(
      `The constraints cannot be met: after ${beams[0].ids.length - search.prompt.ids.length} new tokens no text is ` +
        "left that could hold them all; allow more new tokens or more beams, ask for fewer words, or forbid fewer.",
    );
  let token = 0;
  while (eos.includes(token) && token + 1 < run.decoder.vocabSize) token++; // any that does not end a text
  const filler = { parent: 0, token, score: NO_BEAM };
  return [...ended.map(candidateOf), ...chosen, ...Array.from({ length: size - chosen.length }, () => filler)];
}

/** Throws UserError where they need another way of searching, more tokens than there are, or tokens that cannot be. */
export function checkConstraints(
  constraints: ConstraintList,
  config: GenerationConfig,
  prompts: readonly Prompt[],
  vocabSize: number,
): void {
  const wrong = [
    config.numBeams === 1 && "numBeams is 1",
    config.doSample && "doSample is true",
    config.numBeamGroups > 1 && `numBeamGroups is ${config.numBeamGroups}`,
  ].find((reason) => reason !== false);
  if (wrong)
    throw new UserError(
      `Constraints are met by beam search, and ${wrong}; set numBeams above 1 without doSample and numBeamGroups, or ` +
        "drop the constraints.",
    );
  for (const { ids, maxLength } of prompts) {
    const { need } = constraints.start(ids);
    if (need <= maxLength - ids.length) continue;
    throw new UserError(
      `The constraints need at least ${need} new tokens, and there is room for ${maxLength - ids.length}; allow more ` +
        "with maxNewTokens, or ask for fewer words.",
    );
  }
  const tokens = constraints.constraints.flatMap((each) =>
    each instanceof DisjunctiveConstraint ? each.sequences.flat() : [],
  );
  checkTokens("constraints", tokens, vocabSize);
  const end = tokens.find((token) => eosTokens(config).includes(token));
  if (end !== undefined)
    throw new UserError(`A constraint holds token ${end}, which ends a text (eosTokenId); leave it out.`);
}

const candidateOf = ({ candidate }: Extension): Candidate => candidate;

/** The best of each bank, from the fullest bank down, then the second best of each, and so on. */
function dealt(extensions: readonly Extension[]): Extension[] {
  const sorted = [...extensions].sort(
    (a, b) => descending(a.progress.bank, b.progress.bank) || descending(a.candidate.score, b.candidate.score),
  );
  const places = new Map<number, number>();
  const ranked = sorted.map((extension) => {
    const place = places.get(extension.progress.bank) ?? 0;
    places.set(extension.progress.bank, place + 1);
    return { extension, place };
  });
  return ranked.sort((a, b) => a.place - b.place).map(({ extension }) => extension);
}
