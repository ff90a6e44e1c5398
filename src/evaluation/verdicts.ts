// What an evaluation found about each part that a model is given, in one sentence each. A part is used where another
// example's costs p2 probability, and the interval of that cost leaves out zero; that p2 misses what is left out says
// nothing, because a model that was trained on whole examples is startled by the gap alone.
import type { ContextUse } from "./context-use.ts";
import type { Control } from "./controls.ts";
import { FEWEST_CLUSTERS } from "./estimate.ts";
import type { Estimate } from "./estimate.ts";
import { among, nats, percent } from "./format.ts";
import type { JudgedFigures } from "./judge.ts";

/**
 * used: the interval lies below 0. misleading: above 0, so another example's part does better. not used: around 0, and
 * within SMALL_CHANGE of it. cannot tell: around 0 and wider, or from fewer than FEWEST_CLUSTERS books or chapters.
 */
export type Finding = "used" | "misleading" | "not used" | "cannot tell";

/** Nats a token: two percent of perplexity, which nobody would notice in a text. */
export const SMALL_CHANGE = 0.02;

export interface Verdict {
  readonly claim: string;
  readonly finding: Finding;
  readonly control: Control;
  readonly sentence: string;
}

const CLAIMS: readonly (readonly [claim: string, control: Control, what: string])[] = [
  ["p3", "foreignP3", "another example's p3"],
  ["p3 within its book", "bookP3", "another p3 of its book and length"],
  ["p3 within its chapter", "nearP3", "the next passage of its chapter"],
  ["p1", "foreignP1", "another example's p1"],
  ["metadata", "foreignMetadata", "another example's metadata"],
  ["length class", "otherLength", "another length class"],
];

export function findingOf({ low, high, clusters }: Estimate): Finding {
  if (clusters < FEWEST_CLUSTERS) return "cannot tell";
  if (high < 0) return "used";
  if (low > 0) return "misleading";
  return Math.max(-low, high) <= SMALL_CHANGE ? "not used" : "cannot tell";
}

/** One for each part that some examples have. */
export function verdicts({ change, retrieval }: ContextUse): Verdict[] {
  return CLAIMS.flatMap(([claim, control, what]): Verdict[] => {
    const figure = change[control];
    if (!figure) return [];
    const finding = findingOf(figure);
    const { accuracy, chance } = retrieval;
    const found =
      control === "foreignP3" && accuracy
        ? `, and the true one is found among ${among(retrieval)} in ${percent(accuracy.value)} (chance ` +
          `${percent(chance!)})`
        : "";
    return [{ claim, finding, control, sentence: `${claim}: ${finding}; ${what} ${effectOf(figure)}${found}` }];
  });
}

/** Whether a system's texts lead to p3: p3 is likelier after them than after the texts of other gaps. */
export function textVerdict({ p3: { gain, realGain } }: JudgedFigures): string | undefined {
  if (!gain) return undefined;
  const { value, low, high, clusters } = gain;
  const finding =
    clusters < FEWEST_CLUSTERS
      ? "cannot tell"
      : low > 0
        ? "lead to p3"
        : high < 0
          ? "lead away from p3"
          : "no sign that they lead to p3";
  const range = clusters < FEWEST_CLUSTERS ? tooFew(clusters) : `${nats(low)} to ${nats(high)}`;
  const real = realGain ? `; after the real p2 it changes by ${nats(realGain.value)}` : "";
  return (
    `written texts: ${finding}; after its own text rather than another gap's, p3's log-likelihood changes by ` +
    `${nats(value)} nats a token (${range})${real}`
  );
}

/** "costs p2 0.750 nats a token (0.600 to 0.900)" */
function effectOf({ value, low, high, clusters }: Estimate): string {
  const costs = value < 0;
  const [amount, least, most] = costs ? [-value, -high, -low] : [value, low, high];
  const range = clusters < FEWEST_CLUSTERS ? tooFew(clusters) : `${nats(least)} to ${nats(most)}`;
  return `${costs ? "costs" : "gains"} p2 ${nats(amount)} nats a token (${range})`;
}

function tooFew(clusters: number): string {
  return `${clusters === 1 ? "1 chapter is" : `${clusters} chapters are`} too few for a range`;
}
