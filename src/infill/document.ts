// A text with one gap in it, marked [[...]]: the paragraph that ends at the gap becomes p1, the one that begins after
// it p3. Between the brackets may stand nothing or dots, metadata ([[length=M; theme=hope]]), or one plain sentence
// saying what is wanted.
import { UserError } from "../errors.ts";
import { printable, quote } from "../files/quote.ts";
import { joinLines } from "../text/lines.ts";
import { normalizeCharacters, normalizeLine, normalizeName } from "../text/normalize.ts";
import type { InfillRequest, Meta } from "./example.ts";

export interface DocumentGap {
  readonly request: InfillRequest;
  /** The whole text around the brackets, untouched: `before` + p2 + `after` is the finished document. */
  readonly before: string;
  readonly after: string;
}

/** Line numbers that an error names at most. */
const NAMED_LINES = 5;
/** A field's name: letters of any script, also in several words ("point de vue"). */
const FIELD = /^([\p{L}_][\p{L}\p{M}\p{N}_ '’.-]{0,59})=(.*)$/u;

/** Reads the gap. Throws UserError, naming the document, unless there is exactly one. */
export function parseDocument(text: string, name: string): DocumentGap {
  const gaps = gapsOf(text);
  if (gaps.length === 0) {
    throw new UserError(
      text.includes("[[")
        ? `${name}: a gap is opened with [[ and never closed; write ]] after it.`
        : `${name}: no gap found; write [[...]] where the paragraph is missing.`,
    );
  }
  if (gaps.length > 1) {
    const lines = gaps.slice(0, NAMED_LINES).map(([start]) => text.slice(0, start).split(/\r\n?|\n/).length);
    const more = gaps.length > NAMED_LINES ? ", ..." : "";
    throw new UserError(
      `${name}: ${gaps.length} gaps found, in lines ${lines.join(", ")}${more}, wanted one; fill one at a time.`,
    );
  }
  const [start, end] = gaps[0]!;
  const before = text.slice(0, start);
  const after = text.slice(end);
  // A text without blank lines has one paragraph a line.
  const apart = linesOf(`${before}[[]]${after}`).some((line, i, { length }) => line === "" && i > 0 && i < length - 1);
  const paragraphs = (part: string): string[] =>
    (apart ? blocksOf(linesOf(part)).map(joinLines) : linesOf(part)).filter((paragraph) => paragraph !== "");
  const request = { p1: paragraphs(before).at(-1) ?? "", p3: paragraphs(after)[0] ?? "", where: name };
  const meta = gapMetadata(text.slice(start + 2, end - 2), name);
  return { request: meta === undefined ? request : { ...request, meta }, before, after };
}

/** [start, end) of each [[...]]. */
function gapsOf(text: string): [start: number, end: number][] {
  const gaps: [number, number][] = [];
  for (let start = text.indexOf("[["); start >= 0; start = text.indexOf("[[", gaps.at(-1)![1])) {
    const close = text.indexOf("]]", start + 2);
    if (close < 0) break;
    gaps.push([start, close + 2]);
  }
  return gaps;
}

const linesOf = (text: string): string[] =>
  normalizeCharacters(text)
    .split("\n")
    .map((line) => line.trim());

/** The lines between blank ones. */
function blocksOf(lines: readonly string[]): string[][] {
  const blocks: string[][] = [[]];
  for (const line of lines) {
    if (line !== "") blocks.at(-1)!.push(line);
    else if (blocks.at(-1)!.length > 0) blocks.push([]);
  }
  return blocks;
}

/**
 * Fields from "length=M; theme=hope", a plain sentence as it is, undefined from nothing or dots. Names may have
 * accents, spaces and any script, as with --meta. Throws UserError naming `where`.
 */
export function gapMetadata(text: string, where: string): Meta | undefined {
  const plain = normalizeName(text);
  if (/^[.…\s]*$/u.test(plain)) return undefined;
  const parts = plain
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const fields = new Map<string, string>();
  let odd: string | undefined;
  for (const part of parts) {
    const [, name, value] = FIELD.exec(part) ?? [];
    if (name === undefined) {
      odd ??= part;
      continue;
    }
    const key = name.trim();
    if (fields.has(key)) {
      const values = `${printable(fields.get(key)!)} and ${printable(value!.trim())}`;
      throw new UserError(`${where}: the gap gives ${printable(key)} twice (${values}); give it once.`);
    }
    fields.set(key, value!.trim());
  }
  if (fields.size === 0) return normalizeLine(plain);
  if (odd !== undefined)
    throw new UserError(
      `${where}: ${quote(odd)} stands among key=value pairs; write every part as key=value, or one plain sentence.`,
    );
  return Object.fromEntries(fields);
}
