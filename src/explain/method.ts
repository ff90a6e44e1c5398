// How a text was searched for, in words.
import { snakeCase } from "../snake-case.ts";
import { tableDefaults } from "../generation/options/config.ts";
import { optionNames } from "../generation/options/options.ts";
import type { GenerationConfig, OptionName } from "../generation/options/options.ts";

/** Said by the method itself, or by the texts. */
const TOLD: readonly OptionName[] = [
  "numBeams",
  "numBeamGroups",
  "doSample",
  "numReturnSequences",
  "seed",
  "returnDictInGenerate",
  "bosTokenId",
  "eosTokenId",
  "padTokenId",
];
/** A list of ids says little at this length. */
const LONGEST = 60;

/** "beam search with 4 beams in 2 groups, with guidance". */
export function describeMethod({
  numBeams,
  numBeamGroups,
  doSample,
  guidanceScale,
  promptLookupNumTokens,
}: GenerationConfig): string {
  const beams = `${numBeams} beams${numBeamGroups > 1 ? ` in ${numBeamGroups} groups` : ""}`;
  const search =
    numBeams > 1
      ? `${doSample ? "beam sampling" : "beam search"} with ${beams}`
      : doSample
        ? "sampling"
        : "greedy search";
  return (
    search +
    (guidanceScale !== null && guidanceScale !== 1 ? ", with guidance" : "") +
    (promptLookupNumTokens !== null ? ", with prompt lookup" : "")
  );
}

/** Options that are not at their defaults, under the names that they have in files and as flags. */
export function describeOptions(config: GenerationConfig, seed: number | undefined): [string, string][] {
  const changed = optionNames.filter(
    (name) => !TOLD.includes(name) && JSON.stringify(config[name]) !== JSON.stringify(tableDefaults[name]),
  );
  const texts = changed.map((name): [string, string] => {
    const text = JSON.stringify(config[name]);
    return [snakeCase(name), text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text];
  });
  return seed === undefined ? texts : [...texts, ["seed", String(seed)]];
}
