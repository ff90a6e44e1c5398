// Rows of horizontal bars with their intervals as one SVG element, to stand inside a page: a bar for each model, a thin
// line from low to high, a diamond for the real texts, a dashed line for chance.
import { escapeHtml } from "../drawing/html.ts";
import { niceTicks } from "../drawing/ticks.ts";
import { cell } from "./format.ts";
import type { Row } from "./summary.ts";

const WIDTH = 820,
  LEFT = 275,
  RIGHT = 185,
  TOP = 8,
  BAR = 14,
  ROW_GAP = 14,
  AXIS = 26;
export const COLORS = ["#2563eb", "#ea580c"] as const;
const INK = "#1e293b",
  FAINT = "#64748b",
  GRID = "#e2e8f0";

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
  const x = (value: number): number => LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT);
  const rowHeight = (row: Row): number => row.figures.length * BAR + ROW_GAP;
  const bottom = TOP + rows.reduce((sum, row) => sum + rowHeight(row), 0);
  const parts: string[] = [
    `<svg viewBox="0 0 ${WIDTH} ${bottom + AXIS}" role="img" aria-label="${escapeHtml(title)}">`,
    ...axis.ticks.map((tick) => {
      const label = scale === "share" ? `${Math.round(100 * tick)}%` : String(tick);
      return (
        `<line x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${TOP}" y2="${bottom}" ` +
        `stroke="${GRID}"/>${text(x(tick), bottom + 16, "middle", label, FAINT)}`
      );
    }),
  ];
  let top = TOP;
  for (const row of rows) {
    const height = rowHeight(row),
      base = x(axis.base);
    parts.push(text(LEFT - 12, top + height / 2 + 4, "end", row.label, INK));
    row.figures.forEach((figure, series) => {
      if (!figure) return;
      const y = top + ROW_GAP / 2 + series * BAR,
        middle = y + BAR / 2,
        end = x(figure.value);
      parts.push(
        `<rect x="${at(Math.min(base, end))}" y="${at(y + 1)}" width="${at(Math.abs(end - base))}" ` +
          `height="${BAR - 2}" fill="${COLORS[series % COLORS.length]}" fill-opacity="0.75"/>`,
      );
      if (figure.low !== undefined && figure.high !== undefined)
        parts.push(
          `<path d="M${at(x(figure.low))} ${at(middle)}H${at(x(figure.high))}M${at(x(figure.low))} ` +
            `${at(y + 3)}v${BAR - 6}M${at(x(figure.high))} ${at(y + 3)}v${BAR - 6}" stroke="${INK}"/>`,
        );
      parts.push(text(WIDTH - RIGHT + 12, middle + 4, "start", cell(figure, row.format), INK));
    });
    if (row.real)
      parts.push(
        `<path d="M${at(x(row.real.value))} ${at(top + height / 2 - 7)}l6 7l-6 7l-6 -7z" fill="white" ` +
          `stroke="${INK}" stroke-width="1.5"><title>real p2: ` +
          `${escapeHtml(cell(row.real, row.format))}</title></path>`,
      );
    if (row.chance !== undefined)
      parts.push(`<path d="M${at(x(row.chance))} ${top}v${height}" stroke="${INK}" stroke-dasharray="4 3"/>`);
    top += height;
  }
  if (scale === "linear") parts.push(`<path d="M${at(x(0))} ${TOP}V${bottom}" stroke="${INK}"/>`);
  return [...parts, "</svg>"].join("\n");
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
    return { base: 0, ticks, place: (value) => (value - first) / (last - first) };
  }
  const top = Math.max(2, ...values) * 1.05;
  const decades = Array.from({ length: Math.ceil(Math.log10(top)) + 1 }, (_, i) => 10 ** i);
  const round =
    top < 5
      ? niceTicks(1, top)
      : decades.flatMap((decade) => (top < 100 ? [decade, 2 * decade, 5 * decade] : [decade]));
  const ticks = round.filter((tick) => tick >= 1 && tick <= top);
  return { base: 1, ticks, place: (value) => Math.log(value) / Math.log(top) };
}

const at = (value: number): string => value.toFixed(1);

function text(x: number, y: number, anchor: string, value: string, fill: string): string {
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" fill="${fill}">${escapeHtml(value)}</text>`;
}
