// Curves over the updates of a run, as HTML that flows: the picture stretches with the page, while lines keep their
// width and text its size, on a phone too; colours come from the page's style, light or dark.
import { escapeHtml } from "./html.ts";
import { seriesClass, seriesKey } from "./page.ts";
import { thinned } from "./thinned.ts";
import type { Point } from "./thinned.ts";
import { logTicks, niceTicks } from "./ticks.ts";

export interface Line {
  readonly name: string;
  /** In the order of x. */
  readonly points: readonly Point[];
  /** A dot at each point. */
  readonly dots?: boolean;
  /** What the legend says after the name. */
  readonly note?: string;
}

export interface LineChart {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly format: (y: number) => string;
  /** Values that are all above 0 get a logarithmic axis where they spread over this factor; default: never. */
  readonly logFrom?: number;
  /** What stands below the axis of x. */
  readonly unit: string;
}

export const LINE_CHART_STYLE = `
.plot { display: grid; grid-template-columns: auto minmax(0, 1fr); margin: .6rem 0 .2rem; }
.plot .y { position: relative; min-width: 2.6rem; }
.plot .y span, .plot .x span { font-size: .75rem; color: var(--soft); white-space: nowrap; line-height: 1; }
.plot .y b { visibility: hidden; font: .75rem system-ui, sans-serif; padding-right: .5rem; }
.plot .y span { position: absolute; right: .5rem; transform: translateY(50%); }
.plot .area { position: relative; height: 14rem; border-bottom: 1px solid var(--line); }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.plot .grid { stroke: var(--line); } .plot path { fill: none; vector-effect: non-scaling-stroke; }
.plot .line { stroke: var(--series); stroke-width: 1.75; stroke-linejoin: round; }
.plot .dot { stroke: var(--series); stroke-width: 7; stroke-linecap: round; }
.plot .x { position: relative; grid-column: 2; height: 1.6rem; }
.plot .x span { position: absolute; top: .35rem; transform: translateX(-50%); }
.plot .x .first { transform: none; } .plot .x .last { transform: translateX(-100%); }
@media (max-width: 600px) { .plot .area { height: 11rem; } }
`;

/** The picture's own units, which are stretched. */
const WIDTH = 1000,
  HEIGHT = 300;

/** Lines without points are left out; "" where all are. */
export function lineChart({ title, lines, format, logFrom = Infinity, unit }: LineChart): string {
  const drawn = lines.filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return "";
  const [, right] = extent(drawn.flatMap(({ points }) => [points[0][0], points[points.length - 1][0]]));
  const [low, high] = extent(drawn.flatMap(({ points }) => extent(points.map(([, y]) => y))));
  const log = low > 0 && high / low >= logFrom;
  const axis = log ? logAxis(low, high) : linearAxis(low, high);
  const x = (step: number): number => (step / Math.max(1, right)) * WIDTH;
  const y = (value: number): number => (1 - axis.place(value)) * HEIGHT;
  const steps = niceTicks(0, Math.max(1, right)).filter((step) => step <= right && Number.isInteger(step));
  const labels = axis.ticks.map(format);
  const longest = labels.reduce((a, b) => (b.length > a.length ? b : a), "");
  const path = (points: readonly Point[]): string =>
    points.map(([px, py], i) => `${i === 0 ? "M" : "L"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("");
  const shapes = drawn.map(({ points, dots }, series) => {
    const few = thinned(points, WIDTH, x);
    const marks = dots || few.length === 1 ? few.map((point) => `${path([point])}h0`).join("") : "";
    return (
      `<g class="${seriesClass(series)}"><path class="line" d="${path(few)}"/>` +
      `${marks && `<path class="dot" d="${marks}"/>`}</g>`
    );
  });
  const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
  return [
    `<figure style="margin:0" role="img" aria-label="${escapeHtml(title)}">`,
    `<div class="keys">${drawn.map((line, series) => legend(line, series, drawn.length > 1)).join("")}</div>`,
    `<div class="plot"><div class="y"><b>${escapeHtml(longest)}</b>`,
    ...axis.ticks.map((tick, i) => `<span style="bottom:${percent(axis.place(tick))}">${escapeHtml(labels[i])}</span>`),
    `</div><div class="area"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">`,
    ...axis.ticks.map((tick) => `<path class="grid" d="M0 ${y(tick).toFixed(1)}H${WIDTH}"/>`),
    ...shapes,
    `</svg></div><div class="x">`,
    ...steps.map((step) => {
      const share = x(step) / WIDTH;
      const place = share === 0 ? ` class="first"` : share > 0.97 ? ` class="last"` : "";
      return `<span${place} style="left:${percent(share)}">${step}</span>`;
    }),
    `</div></div>`,
    `<p class="soft small">${escapeHtml(unit)}${log ? "; logarithmic axis" : ""}</p></figure>`,
  ].join("\n");
}

function legend({ name, note }: Line, series: number, keyed: boolean): string {
  const after = note === undefined ? "" : ` <span class="soft">${escapeHtml(note)}</span>`;
  return `<span>${keyed ? seriesKey(series) : ""}${escapeHtml(name)}${after}</span>`;
}

interface Axis {
  readonly ticks: readonly number[];
  /** A value's place, from 0 at the bottom to 1. */
  readonly place: (value: number) => number;
}

function linearAxis(low: number, high: number): Axis {
  const ticks = niceTicks(low, high);
  const [bottom, top] = [ticks[0], ticks[ticks.length - 1]];
  return { ticks, place: (value) => (value - bottom) / (top - bottom) };
}

function logAxis(low: number, high: number): Axis {
  const margin = (high / low) ** 0.05;
  const [bottom, top] = [Math.log(low / margin), Math.log(high * margin)];
  return {
    ticks: logTicks(low / margin, high * margin),
    place: (value) => (Math.log(value) - bottom) / (top - bottom),
  };
}

function extent(values: readonly number[]): [low: number, high: number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}
