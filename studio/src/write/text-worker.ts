// What is read of texts beside the engine, so that neither waits for the other: a document's names, books' files.
import { expose } from "comlink";
import { findNames, readBookFile } from "../../../src/entries/books.ts";
import type { BookText, NamesOfText } from "../../../src/entries/books.ts";
import { blocksOf, textOfRuns } from "./markdown.ts";

const reader = {
  names: (text: string): Promise<NamesOfText> =>
    findNames(blocksOf(text).flatMap((block) => (block.kind === "paragraph" ? [textOfRuns(block.runs)] : []))),
  book: (bytes: Uint8Array, name: string): Promise<BookText> => readBookFile(bytes, name),
};
export type TextReader = typeof reader;

expose(reader);
