// How a book uses each word in a capital: what tells a name from other words, a person from a place or a thing. There
// is no list of names: it counts what stands beside a word in all of the book.
import type { Gazetteer } from "./gazetteer.ts";
import {
  ABBREVIATED_TITLES,
  ABOARD,
  ACTION_VERBS,
  DEMONYMS,
  ENGLISH_ARTICLES,
  EPITHETS,
  FRENCH_ARTICLES,
  LOCATIVES,
  NO_NAMES,
  NOBLE_TITLES,
  ORGANISATION_NOUNS,
  PARTICLES,
  PLACE_NOUNS,
  PLACE_WORDS,
  RARE_NAMES,
  ROLES,
  SMALL_PLACE_HEADS,
  SPEECH_VERBS,
  TITLES,
} from "./name-words.ts";
import type { Word } from "./words.ts";

export interface Usage {
  /** In a capital inside a sentence, and anywhere. */
  inside: number;
  all: number;
  /** Behind an English article; behind a definite one of either language. */
  article: number;
  definite: number;
  person: number;
  place: number;
  /** Behind what only places have before them: "in", "à". */
  located: number;
  /** Behind "à bord du", "on board the": it is a ship. */
  aboard: number;
  /** Right behind a title: then even "Hall" and "West" are somebody. */
  titled: number;
  /** Behind a title and a particle: "M. de Rênal", "baron de Thunder-ten-tronckh". */
  noble: number;
}

/** Occurrences that make a name recur; fewer are enough where P1 or P3 has it too. */
export const RECURS = 4;
export const SHARED = 2;
/** Evidence that makes a person of a word that is mostly another. */
const STRONG = 3;

export class NameUsage {
  readonly gazetteer: Gazetteer | undefined;
  private readonly language: string;
  private readonly isShort: boolean;
  private readonly usage = new Map<string, Usage>();
  /** Occurrences in lower case. */
  private readonly lower = new Map<string, number>();

  /** `isShort`: a single hint makes somebody of a name, and so does a first name that the world knows. */
  constructor(gazetteer: Gazetteer | undefined, language: string, isShort = false) {
    this.gazetteer = gazetteer;
    this.language = language;
    this.isShort = isShort;
  }

  get({ key }: Word): Usage | undefined {
    return this.usage.get(key);
  }

  count(words: readonly Word[]): void {
    let runStart = 0; // of the words in capitals that this one belongs to: what stands before them tells of all
    for (const [i, word] of words.entries()) {
      if (!word.capital) {
        this.lower.set(word.lower, (this.lower.get(word.lower) ?? 0) + 1);
        continue;
      }
      const previous = words[i - 1];
      if (!previous?.capital || TITLES.has(previous.lower) || !joins(previous, word)) runStart = i;
      let usage = this.usage.get(word.key);
      if (!usage) this.usage.set(word.key, (usage = noUsage()));
      usage.all++;
      if (!word.opens) usage.inside++;
      if (hasArticle(words, runStart)) usage.article++;
      if (hasDefiniteArticle(words, runStart)) usage.definite++;
      if (runStart === i && isLocated(words, i)) usage.located++;
      if (runStart === i && isAboard(words, i)) usage.aboard++;
      const titled = isTitled(words, i);
      if (titled) usage.titled++;
      if (nobleTitle(words, i) !== undefined) {
        usage.noble++;
        usage.person++;
        continue;
      }
      const evidence =
        isBeforePlaceNoun(words, i) || (!titled && isPlaceNoun(word)) ? -1 : personEvidence(words, runStart, i);
      if (evidence > 0) usage.person += evidence;
      else usage.place -= evidence;
    }
  }

  isName(words: readonly Word[], i: number): boolean {
    const word = words[i]!;
    const { key, lower, capital } = word;
    const usage = this.usage.get(key);
    if (!capital || key.length < 2 || usage === undefined) return false;
    if (isOtherWord(lower)) return this.isSurname(words, i);
    if (RARE_NAMES.has(lower) && !isTitled(words, i)) {
      if (usage.person < STRONG || usage.person <= 2 * usage.place || isHonour(words, i)) return false;
    }
    return usage.inside >= SHARED && this.isMostlyCapital(word);
  }

  /** Rarely or never in lower case. */
  isMostlyCapital({ key, lower }: Word): boolean {
    const usage = this.usage.get(key);
    return usage !== undefined && usage.inside > 2 * (this.lower.get(lower) ?? 0);
  }

