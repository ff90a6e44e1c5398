// The names in a text, each with what it names: runs of words in capitals ("Mr. Sherlock Holmes", "Baker Street",
// "Bank of England"), told apart by their own words and by how the book uses those (name-usage.ts).
import {
  isAfterPlaceHead,
  isBeforePlaceNoun,
  isElided,
  isOrganisationNoun,
  isOtherWord,
  isPlaceNoun,
  isTitled,
  joins,
  nobleTitle,
  particleStart,
  RECURS,
  SHARED,
} from "./name-usage.ts";
import type { NameUsage } from "./name-usage.ts";
import { DEMONYMS, NAME_PARTICLES, ORGANISATION_NOUNS, PLACE_HEADS, RARE_NAMES, ROLES, TITLES } from "./name-words.ts";
import type { Word } from "./words.ts";

export type NameKind = "characters" | "places" | "organisations" | "misc";

export interface NameRun {
  readonly kind: NameKind;
  /** Of its words in the text. */
  readonly start: number;
  readonly end: number;
}

/** Names in the order of the text. */
export function nameRuns(words: readonly Word[], usage: NameUsage): NameRun[] {
  const runs: NameRun[] = [];
  let i = 0;
  while (i < words.length) {
    const run = words[i]!.capital ? runAt(words, i, usage) : undefined;
    if (run) runs.push(run);
    i = run ? run.end + 1 : i + 1;
  }
  return runs;
}

function runAt(words: readonly Word[], i: number, usage: NameUsage): NameRun | undefined {
  return headedRun(words, i, usage) ?? personRun(words, i, usage) ?? placeOrOther(words, i, usage);
}

/** A person: an optional title, then names and initials ("Mr. Fogg", "Enoch J. Drebber", "M. de Rênal"). */
function personRun(words: readonly Word[], start: number, usage: NameUsage): NameRun | undefined {
  const named = (i: number): boolean => i < words.length && (usage.isName(words, i) || isPart(words, i));
  // Titles in capitals belong to the name; those that are nobody by themselves need one behind them.
  const titled = TITLES.has(words[start]!.lower) ? afterTitle(words, start) : words.length;
  const first = named(titled) ? titled : start;
  if (!named(first)) return undefined;
  let end = first;
  for (let next = nextName(words, end, usage); next !== undefined && named(next); next = nextName(words, end, usage))
    end = next;
  while (end > first && words[end]!.text.length === 1) end--;
  const isSomebody = words.slice(first, end + 1).some((word, k) => {
    return usage.isName(words, first + k) && usage.isPerson(word);
  });
  if (
    !isSomebody ||
    isAfterPlaceHead(words, start) ||
    isBeforePlaceNoun(words, end) ||
    ((isPlaceNoun(words[end]!) || isOrganisationNoun(words[end]!)) && !usage.isSurname(words, end)) ||
    usage.isAdjective(words, first, end)
  )
    return undefined;
  return { kind: "characters", start, end };
}

/** Index of the name that a title at i, and the particles behind it, stand before. */
function afterTitle(words: readonly Word[], i: number): number {
  for (let next = i + 1; next <= i + 3 && next < words.length; next++) {
    if (!words[next]!.capital) continue;
    return (next === i + 1 && isTitled(words, next)) || nobleTitle(words, next) === i ? next : words.length;
  }
  return words.length;
}

