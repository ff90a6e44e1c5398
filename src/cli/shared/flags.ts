// Reads a command line by a typed table of flags. Flags are written as in Hugging Face's scripts (--train_data_file),
// with
// - and _ alike. Here every form becomes --name=value; commander then collects the values, lays out the help and
// guesses what an unknown flag was meant to be.
import { Command, CommanderError, Option } from "commander";
import { UserError } from "../../errors.ts";
import { printable, quote } from "../../files/quote.ts";
import { expectedValue, flagName, parseNumber, parseSize } from "./flag-table.ts";
import type { Flag, FlagTable, FlagValues, Program } from "./flag-table.ts";
import { addHelp } from "./help.ts";
import { versionLine } from "./project-path.ts";

export { defineFlags } from "./flag-table.ts";
export type { Flag, FlagTable, FlagValues, ForeignFlag, Program } from "./flag-table.ts";

export interface ParsedFlags<T extends FlagTable> {
  readonly values: FlagValues<T>;
  /** Keys of the flags that stood on the command line. */
  readonly given: ReadonlySet<keyof T & string>;
  readonly positionals: readonly string[];
}

/** Thrown by parseFlags when only a text is wanted; runCli prints the message and exits 0. */
export class TextRequested extends Error {
  override readonly name: string = "TextRequested";
}
/** On --help. */
export class HelpRequested extends TextRequested {
  override readonly name = "HelpRequested";
}

/**
 * Reads `argv` (without node and the script). Values: `--name value`, `--name=value`; booleans: `--name`, `--name
 * false`, `--no_name`. Throws UserError on an unknown flag, a missing, malformed or out-of-range value, or a repeated
 * flag; HelpRequested on --help, TextRequested on --version.
 */
export function parseFlags<const T extends FlagTable>(program: Program<T>, argv: readonly string[]): ParsedFlags<T> {
  const command = buildCommand(program);
  const { tokens, positionals, foreign } = normalize(program, argv);
  if (tokens.includes("--help")) throw new HelpRequested(command.helpInformation());
  if (tokens.includes("--version")) throw new TextRequested(`${versionLine()}\n`);
  if (foreign.size > 0) throw new UserError(answerForeign(program, foreign, [...tokens, ...positionals]));
  refuseUnknown(program, tokens);
  command.parse(tokens, { from: "user" });
  if (positionals.length > 0 && !program.positionals) {
    throw new UserError(
      `Unexpected argument ${quote(positionals[0])}: flags begin with --, and a text with spaces needs quotes. ` +
        `--help lists the flags.`,
    );
  }
  const values: Record<string, unknown> = {};
  const given = new Set<string>();
  for (const [key, flag] of Object.entries(program.flags)) {
    const attribute = flagName(key).slice(2);
    values[key] = command.getOptionValue(attribute) ?? emptyValue(flag);
    if (command.getOptionValueSource(attribute) === "cli") given.add(key);
  }
  return { values: values as FlagValues<T>, given, positionals };
}

/** The text that --help prints, at most 100 columns wide. */
export function helpText<T extends FlagTable>(program: Program<T>): string {
  return buildCommand(program).helpInformation();
}

function buildCommand<T extends FlagTable>(program: Program<T>): Command {
  const command = new Command(program.command)
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} });
  for (const [key, flag] of Object.entries(program.flags)) {
    const name = flagName(key);
    let seen: unknown; // not commander's own previous value, which begins as the default
    const option = new Option(`${name} <${placeholder(flag)}>`, flag.help)
      .argParser((text: string) => (seen = parseValue(name, flag, text, seen)))
      .helpGroup(`${flag.group}:`);
    if ("default" in flag && flag.default !== undefined) option.default(flag.default);
    command.addOption(option);
  }
  return addHelp(command, program);
}

function placeholder(flag: Flag): string {
  const names = {
    int: "int",
    float: "number",
    size: "size",
    bool: "true|false",
    string: "text",
    choice: "name",
    list: "text",
    ints: "int,...",
    pairs: "key=value",
  };
  return flag.placeholder ?? names[flag.type];
}

function emptyValue(flag: Flag): unknown {
  switch (flag.type) {
    case "bool":
      return false;
    case "list":
    case "ints":
      return [];
    case "pairs":
      return new Map();
    default:
      return undefined;
  }
}

interface Normalized {
  readonly tokens: string[];
  readonly positionals: string[];
  /** Flags of other programs, as typed, with what is said of them. */
  readonly foreign: ReadonlyMap<string, string>;
}

/**
 * Rewrites the command line to the one form --name=value with canonical names; unknown flags stay as they are typed.
 */
