// One infilling example: the paragraph before (p1), the paragraph after (p3), the paragraph between (p2) and what is
// wanted of it (meta). Read from JSON Lines: one object a line, blank lines skipped, a byte-order mark and any line
// ends accepted. "aliases" gives other forms of the characters' names; "book" and "chapter" say where the example
// stands, for the evaluation; all other fields are ignored, so files may carry their own ids and notes.
import { UserError } from "../errors.ts";
import { isObject, parseJson } from "../files/json.ts";
import { quote } from "../files/quote.ts";
import { normalizeLineEnds } from "../text/normalize.ts";

export type MetaValue = string | number | readonly (string | number)[];
type Fields = Readonly<Record<string, unknown>>;

/** A line of a JSON Lines file. */
export interface Row {
  /** For messages: "train.jsonl, line 12". */
  readonly where: string;
  /** Its number, from 1. */
  readonly line: number;
  readonly fields: Fields;
}

/** Named fields, or one plain sentence that is used as it stands. */
export type Meta = string | Readonly<Record<string, MetaValue>>;

export type Aliases = Readonly<Record<string, readonly string[]>>;

/** What generation starts from. p1 or p3 may be empty: nothing stands before, or after, the gap. */
export interface InfillRequest {
  readonly p1: string;
  readonly p3: string;
  readonly meta?: Meta;
  /** Other forms of the names in meta.characters ("Mr. Holmes", "Sherlock Holmes"), by name: any of them counts. */
  readonly aliases?: Aliases;
  /** Where it was read, for messages: "train.jsonl, line 12". */
  readonly where?: string;
}

export interface InfillExample extends InfillRequest {
  readonly p2: string;
  /** Absent where the file does not say. */
  readonly place?: Place;
}

/** Where an example stands. Examples of a file follow one another in the order of the book. */
export interface Place {
  readonly book: string;
  readonly chapter?: string | number;
}

/**
 * Examples to train or evaluate on. Throws UserError with file, line and field on the first fault, and when there is
 * none.
 */
export function parseJsonl(text: string, name: string): InfillExample[] {
  return parseRows(text, name).map(exampleOf);
}

/** The example of a line. Throws UserError with file, line and field at fault. */
export function exampleOf({ where, fields }: Row): InfillExample {
  const p2 = textField(fields, "p2", where);
  if (p2.trim() === "")
    throw new UserError(`${where}: field "p2" is blank, wanted the paragraph to learn; fill it in or remove the line.`);
  const place = placeOf(fields);
  return { ...request(fields, where), p2, ...(place && { place }) };
}

/** Of "book" and "chapter", else of a "source" such as "book.txt:120"; what has another form is a note of one's own. */
function placeOf({ book, chapter, source }: Fields): Place | undefined {
  const named = typeof book === "string" ? book : typeof source === "string" ? /^(.+):\d+$/s.exec(source)?.[1] : "";
  if (named === undefined || named === "") return undefined;
  return { book: named, ...((typeof chapter === "string" || typeof chapter === "number") && { chapter }) };
}

/** Gaps to fill: as parseJsonl, but p2 is neither needed nor read. */
export function parseRequests(text: string, name: string): InfillRequest[] {
  return parseRequestLines(text, name).map(({ gap }) => gap);
}

/** The same, each with the whole object of its line. */
export function parseRequestLines(
  text: string,
  name: string,
): { readonly gap: InfillRequest; readonly fields: Fields }[] {
  return parseRows(text, name).map(({ where, fields }) => ({ gap: request(fields, where), fields }));
}

/**
 * The example with each metadata field left out with probability `rate` (a plain string likewise), so that a model
 * trained on the result also works with any subset of them. `random` gives uniform numbers in [0, 1).
 */
export function dropMetadata<E extends InfillRequest>(example: E, rate: number, random: () => number): E {
  const { meta } = example;
  if (meta === undefined) return example;
  if (typeof meta === "string") return random() < rate ? { ...example, meta: undefined } : example;
  return { ...example, meta: Object.fromEntries(Object.entries(meta).filter(() => random() >= rate)) };
}

/** Each line's object, whatever is in it. Throws UserError where a line is none, and when there is none. */
export function parseRows(text: string, name: string): Row[] {
  const rows = rowsOf(normalizeLineEnds(text), name);
  if (rows.length === 0) throw noExamples(name);
  return rows;
}

export const noExamples = (name: string): UserError =>
  new UserError(`${name}: no examples found, wanted one JSON object a line with "p1", "p3" and "p2"; check the file.`);

/** The same of lines that end with "\n" alone, of which the first has this number in the file; maybe none. */
export function rowsOf(lines: string, name: string, firstLine = 1): Row[] {
  const rows: Row[] = [];
  // Other separators (U+2028...) may stand inside a JSON string; a bare "\r" may not.
  for (const [index, line] of lines.split("\n").entries()) {
    if (!isRow(line)) continue;
    const number = firstLine + index;
    const where = `${name}, line ${number}`;
    rows.push({ where, line: number, fields: parseObject(line, where) });
  }
  return rows;
}

/** Whether a line is to hold an object: blank ones are skipped. */
export const isRow = (line: string): boolean => line.trim() !== "";

function parseObject(line: string, where: string): Fields {
  const value = parseJson(line, where, "each line must be one whole JSON object");
  if (isObject(value)) return value;
  throw new UserError(
    `${where}: found ${describe(value)}, wanted an object with "p1", "p3" and "p2"; each line must be one JSON object.`,
  );
}

function request(fields: Fields, where: string): InfillRequest {
  const base = { p1: textField(fields, "p1", where), p3: textField(fields, "p3", where), where };
  return {
    ...base,
    ...(fields["meta"] !== undefined && { meta: metaField(fields["meta"], where) }),
    ...(fields["aliases"] !== undefined && { aliases: aliasesField(fields["aliases"], where) }),
  };
}

function aliasesField(value: unknown, where: string): Aliases {
  const isLists = isObject(value) && Object.values(value).every((forms) => isTexts(forms));
  if (isLists) return value as Aliases;
  throw new UserError(
    `${where}: field "aliases" is ${describe(value)}, wanted lists of other forms by name ` +
      `({"Holmes": ["Sherlock Holmes"]}); correct the line or leave it out.`,
  );
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function textField(fields: Fields, field: string, where: string): string {
  const value = fields[field];
  if (typeof value === "string") return value;
  throw new UserError(`${where}: field "${field}" is ${describe(value)}, wanted a string; correct the line.`);
}

function metaField(value: unknown, where: string): Meta {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(
      `${where}: field "meta" is ${describe(value)}, wanted an object or a string; correct the line or leave it out.`,
    );
  }
  for (const [key, entry] of Object.entries(value)) {
    const items: unknown[] = Array.isArray(entry) ? entry : [entry];
    const wrong = items.find((item) => typeof item !== "string" && typeof item !== "number");
    if (wrong !== undefined) {
      const found = Array.isArray(entry) ? `a list holding ${describe(wrong)}` : describe(wrong);
      throw new UserError(
        `${where}: field ${quote(`meta.${key}`)} is ${found}, wanted a string, a number or a list of them; ` +
          "correct it or leave it out.",
      );
    }
  }
  return value as Meta;
}

function describe(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return `the ${typeof value} ${quote(value)}`;
}
