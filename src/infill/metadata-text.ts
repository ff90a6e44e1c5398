// Metadata as a template writes it: values checked and put into one line each, sections with their markers, and the
// text "length: M; theme: hope".
import { UserError } from "../errors.ts";
import { quote } from "../files/quote.ts";
import { normalizeLine, normalizeName } from "../text/normalize.ts";
import type { Meta, MetaValue } from "./example.ts";
import { requireLengthClass } from "./length-class.ts";
import type { InfillTemplate } from "./template.ts";

/**
 * Metadata by field, in the template's order; absent and blank fields left out; values become one line each. A
 * plain string is one nameless field (key ""). Throws UserError, naming `where`, on a field that the template does not
 * know, on a value without a marker where each value has one, and on a length that is no class.
 */
export function metadataFields(
  template: InfillTemplate,
  meta: Meta | undefined,
  where: string,
): [field: string, value: string][] {
  if (meta === undefined) return [];
  if (typeof meta === "string") return nonBlank([["", normalizeLine(meta)]]);
  const own = new Map(Object.entries(meta).map(([field, value]) => [normalizeName(field), value]));
  const known = template.metadataFields.map((field) => [field, normalizeName(field)] as const);
  for (const field of own.keys()) {
    if (known.every(([, name]) => name !== field))
      throw new UserError(
        `${where}: metadata field ${quote(field)} is unknown, wanted one of ${template.metadataFields.join(", ")}; ` +
          "rename it, or train with a template that lists it.",
      );
  }
  const { listSeparator, valueMarkers = {}, lengthBounds } = template;
  const fields = nonBlank(
    known.flatMap(([field, name]) => (own.has(name) ? [[field, valueText(own.get(name)!, listSeparator)]] : [])),
  );
  for (const [field, value] of fields) {
    const markers = Object.hasOwn(valueMarkers, field) ? valueMarkers[field]! : undefined;
    if (markers && !Object.hasOwn(markers, value))
      throw new UserError(
        `${where}: metadata field ${quote(field)} is ${quote(value)}, wanted one of ` +
          `${Object.keys(markers).join(", ")}, which have a marker; correct it, or leave it out.`,
      );
    if (!markers && normalizeName(field) === "length") requireLengthClass(value, lengthBounds, where);
  }
  return fields;
}

export interface MetadataSection {
  /** None where the text goes on in the section before it. */
  readonly marker: string | undefined;
  /** As it stands in the layout, its leading space or newline included. */
  readonly text: string;
}

/** What metadata looks like in the layout: fields with markers one by one, the others as one text before them. */
export function metadataSections(
  { fieldMarkers = {}, valueMarkers = {} }: InfillTemplate,
  fields: readonly (readonly [field: string, value: string])[],
): MetadataSection[] {
  const marked = fields.flatMap(([field, value]) => {
    if (Object.hasOwn(valueMarkers, field)) return [{ marker: valueMarkers[field]![value]!, text: "" }];
    return Object.hasOwn(fieldMarkers, field) ? [{ marker: fieldMarkers[field]!, text: ` ${value}` }] : [];
  });
  const plain = fields.filter(([field]) => !Object.hasOwn(valueMarkers, field) && !Object.hasOwn(fieldMarkers, field));
  return plain.length > 0 ? [{ marker: undefined, text: `\n${metadataText(plain)}` }, ...marked] : marked;
}

/** "length: M; theme: hope", or "" without fields. */
export function metadataText(fields: readonly (readonly [string, string])[]): string {
  return fields.map(([field, value]) => (field === "" ? value : `${field}: ${value}`)).join("; ");
}

function valueText(value: MetaValue, separator = ", "): string {
  return typeof value === "object"
    ? value
        .map((item) => normalizeLine(String(item)))
        .filter((item) => item !== "")
        .join(separator)
    : normalizeLine(String(value));
}

function nonBlank(fields: [string, string][]): [string, string][] {
  return fields.filter(([, value]) => value !== "");
}
