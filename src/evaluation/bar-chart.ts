// Rows of horizontal bars with their intervals, as HTML that flows: labels wrap, text keeps its size on a phone, and
// colours come from the page's style, light or dark. A bar for each system, a thin line from low to high, a diamond for
// the real texts, a dashed line for chance.
import { escapeHtml } from "../drawing/html.ts";
import { seriesClass } from "../drawing/page.ts";
import { niceTicks } from "../drawing/ticks.ts";
import { cell } from "./format.ts";
import type { Figure } from "./format.ts";
import type { Row } from "./row.ts";

/** "log" starts at 1, for perplexities; "share" goes from 0 to 1; "linear" holds 0 and all intervals. */
export type Scale = "log" | "share" | "linear";

/** The texts in `rows` are escaped here. */
export function barChart(rows: readonly Row[], scale: Scale, title: string): string {
  const ends = rows.flatMap(({ figures, real }) =>
    [...figures, real].flatMap((figure) =>
      figure ? [figure.value, figure.low ?? figure.value, figure.high ?? figure.value] : [],
    ),
  );
  const axis = axisOf(scale, ends);
  const ticks = axis.ticks.map((tick) => {
    const label = scale === "share" ? `${Math.round(100 * tick)}%` : String(tick);
    return `<span style="left:${percentOf(axis.place(tick))}">${label}</span>`;
  });
  return [
    `<div class="chart" role="group" aria-label="${escapeHtml(title)}">`,
    ...rows.map((row) => rowHtml(row, axis)),
    `<div class="bar axis" aria-hidden="true"><div class="track">${ticks.join("")}</div><span></span></div>`,
    "</div>",
  ].join("\n");
}

function rowHtml(row: Row, axis: Axis): string {
  const { label, figures, real, chance, format } = row;
  const bars = figures.flatMap((figure, series) => (figure ? [barHtml(figure, series, row, axis)] : []));
  const notes = [
    ...(real ? [`<span class="real-note">◆ real p2 ${escapeHtml(cell(real, format))}</span>`] : []),
    ...(chance === undefined ? [] : [`<span class="chance-note">┆ chance ${escapeHtml(format(chance))}</span>`]),
  ];
  const beside = notes.length > 0 ? ` <span class="notes">${notes.join(" ")}</span>` : "";
  return `<div class="row"><div class="label"><span>${escapeHtml(label)}</span>${beside}</div>${bars.join("")}</div>`;
}

function barHtml(figure: Figure, series: number, { real, chance, format }: Row, axis: Axis): string {
  const [from, to] = [axis.place(axis.base), axis.place(figure.value)].sort((a, b) => a - b);
  const shapes = [
    `<i class="fill" style="left:${percentOf(from)};width:${percentOf(to - from)}"></i>`,
    ...(axis.base === 0 ? [`<i class="zero" style="left:${percentOf(axis.place(0))}"></i>`] : []),
    ...(chance === undefined ? [] : [`<i class="chance" style="left:${percentOf(axis.place(chance))}"></i>`]),
  ];
  if (figure.low !== undefined && figure.high !== undefined && figure.low !== figure.high) {
    const [low, high] = [axis.place(figure.low), axis.place(figure.high)];
    shapes.push(`<i class="range" style="left:${percentOf(low)};width:${percentOf(high - low)}"></i>`);
  }
  if (real) shapes.push(`<i class="real" style="left:${percentOf(axis.place(real.value))}">◆</i>`);
  const value = escapeHtml(cell(figure, format));
  const bar = `<div class="track">${shapes.join("")}</div><span>${value}</span>`;
  return `<div class="bar ${seriesClass(series)}">${bar}</div>`;
}

interface Axis {
  /** Where bars begin. */
  readonly base: number;
  readonly ticks: readonly number[];
  /** A value's place, 0 to 1. */
  readonly place: (value: number) => number;
}

function axisOf(scale: Scale, values: readonly number[]): Axis {
  if (scale === "share") return { base: 0, ticks: [0, 0.25, 0.5, 0.75, 1], place: (value) => value };
  if (scale === "linear") {
    const ticks = niceTicks(Math.min(0, ...values), Math.max(0, ...values));
    const [first, last] = [ticks[0], ticks[ticks.length - 1]];
    const shown = ticks.length > 5 ? ticks.filter((tick, i) => tick === 0 || i === 0 || i === ticks.length - 1) : ticks;
    return { base: 0, ticks: shown, place: (value) => (value - first) / (last - first) };
  }
  const top = Math.max(2, ...values) * 1.05;
  const decades = Array.from({ length: Math.ceil(Math.log10(top)) + 1 }, (_, i) => 10 ** i);
  const round = top < 5 ? niceTicks(1, top) : decades;
  const ticks = round.filter((tick) => tick >= 1 && tick <= top);
  return { base: 1, ticks, place: (value) => Math.log(value) / Math.log(top) };
}

const percentOf = (place: number): string => `${(100 * place).toFixed(2)}%`;
