// The people, places, organisations and other names of a book, and which of them a passage names. There is no list of
// people: the book itself says who is one, by how it uses the word (name-usage.ts), where a name begins and ends
// (name-runs.ts), and which forms of a name are one person's (people.ts). A name matters where it recurs in the book;
// what a passage shares with those beside it may be rarer.
// Names are given as the passage has them ("Holmes", "Sherlock Holmes", "Mrs. Darling"), so that a text can be
// searched for them.
import type { Gazetteer } from "./gazetteer.ts";
import { nameRuns } from "./name-runs.ts";
import type { NameKind, NameRun } from "./name-runs.ts";
import { NameUsage, RECURS, SHARED } from "./name-usage.ts";
import { People } from "./people.ts";
import type { Person } from "./people.ts";
import { personForm } from "./person-form.ts";
import type { PersonForm } from "./person-form.ts";
import { wordsOf } from "./words.ts";
import type { Word } from "./words.ts";

export const NAME_FIELDS: readonly NameKind[] = ["characters", "places", "organisations", "misc"];

export interface NamesFound {
  /** By kind, in the order of the passage, each once, at most five. */
  readonly names: Readonly<Record<NameKind, readonly string[]>>;
  /** Other forms of the characters' names in the book, by the name in `names`; none for who has no other. */
  readonly aliases: Readonly<Record<string, readonly string[]>>;
}

/** A name of a text. */
export interface NamedOften {
  /** In its fullest form. */
  readonly name: string;
  /** Other forms of a character's name, the most frequent first. */
  readonly forms: readonly string[];
  /** Occurrences of all forms. */
  readonly count: number;
}

const MOST_NAMES = 5;
const MOST_ALIASES = 6;
/** Names of a text that are weighed against one another. */
const WEIGHED = 100;

interface Mention {
  readonly form: PersonForm;
  readonly person: Person | undefined;
}

export class Characters {
  private readonly usage: NameUsage;
  private readonly paragraphs: readonly string[];
  private decided: People | undefined;

  /**
   * `paragraphs`: all of the book. Without a gazetteer the book is all there is to go by. `language`: ISO 639-1.
   * `isShort`: a text that may be too short to tell who is somebody.
   */
  constructor(paragraphs: Iterable<string>, gazetteer?: Gazetteer, language = "en", isShort = false) {
    this.usage = new NameUsage(gazetteer, language, isShort);
    this.paragraphs = [...paragraphs];
    for (const paragraph of this.paragraphs) this.usage.count(wordsOf(paragraph));
  }

  /** The characters in `p2`, in their order there, at most five. `around`: p1 and p3. */
  in(p2: string, ...around: readonly string[]): string[] {
    return [...this.namesIn(p2, ...around).names.characters];
  }

  /** All names in `p2`. */
  namesIn(p2: string, ...around: readonly string[]): NamesFound {
    const words = wordsOf(p2);
    const mentions: Mention[] = [];
    const others: Record<Exclude<NameKind, "characters">, Set<string>> = {
      places: new Set(),
      organisations: new Set(),
      misc: new Set(),
    };
    for (const run of nameRuns(words, this.usage)) {
      if (run.kind !== "characters") {
        if (this.matters(words, run, around)) others[run.kind].add(textOf(words, run));
      } else if (mentions.length < WEIGHED && this.matters(words, run, around)) {
        const form = personForm(words, run.start, run.end);
        mentions.push({ form, person: this.people.personOf(form) });
      }
    }
    const persons = onePerPerson(mentions).slice(0, MOST_NAMES);
    const few = (names: ReadonlySet<string>): string[] => [...names].slice(0, MOST_NAMES);
    return {
      names: {
        characters: [...new Set(persons.map(({ form }) => form.text))],
        places: few(others.places),
        organisations: few(others.organisations),
        misc: few(others.misc),
      },
      aliases: Object.fromEntries(
        persons
          .map((mention) => [mention.form.text, aliasesOf(mention)] as const)
          .filter(([, forms]) => forms.length > 0),
      ),
    };
  }

