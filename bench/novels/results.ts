// What a run of bench/novels.ts found, as one object: the figures of src/evaluate.ts before and after training, and
// those of the texts that src/generate.ts wrote. Intervals come from a bootstrap over books.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lengthClass } from "../../src/infill/length-class.ts";
import type { InfillTemplate } from "../../src/infill/template.ts";
import { ratio } from "../../src/evaluation/estimate.ts";
import type { Estimate } from "../../src/evaluation/estimate.ts";
import { wantedClass } from "../../src/evaluation/length-rule.ts";
import { wordF1 } from "../../src/evaluation/text-statistics.ts";
import { presence } from "../../src/evaluation/wanted.ts";
import type { Interval } from "../stages.ts";
import { linesOf } from "./data.ts";
import type { NovelsValues } from "./flags.ts";

type Figures = Readonly<Record<string, Interval | undefined>>;
interface Found {
  readonly accuracy: Interval;
  readonly candidates: number;
}

/** Of a model in evaluation.json, what the table shows. */
export interface Judged {
  readonly about: string;
  readonly infill_textonly_ppl: Interval;
  readonly p2_log_likelihood_change_per_token: Figures;
  readonly p3_retrieval: Found;
  readonly p2_retrieval: Found;
  readonly written?: { readonly length_obeyed: Interval; readonly characters_present: Interval };
  readonly rerank?: { readonly true_p2_found: Readonly<Record<string, unknown>> };
}

/** A line of generate's answers. */
export interface Filled {
  readonly p1: string;
  readonly p2: string;
  readonly p3: string;
  readonly meta: Readonly<Record<string, string | string[]>>;
  readonly candidates: readonly FilledCandidate[];
}
export interface FilledCandidate {
  readonly p2: string;
  readonly tokens: number;
  readonly log_prob_per_token: number | null;
  readonly finish_reason: string;
  readonly trimmed: boolean;
  readonly rerank?: Readonly<Record<"score" | "p2" | "p3", number>>;
  readonly constraint_cost?: { readonly log_prob_per_token: number };
}

/** Of the texts that were written in one way. */
export interface TextFigures {
  readonly gaps: number;
  /** Gaps with a text. */
  readonly answered?: Estimate;
  readonly lengthObeyed?: Estimate;
  /** Texts that end where a sentence does. */
  readonly endsWithSentence?: Estimate;
  readonly charactersPresent?: Estimate;
  /** Likeness to the true p2. */
  readonly wordF1?: Estimate;
  readonly constraintCost?: Estimate;
}

export interface Results {
  readonly options: NovelsValues;
  readonly books: Readonly<Record<string, readonly { title: string; author: string }[]>>;
  readonly examples: { readonly scoredBefore: number; readonly scoredAfter: number; readonly training: number };
  readonly trainingLosses: readonly (readonly [step: number, loss: number])[];
  readonly before: Judged;
  readonly after: Judged;
  readonly texts: {
    /** The candidate that is the most probable one, that ranking chooses, and that is nearest to the true p2. */
    readonly first: TextFigures;
    readonly chosen: TextFigures;
    readonly best: TextFigures;
    /** The one that ranking chooses of texts within their length class, whole sentences all. */
    readonly bounded: TextFigures;
    /** The same with the requested characters, one text a gap. */
    readonly characters: TextFigures;
    /** Chosen less first. */
    readonly gain: { readonly wordF1?: Estimate; readonly p3LogProb?: Estimate };
  };
  readonly gaps: readonly Readonly<Record<"ranked" | "bounded" | "characters", Filled>>[];
}

export interface Sources {
  readonly books: Results["books"];
  readonly template: InfillTemplate;
  readonly trainingExamples: number;
}

