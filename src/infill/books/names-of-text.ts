// All names of a text by what they name, for somebody who is writing it: how often each occurs, and in which forms. The
// same reading of names as for a book's examples (characters.ts); but a text that is being written is short, so a name
// counts from its second time on, and a single hint, or a known first name, makes somebody of it.
import { expectFields } from "../../fields.ts";
import type { FieldsOf } from "../../fields.ts";
import { Characters } from "./characters.ts";
import type { NamedOften } from "./characters.ts";
import { openGazetteer } from "./gazetteer.ts";
import type { NameKind } from "./name-runs.ts";
import { languageOf } from "./stop-words.ts";

export interface FindNamesOptions {
  /** ISO 639-1; default: as the text shows. */
  readonly language?: string;
}
const OPTIONS: FieldsOf<FindNamesOptions> = { language: true };

export type NamesOfText = Readonly<Record<NameKind, readonly NamedOften[]>>;

/**
 * The characters, places, organisations and other names in `paragraphs`, each kind by how often they occur. Throws
 * UserError where the package `compromise` is not installed.
 */
export async function findNames(paragraphs: readonly string[], options: FindNamesOptions = {}): Promise<NamesOfText> {
  expectFields("findNames()", options, OPTIONS);
  const language = options.language ?? languageOf(paragraphs) ?? "en";
  return new Characters(paragraphs, await openGazetteer(), language, true).everything();
}