function normalize<T extends FlagTable>(
  { flags: table, foreignFlags = {} }: Program<T>,
  argv: readonly string[],
): Normalized {
  const foreign = new Map<string, string>();
  const names = new Map<string, { name: string; flag: Flag }>();
  for (const [key, flag] of Object.entries(table)) {
    const name = flagName(key);
    for (const each of [name.slice(2), ...(flag.aliases ?? [])]) names.set(each, { name, flag });
  }
  const nameOf = (token: string) => token.slice(2).split("=", 1)[0].replaceAll("-", "_");
  const find = (token: string) => names.get(nameOf(token));
  const tokens: string[] = [];
  const positionals: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const token = argv[i];
    if (token === "--") {
      positionals.push(...argv.slice(i + 1));
      break;
    }
    if (!/^--?[a-z]/i.test(token)) {
      positionals.push(token);
      continue;
    }
    if (token === "-h" || token === "--help" || token === "--version") {
      tokens.push(token === "-h" ? "--help" : token);
      continue;
    }
    const found = token.startsWith("--") ? find(token) : undefined;
    const equals = token.indexOf("=");
    const value = equals < 0 ? undefined : token.slice(equals + 1);
    const negated = found ? undefined : find(token.replace(/^--no[-_]/, "--"));
    if (negated?.flag.type === "bool") {
      if (value !== undefined)
        throw new UserError(
          `${token.slice(0, equals)} takes no value; write ${negated.name} true or ${negated.name} false.`,
        );
      tokens.push(`${negated.name}=false`);
    } else if (!found && Object.hasOwn(foreignFlags, nameOf(token))) {
      const { answer, takesValue } = foreignFlags[nameOf(token)];
      foreign.set(token.split("=", 1)[0], answer);
      const next = argv[i + 1] ?? "--";
      if (value === undefined && (takesValue ? !next.startsWith("--") : /^(true|false)$/i.test(next))) i++;
    } else if (!found) {
      tokens.push(token);
    } else if (value !== undefined) {
      tokens.push(`${found.name}=${value}`);
    } else if (found.flag.type === "bool") {
      const next = /^(true|false)$/i.test(argv[i + 1] ?? "") ? argv[++i] : "true";
      tokens.push(`${found.name}=${next}`);
    } else {
      const next = argv[i + 1];
      if (next === undefined || (next.startsWith("--") && (next.length === 2 || find(next) || next === "--help"))) {
        const follows = `, but ${next} follows; a text that begins with -- is written ${found.name}="--..."`;
        throw new UserError(
          `${found.name} needs a value: ${expectedValue(found.flag)}${next === undefined ? "" : follows}.`,
        );
      }
      tokens.push(`${found.name}=${next}`);
      i++;
    }
  }
  return { tokens, positionals, foreign };
}

function parseValue(name: string, flag: Flag, text: string, before: unknown): unknown {
  const fail = (): never => {
    throw new UserError(`${name} is ${quote(text)}, expected ${expectedValue(flag)}.`);
  };
  if (flag.type === "list") return [...((before as string[]) ?? []), text];
  if (flag.type === "ints")
    return [
      ...((before as number[]) ?? []),
      ...text.split(",").map((each) => parseNumber(each.trim(), true) ?? fail()),
    ];
  if (flag.type === "pairs") {
    const pairs = new Map((before as Map<string, string>) ?? []);
    for (const pair of flag.commas ? text.split(/,(?=[^,=]*=)/) : [text]) {
      const equals = pair.indexOf("=");
      const key = pair.slice(0, equals).trim();
      const value = pair.slice(equals + 1);
      if (equals < 1 || key === "") fail();
      if (pairs.has(key))
        throw new UserError(
          `${name} gives ${printable(key)} twice (${printable(pairs.get(key)!)} and ${printable(value)}); give ` +
            `it once.`,
        );
      pairs.set(key, value);
    }
    return pairs;
  }
  if (before !== undefined)
    throw new UserError(`${name} is given twice (${printable(String(before))} and ${printable(text)}); give it once.`);
  switch (flag.type) {
    case "string":
      return text;
    case "size":
      return parseSize(text, flag) ?? fail();
    case "bool":
      return /^true$/i.test(text) ? true : /^false$/i.test(text) ? false : fail();
    case "choice":
      return flag.choices.includes(text) ? text : fail();
    case "int":
    case "float": {
      const value = parseNumber(text, flag.type === "int");
      const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity } = flag;
      return value !== undefined && value >= min && value <= max && value > above && value < below ? value : fail();
    }
    default:
      return flag.type satisfies never;
  }
}

/** One answer for all of them, and the command line without them. */
function answerForeign<T extends FlagTable>(
  program: Program<T>,
  foreign: ReadonlyMap<string, string>,
  rest: readonly string[],
): string {
  const width = Math.max(...[...foreign.keys()].map((name) => name.length));
  const lines = [...foreign].map(([name, answer]) => `  ${name.padEnd(width)}  ${answer}`);
  const others = rest.map((token) => (/^[\w./=:,@%+-]+$/.test(token) ? token : `'${token.replaceAll("'", "'\\''")}'`));
  return [
    `${foreign.size === 1 ? "This flag" : "These flags"} of Hugging Face's scripts ` +
      `${foreign.size === 1 ? "is" : "are"} not for this program:`,
    ...lines,
    `Without ${foreign.size === 1 ? "it" : "them"}: ${[program.command, ...others].join(" ")}`,
  ].join("\n");
}

/**
 * Throws UserError on flags that are not in the table, all of them at once, each with what it may have been meant to
 * be.
 */
function refuseUnknown<T extends FlagTable>(program: Program<T>, tokens: readonly string[]): void {
  const known = new Set(Object.keys(program.flags).map(flagName));
  const unknown = tokens.filter((token) => !known.has(token.split("=", 1)[0]));
  const close = unknown.map((token) => closest(program, token));
  const typed = unknown.map((token) => printable(token.split("=", 1)[0]));
  if (unknown.length === 1)
    throw new UserError(
      `Unknown flag ${typed[0]}${close[0] ? `; did you mean ${close[0]}?` : "."} --help lists all flags.`,
    );
  if (unknown.length > 1)
    throw new UserError(
      `Unknown flags ${typed.map((name, i) => name + (close[i] ? ` (did you mean ${close[i]}?)` : "")).join(", ")}. ` +
        `--help lists all flags.`,
    );
}

/** What commander takes an unknown flag for: "--beam or --beams", or undefined. */
function closest<T extends FlagTable>(program: Program<T>, token: string): string | undefined {
  try {
    buildCommand(program).parse([token], { from: "user" });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const [, names] = /Did you mean (?:one of )?(.*?)\?\)/s.exec(error.message) ?? [];
    return names?.replace(/, ([^,]*)$/, " or $1");
  }
}
