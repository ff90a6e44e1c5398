// What a program has finished of a long piece of work, so that it goes on where it was stopped or killed: a folder with
// the settings that the work was begun with, and a line for each finished part. One process at a time has it.
import { appendFile, mkdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { isObject } from "../../files/json.ts";
import { openFolder } from "../../files/open.ts";
import { printable } from "../../files/quote.ts";
import { FolderLock } from "../train/folder-lock.ts";
import { flagName } from "./flag-table.ts";

const SETTINGS_FILE = "settings.json";
const PARTS_FILE = "parts.jsonl";

/** What decides the results, by the flags' names; those of other names are told of by these. */
export type Settings = Readonly<Record<string, unknown>>;

export interface JournalOptions {
  /** How messages name the work: its output. */
  readonly shown: string;
  /** The flag that chooses another. */
  readonly outputFlag: string;
  /** Forget what there is. */
  readonly fresh: boolean;
}

export class Journal {
  /** What is finished: a value by the part's name. */
  readonly parts: ReadonlyMap<string, unknown>;
  private readonly folder: string;
  private readonly lock: FolderLock;
  private readonly known: Map<string, unknown>;

  private constructor(folder: string, lock: FolderLock, parts: Map<string, unknown>) {
    this.folder = folder;
    this.lock = lock;
    this.parts = this.known = parts;
    process.once("exit", this.release);
  }

  /**
   * Takes the folder, which is made. Throws UserError where another process has it, where the work was begun with other
   * settings, and where the folder cannot be used.
   */
  static async open(folder: string, settings: Settings, options: JournalOptions): Promise<Journal> {
    const { shown, outputFlag, fresh } = options;
    await mkdir(folder, { recursive: true }).catch((error: Error) => {
      throw new UserError(`Cannot write ${folder}: ${error.message}; choose another ${outputFlag}.`);
    });
    const lock = await FolderLock.take(folder, shown, outputFlag);
    try {
      if (fresh) await Promise.all([SETTINGS_FILE, PARTS_FILE].map((file) => rm(join(folder, file), { force: true })));
      const before = fresh ? undefined : await readSettings(join(folder, SETTINGS_FILE));
      if (before === undefined) {
        const text = `${JSON.stringify(settings, null, 1)}\n`;
        await (await openFolder(folder)).write(new Map([[SETTINGS_FILE, text]]));
      } else {
        checkSettings(before, settings, options);
      }
      return new Journal(folder, lock, await readParts(join(folder, PARTS_FILE), { truncated: true }));
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** What a folder holds, which is left as it is. Throws UserError where it is damaged. */
  static async read(
    folder: string,
  ): Promise<{ readonly settings: Settings | undefined; readonly parts: ReadonlyMap<string, unknown> }> {
    const settings = await readSettings(join(folder, SETTINGS_FILE));
    return { settings, parts: await readParts(join(folder, PARTS_FILE), { truncated: false }) };
  }

  async add(parts: ReadonlyMap<string, unknown>): Promise<void> {
    if (parts.size === 0) return;
    const lines = [...parts].map((part) => `${JSON.stringify(part)}\n`);
    await appendFile(join(this.folder, PARTS_FILE), lines.join(""));
    for (const [name, value] of parts) this.known.set(name, value);
  }

  /** Forgets the parts, which are somewhere else now; the settings stay. */
  async clear(): Promise<void> {
    await rm(join(this.folder, PARTS_FILE), { force: true });
    this.known.clear();
  }

  /** Lets others have it. */
  readonly release = (): void => {
    process.off("exit", this.release);
    this.lock.release();
  };
}

/** Undefined where work was not begun; unreadable ones match none. */
async function readSettings(path: string): Promise<Settings | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const settings: unknown = JSON.parse(text);
    return isObject(settings) ? settings : {};
  } catch {
    return {};
  }
}

/** Throws UserError where they differ. */
export function checkSettings(
  before: Settings,
  now: Settings,
  { shown, outputFlag }: Pick<JournalOptions, "shown" | "outputFlag">,
): void {
  const text = (value: unknown): string | undefined => JSON.stringify(value);
  const other = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (key) => text(before[key]) !== text(now[key]),
  );
  if (other.length === 0) return;
  const differences = other.slice(0, 3).map((key) => differenceOf(key, before[key], now[key]));
  throw new UserError(
    `${shown} was begun ${differences.join(", ")}${other.length > 3 ? ", and more" : ""}; go on with the ` +
      `same, or choose another ${outputFlag}.`,
  );
}

/** Names of settings that are no flags. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ["model", "another model"],
  ["compare", "another model of --compare"],
  ["tokenizer", "another tokenizer"],
  ["testFile", "another --test_file"],
  ["texts", "other --texts"],
  ["rerankWeights", "other weights of ranking"],
]);
const LONGEST_VALUE = 40;

/** "with --seed 7 (it is 8 now)", "without --shard (it is 1/2 now)", "with another model" */
function differenceOf(key: string, before: unknown, now: unknown): string {
  const other = OTHER_NAMES.get(key);
  if (other !== undefined) return `with ${other}`;
  const text = (value: unknown): string => printable(typeof value === "string" ? value : JSON.stringify(value));
  const given = (value: unknown): boolean => value !== undefined && value !== null;
  if ([before, now].some((value) => given(value) && text(value).length > LONGEST_VALUE))
    return `with another ${flagName(key)}`;
  const then = given(before) ? `with ${flagName(key)} ${text(before)}` : `without ${flagName(key)}`;
  return `${then} (it is ${given(now) ? text(now) : "not given"} now)`;
}

/** The lines of the file but for half a line at its end, of a process that was killed while it wrote. */
async function readParts(path: string, { truncated }: { readonly truncated: boolean }): Promise<Map<string, unknown>> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  });
  const whole = bytes.lastIndexOf(10) + 1;
  if (truncated && whole < bytes.length) await truncate(path, whole);
  const parts = new Map<string, unknown>();
  for (const [i, line] of bytes.toString("utf8", 0, whole).split("\n").slice(0, -1).entries()) {
    const part = parsed(line);
    if (!Array.isArray(part) || part.length !== 2 || typeof part[0] !== "string")
      throw new UserError(`${path}, line ${i + 1}: is damaged; remove the file: what it lists is computed again.`);
    parts.set(part[0], part[1]);
  }
  return parts;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
