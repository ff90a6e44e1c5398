// The three kinds of input, each as examples that know their place: books, JSON Lines of ready examples, and ILM's
// documents.
import { UserError } from "../../errors.ts";
import type { Random } from "../../random.ts";
import { normalizeText } from "../../text/normalize.ts";
import { parseJsonl } from "../example.ts";
import type { InfillExample, Meta, MetaValue } from "../example.ts";
import { maskDocument, splitDocuments } from "../ilm.ts";
import type { MaskOptions } from "../ilm.ts";
import { lengthClass } from "../length-class.ts";
import type { LengthBounds } from "../length-class.ts";
import type { PlacedExample, Source } from "../split.ts";
import { readBook } from "./chapters.ts";
import { Characters } from "./characters.ts";
import type { TokenCounter } from "./measure.ts";
import { makeTriples } from "./triples.ts";
import type { TripleOptions } from "./triples.ts";

/** Metadata of a whole book or file: title, genre, ... */
export type Fields = Readonly<Record<string, MetaValue>>;

export interface SourceOptions {
  readonly counter: TokenCounter;
  readonly lengthBounds: LengthBounds;
  readonly triples: TripleOptions;
  readonly masks: MaskOptions;
  /** Whether to look for the characters in books. */
  readonly characters: boolean;
}

export interface ReadSource extends Source {
  readonly name: string;
  /** What was found and what was left out, for people. */
  readonly summary: string;
}

/** The order of the fields in a file, for readers; in the sequence the template's order holds. */
const FIELD_ORDER = ["gap", "length", "genre", "theme", "characters", "title", "author", "language", "summary"];

/**
 * Triples of a book. `text`: as decodeBook gives it. `fields` go before what the book's own header says. Throws
 * UserError when there is no triple.
 */
export function bookSource(text: string, name: string, fields: Fields, options: SourceOptions): ReadSource {
  const { counter, lengthBounds } = options;
  const book = readBook(text);
  const paragraphs = book.runs.flat();
  const { triples, tooShort, tooLong } = makeTriples(
    book.runs,
    (paragraph) => counter.text(paragraph),
    options.triples,
  );
  if (triples.length === 0) {
    throw new UserError(
      `${name}: no usable triple of paragraphs (${paragraphs.length} paragraphs in ${book.runs.length} runs, ${tooShort} too short and ${tooLong} too long for p2); check that it is prose with blank lines or indents between paragraphs, or lower --min_tokens.`,
    );
  }
  const cast = options.characters ? new Characters(paragraphs.map((paragraph) => paragraph.text)) : undefined;
  const examples = triples.map(({ tokens, line, first, last, ...texts }): PlacedExample => {
    const [p1, p2, p3] = [texts.p1, texts.p2, texts.p3].map(normalizeText) as [string, string, string];
    const characters = cast?.in(p2, p1, p3) ?? [];
    const meta = ordered({
      ...book.header,
      ...fields,
      length: lengthClass(tokens, lengthBounds),
      ...(characters.length > 0 ? { characters } : {}),
    });
    const example = { p1, p3, p2, meta, where: `${name}, line ${line}` };
    return { example, first, last, source: `${name}:${line}`, tokens, total: counter.example(example) };
  });
  const left = [
    [book.displays, "verse, signs and separators"],
    [book.notes, "notes"],
  ] as const;
  return {
    name,
    examples,
    units: paragraphs.length,
    summary:
      `${plural(book.chapters, "chapter")}, ${plural(paragraphs.length, "paragraph")}: ${plural(examples.length, "example")}` +
      `; as p2 ${tooShort} too short, ${tooLong} too long; left out ${left.map(([count, what]) => `${count} ${what}`).join(", ")}`,
  };
}

/**
 * Ready examples. Fields that they lack are filled in from `fields`, and the length class. Throws UserError with line
 * and field at fault.
 */
export function jsonlSource(
  text: string,
  name: string,
  fields: Fields,
  { counter, lengthBounds }: SourceOptions,
): ReadSource {
  const examples = parseJsonl(text, name).map((example, i): PlacedExample => {
    const tokens = counter.text(normalizeText(example.p2));
    const meta: Meta =
      typeof example.meta === "string"
        ? example.meta
        : ordered({ ...fields, length: lengthClass(tokens, lengthBounds), ...example.meta });
    const trimmed: InfillExample = {
      ...example,
      p1: normalizeText(example.p1),
      p2: normalizeText(example.p2),
      p3: normalizeText(example.p3),
      meta,
    };
    return {
      example: trimmed,
      first: i,
      last: i,
      source: example.where!.replace(", line ", ":"),
      tokens,
      total: counter.example(trimmed),
    };
  });
  return { name, examples, units: examples.length, summary: plural(examples.length, "example") };
}

/** Gaps in documents that three newlines separate. Throws UserError when none was masked. */
export function documentSource(
  text: string,
  name: string,
  fields: Fields,
  { counter, lengthBounds, masks }: SourceOptions,
  random: Random,
): ReadSource {
  const documents = splitDocuments(text);
  const examples = documents.flatMap((document, i) =>
    maskDocument(document, masks, random).map(({ granularity, p1, p2, p3 }): PlacedExample => {
      const tokens = counter.text(p2);
      const meta = ordered({ ...fields, gap: granularity, length: lengthClass(tokens, lengthBounds) });
      const where = `${name}, document ${i + 1}`,
        example = { p1, p3, p2, meta, where };
      return { example, first: i, last: i, source: where, tokens, total: counter.example(example) };
    }),
  );
  if (examples.length === 0) {
    throw new UserError(
      `${name}: no mask fell on its ${plural(documents.length, "document")} (three newlines separate documents); raise --ilm_probability or --ilm_passes.`,
    );
  }
  const kinds = masks.granularities.map(
    (granularity) =>
      `${examples.filter(({ example }) => (example.meta as Fields)["gap"] === granularity).length} ${granularity}`,
  );
  return {
    name,
    examples,
    units: documents.length,
    summary: `${plural(documents.length, "document")}: ${plural(examples.length, "example")} (${kinds.join(", ")})`,
  };
}

function ordered(fields: Fields): Fields {
  const known = FIELD_ORDER.filter((field) => Object.hasOwn(fields, field));
  return Object.fromEntries(
    [...known, ...Object.keys(fields).filter((field) => !known.includes(field))].map((field) => [
      field,
      fields[field]!,
    ]),
  );
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
