// The template that a file of examples records, found without reading more of it than that takes.
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { decodeUtf8 } from "../../files/folder.ts";
import { rowsOf } from "../../infill/example.ts";
import { mayRecord, RecordedTemplates, recordedTemplate, recordsOf } from "../../infill/recorded-template.ts";
import type { PlacedTemplate } from "../../infill/recorded-template.ts";
import { readInputFile } from "../shared/input-file.ts";
import { countLineEnds, jsonPieces } from "./data-cache/cached-gaps.ts";

/**
 * That of the first lines that record one, of which there may be a few hundred; undefined where no line does, and then
 * the whole file was looked through. Whether later lines say the same is seen when they are encoded. Throws UserError
 * where the file cannot be read, and naming the line where it is no template, or not the one of a line before it.
 */
export async function templateOfFile(file: string): Promise<PlacedTemplate | undefined> {
  const isFile = await stat(resolve(file)).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) return recordedTemplate(decodeUtf8(await readInputFile(resolve(file)), file), file);
  const found = new RecordedTemplates();
  let firstLine = 1;
  for await (const { text } of jsonPieces(file)) {
    if (mayRecord(text)) for (const record of recordsOf(rowsOf(text, file, firstLine))) found.add(record);
    if (found.first) return { template: found.first.template, name: file };
    firstLine += countLineEnds(text);
  }
  return undefined;
}