/** Reads the files of all stages. */
export function resultsOf(values: NovelsValues, { books, template, trainingExamples }: Sources): Results {
  const at = (name: string): string => join(values.outputDir, name);
  const evaluation = (name: string): { examples: number; models: Judged[] } =>
    JSON.parse(readFileSync(at(`${name}/evaluation.json`), "utf8")) as { examples: number; models: Judged[] };
  const answers = (name: string): Filled[] => linesOf(at(`${name}.jsonl`)).map((line) => JSON.parse(line) as Filled);
  const [before, after] = [evaluation("before"), evaluation("after")];
  const [ranked, bounded, characters] = [answers("ranked"), answers("bounded"), answers("characters")];
  const figures = (filled: readonly Filled[], choose: (gap: Filled) => FilledCandidate | undefined): TextFigures =>
    textFigures(filled, choose, template, values.seed);
  const judged = (model: Judged): Judged => {
    const { about, infill_textonly_ppl, p2_log_likelihood_change_per_token, p3_retrieval, p2_retrieval } = model;
    const { written, rerank } = model;
    return {
      about,
      infill_textonly_ppl,
      p2_log_likelihood_change_per_token,
      p3_retrieval,
      p2_retrieval,
      ...(written && { written }),
      ...(rerank && { rerank }),
    };
  };
  return {
    options: values,
    books,
    examples: { scoredBefore: before.examples, scoredAfter: after.examples, training: trainingExamples },
    trainingLosses: lossesOf(at("model")),
    before: judged(before.models[0]!),
    after: judged(after.models[0]!),
    texts: {
      first: figures(ranked, firstOf),
      chosen: figures(ranked, chosenOf),
      best: figures(ranked, bestOf),
      bounded: figures(bounded, chosenOf),
      characters: figures(characters, chosenOf),
      gain: {
        wordF1: meanOf(ranked, values.seed, (gap) => likeness(gap, chosenOf(gap)) - likeness(gap, firstOf(gap))),
        p3LogProb: meanOf(ranked, values.seed, (gap) => chosenOf(gap)!.rerank!.p3 - firstOf(gap)!.rerank!.p3),
      },
    },
    gaps: ranked.map((gap, i) => ({ ranked: gap, bounded: bounded[i]!, characters: characters[i]! })),
  };
}

const chosenOf = ({ candidates }: Filled): FilledCandidate | undefined => candidates[0];
const firstOf = ({ candidates }: Filled): FilledCandidate | undefined =>
  highest(candidates, ({ log_prob_per_token }) => log_prob_per_token ?? -Infinity);
const bestOf = (gap: Filled): FilledCandidate | undefined => highest(gap.candidates, (each) => likeness(gap, each));

function likeness({ p2 }: Filled, candidate: FilledCandidate | undefined): number {
  return wordF1(candidate?.p2 ?? "", p2);
}

function highest<T>(all: readonly T[], valueOf: (each: T) => number): T | undefined {
  return all.reduce<T | undefined>((best, each) => (best && valueOf(best) >= valueOf(each) ? best : each), undefined);
}

function textFigures(
  filled: readonly Filled[],
  choose: (gap: Filled) => FilledCandidate | undefined,
  { lengthBounds }: InfillTemplate,
  seed: number,
): TextFigures {
  const mean = (valueOf: (gap: Filled, text: FilledCandidate) => number | undefined): Estimate | undefined =>
    meanOf(filled, seed, (gap) => {
      const text = choose(gap);
      return text && valueOf(gap, text);
    });
  return {
    gaps: filled.length,
    answered: meanOf(filled, seed, (gap) => Number(choose(gap) !== undefined)),
    lengthObeyed: mean((gap, { tokens }) => {
      const wanted = wantedClass(gap);
      return wanted && lengthBounds && Number(lengthClass(tokens, lengthBounds) === wanted);
    }),
    endsWithSentence: mean((_, { p2 }) => Number(/[.!?…]["'”’»)\]]*$/u.test(p2))),
    charactersPresent: mean((gap, { p2 }) => {
      const { amount, weight } = presence(p2, gap, "characters");
      return weight === 0 ? undefined : amount / weight;
    }),
    wordF1: mean((gap, text) => likeness(gap, text)),
    constraintCost: mean((_, { constraint_cost }) => constraint_cost?.log_prob_per_token),
  };
}

/** A mean over gaps, those that have no value left out; drawn by book. */
function meanOf(
  filled: readonly Filled[],
  seed: number,
  valueOf: (gap: Filled) => number | undefined,
): Estimate | undefined {
  const parts = filled.flatMap((gap) => {
    const amount = valueOf(gap);
    const book = String(gap.meta["title"]);
    return amount === undefined ? [] : [{ amount, weight: 1, cluster: { book, chapter: book } }];
  });
  return ratio(parts, seed);
}

/** Of the training log. */
function lossesOf(folder: string): [number, number][] {
  return linesOf(join(folder, "metrics.jsonl")).flatMap((line) => {
    const { step, loss } = JSON.parse(line) as { step?: number; loss?: number };
    return step !== undefined && loss !== undefined ? [[step, loss] as [number, number]] : [];
  });
}