  /** "Mr. Hall", and where he is one, "Hall" by itself; never "Baskerville Hall" or "the hall". */
  isSurname(words: readonly Word[], i: number): boolean {
    if (TITLES.has(words[i]!.lower)) return false;
    if (isTitled(words, i)) return true;
    const before = words[i - 1];
    const stands = !before?.capital || !joins(before, words[i]!);
    return stands && !hasArticle(words, i) && (this.usage.get(words[i]!.key)?.titled ?? 0) >= SHARED;
  }

  /** "King of Beasts", and "the Baskerville demon", where Baskerville hardly ever has an article. */
  isAdjective(words: readonly Word[], start: number, end: number): boolean {
    const { key, lower } = words[end]!;
    const usage = this.usage.get(key);
    if (start === end && ROLES.has(lower) && /^(?:of|de|du|des)$/.test(words[end + 1]?.lower ?? "")) return true;
    if (start < end && TITLES.has(words[start]!.lower)) return false; // "the Captain Nemo"
    return (
      usage !== undefined && hasArticle(words, start) && usage.article < usage.all / 4 && words[end + 1]?.gap === " "
    );
  }

  /** Whether the world knows a place of this name. */
  isKnownPlace(name: string): boolean {
    return this.gazetteer?.isPlace(name, this.language) ?? false;
  }

  isPerson({ key, text }: Word): boolean {
    const usage = this.usage.get(key);
    if (usage === undefined) return false;
    if (usage.person > usage.place && usage.person >= Math.max(2, usage.all / 10)) return true;
    if (!this.isShort || usage.place > usage.person || usage.located > usage.person) return false;
    if (usage.article > 0 || this.isKnownPlace(text)) return false;
    return usage.person > 0 || this.gazetteer?.genderOf(text) !== undefined;
  }
}

function noUsage(): Usage {
  return {
    inside: 0,
    all: 0,
    article: 0,
    definite: 0,
    person: 0,
    place: 0,
    located: 0,
    aboard: 0,
    titled: 0,
    noble: 0,
  };
}

/** Above 0 for a person, below for a place or a thing, by what stands beside the words from `start` to `end`. */
function personEvidence(words: readonly Word[], start: number, end: number): number {
  const word = words[end]!,
    first = words[start]!,
    before = words[start - 1],
    after = words[end + 1];
  const next = after?.gap === " " ? after.lower : "";
  if (before && /^\.? $/.test(first.gap)) {
    if (isTitled(words, start))
      return ROLES.has(before.lower) && before.capital && ENGLISH_ARTICLES.has(words[start - 2]?.lower ?? "")
        ? withArticle(words, start, next)
        : 2;
    if (PLACE_WORDS.has(before.lower) || FRENCH_ARTICLES.has(before.lower)) return -1;
    if (SPEECH_VERBS.has(before.lower) || EPITHETS.has(before.lower)) return 1;
    if (ENGLISH_ARTICLES.has(before.lower))
      return SPEECH_VERBS.has(next) || (before.gap === " " && SPEECH_VERBS.has(words[start - 2]?.lower ?? "")) ? 1 : 0;
  } else if (first.gap.endsWith("l'") || first.gap.endsWith("l’")) {
    return -1;
  }
  return SPEECH_VERBS.has(next) || ACTION_VERBS.has(next) || word.genitive || isAddressed(first.gap, after?.gap ?? "")
    ? 1
    : 0;
}

/** "the Lady Rowena asked" is somebody; "at the Admiral Benbow" is an inn. */
function withArticle(words: readonly Word[], start: number, next: string): number {
  const above = words[start - 3]?.lower ?? "";
  if (SPEECH_VERBS.has(above) || SPEECH_VERBS.has(next) || ACTION_VERBS.has(next)) return 2;
  return PLACE_WORDS.has(above) ? -2 : -1;
}

/** Right behind a title: "Mr. Hall", "Lady Rowena"; not "She wept for her mother. Hall slept". */
export function isTitled(words: readonly Word[], i: number): boolean {
  const before = words[i - 1];
  const gap = words[i]?.gap;
  if (before === undefined || !TITLES.has(before.lower)) return false;
  return gap === " " || (gap === ". " && ABBREVIATED_TITLES.has(before.lower));
}

