// The look of --help: groups in the table's order, names in one column, what a flag takes and its default after the
// text, never wider than the terminal or 100 columns.
import type { Command } from "commander";
import stringWidth from "string-width";
import { flagName, rangeText } from "./flag-table.ts";
import type { Flag, FlagTable, Program } from "./flag-table.ts";
import { terminalWidth, wrapText } from "./format.ts";
import { styleFor } from "./style.ts";

const MARGIN = "  ";
/** A longer name gets a line of its own, rather than pushing every text to the right. */
const NAME_COLUMN = 34;
/** On a terminal with less room beside the names, texts stand under them. */
const LEAST_ROOM = 36;
const UNDER_NAMES = 4;

/** Gives `command` the help of `program`. */
export function addHelp<T extends FlagTable>(command: Command, program: Program<T>): Command {
  const width = terminalWidth(process.stdout);
  const { bold } = styleFor(process.stdout);
  const flags = new Map(Object.entries(program.flags).map(([key, flag]) => [flagName(key), flag]));
  const notes = new Map([...flags].map(([name, flag]) => [name, noteOf(name, flag)]));
  command.description(program.summary).helpOption("-h, --help", "print this text");
  command.optionsGroup("Help:"); // what is not in the table: --help itself, and the version
  command.option("--version", "print the version");
  if (program.positionals) command.argument(`[${program.positionals.name}...]`, program.positionals.help);
  command.usage(`[flags]${program.positionals ? ` ${program.positionals.name}...` : ""}`);
  command.configureHelp({
    helpWidth: width,
    styleTitle: bold,
    padWidth: () => (width - NAME_COLUMN < LEAST_ROOM ? UNDER_NAMES : NAME_COLUMN),
    displayWidth: stringWidth,
    boxWrap: wrapText,
    optionTerm: (option) => (flags.get(option.long!)?.type === "bool" ? option.long! : option.flags),
    optionDescription: (option) => [option.description, notes.get(option.long!)].filter(Boolean).join(" "),
    formatItem: (term, column, text) => {
      const body = wrapText(text, width, " ".repeat(MARGIN.length + column)).trimStart();
      const gap =
        term.length < column - 1 ? " ".repeat(column - term.length) : `\n${" ".repeat(MARGIN.length + column)}`;
      return `${MARGIN}${term}${gap}${body}`;
    },
  });
  const examples = (program.examples ?? [])
    .map(({ launcher, args, does }) => {
      const command = [launcher, program.command, args].filter((word) => word !== undefined).join(" ");
      return `${wrapText(does, width, MARGIN)}\n${commandLine(command, width)}\n`;
    })
    .join("");
  const rules = wrapText(
    "In flag names - and _ are alike. --flag=value works too; a switch is --flag, --flag false or --no_flag.",
    width,
  );
  const plain = command.helpInformation.bind(command);
  command.helpInformation = () =>
    `${plain().trimEnd()}\n\n${examples && `${bold("Examples:")}\n${examples}\n`}${rules}\n`;
  return command;
}

/** A command to copy; where it is too long for the terminal, further lines begin with a flag or `npx`. */
function commandLine(text: string, width: number): string {
  const [first, ...parts] = text.trimEnd().split(/ (?=--|npx )/);
  const lines = [MARGIN.repeat(2) + first];
  for (const part of parts) {
    const joined = `${lines.at(-1)} ${part}`;
    if (stringWidth(joined) + 2 <= width) lines[lines.length - 1] = joined;
    else lines.push(MARGIN.repeat(3) + part);
  }
  return lines.join(" \\\n");
}

/** "(above 0 and at most 1; default 1)": what the value may be, what it is without the flag, and other names. */
function noteOf(name: string, flag: Flag): string {
  const parts: string[] = [];
  if (flag.type === "int" || flag.type === "float") parts.push(rangeText(flag).replace(/^of /, ""));
  if (flag.type === "size") parts.push(`5GB, 500MB, 2GiB; a number alone is in ${flag.unit}`);
  if (flag.type === "choice") parts.push(flag.choices.join(" | "));
  if (flag.type === "list" || flag.type === "pairs") parts.push("may be repeated");
  if (flag.defaultText !== undefined) parts.push(`default: ${flag.defaultText}`);
  else if (flag.type === "bool" && flag.default) parts.push(`default: on; --no_${name.slice(2)} turns it off`);
  else if ("default" in flag && flag.default !== undefined && flag.default !== false)
    parts.push(`default: ${flag.default === "" ? "empty" : String(flag.default)}`);
  for (const alias of flag.aliases ?? []) parts.push(`also --${alias}`);
  const text = parts.filter(Boolean).join("; ");
  return text && `(${text})`;
}