/** The next word of a name: right behind, or behind a particle where that is known to stand in it. */
function nextName(words: readonly Word[], i: number, usage: NameUsage): number | undefined {
  const after = words[i + 1];
  if (after === undefined) return undefined;
  if (after.capital && joins(words[i]!, after)) return i + 1;
  if (after.capital && / d['’]$/.test(after.gap)) return isNoble(after, usage) ? i + 1 : undefined;
  for (let next = i + 2; next <= i + 3 && next < words.length; next++) {
    const word = words[next]!;
    if (!word.capital) continue;
    if (particleStart(words, next) !== i + 1 || after.gap !== " ") return undefined;
    return NAME_PARTICLES.has(after.text) || isNoble(word, usage) ? next : undefined;
  }
  return undefined;
}

/** Whether people are called so behind a title and a particle. */
function isNoble(word: Word, usage: NameUsage): boolean {
  return (usage.get(word)?.noble ?? 0) >= SHARED;
}

/** What says itself what it is: "Baker Street", "Mount Etna", "Reform-Club", "Bank of England". */
function headedRun(words: readonly Word[], start: number, usage: NameUsage): NameRun | undefined {
  if (TITLES.has(words[start]!.lower)) return undefined;
  let end = start;
  while (end < words.length - 1 && words[end + 1]!.capital && goesOn(words, end)) end++;
  const first = words[start]!,
    last = words[end]!;
  const isName = (word: Word): boolean => usage.isMostlyCapital(word) && !TITLES.has(word.lower);
  if (end > start || last.lower.includes("-")) {
    const head = end === start ? "whole" : "last";
    const others = words.slice(start, head === "whole" ? end + 1 : end);
    const isKnown = others.every((word) => !word.opens || isName(word)) && !others.some((word) => word.text === "I");
    if (isKnown && isOrganisationNoun(last) && !isTitled(words, end)) return { kind: "organisations", start, end };
    if (isKnown && isPlaceNoun(last) && !isTitled(words, end)) return { kind: "places", start, end };
  }
  const isPlaceHead = PLACE_HEADS.has(first.lower);
  const isOrganisationHead = ORGANISATION_NOUNS.has(first.lower);
  if (!isPlaceHead && !isOrganisationHead) return undefined;
  const kind = isPlaceHead ? "places" : "organisations";
  if (end > start) return isPlaceHead && isName(words[start + 1]!) ? { kind, start, end } : undefined;
  const next = behindOf(words, start);
  return next !== undefined && isName(words[next]!) ? { kind, start, end: next } : undefined;
}

/** "Baker Street", "St. James's Park". */
function goesOn(words: readonly Word[], i: number): boolean {
  const after = words[i + 1]!;
  return joins(words[i]!, after) || (/^['’]s $/.test(after.gap) && (isPlaceNoun(after) || isOrganisationNoun(after)));
}

/** Index of the name behind "of", "of the", "de", "d'". */
function behindOf(words: readonly Word[], i: number): number | undefined {
  const after = words[i + 1];
  if (after?.capital) return isElided(after) ? i + 1 : undefined;
  if (after?.gap !== " " || !/^(?:of|de|du|des)$/.test(after.text)) return undefined;
  const next = /^(?:the|la)$/.test(words[i + 2]?.text ?? "") && words[i + 2]!.gap === " " ? i + 3 : i + 2;
  return words[next]?.capital && /^ (?:l['’])?$/.test(words[next].gap) ? next : undefined;
}

/** A name that is nobody's: a place by where it stands or by what is known, else a people, a ship, a book. */
function placeOrOther(words: readonly Word[], start: number, usage: NameUsage): NameRun | undefined {
  const first = words[start]!;
  if (DEMONYMS.has(first.lower)) return { kind: "misc", start, end: start };
  if (!isOwnName(words, start, usage)) return undefined;
  let end = start;
  while (end < words.length - 1 && joins(words[end]!, words[end + 1]!) && isOwnName(words, end + 1, usage)) end++;
  const text = words
    .slice(start, end + 1)
    .map((word, i) => (i === 0 ? "" : word.gap) + word.text)
    .join("");
  const { person, located, definite, aboard, all } = usage.get(first)!;
  if (isAfterPlaceHead(words, start)) return { kind: "places", start: start - 1, end }; // "rue Morgue", whole
  if (aboard >= SHARED && aboard > located) return { kind: "misc", start, end };
  if (
    usage.isKnownPlace(text) ? located + SHARED > person : located >= SHARED && located > person && located >= all / 10
  )
    return { kind: "places", start, end };
  const isThing = definite >= all / 2 && definite > person && all >= RECURS;
  return isThing ? { kind: "misc", start, end } : undefined;
}

function isOwnName(words: readonly Word[], i: number, usage: NameUsage): boolean {
  const word = words[i]!;
  const { lower, capital, key } = word;
  if (!capital || key.length < 2 || isOtherWord(lower) || TITLES.has(lower) || ROLES.has(lower)) return false;
  if (RARE_NAMES.has(lower) || lower === "st") return false;
  return (usage.get(word)?.inside ?? 0) >= SHARED && usage.isMostlyCapital(word);
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
