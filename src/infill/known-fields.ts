// Examples made for the default template under one that has other fields: what it lacks is left out, and counted, so
// that it can be said. Fields that neither has stay, for the encoder to refuse.
import { normalizeName } from "../text/normalize.ts";
import type { InfillRequest } from "./example.ts";
import { DEFAULT_TEMPLATE } from "./template.ts";
import type { InfillTemplate } from "./template.ts";

const COMMON: ReadonlySet<string> = new Set(DEFAULT_TEMPLATE.metadataFields);

/** The example without what this template lacks; `left` counts the examples that had each of those fields. */
export function withKnownFields<E extends InfillRequest>(
  { metadataFields: fields }: InfillTemplate,
  example: E,
  left: Map<string, number>,
): E {
  const { meta } = example;
  if (typeof meta !== "object") return example;
  const names = new Set(fields.map(normalizeName));
  const lacking = Object.keys(meta).filter((field) => {
    const name = normalizeName(field);
    return COMMON.has(name) && !names.has(name);
  });
  if (lacking.length === 0) return example;
  for (const field of lacking) left.set(field, (left.get(field) ?? 0) + 1);
  return { ...example, meta: Object.fromEntries(Object.entries(meta).filter(([field]) => !lacking.includes(field))) };
}

/** What to say of them, a clause for each field. */
export function fieldsLeftOut(left: ReadonlyMap<string, number>): string[] {
  return [...left].map(([field, count]) => `${field} left out of ${count} (the template has no such field)`);
}
