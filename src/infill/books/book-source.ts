// A book as examples: read, divided into passages, its people looked for, and an account of all that for the reader.
import { UserError } from "../../errors.ts";
import { printable } from "../../files/quote.ts";
import { normalizeText } from "../../text/normalize.ts";
import type { BookText } from "./book-text.ts";
import type { BookAccount } from "./book-account.ts";
import { readBook } from "./chapters.ts";
import type { Book } from "./chapters.ts";
import type { Form, FormFound } from "./form.ts";
import { FoundFields } from "./found-fields.ts";
import { languageCode } from "./language-code.ts";
import { ordered, plural } from "./sources.ts";
import type { Draft, Fields, ReadSource, SourceOptions } from "./sources.ts";
import { languageOf } from "./stop-words.ts";
import type { Verse } from "./story.ts";
import { makeTriples } from "./triples.ts";
import type { TripleOptions, TripleSet } from "./triples.ts";

const VERSE: Readonly<Record<Form, Verse>> = { auto: "leave out", prose: "join lines", verse: "keep lines" };

/**
 * Triples of a book. `file`: as readBookFile gives it, or a text as decodeBook does. `fields` go before what the
 * book's own header says. Throws UserError where it is a play or verse (unless options.form says how to take it), or
 * gives no triple.
 */
export function bookSource(file: string | BookText, name: string, fields: Fields, options: SourceOptions): ReadSource {
  const { counter, form } = options;
  const book = readBook(file, { verse: VERSE[form] });
  if (form === "auto" && book.form) refuseForm(name, book.form);
  const paragraphs = book.runs.flat();
  const set = makeTriples(book.runs, (paragraph) => counter.text(paragraph), options.triples);
  const report = book.leftOut.report(paragraphs.reduce((sum, paragraph) => sum + paragraph.text.length, 0));
  if (set.triples.length === 0) refuseWithoutTriple(name, book, set, options.triples, report);
  const headers = headerByLine(book);
  const texts = paragraphs.map((paragraph) => paragraph.text);
  const triples = set.triples.map((triple) => ({
    ...triple,
    p1: normalizeText(triple.p1),
    p2: normalizeText(triple.p2),
    p3: normalizeText(triple.p3),
  }));
  const said = fields["language"] ?? headers(triples[0]!.line)["language"];
  const language = said === undefined ? (languageOf(texts) ?? "") : languageCode(String(said));
  const passages = triples.map(({ p2 }) => p2);
  const found = new FoundFields({ paragraphs: texts, passages, language }, options.found, options.gazetteer);
  const drafts = triples.map(({ tokens, line, chapter, first, last, p1, p2, p3 }): Draft => {
    const { fields: ofPassage, aliases } = found.of({ p1, p2, p3 });
    const meta = ordered({ ...headers(line), ...ofPassage, ...fields });
    const known = Object.keys(aliases).length > 0 ? { aliases } : {};
    const example = { p1, p3, p2, meta, ...known, where: `${name}, line ${line}`, place: { book: name, chapter } };
    return { example, first, last, source: `${name}:${line}`, tokens };
  });
  const summary = summaryOf(book, paragraphs.length, set);
  const account = accountOf({ name, language, book, paragraphs: paragraphs.length, set });
  return { name, drafts, units: set.passages, summary, details: report, account };
}

function refuseForm(name: string, { form, share, example }: FormFound): never {
  const what =
    form === "play"
      ? `a play (${Math.round(100 * share)}% of its blocks begin with who speaks, as "${printable(example, 40)}")`
      : `verse (${Math.round(100 * share)}% of its text, as "${printable(example, 40)}")`;
  throw new UserError(
    `${name}: looks like ${what}, and examples are made of paragraphs of prose; ` +
      "pass --form prose to take it as prose all the same, or --form verse to keep its lines.",
  );
}

function refuseWithoutTriple(
  name: string,
  book: Book,
  { passages, tooShort, tooLong, torn }: TripleSet,
  { strict, minP2 }: TripleOptions,
  report: readonly string[],
): never {
  const paragraphs = book.runs.reduce((sum, run) => sum + run.length, 0);
  const found =
    `${plural(paragraphs, "paragraph")} in ${plural(book.runs.length, "run")}, ${plural(passages, "passage")}, ` +
    `${tooShort} too short for p2, ${tooLong} too long and ${torn} cut inside a speech`;
  const advice = torn > tooShort ? "raise --max_p2" : strict ? `lower --min_p2 (${minP2})` : "lower --min_tokens";
  throw new UserError(
    `${name}: no usable triple of paragraphs (${found}${report.length > 0 ? `; ${report.join("; ")}` : ""}); ` +
      `check that it is prose with blank lines or indents between paragraphs, or ${advice}.`,
  );
}

/** What the header of the etext that holds a line says. */
function headerByLine({ parts }: Book): (line: number) => Fields {
  const known = parts.flatMap(({ header, runs }) => {
    const first = runs[0]?.[0];
    return first ? [{ line: first.line, header: { ...header } }] : [];
  });
  return (line) => known.findLast((part) => part.line <= line)?.header ?? {};
}

function accountOf({ name, language, book, paragraphs, set }: Found): BookAccount {
  const { passages, triples, tooShort, tooLong, torn, alone } = set;
  return {
    name,
    language,
    chapters: book.chapters,
    paragraphs,
    passages,
    examples: triples.length,
    dropped: { tooShort, tooLong, torn, alone },
    leftOut: book.leftOut.counted,
    largest: book.leftOut.largestPieces,
  };
}

interface Found extends Pick<BookAccount, "name" | "language" | "paragraphs"> {
  readonly book: Book;
  readonly set: TripleSet;
}

function summaryOf({ chapters }: Book, paragraphs: number, set: TripleSet): string {
  const { passages, joined, divided, tooShort, tooLong, torn, frame, alone } = set;
  const inside = frame === undefined ? "a speech" : `a speech (the book is told in ${frame})`;
  return (
    `${plural(chapters, "chapter")}, ${plural(paragraphs, "paragraph")}: ` +
    `${plural(set.triples.length, "example")} from ${plural(passages, "passage")} (${joined} of several ` +
    `paragraphs, ${divided} of a part of one); ` +
    `as p2 ${tooShort} too short, ${tooLong} too long, ${torn} cut inside ${inside}, ` +
    `${alone} without neighbours`
  );
}
