// Who is in a paragraph. There is no list of names: a word is taken for a person's name by how the book uses it.
//   1. It is a name: in a capital inside sentences, where no other word is, and rarely or never in lower case.
//   2. It is a person's: it stands beside a title ("Mr.", "tante") or what people do ("said", "répondit") more often
// than where
//      places and things stand: after "in" or "dans", before "Street", after a French article.
//   3. It matters: it recurs in the book. What P2 shares with P1 or P3 may be rarer than what stands in P2 alone.
// Names are written as the paragraph has them ("Holmes", "Sherlock Holmes", "Mrs. Darling"), so that a text can be
// searched for them.
import {
  ACTION_VERBS,
  ENGLISH_ARTICLES,
  EPITHETS,
  FRENCH_ARTICLES,
  NO_NAMES,
  PLACE_NOUNS,
  PLACE_WORDS,
  RARE_NAMES,
  ROLES,
  SPEECH_VERBS,
  TITLES,
} from "./name-words.ts";
import { wordsOf } from "./words.ts";
import type { Word } from "./words.ts";

interface Usage {
  /** In a capital inside a sentence, and anywhere. */
  inside: number;
  all: number;
  /** Behind an article, in English. */
  article: number;
  person: number;
  place: number;
  /** Right behind a title: then even "Hall" and "West" are somebody. */
  titled: number;
}

/** Occurrences that make a name recur; fewer are enough where P1 or P3 has it too. */
const RECURS = 4;
const SHARED = 2;
const MOST_NAMES = 5;
/** Names of a text that are weighed against one another. */
const WEIGHED = 100;
/** Evidence that makes a person of a word that is mostly another. */
const STRONG = 3;

export class Characters {
  private readonly usage = new Map<string, Usage>();
  /** Occurrences in lower case. */
  private readonly lower = new Map<string, number>();

  /** `paragraphs`: all of the book. */
  constructor(paragraphs: Iterable<string>) {
    for (const paragraph of paragraphs) this.count(wordsOf(paragraph));
  }

  /** The characters in `p2`, in their order there, at most five. `around`: p1 and p3. */
  in(p2: string, ...around: readonly string[]): string[] {
    const names = new Map<string, readonly string[]>();
    for (const run of this.runs(wordsOf(p2))) {
      const last = run.at(-1)!;
      const least = around.some((text) => text.includes(last.text)) ? SHARED : RECURS;
      if ((this.usage.get(last.key)?.all ?? 0) < least) continue;
      const name = run.map((word, i) => (i === 0 ? "" : word.gap) + word.text).join("");
      if (!names.has(name))
        names.set(
          name,
          run.map(({ key }) => key),
        );
      if (names.size >= WEIGHED) break;
    }
    // "Holmes" says nothing beside "Sherlock Holmes".
    const all = [...names];
    return all
      .filter(([name, words]) => !all.some(([other, more]) => other !== name && words.every((w) => more.includes(w))))
      .slice(0, MOST_NAMES)
      .map(([name]) => name);
  }

  /**
   * Runs of words that name one person: an optional title, then names and initials ("Mr. Fogg", "Enoch J. Drebber").
   */
  private *runs(words: readonly Word[]): Generator<Word[]> {
    for (let i = 0; i < words.length; i++) {
      if (!this.isName(words, i) && !isPart(words, i)) continue;
      const start = i,
        run = [words[i]!];
      while (
        i + 1 < words.length &&
        (this.isName(words, i + 1) || isPart(words, i + 1)) &&
        joins(words[i]!, words[i + 1]!)
      )
        run.push(words[++i]!);
      while (run.length > 1 && run.at(-1)!.text.length === 1) run.pop();
      if (
        !run.some((word, k) => this.isName(words, start + k) && this.isPerson(word)) ||
        isBeforePlaceNoun(words, i) ||
        (isPlaceNoun(words[i]!) && !this.isSurname(words, i)) ||
        this.isAdjective(words, start, i)
      )
        continue;
      const before = words[start - 1];
      yield run.length === 1 && before?.capital && isTitled(words, start) ? [before, ...run] : run;
    }
  }

  private count(words: readonly Word[]): void {
    let runStart = 0; // of the words in capitals that this one belongs to: what stands before them tells of all
    for (const [i, word] of words.entries()) {
      if (!word.capital) {
        this.lower.set(word.lower, (this.lower.get(word.lower) ?? 0) + 1);
        continue;
      }
      const previous = words[i - 1];
      if (!previous?.capital || TITLES.has(previous.lower) || !joins(previous, word)) runStart = i;
      let usage = this.usage.get(word.key);
      if (!usage) this.usage.set(word.key, (usage = { inside: 0, all: 0, article: 0, person: 0, place: 0, titled: 0 }));
      usage.all++;
      if (!word.opens) usage.inside++;
      if (hasArticle(words, runStart)) usage.article++;
      const titled = isTitled(words, i);
      if (titled) usage.titled++;
      const evidence =
        isBeforePlaceNoun(words, i) || (!titled && isPlaceNoun(word)) ? -1 : personEvidence(words, runStart, i);
      if (evidence > 0) usage.person += evidence;
      else usage.place -= evidence;
    }
  }

