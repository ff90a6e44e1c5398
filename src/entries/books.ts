// gpt2-webgpu/books: books as examples to train on, from strings and bytes, in a page too.
export { prepareBooks } from "../infill/books/prepare-books.ts";
export type { BookInput, PrepareBooksOptions, PreparedBooks } from "../infill/books/prepare-books.ts";
export { findNames } from "../infill/books/names-of-text.ts";
export type { FindNamesOptions, NamesOfText } from "../infill/books/names-of-text.ts";
export { DROP_REASONS } from "../infill/books/book-account.ts";
export type { BookAccount, DropReason } from "../infill/books/book-account.ts";
export { REASONS as LEFT_OUT_REASONS } from "../infill/books/left-out.ts";
export type { LeftOutPiece, Reason as LeftOutReason } from "../infill/books/left-out.ts";
export { readBookFile } from "../infill/books/read-file.ts";
export type { BookText } from "../infill/books/book-text.ts";
export type { TripleOptions } from "../infill/books/triples.ts";
export { DEFAULT_TRIPLES } from "../infill/books/triples.ts";
export type { InfillExample } from "../infill/example.ts";
export type { InfillTemplate } from "../infill/template.ts";
