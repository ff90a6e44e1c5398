// Figures of written texts: did they keep to what was asked, are they varied, are they copied. The same counts on the
// real p2 of the same examples say what a figure is worth.
import type { InfillExample } from "../infill/example.ts";
import { bleuScore, bleuSums } from "./bleu.ts";
import { estimate, ratio } from "./estimate.ts";
import type { Estimate, Part } from "./estimate.ts";
import { lengthOf, obeys, wantedClass } from "./length-rule.ts";
import type { LengthRule } from "./length-rule.ts";
import { otherTexts } from "./other-texts.ts";
import type { TextInGap } from "./other-texts.ts";
import type { Cluster } from "./places.ts";
import { rougeL } from "./rouge.ts";
import { copied, COPY_WORDS, distinct, ngrams, ngramSet, wordsOf } from "./text-statistics.ts";
import { presence, WANTED } from "./wanted.ts";
import type { Wanted } from "./wanted.ts";

/** A text in the gap of `example`. */
export interface WrittenText extends TextInGap {
  /** The end token not counted. */
  readonly tokens: number;
  /** Special tokens inside the text. */
  readonly specials: number;
  /** It came to its end token, not to a limit. */
  readonly ended: boolean;
  /** Whether it is all that was asked for; absent where nothing was. */
  readonly held?: boolean;
  /** Nats a token that this cost, against the best text of a search without it. */
  readonly cost?: number;
}

/** A figure, and the same where texts of other gaps stand in place of the right ones. */
export interface Beside {
  readonly own: Estimate;
  readonly others?: Estimate;
}

export interface WrittenFigures {
  readonly texts: number;
  readonly tokens?: Estimate;
  readonly ended?: Estimate;
  /** Of all texts together; anything but 0 is a fault. */
  readonly specials: number;
  /** Of the texts whose example asks for a length class; one that did not end by itself obeys none. */
  readonly lengthObeyed?: Estimate;
  /** Of the names or words asked for, those that stand in the text, and those that stand in the texts of other gaps. */
  readonly present: Readonly<Partial<Record<Wanted, Beside>>>;
  /** Likeness to the true p2, and to those of other gaps. BLEU is from 0 to 100 and of all texts together. */
  readonly bleu?: Beside;
  readonly rougeL?: Beside;
  /** Of the texts that had something to hold to. */
  readonly held?: Estimate;
  readonly cost?: Estimate;
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
  const elsewhere = written.map((_, i) => otherTexts(written, i));
  const present = (field: Wanted): Beside | undefined => {
    const found = (textsOf: (i: number) => readonly string[]): Estimate | undefined =>
      ratio(
        written.flatMap(({ example }, i) =>
          textsOf(i).map((text) => ({ ...presence(text, example, field), cluster: clusterOf?.(example) })),
        ),
        seed,
      );
    return beside(
      found((i) => [texts[i]]),
      found((i) => elsewhere[i]),
    );
  };
  const likeness = <S>(
    sums: (text: string, p2: string) => S,
    figure: (parts: { of: S; cluster?: Cluster }[]) => Estimate | undefined,
  ) =>
    beside(
      figure(written.map(({ text, example }) => ({ of: sums(text, example.p2), cluster: clusterOf?.(example) }))),
      figure(
        written.flatMap(({ example }, i) =>
          elsewhere[i].map((text) => ({ of: sums(text, example.p2), cluster: clusterOf?.(example) })),
        ),
      ),
    );
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
    present: Object.fromEntries(WANTED.map((field) => [field, present(field)])),
    bleu: likeness(
      (text, p2) => bleuSums(text, [p2]),
      (parts) =>
        estimate(
          parts.map(({ of, cluster }) => ({ sums: of, cluster })),
          bleuScore,
          seed,
        ),
    ),
    rougeL: likeness(rougeL, (parts) =>
      ratio(
        parts.map(({ of, cluster }) => ({ amount: of, weight: 1, cluster })),
        seed,
      ),
    ),
    held: share(({ held }) => (held === undefined ? undefined : { amount: Number(held), weight: 1 })),
    cost: share(({ cost }) => (cost === undefined ? undefined : { amount: cost, weight: 1 })),
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

function beside(own: Estimate | undefined, others: Estimate | undefined): Beside | undefined {
  return own && { own, others };
}
