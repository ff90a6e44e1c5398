// Which files src/prepare.ts reads, and what is known about each: arguments, folders, the manifest.
import { readdir, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { parseJson } from "../../files/json.ts";
import { printable, quote } from "../../files/quote.ts";
import { BOOK_NAME, HOLDS_PICTURES } from "../../infill/books/read-file.ts";
import type { Fields } from "../../infill/books/sources.ts";
import type { MetaValue } from "../../infill/example.ts";
import type { FlagValues } from "../shared/flags.ts";
import { readInputFile } from "../shared/input-file.ts";
import type { InputFormat, PrepareFlags } from "./flags.ts";

export interface InputFile {
  readonly path: string;
  readonly fields: Fields;
}

/** In a folder of books it is none. */
const README = /^readme\b/i;

/** What a file holds: what --input_format says, else what its name does. */
export function formatOf(path: string, { inputFormat }: FlagValues<PrepareFlags>): InputFormat {
  return inputFormat ?? (/\.jsonl$/i.test(path) ? "jsonl" : "book");
}

/** Beyond this a text and its pieces do not fit beside one another (a string ends at 512 MB in any case). */
const LARGEST_TEXT = 64 * 2 ** 20;
/** With its pictures, which are never unpacked. */
const LARGEST_ILLUSTRATED = 4 * LARGEST_TEXT;

/** The bytes of an input file. Throws UserError where it cannot be read, and at once where it is too large. */
export async function readTextFile(path: string): Promise<Uint8Array> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  const most = HOLDS_PICTURES.test(path) ? LARGEST_ILLUSTRATED : LARGEST_TEXT;
  if (size > most)
    throw new UserError(
      `${path} has ${Math.ceil(size / 2 ** 20)} MiB, and one file may have ${most / 2 ** 20}; split it into ` +
        "several (between two books, or at any blank line) and give them all.",
    );
  return readInputFile(path);
}

/** Fields that are found in each paragraph, and so not said of a book. */
const COMPUTED = ["length", "characters", "gap"];

/**
 * The files to read, in order, each once. `known`: metadata fields of the template. Throws UserError on a path or
 * manifest entry without a file, a file given twice, a book that the manifest does not list, and whatever is wrong in
 * the manifest, naming the entry.
 */
export async function findInputs(
  paths: readonly string[],
  manifest: string | undefined,
  known: readonly string[],
): Promise<InputFile[]> {
  const listed = manifest === undefined ? undefined : await readManifest(manifest, known);
  const given = (await Promise.all(paths.map(expand))).flat();
  const files = given.length > 0 ? given : [...(listed?.keys() ?? [])];
  if (files.length === 0)
    throw new UserError("No books are given; name text files or a folder of them, or a --manifest that lists some.");
  const seen = new Set<string>();
  const byPath = listed && new Map([...listed].map(([file, fields]) => [resolve(file), fields]));
  return files.map((path) => {
    const full = resolve(path);
    if (seen.has(full)) throw new UserError(`${path} is given twice; name each book once.`);
    seen.add(full);
    const fields = byPath ? byPath.get(full) : {};
    if (!fields)
      throw new UserError(
        `${path} is not in ${manifest}; add an entry for it, or leave --manifest out and use flags such as --genre.`,
      );
    return { path, fields };
  });
}

/** A file as itself, a folder as the text and Markdown files in it. */
async function expand(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return [path]; // a missing file is reported where it is read
  const files = (await readdir(path)).filter((name) => BOOK_NAME.test(name) && !README.test(name)).sort();
  if (files.length === 0)
    throw new UserError(`${path} holds no .txt files (nor .md, .html, .epub or .docx); name the books themselves.`);
  return files.map((name) => join(path, name));
}

async function readManifest(manifest: string, known: readonly string[]): Promise<Map<string, Fields>> {
  const text = decodeUtf8(await readInputFile(manifest), manifest);
  const json = parseJson(text, manifest, 'it must be a list of objects with "file" and metadata');
  if (!Array.isArray(json) || json.length === 0)
    throw new UserError(`${manifest}: found ${quote(json)}, wanted a list of objects with "file" and metadata.`);
  const entries = new Map<string, Fields>();
  for (const [i, entry] of json.entries()) {
    const where = `${manifest}, entry ${i + 1}`;
    if (typeof entry !== "object" || entry === null || Array.isArray(entry))
      throw new UserError(`${where}: found ${quote(entry)}, wanted an object with "file" and metadata.`);
    const { file, ...fields } = entry as Record<string, unknown>;
    if (typeof file !== "string" || file === "")
      throw new UserError(
        `${where}: field "file" is ${quote(file)}, wanted the path of a book, relative to the manifest.`,
      );
    const path = isAbsolute(file) ? file : join(dirname(manifest), file);
    if (
      !(await stat(path).then(
        (found) => found.isFile(),
        () => false,
      ))
    )
      throw new UserError(
        `${where}: there is no file ${printable(path, 300)}; correct "file", which is relative to the manifest ` +
          "or absolute.",
      );
    if (entries.has(path))
      throw new UserError(`${where}: ${printable(file)} stands in the manifest twice; keep one entry.`);
    entries.set(path, checkFields(fields, known, where));
  }
  return entries;
}

function checkFields(fields: Readonly<Record<string, unknown>>, known: readonly string[], where: string): Fields {
  const allowed = known.filter((field) => !COMPUTED.includes(field));
  for (const [field, value] of Object.entries(fields)) {
    if (!allowed.includes(field))
      throw new UserError(
        `${where}: metadata field ${quote(field)} is unknown for a book, wanted one of ${allowed.join(", ")}; ` +
          "rename or remove it.",
      );
    const items: unknown[] = Array.isArray(value) ? value : [value];
    if (!items.every((item) => typeof item === "string" || typeof item === "number")) {
      throw new UserError(
        `${where}: field ${quote(field)} is ${quote(value)}, wanted a string, a number or a list of them.`,
      );
    }
  }
  return fields as Readonly<Record<string, MetaValue>>;
}
