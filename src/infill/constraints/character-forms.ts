// The characters that a gap asks for, each with all forms of the name that will do: "Holmes" is there where "Mr.
// Holmes" is. The forms come with the example ("aliases", which prepare writes), or stand in the field itself, the
// first being the one that the model is given: characters=Holmes|Sherlock Holmes, Watson.
import type { InfillRequest, MetaValue } from "../example.ts";
import { namesIn } from "./text-constraints.ts";

const FIELD = "characters";
/** A bar and what follows up to the next name. */
const OTHER_FORMS = /\s*\|(?:(?!\s(?:and|et)\s)[^,;&])*/gu;

/** The request with its characters' first forms in the metadata and the others in `aliases`. */
export function withAliases<R extends InfillRequest>(request: R): R {
  const value = charactersOf(request);
  if (value === undefined || !String(value).includes("|")) return request;
  const given = namesIn(value).map(splitForms);
  const first = (text: string | number): string => String(text).replace(OTHER_FORMS, "");
  return {
    ...request,
    meta: { ...(request.meta as object), [FIELD]: typeof value === "object" ? value.map(first) : first(value) },
    aliases: {
      ...request.aliases,
      ...Object.fromEntries(given.filter((forms) => forms.length > 1).map(([name, ...others]) => [name!, others])),
    },
  };
}

/** As --force_words takes them: "Holmes|Sherlock Holmes". */
export function characterForms(request: InfillRequest): string[] {
  const { aliases = {} } = request;
  return namesIn(charactersOf(request)).map((name) => {
    const others = Object.hasOwn(aliases, name) ? aliases[name]! : [];
    return [...new Set([name, ...others])].join("|");
  });
}

function charactersOf({ meta }: InfillRequest): MetaValue | undefined {
  return typeof meta === "object" && Object.hasOwn(meta, FIELD) ? meta[FIELD] : undefined;
}

function splitForms(name: string): string[] {
  return name
    .split("|")
    .map((form) => form.trim())
    .filter((form) => form !== "");
}