  /** All names of the text that occur twice or more, and those that say themselves what they are; by their number. */
  everything(): Record<NameKind, NamedOften[]> {
    const counts: Record<Exclude<NameKind, "characters">, Map<string, number>> = {
      places: new Map(),
      organisations: new Map(),
      misc: new Map(),
    };
    const sure = new Set<string>();
    for (const paragraph of this.paragraphs) {
      const words = wordsOf(paragraph);
      for (const run of nameRuns(words, this.usage)) {
        if (run.kind === "characters") continue;
        const name = textOf(words, run);
        counts[run.kind].set(name, (counts[run.kind].get(name) ?? 0) + 1);
        if (run.end > run.start) sure.add(name);
      }
    }
    const often = ([name, count]: [string, number]): NamedOften[] =>
      count >= SHARED || sure.has(name) ? [{ name, forms: [], count }] : [];
    const listed = (names: ReadonlyMap<string, number>): NamedOften[] =>
      [...names].flatMap(often).sort((a, b) => b.count - a.count);
    const persons = this.people.all().filter(({ maybe, count }) => maybe.length === 0 && count >= SHARED);
    return {
      characters: persons.map((person) => {
        const forms = [...person.forms.values()];
        const fullest = forms.reduce((best, form) => (isFuller(form, best) ? form : best));
        return { name: fullest.text, forms: aliasesOf({ form: fullest, person }), count: person.count };
      }),
      places: listed(counts.places),
      organisations: listed(counts.organisations),
      misc: listed(counts.misc),
    };
  }

  /** Everybody in the book, the most named first. */
  get people(): People {
    if (this.decided) return this.decided;
    const people = new People(this.usage.gazetteer);
    for (const paragraph of this.paragraphs) {
      const words = wordsOf(paragraph);
      let sentence: PersonForm[] = [];
      let last = 0;
      for (const { kind, start, end } of nameRuns(words, this.usage)) {
        if (kind !== "characters") continue;
        if (hasEnd(words, last, start)) {
          people.count(sentence);
          sentence = [];
        }
        sentence.push(personForm(words, start, end));
        last = end;
      }
      people.count(sentence);
    }
    return (this.decided = people);
  }

  /** Whether a name recurs in the book, or stands in the texts around too. What says itself what it is may be rare. */
  private matters(words: readonly Word[], { kind, start, end }: NameRun, around: readonly string[]): boolean {
    const last = words[end]!;
    const count = this.usage.get(last)?.all ?? 0;
    if (kind !== "characters" && end > start) return true;
    return count >= RECURS || (count >= SHARED && around.some((text) => text.includes(last.text)));
  }
}

/** Each person once, in the fullest form that the passage has, where it first names them. */
function onePerPerson(mentions: readonly Mention[]): Mention[] {
  const chosen = new Map<unknown, Mention>();
  const sure = new Set(mentions.flatMap(({ person }) => (person && person.maybe.length === 0 ? [person] : [])));
  for (const mention of mentions) {
    const { person, form } = mention;
    const present = person?.maybe.filter((each) => sure.has(each)) ?? [];
    const who = present.length === 1 ? present[0] : (person ?? form.key);
    const before = chosen.get(who);
    if (!before || isFuller(form, before.form)) chosen.set(who, { form, person: present[0] ?? person });
  }
  return [...chosen.values()];
}

function isFuller(form: PersonForm, other: PersonForm): boolean {
  if (form.parts.length !== other.parts.length) return form.parts.length > other.parts.length;
  return form.text.length > other.text.length;
}

/** The most frequent first; those that several people bear are nobody's. */
function aliasesOf({ form, person }: Mention): string[] {
  if (person === undefined || person.maybe.length > 0) return [];
  const texts = [...person.forms.values()].sort((a, b) => b.count - a.count).map(({ text }) => text);
  return [...new Set(texts)].filter((text) => text !== form.text).slice(0, MOST_ALIASES);
}

function textOf(words: readonly Word[], { start, end }: NameRun): string {
  return words
    .slice(start, end + 1)
    .map((word, i) => (i === 0 ? "" : word.gap) + word.text)
    .join("");
}

/** Whether a sentence ends between two words. */
function hasEnd(words: readonly Word[], from: number, to: number): boolean {
  for (let i = from + 1; i <= to; i++) if (words[i]!.opens && /[.!?…]/.test(words[i]!.gap)) return true;
  return false;
}
