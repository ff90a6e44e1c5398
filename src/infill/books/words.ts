// The words of a paragraph with what the search for characters needs to know of each.
import { TITLES } from "./name-words.ts";

export interface Word {
  /** Without an elided article or a genitive: "l'Anglais" and "Anglais's" are "Anglais". As the text spells it. */
  readonly text: string;
  /** With straight apostrophes; `lower` too. */
  readonly key: string;
  readonly lower: string;
  /** What stands between the word before and this one: its genitive or contraction, this one's elided article, too. */
  readonly gap: string;
  /** At the beginning of a sentence or of a quotation, where any word has a capital. */
  readonly opens: boolean;
  /** Begins with a capital and does not only consist of them. */
  readonly capital: boolean;
  readonly genitive: boolean;
}

/** Latin letters with all their accents: English and French are what is looked for. */
const WORD = /[A-Za-zÀ-ÖØ-öø-ɏ]+(?:[’'-][A-Za-zÀ-ÖØ-öø-ɏ]+)*/g;
const ELISION = /^(?:[dlnmtscj]|qu|jusqu|lorsqu|puisqu)['’](?=\p{L}{2})/u;
const CONTRACTION = /['’](?:s|d|ll|re|ve|m|t)$/;
const OPENING = /[.!?…:"“”«»‘—–([]|--|(?:^|\s)'/;

export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let end = 0,
    contraction = "",
    before: Word | undefined;
  for (const match of text.matchAll(WORD)) {
    let word = match[0],
      between = text.slice(end, match.index),
      genitive = false;
    const left = contraction;
    end = match.index + word.length;
    contraction = "";
    if (word.includes("'") || word.includes("’")) {
      const elided = ELISION.exec(word)?.[0] ?? "";
      between += elided;
      genitive = /['’]s$/.test(word);
      contraction = CONTRACTION.exec(word)?.[0] ?? "";
      word = word.slice(elided.length, word.length - contraction.length);
    }
    const gap = left + between;
    const key = word.replaceAll("’", "'");
    const lower = key.toLowerCase();
    const capital = word[0] !== lower[0] && (word.length === 1 || word !== word.toUpperCase());
    const opens =
      before === undefined ||
      (between !== " " &&
        OPENING.test(between) &&
        !(between.startsWith(".") && before.capital && (before.text.length === 1 || isAbbreviated(before.lower))));
    before = { text: word, key, lower, gap, opens, capital, genitive };
    words.push(before);
  }
  return words;
}

function isAbbreviated(lower: string): boolean {
  return TITLES.has(lower) || lower === "st";
}
