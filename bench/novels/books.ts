// The books of a folder and who wrote them: by the folder's novels.json, else by the headers of Project Gutenberg.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { UserError } from "../../src/errors.ts";
import { isObject, parseJson } from "../../src/files/json.ts";
import { decodeBook } from "../../src/infill/books/decode.ts";
import { unwrapGutenberg } from "../../src/infill/books/gutenberg.ts";
import type { Book } from "./split.ts";

/** The manifest of src/prepare.ts, if the folder has one. */
const MANIFEST = "novels.json";

/** With absolute paths. Throws UserError where a book has no author: books are kept apart by them. */
export function booksOf(folder: string): Book[] {
  if (!existsSync(folder)) throw new UserError(`There is no folder ${folder}; name the one that holds the books.`);
  const manifest = join(folder, MANIFEST);
  const listed = existsSync(manifest) ? entriesOf(manifest) : headersOf(folder);
  if (listed.length === 0) throw new UserError(`${folder} holds no books (*.txt) and no ${MANIFEST}.`);
  return listed.map(({ file, ...fields }) => {
    const path = resolve(folder, file);
    const { title, author } = fields;
    if (typeof title !== "string" || typeof author !== "string")
      throw new UserError(
        `${path}: its title and author are not known; add {"file", "title", "author"} to ${manifest}.`,
      );
    return { ...fields, file: path, title, author, size: statSync(path).size };
  });
}

interface Entry extends Readonly<Record<string, unknown>> {
  readonly file: string;
}

function entriesOf(manifest: string): Entry[] {
  const json = parseJson(readFileSync(manifest, "utf8"), manifest, 'it must be a list of objects with "file"');
  const isEntry = (entry: unknown): entry is Entry => isObject(entry) && typeof entry["file"] === "string";
  if (!Array.isArray(json) || !json.every(isEntry))
    throw new UserError(`${manifest}: wanted a list of objects with "file", "title" and "author".`);
  return json;
}

function headersOf(folder: string): Entry[] {
  return readdirSync(folder)
    .filter((name) => /\.txt$/i.test(name))
    .sort()
    .map((file) => {
      const { etexts } = unwrapGutenberg(decodeBook(readFileSync(join(folder, file)), file));
      return { ...etexts[0]!.header, file };
    });
}