  private isName(words: readonly Word[], i: number): boolean {
    const { key, lower, capital } = words[i]!;
    const usage = this.usage.get(key);
    if (!capital || key.length < 2 || usage === undefined) return false;
    if (isOtherWord(lower)) return this.isSurname(words, i);
    if (RARE_NAMES.has(lower) && !isTitled(words, i)) {
      if (usage.person < STRONG || usage.person <= 2 * usage.place || isHonour(words, i)) return false;
    }
    return usage.inside >= SHARED && usage.inside > 2 * (this.lower.get(lower) ?? 0);
  }

  /** "Mr. Hall", and where he is one, "Hall" by itself; never "Baskerville Hall" or "the hall". */
  private isSurname(words: readonly Word[], i: number): boolean {
    if (TITLES.has(words[i]!.lower)) return false;
    if (isTitled(words, i)) return true;
    const before = words[i - 1];
    const stands = !before?.capital || !joins(before, words[i]!);
    return stands && !hasArticle(words, i) && (this.usage.get(words[i]!.key)?.titled ?? 0) >= SHARED;
  }

  /** "King of Beasts", and "the Baskerville demon", where Baskerville hardly ever has an article. */
  private isAdjective(words: readonly Word[], start: number, end: number): boolean {
    const { key, lower } = words[end]!;
    const usage = this.usage.get(key);
    if (start === end && ROLES.has(lower) && /^(?:of|de|du|des)$/.test(words[end + 1]?.lower ?? "")) return true;
    if (start < end && TITLES.has(words[start]!.lower)) return false; // "the Captain Nemo"
    return (
      usage !== undefined && hasArticle(words, start) && usage.article < usage.all / 4 && words[end + 1]?.gap === " "
    );
  }

  private isPerson({ key }: Word): boolean {
    const usage = this.usage.get(key);
    return usage !== undefined && usage.person > usage.place && usage.person >= Math.max(2, usage.all / 10);
  }
}

/** Above 0 for a person, below for a place or a thing, by what stands beside the words from `start` to `end`. */
function personEvidence(words: readonly Word[], start: number, end: number): number {
  const word = words[end]!,
    first = words[start]!,
    before = words[start - 1],
    after = words[end + 1];
  const next = after?.gap === " " ? after.lower : "";
  if (before && /^\.? $/.test(first.gap)) {
    if (TITLES.has(before.lower))
      return ENGLISH_ARTICLES.has(words[start - 2]?.lower ?? "") && before.capital
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

/** Right behind a title: "Mr. Hall", "Lady Rowena". */
function isTitled(words: readonly Word[], i: number): boolean {
  return /^\.? $/.test(words[i]!.gap) && TITLES.has(words[i - 1]?.lower ?? "");
}

/** "Your Grace", "the French". */
function isHonour(words: readonly Word[], i: number): boolean {
  return /^(?:your|his|her|their|the|a|an|in|of|this|last|next|every|all)$/.test(words[i - 1]?.lower ?? "");
}

/** Whether somebody is spoken to: "Come, Watson!", "Axel, suis-moi!". */
function isAddressed(before: string, after: string): boolean {
  return (
    (before === ", " && /^(?:[!?]|[.,]?["”»’])/.test(after)) || (/["“«‘—-] ?$/.test(before) && /^[,!]/.test(after))
  );
}

/** "Baker Street": the name goes on as a place. */
function isBeforePlaceNoun(words: readonly Word[], i: number): boolean {
  const after = words[i + 1];
  return after?.gap === " " && after.capital && PLACE_NOUNS.has(after.lower);
}

/** "Street", "Saville-row". */
function isPlaceNoun({ lower }: Word): boolean {
  return PLACE_NOUNS.has(lower.split("-").at(-1)!);
}

function hasArticle(words: readonly Word[], i: number): boolean {
  return words[i]!.gap === " " && /^(?:the|an?|this)$/.test(words[i - 1]?.lower ?? "");
}

/**
 * Whether a word belongs to a name that stands beside it: an initial, or a common word in a capital ("Black Dog",
 * "Medical Man").
 */
function isPart(words: readonly Word[], i: number): boolean {
  const { text, lower, capital, opens } = words[i]!;
  return (
    capital &&
    !RARE_NAMES.has(lower) &&
    (text.length === 1 ? words[i + 1]?.gap === ". " : !opens && !isOtherWord(lower))
  );
}

function isOtherWord(lower: string): boolean {
  return NO_NAMES.has(lower) || (TITLES.has(lower) && !ROLES.has(lower)) || PLACE_NOUNS.has(lower);
}

function joins(before: Word, after: Word): boolean {
  return after.gap === " " || (after.gap === ". " && before.text.length === 1);
}
