// Which metadata fields src/prepare.ts writes, and which of them it finds in the books.
import { UserError } from "../../errors.ts";
import { printable } from "../../files/quote.ts";
import { FOUND_FIELDS } from "../../infill/books/found-fields.ts";
import { NAME_FIELDS } from "../../infill/books/characters.ts";
import { openGazetteer } from "../../infill/books/gazetteer.ts";
import type { Gazetteer } from "../../infill/books/gazetteer.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import { withMetadataFields } from "../../infill/template-fields.ts";
import { normalizeName } from "../../text/normalize.ts";

/** The template with the fields of --metadata_fields and no others. Throws UserError for one that it does not have. */
export function chooseFields(layout: InfillTemplate, names: string | undefined): InfillTemplate {
  if (names === undefined) return layout;
  const wanted = names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const none = wanted.length === 1 && wanted[0] === "none";
  const fields = none ? [] : wanted.map((name) => fieldOf(layout, name));
  if (wanted.length === 0)
    throw new UserError(
      `--metadata_fields is empty, wanted some of ${layout.metadataFields.join(", ")} with commas between ` +
        "them, or none.",
    );
  return withMetadataFields(
    layout,
    layout.metadataFields.filter((field) => field === "gap" || fields.includes(field)),
  );
}

function fieldOf({ metadataFields }: InfillTemplate, name: string): string {
  const field = metadataFields.find((each) => normalizeName(each) === normalizeName(name));
  if (field !== undefined) return field;
  throw new UserError(
    `--metadata_fields holds ${printable(name)}, wanted some of ${metadataFields.join(", ")} with commas between ` +
      "them, or none; another --template has other fields.",
  );
}

/**
 * What to look for in books: all that the template has a field for. A summary only where it is named: it is a sentence
 * of p2 itself, and a model that is given it copies it.
 */
export function fieldsToFind(
  { metadataFields }: InfillTemplate,
  { characters, metadataFields: names }: { readonly characters: boolean; readonly metadataFields?: string },
): ReadonlySet<string> {
  const found = FOUND_FIELDS.filter(
    (field) =>
      metadataFields.includes(field) &&
      (field !== "summary" || names !== undefined) &&
      (field !== "characters" || characters),
  );
  return new Set(found);
}

/** Loaded only where names are looked for: it takes half a second. */
export async function gazetteerFor(found: ReadonlySet<string>): Promise<Gazetteer | undefined> {
  return NAME_FIELDS.some((field) => found.has(field)) ? openGazetteer() : undefined;
}
