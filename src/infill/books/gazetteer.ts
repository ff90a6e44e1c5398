// What is known of names before a book is read: the English word list and rules of `compromise` (first names with their
// gender, cities, countries, regions) and the countries of the world in any language, as Intl has them. Only names are
// looked up, each once, never the text: tagging it whole takes compromise ten times as long as all else that prepare
// does, and finds fewer of a novel's people than the novel's own use of their names does.
import { importOptional } from "../../runtime.ts";

export type Gender = "male" | "female";

export interface Gazetteer {
  /** Of a first name as it is written; undefined for unknown ones and for those of both. */
  genderOf(firstName: string): Gender | undefined;
  /** Whether a name is a country's, a region's or a city's. `language`: of the book, ISO 639-1, for its countries. */
  isPlace(name: string, language: string): boolean;
}

/** ISO 3166: two letters a country. */
const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** Loads the word list when it is called. Throws UserError where `compromise` is not installed. */
export async function openGazetteer(): Promise<Gazetteer> {
  const words = () => import("compromise/two");
  const { default: nlp } = await importOptional("compromise@14.17.0", "Finding names", words);
  const genderOf = (name: string): Gender | undefined => {
    const found = nlp(name);
    const male = found.has("^#MaleName$");
    return male === found.has("^#FemaleName$") ? undefined : male ? "male" : "female";
  };
  const isKnownPlace = remembered((name) => nlp(name).has("^#Place+$"));
  const countries = remembered(countriesIn);
  return {
    genderOf: remembered(genderOf),
    isPlace: (name, language) => countries(language).has(name) || isKnownPlace(name),
  };
}

function countriesIn(language: string): ReadonlySet<string> {
  let names: Intl.DisplayNames;
  try {
    names = new Intl.DisplayNames(language, { type: "region", fallback: "none" });
  } catch {
    return new Set(); // no language code
  }
  const all = LETTERS.flatMap((first) => LETTERS.map((second) => names.of(first + second)));
  return new Set(all.filter((name) => name !== undefined));
}

function remembered<T>(look: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    if (!known.has(name)) known.set(name, look(name));
    return known.get(name)!;
  };
}
