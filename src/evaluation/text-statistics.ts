// Counting in texts: how varied they are, and how much of them stands elsewhere. Words are lower-cased runs of letters
// and digits, so that figures of models with different tokenizers can be compared.
import type { Part } from "./estimate.ts";

/** Words in a row that make a copy of note: shorter runs are common speech. */
export const COPY_WORDS = 4;

export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}\p{M}]+(?:['’-][\p{L}\p{N}\p{M}]+)*/gu) ?? [];
}

/** Every run of `n` words, in order, as one string each. */
export function ngrams(words: readonly string[], n: number): string[] {
  return Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) => words.slice(i, i + n).join(" "));
}

/**
 * Different n-grams over all n-grams of the texts together (distinct-n; Li et al. 2016); undefined where there are
 * none.
 */
export function distinct(texts: readonly string[], n: number): number | undefined {
  const all = texts.flatMap((text) => ngrams(wordsOf(text), n));
  return all.length === 0 ? undefined : new Set(all).size / all.length;
}

/**
 * Likeness of two texts, from 0 to 1: the harmonic mean of the share of the one's words that the other has and of the
 * reverse, each word as often as it stands there (the F1 of SQuAD; Rajpurkar et al. 2016). Two empty texts are alike.
 */
export function wordF1(a: string, b: string): number {
  const [one, other] = [wordsOf(a), wordsOf(b)];
  if (one.length + other.length === 0) return 1;
  const left = new Map<string, number>();
  for (const word of one) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of other) {
    const count = left.get(word) ?? 0;
    if (count > 0) common++;
    left.set(word, count - 1);
  }
  return (2 * common) / (one.length + other.length);
}

/** How far texts are apart, from 0 (the same words) to 1 (none in common): mean of 1 - wordF1 over all pairs. */
export function apartness(texts: readonly string[]): number | undefined {
  const pairs = texts.flatMap((a, i) => texts.slice(i + 1).map((b) => 1 - wordF1(a, b)));
  return pairs.length === 0 ? undefined : pairs.reduce((sum, each) => sum + each, 0) / pairs.length;
}

/** How many of the text's n-grams stand in `known`, and how many there are. */
export function copied(text: string, n: number, known: ReadonlySet<string>): Part {
  const own = ngrams(wordsOf(text), n);
  return { amount: own.filter((gram) => known.has(gram)).length, weight: own.length };
}

/**
 * N-grams of `sources`; with `only`, those in it: a large training set then takes no more memory than the texts in
 * question.
 */
export function ngramSet(sources: Iterable<string>, n: number, only?: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  for (const source of sources) {
    for (const gram of ngrams(wordsOf(source), n)) if (!only || only.has(gram)) found.add(gram);
  }
  return found;
}

/** Whether the name stands in the text as a whole word, capitals as given. */
export function hasName(text: string, name: string): boolean {
  const plain = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}])${plain}(?![\\p{L}\\p{N}])`, "u").test(text);
}
