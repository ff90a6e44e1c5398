// The table that describes a program's flags: names, types, ranges, defaults and help stand together, and the type of
// each parsed value follows from its row. flags.ts reads a command line by it, help.ts prints it.
import { snakeCase } from "../../snake-case.ts";
import { formatBytes } from "./format.ts";

interface FlagBase {
  readonly help: string;
  /** Heading in the help: "Data". */
  readonly group: string;
  /** Other names, in snake_case without dashes: ["beam"]. */
  readonly aliases?: readonly string[];
  /** What the help shows for the value: "path" -> --output_dir <path>. */
  readonly placeholder?: string;
  /** Shown as the default where the table has none: "the model's own". */
  readonly defaultText?: string;
}
export interface NumberFlag extends FlagBase {
  readonly type: "int" | "float";
  readonly default?: number;
  /** Inclusive bounds. */
  readonly min?: number;
  readonly max?: number;
  /** Exclusive bounds. */
  readonly above?: number;
  readonly below?: number;
}
/** A number of bytes: "5GB" is 5e9. */
export interface SizeFlag extends FlagBase {
  readonly type: "size";
  /** What a number alone is in. */
  readonly unit: SizeUnit;
  /** Bytes, 1 where nothing is said. */
  readonly min?: number;
}
export interface BoolFlag extends FlagBase {
  readonly type: "bool";
  readonly default?: boolean;
}
export interface StringFlag extends FlagBase {
  readonly type: "string";
  readonly default?: string;
}
export interface ChoiceFlag extends FlagBase {
  readonly type: "choice";
  readonly choices: readonly string[];
  readonly default?: string;
}
/** "list": repeated texts. "ints": whole numbers, repeated or separated by commas. "pairs": repeated key=value. */
export interface ManyFlag extends FlagBase {
  readonly type: "list" | "ints" | "pairs";
  /** "pairs": commas separate them too, as in n_layer=4,n_head=4; a comma that no key= follows is part of a value. */
  readonly commas?: boolean;
}
export type Flag = NumberFlag | SizeFlag | BoolFlag | StringFlag | ChoiceFlag | ManyFlag;

/** Keys are camelCase; numBeams is --num_beams on the command line. */
export type FlagTable = Readonly<Record<string, Flag>>;

type Known<F extends Flag, V> = F extends { readonly default: V } ? V : V | undefined;
export type FlagValue<F extends Flag> = F extends NumberFlag
  ? F extends { readonly default: number }
    ? number
    : number | undefined
  : F extends SizeFlag
    ? number | undefined
    : F extends BoolFlag
      ? boolean
      : F extends ChoiceFlag
        ? Known<F, F["choices"][number]>
        : F extends StringFlag
          ? F extends { readonly default: string }
            ? string
            : string | undefined
          : F extends { readonly type: "list" }
            ? readonly string[]
            : F extends { readonly type: "ints" }
              ? readonly number[]
              : ReadonlyMap<string, string>;
export type FlagValues<T extends FlagTable> = { readonly [K in keyof T]: FlagValue<T[K]> };

/** A flag of another program that people bring along. */
export interface ForeignFlag {
  /** What takes its place, or "drop it" and why. */
  readonly answer: string;
  /** Whether the next argument belongs to it. */
  readonly takesValue: boolean;
}

export interface Program<T extends FlagTable> {
  /** As typed: "npx tsx src/train.ts". */
  readonly command: string;
  readonly summary: string;
  readonly flags: T;
  /** By their names in snake_case without dashes; all on a command line are answered together. */
  readonly foreignFlags?: Readonly<Record<string, ForeignFlag>>;
  /** Arguments without a flag; without this there are none. */
  readonly positionals?: { readonly name: string; readonly help: string };
  /** Command lines (without the command, and what starts it) and what they do. */
  readonly examples?: readonly { readonly launcher?: string; readonly args: string; readonly does: string }[];
}

/** A table with its literal types kept, so that parseFlags knows choices and defaults. */
export function defineFlags<const T extends FlagTable>(table: T): T {
  return table;
}

/** camelCase key -> flag name with dashes: numBeams -> --num_beams. */
export function flagName(key: string): string {
  return `--${snakeCase(key)}`;
}

/** A decimal number, finite, and with `whole` an exact integer; undefined for any other text. */
export function parseNumber(text: string, whole: boolean): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
  const value = Number(text);
  return (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) ? value : undefined;
}

const BYTES = { bytes: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
export type SizeUnit = keyof typeof BYTES;

/** "5GB", as Hugging Face writes it, -> 5e9 bytes; undefined for what is none, or less than `min` bytes. */
export function parseSize(text: string, { unit, min = 1 }: Pick<SizeFlag, "unit" | "min">): number | undefined {
  const [, number, written] = /^(\d+\.?\d*|\.\d+)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  if (number === undefined) return undefined;
  const meant = Object.entries(BYTES).find(([name]) => name.toLowerCase() === (written || unit).toLowerCase());
  const bytes = Math.floor(Number(number) * (meant?.[1] ?? NaN));
  return Number.isSafeInteger(bytes) && bytes >= min ? bytes : undefined;
}

/** What a flag takes, for messages. */
export function expectedValue(flag: Flag): string {
  switch (flag.type) {
    case "int":
    case "float": {
      const bounds = rangeText(flag);
      return `${flag.type === "int" ? "a whole number" : "a number"}${bounds && ` ${bounds}`}`;
    }
    case "size": {
      const least = flag.min === undefined ? "" : ` of at least ${formatBytes(flag.min)}`;
      return `a size${least} such as 5GB, 500MB or 2GiB (a number alone is in ${flag.unit})`;
    }
    case "bool":
      return "true or false";
    case "choice":
      return `one of ${flag.choices.join(", ")}`;
    case "ints":
      return "whole numbers separated by commas";
    case "pairs":
      return "key=value";
    case "string":
    case "list":
      return flag.placeholder === undefined ? "a text" : `a ${flag.placeholder}`;
    default:
      return flag satisfies never;
  }
}

/** "from 0 to 1", "above 0 and at most 1", "of at least 1", or "". */
export function rangeText({ min, max, above, below }: NumberFlag): string {
  if (min !== undefined && max !== undefined) return `from ${min} to ${max}`;
  const low = min !== undefined ? `of at least ${min}` : above !== undefined ? `above ${above}` : "";
  const high = max !== undefined ? `at most ${max}` : below !== undefined ? `below ${below}` : "";
  return [low, high].filter(Boolean).join(" and ");
}
