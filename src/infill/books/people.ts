// Who is who in a book: the forms of one person's name (M. Renauld, Mr. Renauld and Renauld; Sherlock Holmes, Mr.
// Holmes and Holmes) are one, and persons who share a part of theirs (Mr. and Mrs. Darling, John and Mary Cavendish)
// are not. Decided by the book as a whole:
//   1. Names of two parts and more are people; one that stands within another is the same ("John Silver" in "Long John
//      Silver"), unless a title or a first name says that he is a she.
//   2. A single part, with or without a title, is whoever it can be: of those who bear it as a first name or a surname
//      and whom the title fits. Of several, one who is named far more often than the next; else it stays undecided.
//   3. Where nobody has it in a longer name, titles tell people apart, and the bare name is the man's, if there is one.
//   4. Whoever are named in one sentence again and again are two.
import type { Gazetteer, Gender } from "./gazetteer.ts";
import { genderOf, isContained } from "./person-form.ts";
import type { PersonForm, TitleClass } from "./person-form.ts";

export interface Person {
  readonly forms: Map<string, KnownForm>;
  gender: Gender | undefined;
  /** Parts of the fullest form. */
  parts: readonly string[];
  /** Occurrences of all forms. */
  count: number;
  /** For a name that several bear: these. */
  readonly maybe: readonly Person[];
}

export interface KnownForm extends PersonForm {
  count: number;
}

/** So many times as often as the next: then a bare name is his. */
const DOMINANT = 3;
/** Sentences that name both, and their share of those that name the rarer one: then they are two. */
const TOGETHER = 2;
const TOGETHER_SHARE = 0.1;

export class People {
  private readonly forms = new Map<string, KnownForm>();
  /** Sentences that hold both forms, by their keys in alphabetical order. */
  private readonly together = new Map<string, number>();
  private readonly gazetteer: Gazetteer | undefined;
  private persons: ReadonlyMap<string, Person> | undefined;

  constructor(gazetteer: Gazetteer | undefined) {
    this.gazetteer = gazetteer;
  }

  /** The persons named in one sentence. */
  count(sentence: readonly PersonForm[]): void {
    for (const form of sentence) {
      const key = keyOf(form);
      const known = this.forms.get(key);
      if (known) known.count++;
      else this.forms.set(key, { ...form, count: 1 });
    }
    if (sentence.length < 2) return;
    const keys = [...new Set(sentence.map(keyOf))].sort();
    for (const [i, key] of keys.entries())
      for (const other of keys.slice(i + 1)) {
        const pair = `${key}|${other}`;
        this.together.set(pair, (this.together.get(pair) ?? 0) + 1);
      }
  }

  /** Everybody, the most named first. */
  all(): Person[] {
    this.persons ??= this.decide();
    return [...new Set(this.persons.values())].sort((a, b) => b.count - a.count);
  }

  /** Whose name a form is; undefined for one that was never counted. */
  personOf(form: PersonForm): Person | undefined {
    this.persons ??= this.decide();
    return this.persons.get(keyOf(form));
  }

  private decide(): ReadonlyMap<string, Person> {
    const byParts = [...this.forms.values()].sort((a, b) => b.parts.length - a.parts.length || b.count - a.count);
    const persons = new Map<string, Person>();
    const full = byParts.filter(({ parts }) => parts.length > 1);
    for (const form of full) this.add(persons, form, this.fitting(persons, form));
    const fullPersons = new Set(persons.values());
    const single = byParts.filter(({ parts }) => parts.length === 1);
    const bare = single.filter(({ title }) => title === "none");
    // First names first: who else is in a sentence with "Wendy" is not she, whatever the title says.
    const firstNames = bare.filter(({ parts }) => [...fullPersons].some((person) => person.parts[0] === parts[0]));
    const titled = single.filter(({ title }) => title !== "none");
    const rest = bare.filter((form) => !firstNames.includes(form));
    for (const form of [...firstNames, ...titled.sort((a, b) => classRank(a.title) - classRank(b.title)), ...rest]) {
      const bearers = this.fitting(persons, form, fullPersons);
      const others = this.fitting(persons, form).filter((person) => !fullPersons.has(person));
      // Those known by a title alone come first ("Renauld" is M. Renauld rather than Jack Renauld, if they are two),
      // and men before women.
      const men = (known: readonly Person[]): Person[] => known.filter(({ gender }) => gender !== "female");
      const fitting = [men(others), men(bearers), others, bearers].find(({ length }) => length > 0) ?? [];
      this.add(persons, form, fitting);
    }
    return persons;
  }

  private add(persons: Map<string, Person>, form: KnownForm, candidates: readonly Person[]): void {
    const [first, second] = [...candidates].sort((a, b) => b.count - a.count);
    // Joe Harper and Injun Joe: neither goes by "Joe" as the other does, so numbers say nothing.
    const alike = candidates.every(({ parts }) => (parts[0] === form.parts[0]) === (first!.parts[0] === form.parts[0]));
    const person =
      first !== undefined && (second === undefined || (alike && first.count >= DOMINANT * second.count))
        ? first
        : { forms: new Map(), gender: undefined, parts: form.parts, count: 0, maybe: candidates };
    person.forms.set(keyOf(form), form);
    person.count += form.count;
    person.gender ??= genderOf(form, this.gazetteer);
    persons.set(keyOf(form), person);
  }

  /** Whose name the form may be, among `among` or everybody. */
  private fitting(
    persons: ReadonlyMap<string, Person>,
    form: KnownForm,
    among: Iterable<Person> = new Set(persons.values()),
  ): Person[] {
    const gender = genderOf(form, this.gazetteer);
    return [...among].filter(
      (person) =>
        isContained(form.parts, person.parts) &&
        (gender === undefined || person.gender === undefined || gender === person.gender) &&
        titlesAgree(form, person) &&
        !this.areTwo(form, person),
    );
  }

  private areTwo(form: KnownForm, person: Person): boolean {
    let sentences = 0;
    for (const key of person.forms.keys()) sentences += this.together.get([key, keyOf(form)].sort().join("|")) ?? 0;
    return sentences >= TOGETHER && sentences >= TOGETHER_SHARE * Math.min(form.count, person.count);
  }
}

/** Mrs. and Miss of one surname are two; King George is nobody else. */
function titlesAgree(form: PersonForm, person: Person): boolean {
  if (form.title === "royal") return [...person.forms.values()].every(({ title }) => title === "royal");
  if (form.parts.length > 1) return true;
  const other = (title: TitleClass): boolean =>
    (form.title === "married" && title === "maiden") || (form.title === "maiden" && title === "married");
  return ![...person.forms.values()].some(
    ({ title, parts }) => other(title) && parts.at(-1) === form.parts[0] && parts.length === 1,
  );
}

/** Mr. before Dr., so that a doctor finds the man whom he may be. */
function classRank(title: TitleClass): number {
  return title === "any" ? 1 : 0;
}

/** Titles in small letters are not in the text of a form, but tell people apart. */
function keyOf({ key, title }: PersonForm): string {
  return `${key} ${title}`;
}