/** Index of the title before a name and its particles: "M. de Rênal", "Mme d'Aumont", "the Baron von Trapp". */
export function nobleTitle(words: readonly Word[], i: number): number | undefined {
  const first = particleStart(words, i);
  const title = words[first - 1];
  if (title === undefined || (first === i && !isElided(words[i]!))) return undefined;
  const gap = words[first]!.gap.replace(/d['’]$/, "");
  const stands = gap === " " || (gap === ". " && ABBREVIATED_TITLES.has(title.lower));
  return stands && NOBLE_TITLES.has(title.lower) ? first - 1 : undefined;
}

/** Index of the first particle before the name at i, or i. */
export function particleStart(words: readonly Word[], i: number): number {
  let first = i;
  while (first > 0 && i - first < 2 && words[first]!.gap === " " && PARTICLES.has(words[first - 1]!.text)) first--;
  return first;
}

/** "d'Artagnan". */
export function isElided({ gap }: Word): boolean {
  return /\bd['’]$/.test(gap);
}

/** "Your Grace", "the French". */
function isHonour(words: readonly Word[], i: number): boolean {
  return /^(?:your|his|her|their|the|a|an|in|of|this|last|next|every|all)$/.test(words[i - 1]?.lower ?? "");
}

/** Whether somebody is spoken to: "Come, Watson!", "Axel, suis-moi!". */
function isAddressed(before: string, after: string): boolean {
  if (before === ", ") return /^(?:[!?]|[.,]?["”»’])/.test(after);
  return /["“«‘—-] ?$/.test(before) && /^[,!]/.test(after);
}

/** "in Exeter", "à Nantes", "en France". */
function isLocated(words: readonly Word[], i: number): boolean {
  return words[i]!.gap === " " && LOCATIVES.has(words[i - 1]?.lower ?? "");
}

/** "à bord du Mongolia", "on board of the Hispaniola", "le steamer l'Ellenora". */
function isAboard(words: readonly Word[], i: number): boolean {
  if (!hasDefiniteArticle(words, i) && !/ (?:de )?l['’]$/.test(words[i]!.gap))
    return ABOARD.has(words[i - 1]?.lower ?? "");
  const before = words[i]!.gap === " " ? i - 2 : i - 1;
  const above = words[before]?.lower === "de" || words[before]?.lower === "of" ? before - 1 : before;
  return ABOARD.has(words[above]?.lower ?? "");
}

/** "îlot Axel": what stands before the name says that it is a place's. */
export function isAfterPlaceHead(words: readonly Word[], i: number): boolean {
  return words[i]!.gap === " " && SMALL_PLACE_HEADS.has(words[i - 1]?.text ?? "");
}

/** "Baker Street": the name goes on as a place. */
export function isBeforePlaceNoun(words: readonly Word[], i: number): boolean {
  const after = words[i + 1];
  return after?.gap === " " && after.capital && (PLACE_NOUNS.has(after.lower) || ORGANISATION_NOUNS.has(after.lower));
}

/** "Street", "Saville-row". */
export function isPlaceNoun({ lower }: Word): boolean {
  return PLACE_NOUNS.has(lastPart(lower));
}

/** "Company", "Reform-Club". */
export function isOrganisationNoun({ lower }: Word): boolean {
  return ORGANISATION_NOUNS.has(lastPart(lower));
}

function lastPart(lower: string): string {
  return lower.slice(lower.lastIndexOf("-") + 1);
}

function hasArticle(words: readonly Word[], i: number): boolean {
  return words[i]!.gap === " " && /^(?:the|an?|this)$/.test(words[i - 1]?.lower ?? "");
}

function hasDefiniteArticle(words: readonly Word[], i: number): boolean {
  const { gap } = words[i]!;
  return (gap === " " && /^(?:the|l[ea]|du|au)$/.test(words[i - 1]?.lower ?? "")) || /\bl['’]$/.test(gap);
}

/** A word in a capital that is nobody's name by itself. */
export function isOtherWord(lower: string): boolean {
  return (
    NO_NAMES.has(lower) ||
    DEMONYMS.has(lower) ||
    (TITLES.has(lower) && !ROLES.has(lower)) ||
    PLACE_NOUNS.has(lower) ||
    ORGANISATION_NOUNS.has(lower)
  );
}

export function joins(before: Word, after: Word): boolean {
  return after.gap === " " || (after.gap === ". " && (before.text.length === 1 || before.text === "St"));
}
