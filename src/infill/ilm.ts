// Gaps in whole documents, in the manner of ILM (Donahue, Lee and Liang, "Enabling Language Models to Fill in the
// Blanks", ACL 2020): going down from the document over its paragraphs, sentences and words, each is masked with a
// small probability, and what is masked is not entered. A masked word begins a longer run of words half of the time.
// ILM fills all masks of a document at once; here each becomes an example of its own, with everything before it as p1
// and everything after it as p3. Words are what stands between spaces, with their punctuation: the template puts one
// space around every text.
import type { Random } from "../random.ts";
import { sentenceSpans } from "./books/sentence-spans.ts";

export const GRANULARITIES = ["document", "paragraph", "sentence", "ngram", "word"] as const;
export type Granularity = (typeof GRANULARITIES)[number];

export interface MaskOptions {
  /** What may be masked. */
  readonly granularities: readonly Granularity[];
  /** Of masking each, when it is reached. */
  readonly probability: number;
  /** How often a document is gone through. */
  readonly passes: number;
}

/** The paper's: 0.03 at each level; about 15% of the words end up masked. */
export const DEFAULT_MASKS: MaskOptions = { granularities: GRANULARITIES, probability: 0.03, passes: 1 };

export interface Gap {
  readonly granularity: Granularity;
  readonly p1: string;
  readonly p2: string;
  readonly p3: string;
}

const NGRAM_PROBABILITY = 0.5;
const LONGEST_NGRAM = 8;

type Span = readonly [start: number, end: number];

/** The documents of a text: separated by three newlines, without the white space around them. */
export function splitDocuments(text: string): string[] {
  return text
    .split("\n\n\n")
    .map((document) => document.trim())
    .filter((document) => document !== "");
}

/** One gap for each span that was masked, none twice. Paragraphs are lines. */
export function maskDocument(
  document: string,
  { granularities, probability, passes }: MaskOptions,
  random: Random,
): Gap[] {
  const may = (granularity: Granularity): boolean => granularities.includes(granularity);
  const gaps = new Map<string, Gap>();
  const take = (granularity: Granularity, [start, end]: Span): void => {
    gaps.set(`${granularity} ${start} ${end}`, {
      granularity,
      p1: document.slice(0, start).trim(),
      p2: document.slice(start, end),
      p3: document.slice(end).trim(),
    });
  };
  /** Whether `span` was masked. */
  const tryMask = (granularity: Granularity, span: Span): boolean => {
    const masked = may(granularity) && random.float() < probability;
    if (masked) take(granularity, span);
    return masked;
  };
  const maskWords = (words: readonly Span[]): void => {
    if (!may("ngram") && !may("word")) return;
    for (let i = 0; i < words.length; i++) {
      if (random.float() >= probability) continue;
      if (may("ngram") && (!may("word") || random.float() < NGRAM_PROBABILITY)) {
        const last = i + random.below(Math.min(words.length - i, LONGEST_NGRAM));
        take("ngram", [words[i]![0], words[last]![1]]);
        i = last;
      } else {
        take("word", words[i]!);
      }
    }
  };
  for (let pass = 0; pass < passes; pass++) {
    if (tryMask("document", [0, document.length])) continue;
    for (const paragraph of spansOf(document, /\S.*/g)) {
      if (tryMask("paragraph", paragraph)) continue;
      for (const [start, end] of sentenceSpans(document.slice(...paragraph))) {
        const sentence: Span = [paragraph[0] + start, paragraph[0] + end];
        if (!tryMask("sentence", sentence))
          maskWords(
            spansOf(document.slice(...sentence), /\S+/g).map(([from, to]) => [sentence[0] + from, sentence[0] + to]),
          );
      }
    }
  }
  return [...gaps.values()];
}

function spansOf(text: string, pattern: RegExp): Span[] {
  return [...text.matchAll(pattern)].map((match) => [match.index, match.index + match[0].trimEnd().length]);
}
