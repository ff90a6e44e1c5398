// Two models side by side: by how much the second's figures differ from the first's on the same examples, with an
// interval of that difference itself. Two intervals that overlap say little: what is hard for both models is in both.
import type { ContextUse } from "./context-use.ts";
import { difference, FEWEST_CLUSTERS } from "./estimate.ts";
import type { Estimate } from "./estimate.ts";
import { cell, nats, number, percent, signed, signedShare } from "./format.ts";
import type { Figure } from "./format.ts";
import { GROUP_TITLES } from "./row.ts";
import type { Group, Row } from "./row.ts";

/** In nats a token, which are others where the tokens are. */
const BY_TOKEN: ReadonlySet<Group> = new Set<Group>(["perplexity", "change"]);

/** The rows of two models with their differences, of one as they are. `tokens`: what each model read. */
export function withDifferences(rows: readonly Row[], tokens: readonly ContextUse["tokens"][], seed: number): Row[] {
  const [first, second] = tokens;
  if (!first || !second) return [...rows];
  const alike = first.infillTextonly === second.infillTextonly && first.context === second.context;
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
  return rows.flatMap(({ group, label, figures, format, difference: found }) => {
    if (!found || found.figure.clusters < FEWEST_CLUSTERS || found.figure.low * found.figure.high <= 0) return [];
    const [a, b] = figures.slice(0, 2).map((figure) => format(figure!.value)); // other systems may have none
    return [`${GROUP_TITLES[group]}, ${label}: from ${a} to ${b}, ${cell(found.figure, found.format)}`];
  });
}

function isEstimate(figure: Figure | undefined): figure is Estimate {
  return figure?.clusters !== undefined;
}

function signedAs(format: Row["format"]): Row["format"] {
  if (format === percent) return signedShare;
  return signed(format === number || format === nats ? format : number);
}
