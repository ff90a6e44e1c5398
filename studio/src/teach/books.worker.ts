// Books become examples in a worker of their own: a novel takes seconds, in which the page is free and a training run
// goes on.
import { expose } from "comlink";
import { prepareBooks, readBookFile } from "../../../src/entries/books.ts";
import type { BookAccount, BookInput, InfillExample, InfillTemplate } from "../../../src/entries/books.ts";
import { cachedFolder, directoryFolder, hubFolder, opfsFolder } from "../../../src/entries/storage.ts";
import type { Folder } from "../../../src/entries/storage.ts";
import type { StoredModel } from "../../../src/entries/worker.ts";
import { GPT2Tokenizer, openFolder, UserError } from "../../../src/index.ts";
import { passageSize } from "./plan.ts";

export interface BookRequest {
  readonly books: readonly BookInput[];
  /** Whose tokenizer counts; GPT-2's own for a fresh model. */
  readonly source?: StoredModel;
  readonly template?: InfillTemplate;
  readonly nPositions: number;
  /** Share of the text that is held out. */
  readonly validation: number;
}

export interface BookResult {
  readonly accounts: readonly BookAccount[];
  /** Books of which nothing could be learnt, and why. */
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
  readonly train: readonly InfillExample[];
  readonly validation: readonly InfillExample[];
  /** Undefined where no book gave an example. */
  readonly template: InfillTemplate | undefined;
}

/** Characters of the first book by which tokens are measured. */
const MEASURED = 20_000;

async function read({ books, source, template, nPositions, validation }: BookRequest): Promise<BookResult> {
  const tokenizer = await tokenizerOf(source);
  const refused: { name: string; reason: string }[] = [];
  let good: BookInput[] = [];
  let measured = "";
  for (const book of books) {
    try {
      const text = typeof book.data === "string" ? book.data : (await readBookFile(book.data, book.name)).text;
      if (measured.length < MEASURED) measured += text.slice(0, MEASURED);
      good.push(book);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refused.push({ name: book.name, reason: error.message });
    }
  }
  const perToken = measured.length / Math.max(1, tokenizer.encode(measured, { allowSpecial: false }).length);
  const triples = passageSize(nPositions, perToken);
  const prepare = async (chosen: readonly BookInput[], share: number) => {
    const accounts: BookAccount[] = [];
    const options = { tokenizer, template, triples, validation: share, test: 0 };
    const prepared = await prepareBooks(chosen, { ...options, onBook: (account) => void accounts.push(account) });
    return { ...prepared, accounts };
  };
  const all = await attempt(() => prepare(good, validation));
  if (all instanceof Error) {
    // One of them gives nothing, or all together too little to hold some out.
    const usable: BookInput[] = [];
    for (const book of good) {
      const alone = await attempt(() => prepare([book], 0));
      if (alone instanceof Error) refused.push({ name: book.name, reason: alone.message });
      else usable.push(book);
    }
    good = usable;
  }
  if (good.length === 0) return { accounts: [], refused, train: [], validation: [], template: undefined };
  let prepared = all instanceof Error ? await attempt(() => prepare(good, validation)) : all;
  if (prepared instanceof Error) prepared = await prepare(good, 0);
  const { accounts, train, validation: heldOut, template: bound } = prepared;
  return { accounts, refused, train, validation: heldOut, template: bound };
}

async function attempt<R>(act: () => Promise<R>): Promise<R | UserError> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

async function tokenizerOf(source: BookRequest["source"]): Promise<GPT2Tokenizer> {
  return source === undefined ? GPT2Tokenizer.default() : GPT2Tokenizer.fromPretrained(await folderOf(source));
}

async function folderOf(source: NonNullable<BookRequest["source"]>): Promise<Folder> {
  if (typeof source === "string") return openFolder(source);
  if ("cached" in source) return cachedFolder(source.cached);
  if ("hub" in source) return hubFolder(source.hub, { revision: source.revision, token: source.token });
  if ("opfs" in source) return opfsFolder(source.opfs);
  return directoryFolder(source.directory);
}

const api = {
  /** An error's class does not survive the way. */
  read: (request: BookRequest): Promise<BookResult | { readonly error: string }> =>
    read(request).catch((error: Error) => ({ error: error.message })),
};
export type BooksApi = typeof api;
expose(api);
