// A text with one gap in it, marked [[...]]: the paragraph that ends at the gap becomes p1, the one that begins after
// it p3. Between the brackets may stand nothing or dots, metadata ([[length=M; theme=hope]]), or one plain sentence
// saying what is wanted.
import { UserError } from "../errors.ts";
import type { InfillRequest, Meta } from "./example.ts";

export interface DocumentGap {
  readonly request: InfillRequest;
  /** The whole text around the brackets, untouched: `before` + p2 + `after` is the finished document. */
  readonly before: string;
  readonly after: string;
}

/** Reads the gap. Throws UserError, naming the document, unless there is exactly one. */
export function parseDocument(text: string, name: string): DocumentGap {
  const gaps = [...text.matchAll(/\[\[(.*?)\]\]/gs)];
  if (gaps.length === 0) {
    throw new UserError(
      text.includes("[[")
        ? `${name}: a gap is opened with [[ and never closed; write ]] after it.`
        : `${name}: no gap found; write [[...]] where the paragraph is missing.`,
    );
  }
  if (gaps.length > 1) {
    const lines = gaps.map((gap) => text.slice(0, gap.index).split("\n").length);
    throw new UserError(
      `${name}: ${gaps.length} gaps found, in lines ${lines.join(", ")}, wanted one; fill one at a time.`,
    );
  }
  const [gap] = gaps;
  const before = text.slice(0, gap.index);
  const after = text.slice(gap.index + gap[0].length);
  // A text without blank lines has one paragraph a line.
  const separator = /\n\s*\n/.test(text) ? /\n\s*\n/ : /\n/;
  const paragraphs = (part: string): string[] =>
    part
      .replace(/^\uFEFF/, "")
      .split(separator)
      .map(unwrap)
      .filter((paragraph) => paragraph !== "");
  const request = { p1: paragraphs(before).at(-1) ?? "", p3: paragraphs(after)[0] ?? "", where: name };
  const meta = gapMetadata(gap[1], name);
  return { request: meta === undefined ? request : { ...request, meta }, before, after };
}

/**
 * Fields from "length=M; theme=hope", a plain sentence as it is, undefined from nothing or dots. Throws UserError
 * naming `where`.
 */
export function gapMetadata(text: string, where: string): Meta | undefined {
  const plain = unwrap(text);
  if (/^[.…\s]*$/u.test(plain)) return undefined;
  const parts = plain
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const fields = new Map<string, string>();
  for (const part of parts) {
    const [, key, value] = /^([\w-]+)\s*=\s*(.*)$/u.exec(part) ?? [];
    if (key === undefined) continue;
    if (fields.has(key))
      throw new UserError(`${where}: the gap gives ${key} twice (${fields.get(key)} and ${value}); give it once.`);
    fields.set(key, value);
  }
  if (fields.size === 0) return plain;
  const odd = parts.find((part) => !/^[\w-]+\s*=/u.test(part));
  if (odd !== undefined)
    throw new UserError(
      `${where}: ${JSON.stringify(odd)} stands among key=value pairs; write every part as key=value, or one plain sentence.`,
    );
  return Object.fromEntries(fields);
}

/** One paragraph on one line: a hard-wrapped text has line breaks where a space is meant. */
function unwrap(paragraph: string): string {
  return paragraph.replace(/\s*\n\s*/g, " ").trim();
}
