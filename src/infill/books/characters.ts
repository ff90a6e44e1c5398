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
}

/** Occurrences that make a name recur; fewer are enough where P1 or P3 has it too. */
const RECURS = 4;
const SHARED = 2;
const MOST_NAMES = 5;

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
    const names: { text: string; words: readonly string[] }[] = [];
    for (const run of this.runs(wordsOf(p2))) {
      const last = run.at(-1)!.text;
      if ((this.usage.get(last)?.all ?? 0) < (around.some((text) => text.includes(last)) ? SHARED : RECURS)) continue;
      const name = run.map((word, i) => (i === 0 ? "" : word.gap) + word.text).join("");
      names.push({ text: name, words: run.map(({ text }) => text) });
    }
    // "Holmes" says nothing beside "Sherlock Holmes".
    const distinct = names.filter(
      (name, i) =>
        !names.some((other, j) =>
          other.text === name.text ? j < i : name.words.every((word) => other.words.includes(word)),
        ),
    );
    return distinct.slice(0, MOST_NAMES).map(({ text }) => text);
  }

  /**
   * Runs of words that name one person: an optional title, then names and initials ("Mr. Fogg", "Enoch J. Drebber").
   */
  private *runs(words: readonly Word[]): Generator<Word[]> {
    for (let i = 0; i < words.length; i++) {
      if (!this.isName(words[i]!) && !isPart(words, i)) continue;
      const start = i,
        run = [words[i]!];
      while (
        i + 1 < words.length &&
        (this.isName(words[i + 1]!) || isPart(words, i + 1)) &&
        joins(words[i]!, words[i + 1]!)
      )
        run.push(words[++i]!);
      while (run.length > 1 && run.at(-1)!.text.length === 1) run.pop();
      if (
        !run.some((word) => this.isName(word) && this.isPerson(word.text)) ||
        isPlacePart(words, i) ||
        this.isAdjective(words, start, i)
      )
        continue;
      const before = words[start - 1];
      const titled = run.length === 1 && before?.capital && TITLES.has(before.lower) && /^\.? $/.test(run[0]!.gap);
      yield titled ? [before, ...run] : run;
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
      let usage = this.usage.get(word.text);
      if (!usage) this.usage.set(word.text, (usage = { inside: 0, all: 0, article: 0, person: 0, place: 0 }));
      usage.all++;
      if (!word.opens) usage.inside++;
      if (hasArticle(words, runStart)) usage.article++;
      const evidence = isPlacePart(words, i) ? -1 : personEvidence(words, runStart, i);
      if (evidence > 0) usage.person += evidence;
      else usage.place -= evidence;
    }
  }

  private isName({ text, lower, capital }: Word): boolean {
    if (!capital || text.length < 2 || isOtherWord(lower)) return false;
    const usage = this.usage.get(text);
    return usage !== undefined && usage.inside >= SHARED && usage.inside > 2 * (this.lower.get(lower) ?? 0);
  }

  /** "King of Beasts", and "the Baskerville demon", where Baskerville hardly ever has an article. */
  private isAdjective(words: readonly Word[], start: number, end: number): boolean {
    const { text, lower } = words[end]!;
    const usage = this.usage.get(text);
    if (start === end && ROLES.has(lower) && /^(?:of|de|du|des)$/.test(words[end + 1]?.lower ?? "")) return true;
    return (
      usage !== undefined && hasArticle(words, start) && usage.article < usage.all / 4 && words[end + 1]?.gap === " "
    );
  }

  private isPerson(text: string): boolean {
    const usage = this.usage.get(text);
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
    if (TITLES.has(before.lower)) return ENGLISH_ARTICLES.has(words[start - 2]?.lower ?? "") && before.capital ? -1 : 2; // "the Admiral Benbow" is an inn
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

/** Whether somebody is spoken to: "Come, Watson!", "Axel, suis-moi!". */
function isAddressed(before: string, after: string): boolean {
  return (
    (before === ", " && /^(?:[!?]|[.,]?["”»’])/.test(after)) || (/["“«‘—-] ?$/.test(before) && /^[,!]/.test(after))
  );
}

/** Whether the name at `i` goes on as a place: "Baker Street", "Saville-row". */
function isPlacePart(words: readonly Word[], i: number): boolean {
  const after = words[i + 1];
  return (
    (after?.gap === " " && after.capital && PLACE_NOUNS.has(after.lower)) ||
    PLACE_NOUNS.has(words[i]!.lower.split("-").at(-1)!)
  );
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
  return capital && (text.length === 1 ? words[i + 1]?.gap === ". " : !opens && !isOtherWord(lower));
}

function isOtherWord(lower: string): boolean {
  return NO_NAMES.has(lower) || (TITLES.has(lower) && !ROLES.has(lower)) || PLACE_NOUNS.has(lower);
}

function joins(before: Word, after: Word): boolean {
  return after.gap === " " || (after.gap === ". " && before.text.length === 1);
}
