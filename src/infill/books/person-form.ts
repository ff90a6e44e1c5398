// One way in which a book writes somebody's name: its title, its parts, and what these tell.
import type { Gazetteer, Gender } from "./gazetteer.ts";
import { isTitled } from "./name-usage.ts";
import { MAIDEN_TITLES, MALE_TITLES, MARRIED_TITLES, ROYAL_TITLES, TITLES } from "./name-words.ts";
import type { Word } from "./words.ts";

/** Whom a title is given to; "any" for doctors and captains. */
export type TitleClass = "none" | "any" | "male" | "married" | "maiden" | "royal";

export interface PersonForm {
  /** In lower case, with straight apostrophes, one space between the words: the same for the same form. */
  readonly key: string;
  /** As the text has it. */
  readonly text: string;
  readonly title: TitleClass;
  /** In lower case, without the title and particles: "sherlock", "holmes". */
  readonly parts: readonly string[];
}

/** Of words[start..end], a person's name. */
export function personForm(words: readonly Word[], start: number, end: number): PersonForm {
  const run = words.slice(start, end + 1);
  const isTitle = run.map(({ lower }, i) => i < run.length - 1 && TITLES.has(lower));
  const titles = isTitle.includes(false) ? run.slice(0, isTitle.indexOf(false)) : [];
  const named = run.slice(titles.length).filter((word, i) => word.capital || i === 0);
  // A title in small letters stands before the name, and tells as much: "le docteur Aubry".
  const title = titles[0] ?? (isTitled(words, start) ? words[start - 1] : undefined);
  return {
    key: run.map(({ key }) => key.toLowerCase()).join(" "),
    text: run.map((word, i) => (i === 0 ? "" : word.gap) + word.text).join(""),
    title: title === undefined ? "none" : titleClass(title.lower),
    parts: named.map(({ key }) => key.toLowerCase()),
  };
}

function titleClass(title: string): TitleClass {
  if (MALE_TITLES.has(title)) return "male";
  if (MARRIED_TITLES.has(title)) return "married";
  if (ROYAL_TITLES.has(title)) return "royal";
  return MAIDEN_TITLES.has(title) ? "maiden" : "any";
}

/** By the title, else by the first name where it has more than a surname. */
export function genderOf({ title, parts }: PersonForm, gazetteer: Gazetteer | undefined): Gender | undefined {
  if (title === "male") return "male";
  if (title === "married" || title === "maiden") return "female";
  const first = parts[0]!;
  return parts.length > 1 ? gazetteer?.genderOf(first[0]!.toUpperCase() + first.slice(1)) : undefined;
}

/** Whether a name with more parts may be this one written out: "John Silver" in "Long John Silver", "J. Watson". */
export function isContained(parts: readonly string[], fuller: readonly string[]): boolean {
  let at = 0;
  for (const part of parts) {
    while (at < fuller.length && !(fuller[at] === part || (part.length === 1 && fuller[at]!.startsWith(part)))) at++;
    if (at++ === fuller.length) return false;
  }
  return true;
}
