// Reads a command line by a typed table of flags. Flags are written as in Hugging Face's scripts (--train_data_file),
// with
// - and _ alike. Here every form becomes --name=value; commander then collects the values, lays out the help and
// guesses what an unknown flag was meant to be.
import { Command, CommanderError, Option } from "commander";
import { UserError } from "../../errors.ts";
import { expectedValue, flagName } from "./flag-table.ts";
import type { Flag, FlagTable, FlagValues, Program } from "./flag-table.ts";
import { addHelp } from "./help.ts";
import { versionLine } from "./project-path.ts";

export { defineFlags } from "./flag-table.ts";
export type { Flag, FlagTable, FlagValues, Program } from "./flag-table.ts";

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
  const { tokens, positionals } = normalize(program.flags, argv);
  if (tokens.includes("--help")) throw new HelpRequested(command.helpInformation());
  if (tokens.includes("--version")) throw new TextRequested(`${versionLine()}\n`);
  try {
    command.parse(tokens, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UserError(explain(error));
  }
  if (positionals.length > 0 && !program.positionals) {
    throw new UserError(
      `Unexpected argument ${JSON.stringify(positionals[0])}: flags begin with --, and a text with spaces needs quotes. --help lists the flags.`,
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

/**
 * Rewrites the command line to the one form --name=value with canonical names; unknown flags stay as they are typed.
 */
function normalize(table: FlagTable, argv: readonly string[]): { tokens: string[]; positionals: string[] } {
  const names = new Map<string, { name: string; flag: Flag }>();
  for (const [key, flag] of Object.entries(table)) {
    const name = flagName(key);
    for (const each of [name.slice(2), ...(flag.aliases ?? [])]) names.set(each, { name, flag });
  }
  const find = (token: string) => names.get(token.slice(2).split("=", 1)[0].replaceAll("-", "_"));
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
        throw new UserError(
          `${found.name} needs a value: ${expectedValue(found.flag)}${next === undefined ? "" : `, but ${next} follows; a text that begins with -- is written ${found.name}="--..."`}.`,
        );
      }
      tokens.push(`${found.name}=${next}`);
      i++;
    }
  }
  return { tokens, positionals };
}

function parseValue(name: string, flag: Flag, text: string, before: unknown): unknown {
  const fail = (): never => {
    throw new UserError(`${name} is ${JSON.stringify(text)}, expected ${expectedValue(flag)}.`);
  };
  if (flag.type === "list") return [...((before as string[]) ?? []), text];
  if (flag.type === "ints")
    return [
      ...((before as number[]) ?? []),
      ...text.split(",").map((each) => parseNumber(each.trim(), true) ?? fail()),
    ];
  if (flag.type === "pairs") {
    const equals = text.indexOf("=");
    const pairs = new Map((before as Map<string, string>) ?? []);
    const key = text.slice(0, equals).trim();
    if (equals < 1 || key === "") fail();
    if (pairs.has(key))
      throw new UserError(
        `${name} gives ${key} twice (${pairs.get(key)} and ${text.slice(equals + 1)}); give it once.`,
      );
    return pairs.set(key, text.slice(equals + 1));
  }
  if (before !== undefined)
    throw new UserError(`${name} is given twice (${String(before)} and ${text}); give it once.`);
  switch (flag.type) {
    case "string":
      return text;
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

function parseNumber(text: string, whole: boolean): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
  const value = Number(text);
  return (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) ? value : undefined;
}

/** Commander's own errors: only unknown flags can be left by now. */
function explain(error: CommanderError): string {
  const [, typed = error.message] = /unknown option '(.*?)(?:=.*)?'/s.exec(error.message) ?? [];
  const [, close] = /Did you mean (?:one of )?(.*?)\?\)/s.exec(error.message) ?? [];
  return `Unknown flag ${typed}${close ? `; did you mean ${close.replace(/, ([^,]*)$/, " or $1")}?` : "."} --help lists all flags.`;
}
