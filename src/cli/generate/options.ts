// The options of generate() as flags: made from the table of options, so that every option is a flag with its name,
// range and default, and read back into options. Messages of the engine, which name options in camelCase, are turned
// into flags here.
import { UserError } from "../../errors.ts";
import { optionNames, optionOf } from "../../generation/options/options.ts";
import type { GenerationOptions, OptionName } from "../../generation/options/options.ts";
import type { Flag } from "../shared/flags.ts";
import { expectedValue, flagName } from "../shared/flag-table.ts";

/** Headings of the help, each at the option it begins with; the table is in this order. */
const GROUPS: Readonly<Partial<Record<OptionName, string>>> = {
  maxLength: "Length",
  doSample: "Search",
  temperature: "Sampling: what is left to draw from, in order of application",
  guidanceScale: "Changes to the scores, in order of application",
  bosTokenId: "Special tokens",
  outputScores: "Returned besides the text, with --json",
};
const ALIASES: Readonly<Partial<Record<OptionName, readonly string[]>>> = { numBeams: ["beam"] };
/** Defaults that depend on the model or the run. */
const DEFAULTS: Readonly<Partial<Record<OptionName, string>>> = {
  maxLength: "none",
  maxNewTokens: "what the context leaves, at most 256",
  numReturnSequences: "1; 3 samples with --interactive",
  seed: "a fresh one",
  bosTokenId: "the model's",
  eosTokenId: "the template's or the tokenizer's",
  padTokenId: "the tokenizer's",
};

/** Flags that are no options of generate(), as src/writing speaks of them. */
const OTHER_NAMES = [
  "forceWords",
  "badWords",
  "anyCase",
  "endsWith",
  "requireCharacters",
  "requireLength",
  "rerank",
  "meta",
  "words",
];

/** A flag for every option. */
export const optionFlags: Readonly<Record<OptionName, Flag>> = buildFlags();

function buildFlags(): Record<OptionName, Flag> {
  const flags: Partial<Record<OptionName, Flag>> = {};
  let group = "";
  for (const name of optionNames) {
    group = GROUPS[name] ?? group;
    const { meaning, range, default: initial } = optionOf(name);
    const help = inFlagNames(meaning);
    const base = { group, aliases: ALIASES[name] };
    const value = DEFAULTS[name] ?? (initial === null ? "none" : String(initial));
    switch (kindOf(name)) {
      case "bool":
        flags[name] = {
          ...base,
          type: "bool",
          default: initial as boolean,
          defaultText: initial ? undefined : "off",
          help,
        };
        break;
      case "choice":
        flags[name] = { ...base, type: "choice", choices: ["false", "true", "never"], defaultText: value, help };
        break;
      case "texts":
        flags[name] = { ...base, type: "list", defaultText: value, help };
        break;
      default:
        flags[name] = {
          ...base,
          type: "string",
          placeholder: placeholderOf(range),
          defaultText: `${value}${range === "a number" ? "" : `; ${range.replace(/^an? /, "")}`}`,
          help,
        };
    }
  }
  return flags as Record<OptionName, Flag>;
}

function kindOf(name: OptionName): "bool" | "choice" | "texts" | "value" {
  const { default: initial, accepts } = optionOf(name);
  if (accepts("never") && accepts(true)) return "choice";
  if (typeof initial === "boolean") return "bool";
  return accepts(["a text"]) ? "texts" : "value";
}

function placeholderOf(range: string): string {
  return /^a token/.test(range) ? "token" : /^a (whole )?number/.test(range) ? "number" : "list";
}

/** The options whose flags were given. Throws UserError for a value that the option does not take. */
export function givenOptions(
  values: Readonly<Record<OptionName, unknown>>,
  given: ReadonlySet<string>,
): GenerationOptions {
  const options: Record<string, unknown> = {};
  for (const name of optionNames) if (given.has(name)) options[name] = optionValue(name, values[name]);
  return options;
}

function optionValue(name: OptionName, value: unknown): unknown {
  const { accepts, range } = optionOf(name);
  // Lists are JSON, their outer brackets may be left out: --suppress_tokens 5,7.
  const readings = typeof value === "string" ? [numeric(value), json(value), json(`[${value}]`), value] : [value];
  const found = readings.find((reading) => reading !== undefined && accepts(reading));
  if (found === undefined)
    throw new UserError(
      `${flagName(name)} is ${JSON.stringify(value)}, expected ${range || expectedValue(optionFlags[name])}.`,
    );
  return found;
}

function numeric(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * "topK 5 has no effect without doSample true" -> "--top_k 5 has no effect without --do_sample true". "seed" is a word
 * of its own.
 */
export function inFlagNames(text: string): string {
  return text.replace(
    /(?<![\w-])(?:[a-z]+(?:[A-Z][a-z]*)+|temperature|rerank|meta(?= "| length=)|words(?= instead))\b/g,
    (word) => ([...(optionNames as string[]), ...OTHER_NAMES].includes(word) ? flagName(word) : word),
  );
}

/** Runs `action`; a UserError of the engine comes out in terms of flags. */
export async function withFlagNames<R>(action: () => R | Promise<R>): Promise<R> {
  try {
    return await action();
  } catch (error) {
    throw named(error);
  }
}

/** `call`, whose UserErrors come out in terms of flags. */
export function inFlags<A extends readonly unknown[], R>(call: (...given: A) => R): (...given: A) => R {
  return (...given) => {
    try {
      return call(...given);
    } catch (error) {
      throw named(error);
    }
  };
}

function named(error: unknown): unknown {
  if (error instanceof UserError) error.message = inFlagNames(error.message); // it stays the kind of error that it is
  return error;
}
