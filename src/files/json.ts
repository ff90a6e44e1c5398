// JSON from strangers, the one way that all loaders read it: a byte-order mark is skipped, size and nesting are bounded
// before anything is built from it, and a fault is one sentence that names the file and the place.
import { UserError } from "../errors.ts";
import { readText } from "./folder.ts";
import type { Folder } from "./folder.ts";
import { printable } from "./quote.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** The largest tokenizer.json in use has some 20 MB; each byte of JSON can cost 20 in memory. */
const MAX_BYTES = 64e6;
/** Hugging Face's tokenizers (serde_json) stops at the same depth. Code that walks the values may then be recursive. */
const MAX_DEPTH = 128;

/**
 * The value that `text` holds; `what` names it in messages, `advice` is what to do about a fault. Objects come as
 * JSON.parse makes them, so a key "__proto__" is a plain own key: look foreign keys up with Object.hasOwn,
 * Object.entries or a Map. Throws UserError when it is no JSON, or nested more than 128 deep.
 */
export function parseJson(
  text: string,
  what: string,
  advice = "the file is cut short or damaged, so fetch or save it again",
): unknown {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const deep = placeBelow(body, MAX_DEPTH);
  if (deep !== undefined)
    throw new UserError(
      `${what}: nested more than ${MAX_DEPTH} deep at ${place(body, deep)}, which no such file is; ${advice}.`,
    );
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    throw new UserError(`${what}: not valid JSON (${reason(error as Error, body)}); ${advice}.`);
  }
}

/** Parsed JSON of a file. Throws UserError as `readModelText` does, and when it is no JSON. */
export async function readJson(folder: Folder, file: string): Promise<unknown> {
  return parseJson(await readModelText(folder, file), `${folder.name}/${file}`);
}

/**
 * A text file of a model folder, without a byte-order mark. Throws UserError naming it when it is missing, empty,
 * larger than 64 MB, no UTF-8, or a Git LFS pointer.
 */
export async function readModelText(folder: Folder, file: string): Promise<string> {
  const text = (await readText(folder, file, MAX_BYTES)).replace(/^\uFEFF/, "");
  if (/^version \S*git-lfs\S*\/spec\//.test(text)) {
    throw new UserError(
      `${folder.name}/${file}: a Git LFS pointer, not the file itself; run "git lfs pull" there, or download the file.`,
    );
  }
  if (text === "") throw new UserError(`${folder.name}/${file}: the file is empty; fetch it again.`);
  return text;
}

/** The same for a file that holds an object. Throws UserError for a list or a plain value too. */
export async function readJsonObject(folder: Folder, file: string): Promise<JsonObject> {
  const value = await readJson(folder, file);
  if (isObject(value)) return value;
  const found = Array.isArray(value) ? "a list" : value === null ? "null" : `a ${typeof value}`;
  throw new UserError(`${folder.name}/${file}: wanted a JSON object, found ${found}; fetch or save the file again.`);
}

/** Neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Where the text opens more than `limit` brackets at once; brackets inside strings do not count. */
function placeBelow(text: string, limit: number): number | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === "[" || char === "{") depth++;
    else if (char === "]" || char === "}") depth--;
    if (depth > limit) return at;
  }
  return undefined;
}

/** Place of the quote that closes the string which opens at `start`, or the text's end. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

/** The engine's own words, with line and column where it tells the position. */
function reason({ message }: Error, text: string): string {
  const [, words, position] = /^(.*?)(?: in JSON)? at position (\d+)/s.exec(message) ?? [];
  return printable(position === undefined ? message : `${words} at ${place(text, Number(position))}`, 120);
}

function place(text: string, position: number): string {
  const lineStart = text.lastIndexOf("\n", position - 1) + 1;
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < lineStart; at = text.indexOf("\n", at + 1)) line++;
  return `line ${line}, column ${position - lineStart + 1}`;
}
