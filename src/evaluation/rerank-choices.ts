// Whether the candidate that ranking chooses is a better one: more like the true p2, and with p3 likelier after it,
// than the candidate that would stand first without ranking; beside the best that any choice among them could reach.
import { TERMS } from "../rerank/terms.ts";
import type { Terms } from "../rerank/terms.ts";
import { ratio } from "./estimate.ts";
import type { Estimate } from "./estimate.ts";
import { scoreOf } from "../rerank/weights.ts";
import type { RerankWeights } from "../rerank/weights.ts";
import type { Cluster } from "./places.ts";
import type { TrialFigures, Weigher } from "./rerank-trial.ts";
import { apartness, wordF1 } from "./text-statistics.ts";

/** What was written for an example: candidates in the order that they have without ranking. */
export interface WrittenChoice {
  /** Its number among the examples. */
  readonly index: number;
  readonly p2: string;
  readonly texts: readonly string[];
  /** Of the texts, then of the true p2. */
  readonly terms: readonly Terms[];
}

export interface ChoiceFigures {
  readonly examples: number;
  /** Mean word F1 with the true p2; `best` chooses by it. */
  readonly likeness: Readonly<Record<"first" | "chosen" | "best", Estimate | undefined>>;
  /** Log P(p3 | p1, p2), in nats a token, by the model itself. */
  readonly p3: Readonly<Record<"first" | "chosen" | "real", Estimate | undefined>>;
  /** Chosen less first, example by example. */
  readonly gain: Readonly<Record<"likeness" | "p3", Estimate | undefined>>;
  /** How far an example's candidates are apart: 1 - word F1, a mean over pairs. */
  readonly apart: Estimate | undefined;
}

export interface RerankFigures {
  readonly trial: TrialFigures;
  /** Absent where nothing was written. */
  readonly choices?: ChoiceFigures;
  /**
   * Those that were judged: the model's own, or (`byParts`) fitted to all examples; each was judged by others' alone.
   */
  readonly weights: RerankWeights;
  readonly byParts: boolean;
  /** What was written, by the example's number. */
  readonly texts: ReadonlyMap<number, RankedTexts>;
}

/** Of an example's candidates the one that is first without ranking, and the one that ranking puts first. */
export interface RankedTexts {
  readonly first: string;
  readonly chosen: string;
}

export function rankedTexts(written: readonly WrittenChoice[], weigh: Weigher): Map<number, RankedTexts> {
  return new Map(
    written.map((each) => {
      const { chosen } = judge(each, weigh(TERMS, each.index));
      return [each.index, { first: each.texts[0], chosen: each.texts[chosen] }];
    }),
  );
}

/** `clusters`: where each example stands. */
export function choiceFigures(
  written: readonly WrittenChoice[],
  weigh: Weigher,
  seed: number,
  clusters: readonly Cluster[] = [],
): ChoiceFigures {
  const mean = (valueOf: (each: Judged) => number | undefined): Estimate | undefined =>
    ratio(
      judged.flatMap((each) => {
        const amount = valueOf(each);
        return amount === undefined ? [] : [{ amount, weight: 1, cluster: each.cluster }];
      }),
      seed,
    );
  const judged = written.map((each) => ({ ...judge(each, weigh(TERMS, each.index)), cluster: clusters[each.index] }));
  return {
    examples: written.length,
    likeness: {
      first: mean(({ likeness }) => likeness[0]),
      chosen: mean(({ likeness, chosen }) => likeness[chosen]),
      best: mean(({ likeness }) => Math.max(...likeness)),
    },
    p3: {
      first: mean(({ p3 }) => p3?.[0]),
      chosen: mean(({ p3, chosen }) => p3?.[chosen]),
      real: mean(({ p3 }) => p3?.at(-1)),
    },
    gain: {
      likeness: mean(({ likeness, chosen }) => likeness[chosen] - likeness[0]),
      p3: mean(({ p3, chosen }) => p3 && p3[chosen] - p3[0]),
    },
    apart: mean(({ apart }) => apart),
  };
}

interface Judged {
  readonly chosen: number;
  readonly likeness: readonly number[];
  /** Absent where the example has no p3. */
  readonly p3: readonly number[] | undefined;
  readonly apart: number | undefined;
}

function judge({ p2, texts, terms }: WrittenChoice, weights: Terms): Judged {
  const scores = terms.slice(0, texts.length).map((each) => scoreOf(each, { weights }));
  return {
    chosen: scores.indexOf(Math.max(...scores)),
    likeness: texts.map((text) => wordF1(text, p2)),
    p3: terms.every((each) => each.p3 === 0) ? undefined : terms.map((each) => each.p3),
    apart: apartness(texts),
  };
}
