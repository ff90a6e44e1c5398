// Texts that another system wrote for gaps of the test file (--texts), found again by the paragraphs around them.
import { resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { isObject } from "../../files/json.ts";
import { printable } from "../../files/quote.ts";
import { parseRequestLines } from "../../infill/example.ts";
import type { InfillExample, InfillRequest } from "../../infill/example.ts";
import { normalizeText } from "../../text/normalize.ts";
import { readInputFile } from "../shared/input-file.ts";

/** A file's texts, by the gap that they stand in (see gapKey). */
export interface TheirTexts {
  readonly path: string;
  readonly texts: ReadonlyMap<string, string>;
}

/** What tells one gap from others. */
export function gapKey({ p1, p3 }: InfillRequest): string {
  return JSON.stringify([p1, p3].map((text) => normalizeText(text).trim()));
}

/** Throws UserError, naming the line, for one without a text and for a gap that `examples` lack or that comes twice. */
export async function readTheirTexts(path: string, examples: readonly InfillExample[]): Promise<TheirTexts> {
  const known = new Set(examples.map(gapKey));
  const texts = new Map<string, string>();
  for (const { gap, fields } of parseRequestLines(decodeUtf8(await readInputFile(resolve(path)), path), path)) {
    const key = gapKey(gap);
    const where = gap.where!;
    if (!known.has(key))
      throw new UserError(
        `${where}: the test file has no gap between "${printable(gap.p1.slice(-40))}" and ` +
          `"${printable(gap.p3.slice(0, 40))}"; --texts needs p1 and p3 as they stand there.`,
      );
    if (texts.has(key))
      throw new UserError(`${where}: ${path} has a text for this gap already; keep one line for each gap.`);
    texts.set(key, textOf(fields, where));
  }
  return { path, texts };
}

function textOf(fields: Readonly<Record<string, unknown>>, where: string): string {
  const list = fields["candidates"];
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  const found = [fields["text"], isObject(first) ? (first["p2"] ?? first["text"]) : first, fields["p2"]];
  const text = found.find((each) => typeof each === "string");
  if (text !== undefined) return text;
  throw new UserError(
    `${where}: there is no text, wanted "text" (or "candidates", as src/generate.ts writes them); ` +
      "fill it in or remove the line.",
  );
}
