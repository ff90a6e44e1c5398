// The loss curve of a run as a small self-contained SVG: training loss as a line, evaluation losses as dots.
import { thinned } from "../drawing/thinned.ts";
import type { Point } from "../drawing/thinned.ts";
import { niceTicks } from "../drawing/ticks.ts";
import type { LogEntry } from "./trainer-state.ts";

const WIDTH = 720,
  HEIGHT = 360,
  LEFT = 56,
  RIGHT = 16,
  TOP = 28,
  BOTTOM = 44;
const TRAIN = "#2563eb",
  EVALUATION = "#dc2626",
  INK = "#334155",
  GRID = "#e2e8f0";

/** Throws nothing: a log without losses gives an empty frame. Of a long run the curve keeps each column's extremes. */
export function lossChart(history: readonly LogEntry[]): string {
  const series = (key: string): Point[] =>
    history.filter((entry) => Number.isFinite(entry[key])).map((entry) => [entry.step, entry[key]]);
  const train = series("loss"),
    evaluation = series("eval_loss");
  const all = [...train, ...evaluation];
  let [lastStep, low, high] = [1, Infinity, -Infinity];
  for (const [step, loss] of all) {
    lastStep = Math.max(lastStep, step);
    low = Math.min(low, loss);
    high = Math.max(high, loss);
  }
  const ticks = all.length > 0 ? niceTicks(low, high) : [0, 1];
  const [bottom, top] = [ticks[0], ticks[ticks.length - 1]];
  const x = (step: number): number => LEFT + (step / lastStep) * (WIDTH - LEFT - RIGHT);
  const y = (loss: number): number => TOP + ((top - loss) / (top - bottom)) * (HEIGHT - TOP - BOTTOM);
  const text = (at: [number, number], anchor: string, value: string, fill = INK): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}" fill="${fill}">${value}</text>`;
  const steps = niceTicks(0, lastStep).filter((step) => step <= lastStep && Number.isInteger(step));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
      `font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    ...ticks.map(
      (loss) =>
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(loss).toFixed(1)}" y2="${y(loss).toFixed(1)}" ` +
        `stroke="${GRID}"/>${text([LEFT - 8, y(loss) + 4], "end", String(loss))}`,
    ),
    ...steps.map((step) => text([x(step), HEIGHT - BOTTOM + 18], "middle", String(step))),
    text([(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8], "middle", "update"),
    text([LEFT, 16], "start", "training loss", TRAIN),
    ...(evaluation.length > 0 ? [text([LEFT + 100, 16], "start", "evaluation loss", EVALUATION)] : []),
    `<polyline fill="none" stroke="${TRAIN}" stroke-width="1.5" points="${thinned(train, WIDTH, x)
      .map(([step, loss]) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`)
      .join(" ")}"/>`,
    ...thinned(evaluation, WIDTH, x).map(
      ([step, loss]) => `<circle cx="${x(step).toFixed(1)}" cy="${y(loss).toFixed(1)}" r="3.5" fill="${EVALUATION}"/>`,
    ),
    "</svg>",
    "",
  ].join("\n");
}
