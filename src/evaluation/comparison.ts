// Two models side by side: by how much the second's figures differ from the first's on the same examples, with an
// interval of that difference itself. Two intervals that overlap say little: what is hard for both models is in both.
import { difference, FEWEST_CLUSTERS } from "./estimate.ts";
import type { Estimate } from "./estimate.ts";
import { cell, nats, number, percent, signed, signedShare } from "./format.ts";
import type { Figure } from "./format.ts";
import type { Evaluation, Group, ModelEvaluation, Row } from "./summary.ts";

export interface Difference {
  /** Of perplexities the relative change, else the second less the first. */
  readonly figure: Estimate;
  readonly format: (value: number) => string;
}

/** In nats a token, which are others where the tokens are. */
const BY_TOKEN: ReadonlySet<Group> = new Set<Group>(["perplexity", "change"]);

/** The rows of an evaluation of two models with their differences; those of one model as they are. */
export function withDifferences(rows: readonly Row[], { models, seed }: Evaluation): Row[] {
  const [first, second] = models;
  if (!first || !second) return [...rows];
  const alike = haveSameTokens(first, second);
  return rows.map((row) => {
    const [a, b] = row.figures;
    if (!isEstimate(a) || !isEstimate(b) || (BY_TOKEN.has(row.group) && !alike)) return row;
    const relative = row.group === "perplexity";
    const figure = difference(b, a, seed, relative ? (after, before) => after / before - 1 : undefined);
    return figure ? { ...row, difference: { figure, format: relative ? signedShare : signedAs(row.format) } } : row;
  });
}

/** The differences whose interval leaves out zero, from books or chapters enough to say so, a sentence each. */
export function clearDifferences(rows: readonly Row[]): string[] {
  return rows.flatMap(({ label, figures, format, difference: found }) => {
    if (!found || found.figure.clusters < FEWEST_CLUSTERS || found.figure.low * found.figure.high <= 0) return [];
    const [a, b] = figures.map((figure) => format(figure!.value));
    return [`${label}: from ${a} to ${b}, ${cell(found.figure, found.format)}`];
  });
}

function haveSameTokens({ use: a }: ModelEvaluation, { use: b }: ModelEvaluation): boolean {
  return a.tokens.infillTextonly === b.tokens.infillTextonly && a.tokens.context === b.tokens.context;
}

function isEstimate(figure: Figure | undefined): figure is Estimate {
  return figure?.clusters !== undefined;
}

function signedAs(format: Row["format"]): Row["format"] {
  if (format === percent) return signedShare;
  return signed(format === number || format === nats ? format : number);
}
