// From options to a complete configuration: values are checked against the table, then for contradictions. Nothing that
// was asked for is dropped in silence: an option without effect beside the others is an error that names both.
import { UserError } from "../../errors.ts";
import { nearestName } from "../../fields.ts";
import { printable, quote } from "../../files/quote.ts";
import { optionNames, optionOf } from "./options.ts";
import type { GenerationConfig, GenerationOptions, OptionName } from "./options.ts";

/**
 * Completes `options` with `defaults` (a model's generation_config.json) and the table's defaults. Throws UserError for
 * a value out of range, for contradictory options, and for an option in `options` that would have no effect.
 */
export function resolveConfig(options: GenerationOptions, defaults: GenerationOptions = {}): GenerationConfig {
  const given = definedOnly(checkOptions(options));
  const inherited = definedOnly(checkOptions(defaults));
  // Of each pair only one can hold: what the call says displaces what the file says.
  for (const [one, other] of exclusivePairs) {
    if (isSet(given, one)) delete inherited[other];
    if (isSet(given, other)) delete inherited[one];
  }
  const config = { ...tableDefaults, ...inherited, ...given };
  const complaint = contradiction(config, given) ?? unused(config, given);
  if (complaint) throw new UserError(complaint);
  return config;
}

/** The same options, once every value is known to be in range. Throws UserError for unknown names and bad values. */
export function checkOptions(options: GenerationOptions): GenerationOptions {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!isOptionName(name)) throw new UserError(unknownOption(name, optionNames));
    const option = optionOf(name);
    if (!option.accepts(value)) throw new UserError(`${name} is ${quote(value)}; wanted ${option.range}.`);
  }
  return options;
}

/** "Unknown option topp; did you mean topP?" */
export function unknownOption(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  const advice = nearest === undefined ? `known are ${known.join(", ")}.` : `did you mean ${nearest}?`;
  return `Unknown option ${printable(name)}; ${advice}`;
}

export const isOptionName = (name: string): name is OptionName => Object.hasOwn(tableDefaults, name);

/** The end-of-sequence tokens as a list, repetitions included (they widen beam search as in HF). */
export function eosTokens(config: Pick<GenerationConfig, "eosTokenId">): readonly number[] {
  return config.eosTokenId === null ? [] : asList(config.eosTokenId);
}

/** Extensions that beam search looks at: so many that, of any, as many as there are `beams` do not end. */
export function candidateCount(config: Pick<GenerationConfig, "eosTokenId">, beams: number): number {
  return Math.max(2, 1 + eosTokens(config).length) * beams;
}

export function padToken(config: GenerationConfig): number {
  return config.padTokenId ?? eosTokens(config)[0] ?? 0;
}

export const asList = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

export const tableDefaults = Object.fromEntries(
  optionNames.map((name) => [name, optionOf(name).default]),
) as unknown as GenerationConfig;

type Given = { [K in OptionName]?: GenerationConfig[K] };

const exclusivePairs: readonly (readonly [OptionName, OptionName])[] = [
  ["maxLength", "maxNewTokens"],
  ["minLength", "minNewTokens"],
];

interface Rule {
  readonly names: readonly [OptionName, OptionName];
  readonly broken: (config: GenerationConfig) => boolean;
  readonly advice: string;
}

