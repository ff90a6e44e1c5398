// Books as the files that training reads, from their texts or bytes to JSON Lines: what src/prepare.ts does, without
// a disk, so that a page does it with the books that were dropped on it.
import { UserError } from "../../errors.ts";
import { expectFields } from "../../fields.ts";
import type { FieldsOf } from "../../fields.ts";
import { Random } from "../../random.ts";
import { normalizeName } from "../../text/normalize.ts";
import type { InfillExample } from "../example.ts";
import { fieldsLeftOut, withKnownFields } from "../known-fields.ts";
import { lengthThirds } from "../length-class.ts";
import { DEFAULT_MASKS } from "../ilm.ts";
import { recordedLine } from "../recorded-template.ts";
import { SPLITS, splitExamples } from "../split.ts";
import type { PlacedExample, Shares, Split, SplitExamples } from "../split.ts";
import { DEFAULT_TEMPLATE, specialTokensToAdd, TEMPLATE_FILE, templateToJson } from "../template.ts";
import type { InfillTemplate } from "../template.ts";
import { GPT2Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { BookAccount } from "./book-account.ts";
import { bookSource } from "./book-source.ts";
import type { Form } from "./form.ts";
import { FOUND_FIELDS } from "./found-fields.ts";
import { NAME_FIELDS } from "./characters.ts";
import { openGazetteer } from "./gazetteer.ts";
import { TokenCounter } from "./measure.ts";
import { readBookFile } from "./read-file.ts";
import { placeExamples } from "./sources.ts";
import type { Fields, ReadSource } from "./sources.ts";
import { DEFAULT_TRIPLES } from "./triples.ts";
import type { TripleOptions } from "./triples.ts";

export interface BookInput {
  /** With its ending, "emma.epub", for messages and for what cannot be told from the bytes. */
  readonly name: string;
  /** EPUB, DOCX, HTML, Markdown or plain text, by what the bytes say; a string is text that is decoded already. */
  readonly data: string | Uint8Array;
  /** Of all its examples: title, author, genre, language. */
  readonly fields?: Fields;
}

export interface PrepareBooksOptions {
  /** Default: DEFAULT_TEMPLATE. Bounds of the length classes that it lacks follow from the books. */
  readonly template?: InfillTemplate;
  /** What counts tokens; gets the template's special tokens. Default: GPT-2's. */
  readonly tokenizer?: GPT2Tokenizer;
  readonly triples?: Partial<TripleOptions>;
  /** How to take plays and verse; default auto, which refuses them. */
  readonly form?: Form;
  /** Look for characters, places and other names; needs the package `compromise`. Default true. */
  readonly findNames?: boolean;
  /** Shares of the text that are held out; default 0.05 each. */
  readonly validation?: number;
  readonly test?: number;
  /** Of where those lie; default 42. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** One sentence on what was found in a book, and on each thing that was left out. */
  readonly onNote?: (note: string) => void;
  /** The same of each book, in numbers. */
  readonly onBook?: (account: BookAccount) => void;
}

const OPTIONS: FieldsOf<PrepareBooksOptions> = {
  template: true,
  tokenizer: true,
  triples: true,
  form: true,
  findNames: true,
  validation: true,
  test: true,
  seed: true,
  signal: true,
  onNote: true,
  onBook: true,
};

export interface PreparedBooks extends Readonly<Record<Split, readonly InfillExample[]>> {
  /** With the bounds of the length classes. */
  readonly template: InfillTemplate;
  /** train.jsonl, validation.jsonl, test.jsonl and infill_template.json, as text: to be written to a Folder. */
  readonly files: ReadonlyMap<string, string>;
}

/** Seed word, so that drawing other things does not move the split. */
const SPLIT_DRAWS = 1;

/**
 * Examples of all books, divided into parts that share no paragraph. Throws UserError, naming the book, where one
 * cannot be read or gives no example, and where a part that is wanted stays empty; the signal's reason.
 *
 * @example
 * const books = [{ name: "emma.txt", data: text, fields: { genre: "novel" } }];
 * const { train, validation, files } = await prepareBooks(books);
 */
export async function prepareBooks(
  books: readonly BookInput[],
  options: PrepareBooksOptions = {},
): Promise<PreparedBooks> {
  expectFields("prepareBooks()", options, OPTIONS);
  const { template = DEFAULT_TEMPLATE, tokenizer = GPT2Tokenizer.default(), form = "auto", findNames = true } = options;
  const { validation = 0.05, test = 0.05, seed = 42, signal, onNote = () => {}, onBook } = options;
  if (books.length === 0) throw new UserError("prepareBooks() has no book to read; give it one.");
  if (!(validation >= 0 && test >= 0 && validation + test < 1))
    throw new UserError(
      `validation is ${validation} and test ${test}: shares from 0 on that leave something for training are wanted.`,
    );
  tokenizer.addSpecialTokens(specialTokensToAdd(template));
  const counter = new TokenCounter(template, tokenizer);
  const found = new Set<string>(
    FOUND_FIELDS.filter(
      (field) =>
        template.metadataFields.includes(field) &&
        field !== "summary" && // a sentence of p2 itself, which a model that is given it copies
        (findNames || !(NAME_FIELDS as readonly string[]).includes(field)),
    ),
  );
  const gazetteer = NAME_FIELDS.some((field) => found.has(field)) ? await openGazetteer() : undefined;
  const triples = { ...DEFAULT_TRIPLES, ...options.triples };
  const sources: ReadSource[] = [];
  const left = new Map<string, number>();
  for (const { name, data, fields = {} } of books) {
    signal?.throwIfAborted();
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const reading = { counter, triples, found, gazetteer, form, masks: DEFAULT_MASKS };
    const source = bookSource(await readBookFile(bytes, name), name, fields, reading);
    const drafts = source.drafts.map((draft) => ({
      ...draft,
      example: withKnownFields(template, draft.example, left),
    }));
    sources.push({ ...source, drafts });
    for (const note of [`${name}: ${source.summary}`, ...source.details]) onNote(note);
    if (source.account) onBook?.(source.account);
  }
  for (const note of fieldsLeftOut(left)) onNote(note);
  const divided = divideSources(sources, template, counter, { validation, test }, seed);
  const { parts } = divided.split;
  const empty = SPLITS.find((name) => ({ train: 1, validation, test })[name] > 0 && parts[name].length === 0);
  if (empty !== undefined)
    throw new UserError(`The books give no example for ${empty}; add books, or change the shares (0 makes none).`);
  const examples = (name: Split): InfillExample[] => parts[name].map(({ example }) => example);
  return {
    template: divided.template,
    train: examples("train"),
    validation: examples("validation"),
    test: examples("test"),
    files: preparedFiles(parts, divided.template),
  };
}

/** The examples of all sources in their parts, and the template with the bounds by which their lengths have classes. */
export function divideSources(
  sources: readonly ReadSource[],
  layout: InfillTemplate,
  counter: TokenCounter,
  shares: Shares,
  seed: number,
): { readonly template: InfillTemplate; readonly split: SplitExamples } {
  const tokens = sources.flatMap(({ drafts }) => drafts.map((draft) => draft.tokens));
  const bounds = layout.lengthBounds ?? lengthThirds(tokens);
  const hasLength = layout.metadataFields.some((field) => normalizeName(field) === "length");
  const split = splitExamples(
    sources.map((source) => placeExamples(source, hasLength ? bounds : undefined, counter)),
    shares,
    new Random(seed, SPLIT_DRAWS),
  );
  return { template: { ...layout, lengthBounds: bounds }, split };
}

/** What training reads: a file a part, and the template. */
export function preparedFiles(parts: SplitExamples["parts"], template: InfillTemplate): Map<string, string> {
  const lines = (examples: readonly PlacedExample[]): string =>
    examples.map(({ example, source }) => recordedLine(example, source, template)).join("");
  return new Map([
    ...SPLITS.map((name) => [`${name}.jsonl`, lines(parts[name])] as const),
    [TEMPLATE_FILE, templateToJson(template)],
  ]);
}
