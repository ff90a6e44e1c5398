// What a passage is about, in its own words. Keywords are those of greatest tf-idf, the passages of the book being the
// documents (Spärck Jones 1972, "A statistical interpretation of term specificity"; tf and idf as in Salton & Buckley
// 1988): frequent here, rare elsewhere. What is rarer than one passage in fifty counts as no rarer, and of equals the
// word that the book has more often comes first: a word that stands twice in a novel says little about either place,
// and nothing can be learned from it. The central sentence is the one most like the passage as a whole, by the cosine
// of their tf-idf vectors (the centroid of Radev et al. 2004, MEAD).
import { sentenceSpans } from "./sentence-spans.ts";
import { stopWords } from "./stop-words.ts";

const MOST_KEYWORDS = 5;
/** Passages that a keyword stands in, at least (what stands in one is often a slip), and their share at most. */
const LEAST_PASSAGES = 2;
const MOST_SHARE = 0.2;
/** Rarer is no rarer: one passage in so many. */
const RAREST = 50;
/** Shorter words say little. */
const LEAST_LETTERS = 4;

const WORD = /\p{L}[\p{L}\p{M}]*(?:[-’'][\p{L}\p{M}]+)*/gu;
const ELISION = /^(?:[dlnmtscj]|qu|jusqu|lorsqu|puisqu)['’]/iu;
const CONTRACTION = /['’](?:s|d|ll|re|ve|m|t)$/iu;
/** Behind an inverted verb: "dit-il", "ai-je", "y a-t-il". */
const ENCLITIC = /(?:-t)?-(?:je|tu|ils?|elles?|on|nous|vous|ce|moi|toi|lui|leur|les?|la|en|y|là|ci)$/iu;
/** Of a sentence: shorter ones say too little to stand for a passage, where there are others. */
const LEAST_WORDS = 5;

export class Keywords {
  private readonly stops: ReadonlySet<string>;
  private readonly passages: number;
  /** Passages that hold a word; in lower case. */
  private readonly holding = new Map<string, number>();
  /** Occurrences in lower case less those in a capital: below 0 for names. */
  private readonly lowerCase = new Map<string, number>();

  /** `passages`: all of the book. `language`: of its stop words, ISO 639-1. */
  constructor(passages: readonly string[], language: string) {
    this.stops = stopWords(language);
    this.passages = passages.length;
    for (const passage of passages) {
      const words = termsOf(passage);
      for (const { term, capital } of words)
        this.lowerCase.set(term, (this.lowerCase.get(term) ?? 0) + (capital ? -1 : 1));
      for (const term of new Set(words.map(({ term }) => term)))
        this.holding.set(term, (this.holding.get(term) ?? 0) + 1);
    }
  }

  /** At most five words of a passage, as they stand in it in small letters, the weightiest first. */
  in(passage: string): string[] {
    const counts = countsOf(termsOf(passage).flatMap(({ term, capital }) => (capital ? [] : [term])));
    return [...counts]
      .filter(([term]) => this.isKeyword(term))
      .map(([term, count]) => ({ term, weight: count * Math.min(Math.log(RAREST), this.idf(term)) }))
      .sort((a, b) => b.weight - a.weight || this.holding.get(b.term)! - this.holding.get(a.term)!)
      .slice(0, MOST_KEYWORDS)
      .map(({ term }) => term);
  }

  /** The sentence of a passage that is most like all of it; the first where none is. */
  centralSentence(passage: string): string {
    const sentences = sentenceSpans(passage).map(([start, end]) => passage.slice(start, end));
    const whole = this.vector(passage);
    let best = sentences[0] ?? "";
    let most = 0;
    for (const sentence of sentences) {
      const likeness = cosine(this.vector(sentence), whole);
      if (likeness > most && termsOf(sentence).length >= LEAST_WORDS) {
        most = likeness;
        best = sentence;
      }
    }
    return best.replace(/\s+/gu, " ");
  }

  private isKeyword(term: string): boolean {
    const holding = this.holding.get(term) ?? 0;
    const most = Math.max(LEAST_PASSAGES, MOST_SHARE * this.passages);
    return (
      term.length >= LEAST_LETTERS &&
      holding >= LEAST_PASSAGES &&
      holding <= most &&
      (this.lowerCase.get(term) ?? 0) > 0 &&
      !this.stops.has(term)
    );
  }

  private idf(term: string): number {
    return Math.log((1 + this.passages) / (1 + (this.holding.get(term) ?? 0)));
  }

  private vector(text: string): ReadonlyMap<string, number> {
    const counts = countsOf(termsOf(text).map(({ term }) => term));
    return new Map(
      [...counts].flatMap(([term, count]) => (this.stops.has(term) ? [] : [[term, count * this.idf(term)]])),
    );
  }
}

function termsOf(text: string): { readonly term: string; readonly capital: boolean }[] {
  return (text.match(WORD) ?? []).map((match) => {
    const word = match.replace(ELISION, "").replace(CONTRACTION, "").replace(ENCLITIC, "");
    const term = word.toLowerCase();
    return { term, capital: term[0] !== word[0] };
  });
}

function countsOf(terms: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}

function cosine(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  const norm = (vector: ReadonlyMap<string, number>): number =>
    Math.sqrt([...vector.values()].reduce((sum, weight) => sum + weight * weight, 0));
  let product = 0;
  for (const [term, weight] of a) product += weight * (b.get(term) ?? 0);
  return product === 0 ? 0 : product / (norm(a) * norm(b));
}
