// Figures of written texts: did they keep to what was asked, are they varied, are they copied. The same counts on the
// real p2 of the same examples say what a figure is worth.
import type { InfillExample } from "../infill/example.ts";
import { ratio } from "./estimate.ts";
import type { Estimate, Part } from "./estimate.ts";
import { lengthOf, obeys, wantedClass } from "./length-rule.ts";
import type { LengthRule } from "./length-rule.ts";
import type { Cluster } from "./places.ts";
import { copied, COPY_WORDS, distinct, hasName, ngrams, ngramSet, wordsOf } from "./text-statistics.ts";

/** A text in the gap of `example`. */
export interface WrittenText {
  readonly example: InfillExample;
  readonly text: string;
  /** The end token not counted. */
  readonly tokens: number;
  /** Special tokens inside the text. */
  readonly specials: number;
  /** It came to its end token, not to a limit. */
  readonly ended: boolean;
}

export interface WrittenFigures {
  readonly texts: number;
  readonly tokens?: Estimate;
  readonly ended?: Estimate;
  /** Of all texts together; anything but 0 is a fault. */
  readonly specials: number;
  /** Of the texts whose example asks for a length class; one that did not end by itself obeys none. */
  readonly lengthObeyed?: Estimate;
  /** Of the names asked for, those that stand in the text. */
  readonly charactersPresent?: Estimate;
  readonly distinct1?: number;
  readonly distinct2?: number;
  /** Of the runs of COPY_WORDS words, those that also stand in p1 or p3. */
  readonly copiedFromContext?: Estimate;
  /** The same for the training set. */
  readonly copiedFromTraining?: Estimate;
}

export interface FigureOptions {
  readonly rule: LengthRule | undefined;
  /** Those runs of words that stand in the training set. */
  readonly training: ReadonlySet<string> | undefined;
  readonly seed: number;
  /** Where an example stands; default: each apart from all others. */
  readonly clusterOf?: (example: InfillExample) => Cluster | undefined;
}

export function writtenFigures(
  written: readonly WrittenText[],
  { rule, training, seed, clusterOf }: FigureOptions,
): WrittenFigures {
  const share = (part: (each: WrittenText) => Part | undefined): Estimate | undefined =>
    ratio(
      written.flatMap((each) => {
        const own = part(each);
        return own ? [{ ...own, cluster: clusterOf?.(each.example) }] : [];
      }),
      seed,
    );
  const texts = written.map(({ text }) => text);
  return {
    texts: written.length,
    tokens: share(({ tokens }) => ({ amount: tokens, weight: 1 })),
    ended: share(({ ended }) => ({ amount: Number(ended), weight: 1 })),
    specials: written.reduce((sum, { specials }) => sum + specials, 0),
    lengthObeyed:
      rule &&
      share(({ example, text, tokens, ended }) => {
        const wanted = wantedClass(example);
        return wanted && { amount: Number(ended && obeys(rule, wanted, lengthOf(text, tokens))), weight: 1 };
      }),
    charactersPresent: share(({ example, text }) => {
      const names = requestedCharacters(example);
      return { amount: names.filter((name) => hasName(text, name)).length, weight: names.length };
    }),
    distinct1: distinct(texts, 1),
    distinct2: distinct(texts, 2),
    copiedFromContext: share(({ example, text }) =>
      copied(text, COPY_WORDS, ngramSet([example.p1, example.p3], COPY_WORDS)),
    ),
    copiedFromTraining: training && share(({ text }) => copied(text, COPY_WORDS, training)),
  };
}

/** The runs of words of `texts` that stand in the training examples. */
export function trainingOverlap(texts: readonly string[], training: readonly InfillExample[]): Set<string> {
  const asked = new Set(texts.flatMap((text) => ngrams(wordsOf(text), COPY_WORDS)));
  // A paragraph is p1, p2 and p3 of three examples in turn.
  return ngramSet(new Set(training.flatMap(({ p1, p2, p3 }) => [p1, p2, p3])), COPY_WORDS, asked);
}

/** Names in the field "characters": a list, or names separated by commas. */
export function requestedCharacters({ meta }: InfillExample): string[] {
  const value = typeof meta === "object" && Object.hasOwn(meta, "characters") ? meta["characters"]! : "";
  const names = typeof value === "object" ? value.map(String) : String(value).split(/[,;]/);
  return names.map((name) => name.trim()).filter((name) => name !== "");
}
