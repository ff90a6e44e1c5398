// What the three kinds of input (books, JSON Lines of ready examples, ILM's documents) give: examples that know their
// place. Their length class is filled in at the end, when the lengths of all are known.
import { UserError } from "../../errors.ts";
import type { Random } from "../../random.ts";
import { normalizeText } from "../../text/normalize.ts";
import { parseJsonl } from "../example.ts";
import type { InfillExample, MetaValue } from "../example.ts";
import { maskDocument, splitDocuments } from "../ilm.ts";
import type { MaskOptions } from "../ilm.ts";
import { lengthClass, requireLengthClass } from "../length-class.ts";
import type { LengthBounds } from "../length-class.ts";
import { recordedTemplate } from "../recorded-template.ts";
import type { PlacedExample, Source } from "../split.ts";
import { DEFAULT_TEMPLATE } from "../template.ts";
import type { BookAccount } from "./book-account.ts";
import type { Form } from "./form.ts";
import type { Gazetteer } from "./gazetteer.ts";
import type { TokenCounter } from "./measure.ts";
import type { TripleOptions } from "./triples.ts";

/** Metadata of a whole book or file: title, genre, ... */
export type Fields = Readonly<Record<string, MetaValue>>;

export interface SourceOptions {
  readonly counter: TokenCounter;
  readonly triples: TripleOptions;
  readonly masks: MaskOptions;
  /** Fields to look for in books (FOUND_FIELDS); default none. */
  readonly found?: ReadonlySet<string>;
  /** Helps to tell names. */
  readonly gazetteer?: Gazetteer;
  readonly form: Form;
}

/** An example whose length class is still open. */
export type Draft = Omit<PlacedExample, "total">;

export interface ReadSource {
  readonly name: string;
  readonly units: number;
  readonly drafts: readonly Draft[];
  /** What was found, for people. */
  readonly summary: string;
  /** What was left out, a line each. */
  readonly details: readonly string[];
  /** Of a book: the same in numbers. */
  readonly account?: BookAccount;
}

/** The order of the fields in a file, for readers; in the sequence the template's order holds. */
const FIELD_ORDER = ["gap", ...DEFAULT_TEMPLATE.metadataFields];

/**
 * Ready examples. Fields that they lack are filled in from `fields`. A length class that follows from the bounds which
 * the file records is left open again: this run's bounds may be others. Throws UserError with line and field at fault.
 */
export function jsonlSource(text: string, name: string, fields: Fields, { counter }: SourceOptions): ReadSource {
  const bounds = recordedTemplate(text, name)?.template.lengthBounds;
  const drafts = parseJsonl(text, name).map((example, i): Draft => {
    const normalized: InfillExample = {
      ...example,
      p1: normalizeText(example.p1),
      p2: normalizeText(example.p2),
      p3: normalizeText(example.p3),
    };
    const tokens = counter.text(normalized.p2);
    const { meta } = example;
    const drafted = typeof meta === "string" ? meta : ordered({ ...fields, ...withoutClass(meta, tokens, bounds) });
    return {
      example: { ...normalized, meta: drafted },
      first: i,
      last: i,
      source: example.where!.replace(", line ", ":"),
      tokens,
    };
  });
  return { name, drafts, units: drafts.length, summary: plural(drafts.length, "example"), details: [] };
}

function withoutClass(fields: Fields | undefined, tokens: number, bounds: LengthBounds | undefined): Fields {
  const { length, ...others } = fields ?? {};
  return length === undefined || (bounds && length === lengthClass(tokens, bounds)) ? others : { length, ...others };
}

/** Gaps in documents that three newlines separate. Throws UserError when none was masked. */
export function documentSource(
  text: string,
  name: string,
  fields: Fields,
  { counter, masks }: SourceOptions,
  random: Random,
): ReadSource {
  const documents = splitDocuments(text);
  const drafts = documents.flatMap((document, i) =>
    maskDocument(document, masks, random).map(({ granularity, p1, p2, p3 }): Draft => {
      const where = `${name}, document ${i + 1}`;
      const place = { book: name, chapter: i + 1 };
      const example = { p1, p3, p2, meta: ordered({ ...fields, gap: granularity }), where, place };
      return { example, first: i, last: i, source: where, tokens: counter.text(p2) };
    }),
  );
  if (drafts.length === 0) {
    throw new UserError(
      `${name}: no mask fell on its ${plural(documents.length, "document")} (three newlines separate documents); ` +
        "raise --ilm_probability or --ilm_passes.",
    );
  }
  const kinds = masks.granularities.map(
    (granularity) =>
      `${drafts.filter(({ example }) => (example.meta as Fields)["gap"] === granularity).length} ${granularity}`,
  );
  return {
    name,
    drafts,
    units: documents.length,
    summary: `${plural(documents.length, "document")}: ${plural(drafts.length, "example")} (${kinds.join(", ")})`,
    details: [],
  };
}

/**
 * The examples of a source with their length class, where they do not say one themselves, and measured whole. `bounds`:
 * undefined where the template has no length. Throws UserError on what the template does not allow.
 */
export function placeExamples(
  { drafts, units }: ReadSource,
  bounds: LengthBounds | undefined,
  counter: TokenCounter,
): Source {
  const examples = drafts.map((draft): PlacedExample => {
    const { meta, where } = draft.example;
    const example =
      typeof meta === "string" || bounds === undefined
        ? draft.example
        : { ...draft.example, meta: ordered({ length: lengthClass(draft.tokens, bounds), ...meta }) };
    if (typeof example.meta === "object" && bounds && Object.hasOwn(example.meta, "length"))
      requireLengthClass(String(example.meta["length"]), bounds, where ?? draft.source);
    return { ...draft, example, total: counter.example(example) };
  });
  return { units, examples };
}

export function ordered(fields: Fields): Fields {
  const known = FIELD_ORDER.filter((field) => Object.hasOwn(fields, field));
  return Object.fromEntries(
    [...known, ...Object.keys(fields).filter((field) => !known.includes(field))].map((field) => [
      field,
      fields[field]!,
    ]),
  );
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