/** Pairs of values that no run can satisfy. */
const rules: readonly Rule[] = [
  {
    names: ["minNewTokens", "maxNewTokens"],
    broken: (c) => c.maxNewTokens !== null && c.minNewTokens !== null && c.minNewTokens > c.maxNewTokens,
    advice: "leave no possible length",
  },
  {
    names: ["minLength", "maxLength"],
    broken: (c) => c.maxNewTokens === null && c.minNewTokens === null && c.minLength > c.maxLength,
    advice: "leave no possible length",
  },
  {
    names: ["numReturnSequences", "doSample"],
    broken: (c) => c.numReturnSequences > 1 && c.numBeams === 1 && !c.doSample,
    advice: "have one result, the greedy one; set numBeams or doSample",
  },
  {
    names: ["numReturnSequences", "numBeams"],
    broken: (c) => c.numBeams > 1 && c.numReturnSequences > c.numBeams,
    advice: "ask for more sequences than there are beams",
  },
  {
    names: ["numBeamGroups", "numBeams"],
    broken: (c) => c.numBeams % c.numBeamGroups !== 0,
    advice: "do not divide evenly",
  },
  {
    names: ["numBeamGroups", "doSample"],
    broken: (c) => c.numBeamGroups > 1 && c.doSample,
    advice: "do not work together; drop one of them",
  },
  {
    names: ["numBeamGroups", "diversityPenalty"],
    broken: (c) => c.numBeamGroups > 1 && c.diversityPenalty === 0,
    advice: "make every group find the same; set diversityPenalty above 0",
  },
  {
    names: ["forceWordsIds", "numBeams"],
    broken: (c) => c.forceWordsIds !== null && c.numBeams === 1,
    advice: "do not work together: words are brought in by beam search; set numBeams above 1",
  },
  ...(["doSample", "numBeamGroups"] as const).map((name): Rule => ({
    names: ["forceWordsIds", name],
    broken: (c) => c.forceWordsIds !== null && c[name] !== tableDefaults[name],
    advice: "do not work together; drop one of them",
  })),
  {
    names: ["promptLookupNumTokens", "numBeams"],
    broken: (c) => looksUp(c) && c.numBeams > 1,
    advice: "do not work together; drop one of them",
  },
  {
    names: ["promptLookupNumTokens", "numReturnSequences"],
    broken: (c) => looksUp(c) && c.numReturnSequences > 1,
    advice: "do not work together; drop one of them",
  },
  {
    names: ["promptLookupNumTokens", "guidanceScale"],
    broken: (c) => looksUp(c) && usesGuidance(c),
    advice: "do not work together; drop one of them",
  },
  ...(["outputAttentions", "outputHiddenStates"] as const).flatMap((output): Rule[] => [
    {
      names: ["promptLookupNumTokens", output],
      broken: (c) => looksUp(c) && c[output],
      advice: "do not work together; drop one of them",
    },
    {
      names: ["guidanceScale", output],
      broken: (c) => usesGuidance(c) && c[output],
      advice: "do not work together; drop one of them",
    },
  ]),
];

function contradiction(config: GenerationConfig, given: Given): string | null {
  const complain = ([one, other]: readonly [OptionName, OptionName], advice: string): string =>
    `${one} ${JSON.stringify(config[one])} and ${other} ${JSON.stringify(config[other])} ${advice}.`;
  const both = exclusivePairs.find(([one, other]) => isSet(given, one) && isSet(given, other));
  if (both) return complain(both, "say the same thing twice; give one of them");
  const rule = rules.find(({ broken }) => broken(config));
  return rule ? complain(rule.names, rule.advice) : null;
}

/** Which options need another one to have an effect: whether they have it, what they lack, their names. */
export function conditions(c: GenerationConfig): readonly (readonly [boolean, string, readonly OptionName[]])[] {
  return [
    [c.doSample, "doSample true", ["temperature", "topK", "topP", "minP", "typicalP", "epsilonCutoff", "etaCutoff"]],
    [c.numBeams > 1, "numBeams above 1", ["earlyStopping", "lengthPenalty"]],
    [c.numBeamGroups > 1, "numBeamGroups above 1", ["diversityPenalty"]],
    [c.eosTokenId !== null, "eosTokenId", ["minLength", "minNewTokens", "exponentialDecayLengthPenalty"]],
    [
      c.returnDictInGenerate,
      "returnDictInGenerate true",
      ["outputScores", "outputLogits", "outputAttentions", "outputHiddenStates"],
    ],
  ];
}

/** Options that were given and would change nothing, each with the condition it lacks. */
function unused(c: GenerationConfig, given: Given): string | null {
  for (const [holds, wanted, names] of conditions(c)) {
    if (holds) continue;
    for (const name of names)
      if (isSet(given, name))
        return `${name} ${quote(c[name])} has no effect without ${wanted}; set that, or leave ${name} out.`;
  }
  return null;
}

export const usesGuidance = (config: GenerationConfig): boolean =>
  config.guidanceScale !== null && config.guidanceScale !== 1;
const looksUp = (config: GenerationConfig): boolean => config.promptLookupNumTokens !== null;

/** Given, and not at a value that says nothing. */
function isSet(given: Given, name: OptionName): boolean {
  const value = given[name];
  if (value === undefined) return false;
  const option = optionOf(name);
  // The lengths count as soon as they are given: maxLength 20 next to maxNewTokens 30 is a contradiction, not a
  // default.
  return name === "maxLength" || (value !== option.default && value !== option.off);
}

function definedOnly(options: GenerationOptions): Given {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Given;
}
