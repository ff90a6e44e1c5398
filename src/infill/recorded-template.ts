// The template that a file of examples was made for, recorded in the file itself: each line carries it as one more
// field, so that neither a copy of the file, nor a part of it, nor its lines in another order lose what its markers and
// the length classes S, M and L mean. Readers of JSON Lines that do not know the field see an object, as "meta" is one.
import { UserError } from "../errors.ts";
import { isObject } from "../files/json.ts";
import { quote } from "../files/quote.ts";
import { parseRows } from "./example.ts";
import type { InfillExample, Row } from "./example.ts";
import { parseTemplate } from "./template.ts";
import type { InfillTemplate } from "./template.ts";

/** Of each line, beside p1, p3, p2, meta. */
export const RECORD_FIELD = "infill_template";

/** A template, and what messages call the place where it stands. */
export interface PlacedTemplate {
  readonly template: InfillTemplate;
  readonly name: string;
}

/** A line of JSON Lines, its end included. `source`: where the example comes from, for people. */
export function recordedLine(
  { p1, p3, p2, meta, aliases, place }: InfillExample,
  source: string,
  template: InfillTemplate,
): string {
  return `${JSON.stringify({ p1, p3, p2, meta, aliases, source, ...place, [RECORD_FIELD]: template })}\n`;
}

/**
 * The template that the lines of `text` record; undefined where none does: older files, and those of other programs.
 * Lines without it may stand among others. Throws UserError, naming the line, where it is no template, and where two
 * lines differ.
 */
export function recordedTemplate(text: string, name: string): PlacedTemplate | undefined {
  if (!mayRecord(text)) return undefined;
  const found = new RecordedTemplates();
  for (const record of recordsOf(parseRows(text, name))) found.add(record);
  return found.first && { template: found.first.template, name };
}

/** What a line records as its template, not yet read. */
export interface TemplateRecord {
  /** Of the first line that has it. */
  readonly where: string;
  readonly record: unknown;
}

/** A cheap look, which misses nothing that recordedLine() writes. */
export const mayRecord = (text: string): boolean => text.includes(`"${RECORD_FIELD}"`);

/** All that rows record, each once. */
export function recordsOf(rows: readonly Row[]): TemplateRecord[] {
  const found = new Map<string, TemplateRecord>();
  for (const { where, fields } of rows) {
    const record = fields[RECORD_FIELD];
    if (isMissing(record)) continue;
    const key = JSON.stringify(record);
    if (!found.has(key)) found.set(key, { where, record });
  }
  return [...found.values()];
}

/** The one template of a file, whose records come one after the other. */
export class RecordedTemplates {
  private readonly seen = new Set<string>();
  /** Named by its line. */
  first: PlacedTemplate | undefined;

  /** Throws UserError, naming the line, where it is no template, or not the one that was recorded before. */
  add({ where, record }: TemplateRecord): void {
    const key = JSON.stringify(record);
    if (this.seen.has(key)) return;
    this.seen.add(key);
    const placed = { template: parseTemplate(withoutMissing(record), `${where}, ${RECORD_FIELD}`), name: where };
    if (this.first) requireSame(this.first, placed, "keep the lines of different runs in files of their own");
    else this.first = placed;
  }
}

/** Throws UserError, naming the first field in which the two differ, unless they say the same. `todo`: a way out. */
export function requireSame(a: PlacedTemplate, b: PlacedTemplate, todo: string): void {
  const fields = [...new Set([...Object.keys(a.template), ...Object.keys(b.template)])] as (keyof InfillTemplate)[];
  const field = fields.find((name) => canonical(a.template[name]) !== canonical(b.template[name]));
  if (field !== undefined) refuse(field, a, b, todo);
}

/** The same for the meaning of the length classes alone, where both give one. */
export function requireSameBounds(a: PlacedTemplate, b: PlacedTemplate, todo: string): void {
  const [one, other] = [a.template.lengthBounds, b.template.lengthBounds];
  if (one && other && canonical(one) !== canonical(other)) refuse("lengthBounds", a, b, todo);
}

function refuse(field: keyof InfillTemplate, a: PlacedTemplate, b: PlacedTemplate, todo: string): never {
  throw new UserError(
    `${a.name} and ${b.name} contradict each other: ${field} is ${quote(a.template[field])} in the first and ` +
      `${quote(b.template[field])} in the second; ${todo}.`,
  );
}

/** null is what programs that keep tables write for a cell that was never filled. */
function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}

function withoutMissing(record: unknown): unknown {
  return isObject(record)
    ? Object.fromEntries(Object.entries(record).filter(([, value]) => !isMissing(value)))
    : record;
}

/** As JSON with the keys in order. */
function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
