// The names and words that an example asks for, and how many of them a text has: by the forms that would have met the
// constraint, so that a text written under --require_characters has them all. "Holmes" is there where "Mr. Holmes"
// stands among the example's aliases and in the text.
import { characterForms } from "../infill/constraints/character-forms.ts";
import { namesIn } from "../infill/constraints/text-constraints.ts";
import { occurs, wordForms } from "../infill/constraints/word-forms.ts";
import type { InfillRequest } from "../infill/example.ts";
import type { Part } from "./estimate.ts";
import { hasName } from "./text-statistics.ts";

/** Metadata fields whose values are to occur in the text: names, and words that may stand in small letters. */
export const WANTED = ["characters", "places", "organisations", "misc", "keywords"] as const;
export type Wanted = (typeof WANTED)[number];

/** Of the values of a field, how many stand in the text in one of their forms, and how many there are. */
export function presence(text: string, request: InfillRequest, field: Wanted): Part {
  const values = field === "characters" ? characterForms(request) : wantedValues(request, field);
  const stands = (value: string): boolean =>
    /[\p{L}\p{N}]/u.test(value) ? occursIn(text, value, field === "keywords") : hasName(text, value);
  return { amount: values.filter(stands).length, weight: values.length };
}

/** `value`: "Holmes|Mr. Holmes", one of which is enough. */
function occursIn(text: string, value: string, anyCase: boolean): boolean {
  const forms = value.split("|").filter((form) => /[\p{L}\p{N}]/u.test(form));
  return occurs(wordForms(forms.join("|"), anyCase), text);
}

/** The values of a metadata field: a list, or one text that commas separate. */
export function wantedValues({ meta }: InfillRequest, field: Wanted): string[] {
  return typeof meta === "object" && Object.hasOwn(meta, field) ? namesIn(meta[field]) : [];
}
