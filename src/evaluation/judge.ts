// What a model makes of written texts in their gaps: does p3 become likelier after a text than after the text of
// another gap, and do its two seams hold better. The other gaps' texts are the control: any prose of the same system
// and length. One model judges the texts of all systems, so that they can be compared.
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { InfillEncoder } from "../infill/encode.ts";
import type { InfillExample } from "../infill/example.ts";
import { candidateTerms } from "../rerank/terms.ts";
import type { Term, TermOptions, Terms } from "../rerank/terms.ts";
import { ratio } from "./estimate.ts";
import type { Estimate } from "./estimate.ts";
import { otherTexts } from "./other-texts.ts";
import type { Cluster } from "./places.ts";
import type { WrittenText } from "./written-figures.ts";

/** The terms that say how a text joins what surrounds it. */
export const JUDGED = ["p3", "seam_p1_p2", "seam_p2_p3"] as const satisfies readonly Term[];
export type Judged = (typeof JUDGED)[number];

/** Terms of a text in its gap, of the true p2, and of the texts of other gaps put into this one. */
export interface Judgement {
  readonly example: InfillExample;
  readonly own: Terms;
  readonly real: Terms;
  readonly others: readonly Terms[];
}

export interface JudgedFigure {
  /** Mean log-probability a token, in nats: after the text, and after the true p2. */
  readonly own?: Estimate;
  readonly real?: Estimate;
  /** Those less what the texts of other gaps give in their place. */
  readonly gain?: Estimate;
  readonly realGain?: Estimate;
}

export type JudgedFigures = Readonly<Record<Judged, JudgedFigure>>;

export interface JudgeOptions extends TermOptions {
  readonly onProgress?: (done: number) => void;
}

/** All texts must fit into the model's context, with room for the markers (see fitsAsCandidate). */
export async function judgeTexts(
  model: GPT2LMHeadModel,
  encoder: InfillEncoder,
  texts: readonly WrittenText[],
  { onProgress, ...options }: JudgeOptions,
): Promise<Judgement[]> {
  const judged: Judgement[] = [];
  for (const [i, { example, text }] of texts.entries()) {
    options.signal?.throwIfAborted();
    const others = otherTexts(texts, i);
    const [own, real, ...rest] = await candidateTerms(model, encoder, example, [text, example.p2, ...others], options);
    judged.push({ example, own, real, others: rest });
    onProgress?.(judged.length);
  }
  return judged;
}

/** `seed` draws the resampled books or chapters. */
export function judgedFigures(
  judged: readonly Judgement[],
  { seed, clusterOf }: { readonly seed: number; readonly clusterOf?: (example: InfillExample) => Cluster | undefined },
): JudgedFigures {
  const figure = (term: Judged): JudgedFigure => {
    const asked = judged.filter(({ example }) => hasPlace(term, example));
    const mean = (of: (each: Judgement) => number | undefined): Estimate | undefined =>
      ratio(
        asked.flatMap((each) => {
          const amount = of(each);
          return amount === undefined ? [] : [{ amount, weight: 1, cluster: clusterOf?.(each.example) }];
        }),
        seed,
      );
    const beyondOthers =
      (which: "own" | "real") =>
      (each: Judgement): number | undefined =>
        each.others.length === 0
          ? undefined
          : each[which][term] - each.others.reduce((sum, other) => sum + other[term], 0) / each.others.length;
    return {
      own: mean(({ own }) => own[term]),
      real: mean(({ real }) => real[term]),
      gain: mean(beyondOthers("own")),
      realGain: mean(beyondOthers("real")),
    };
  };
  return { p3: figure("p3"), seam_p1_p2: figure("seam_p1_p2"), seam_p2_p3: figure("seam_p2_p3") };
}

/** Whether the example has the passage that the term is about. */
function hasPlace(term: Judged, { p1, p3 }: InfillExample): boolean {
  return (term === "seam_p1_p2" ? p1 : p3).trim() !== "";
}
