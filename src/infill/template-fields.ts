// The fields of a template that it may leave out: markers for metadata, token types, what training does with it. Kept
// apart from template.ts, which says what stands where.
import { LOSS_ON } from "../examples/collate.ts";
import type { LossOn } from "../examples/collate.ts";
import type { FieldsOf } from "../fields.ts";

export interface LayoutFields {
  /** Metadata fields that have a marker of their own: it stands where others have "name: ", and starts a section. */
  readonly fieldMarkers?: Readonly<Record<string, string>>;
  /** Metadata fields of a few values, each of which is a marker and nothing more: by field, then by value. */
  readonly valueMarkers?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Stands between the items of a value that is a list; default ", ". */
  readonly listSeparator?: string;
  /**
   * Every position has a type (Hugging Face's token_type_ids): the id of the marker of its section, the marker itself
   * and p2's end included. Text without a marker belongs to the section before it; at the very start to the first one.
   */
  readonly sectionTypes?: boolean;
  /** What training learns unless it is told: all tokens, or p2 and its end. */
  readonly lossOn?: LossOn;
  /**
   * The share of training examples that stood in reading order, [P1] p1 [P2] p2 [P3] p3 (Bavarian et al. 2022,
   * "Efficient Training of Language Models to Fill in the Middle"): above 0 the model can say how likely p3 is.
   */
  readonly orderMix?: number;
}

export const LAYOUT_FIELDS: FieldsOf<LayoutFields> = {
  fieldMarkers: true,
  valueMarkers: true,
  listSeparator: true,
  sectionTypes: true,
  lossOn: true,
  orderMix: true,
};

/** The template with these of its metadata fields, their markers included, and no others. */
export function withMetadataFields<T extends LayoutFields>(template: T, fields: readonly string[]): T {
  const { fieldMarkers, valueMarkers } = template;
  const own = <V>(markers: Readonly<Record<string, V>>): Readonly<Record<string, V>> =>
    Object.fromEntries(Object.entries(markers).filter(([field]) => fields.includes(field)));
  return {
    ...template,
    metadataFields: fields,
    ...(fieldMarkers && { fieldMarkers: own(fieldMarkers) }),
    ...(valueMarkers && { valueMarkers: own(valueMarkers) }),
  };
}

type Fail = (field: string, wanted: string) => never;

/** Those of a template's JSON; `fail` throws for a wrong one. */
export function parseLayoutFields(
  json: Readonly<Record<string, unknown>>,
  metadataFields: readonly string[],
  fail: Fail,
): LayoutFields {
  const { fieldMarkers, valueMarkers, listSeparator, sectionTypes, lossOn, orderMix } = json;
  const known = (fields: object): boolean => Object.keys(fields).every((field) => metadataFields.includes(field));
  if (fieldMarkers !== undefined && !(isMarkers(fieldMarkers) && known(fieldMarkers)))
    fail("fieldMarkers", "a marker without spaces for some of metadataFields");
  if (valueMarkers !== undefined && !(isRecord(valueMarkers) && known(valueMarkers) && areMarkers(valueMarkers)))
    fail("valueMarkers", "for some of metadataFields, a marker without spaces for each value");
  if (Object.keys(valueMarkers ?? {}).some((field) => Object.hasOwn((fieldMarkers ?? {}) as object, field)))
    fail("valueMarkers", "fields that are not in fieldMarkers");
  if (listSeparator !== undefined && typeof listSeparator !== "string") fail("listSeparator", "a text");
  if (sectionTypes !== undefined && typeof sectionTypes !== "boolean") fail("sectionTypes", "true or false");
  if (lossOn !== undefined && !(LOSS_ON as readonly unknown[]).includes(lossOn))
    fail("lossOn", `one of ${LOSS_ON.join(", ")}`);
  if (orderMix !== undefined && !(typeof orderMix === "number" && orderMix >= 0 && orderMix <= 1))
    fail("orderMix", "a number from 0 to 1");
  const all = { fieldMarkers, valueMarkers, listSeparator, sectionTypes, lossOn, orderMix };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as LayoutFields;
}

function areMarkers(fields: Readonly<Record<string, unknown>>): boolean {
  return Object.values(fields).every((values) => isMarkers(values) && Object.keys(values).length > 0);
}

function isMarkers(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every((marker) => typeof marker === "string" && /^\S+$/u.test(marker));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
