// The figures of an evaluation as a Markdown table, for terminals and notes.
import { cell } from "./format.ts";
import { GROUP_TITLES } from "./row.ts";
import { summaryRows, systemsOf } from "./summary.ts";
import type { Evaluation } from "./summary.ts";

/** Head of the column of differences. */
export const DIFFERENCE = "second less first";

/** A Markdown table: a column for each model, their difference, and one for the real p2 where texts were written. */
export function markdownTable(evaluation: Evaluation): string {
  const rows = summaryRows(evaluation);
  const systems = systemsOf(evaluation);
  const withDifference = rows.some(({ difference }) => difference);
  const withReal = rows.some(({ real }) => real);
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  const blank = Array.from({ length: systems.length + Number(withDifference) + Number(withReal) }, () => "");
  const body = rows.flatMap((row, i) => {
    const chance = row.chance === undefined ? "" : ` (chance ${row.format(row.chance)})`;
    const cells = [
      row.label + chance,
      ...row.figures.map((figure) => cell(figure, row.format)),
      ...(withDifference ? [row.difference ? cell(row.difference.figure, row.difference.format) : ""] : []),
      ...(withReal ? [row.real ? cell(row.real, row.format) : ""] : []),
    ];
    return [
      ...(row.group === rows[i - 1]?.group ? [] : [line([`**${GROUP_TITLES[row.group]}**`, ...blank])]),
      line(cells),
    ];
  });
  const head = [
    "",
    ...systems.map(({ name }) => name),
    ...(withDifference ? [DIFFERENCE] : []),
    ...(withReal ? ["real p2"] : []),
  ];
  return [line(head), line(["---", ...blank.map(() => "---:")]), ...body, ""].join("\n");
}
