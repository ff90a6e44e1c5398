// The curve of a run: how surprised the model was by what it read, and by what was held out. uPlot draws it on a
// canvas; beside it stands the same in words.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "../app/theme.ts";
import { formatFigure, language, numbers, t } from "../i18n/index.ts";
import { bestOf, columnsOf } from "./journal.ts";
import type { Journal } from "./journal.ts";

const HEIGHT = 260;
/** Between two ticks of the updates: there is no half one. */
const WHOLE = Array.from({ length: 8 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();

export function Curve({
  journal,
  totalSteps,
}: {
  readonly journal: Journal;
  readonly totalSteps: number;
}): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  // An update that tells nothing new to draw comes every few milliseconds where the card is fast.
  const columns = useMemo(() => columnsOf(journal), [journal.log]);
  const shown = useRef({ columns, resumed: journal.resumed });
  shown.current = { columns, resumed: journal.resumed };
  const words = t.value.teach;
  const look = `${theme.value} ${language.value} ${totalSteps}`;

  useEffect(() => {
    const element = place.current!;
    const draw = (): void => {
      plot.current?.destroy();
      const options = optionsOf(element, totalSteps, () => shown.current.resumed, [
        words.read,
        words.heldOut,
        words.update,
      ]);
      plot.current = new uPlot(options, shown.current.columns, element);
    };
    draw();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: Math.max(200, element.clientWidth), height: HEIGHT }),
    );
    resized.observe(element);
    return () => {
      dark.removeEventListener("change", draw);
      resized.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [look]);
  useEffect(() => plot.current?.setData(columns), [columns, journal.resumed]);

  const best = bestOf(journal);
  const losses = journal.log.filter((entry) => "loss" in entry);
  const said =
    losses.length === 0
      ? words.nothingYet
      : words.curveSaid(
          formatFigure(losses[0]!.loss!),
          formatFigure(losses.at(-1)!.loss!),
          best && formatFigure(best.loss),
          best && numbers.value.format(best.step),
        );
  return (
    <figure class="curve">
      <figcaption>
        <h2>{words.surprise}</h2>
        <p class="soft small">{words.surpriseHint}</p>
      </figcaption>
      <div ref={place} class="curve-plot" role="img" aria-label={said} />
      <p class="small" data-steps={columns[0].join(" ")} data-resumed={journal.resumed.join(" ")}>
        {said}
        {journal.resumed.length > 0 &&
          ` ${words.resumedSaid(journal.resumed.map((step) => numbers.value.format(step)).join(", "))}`}
      </p>
    </figure>
  );
}

/** `names`: of the two curves and of the steps. */
function optionsOf(
  element: HTMLElement,
  totalSteps: number,
  resumed: () => readonly number[],
  [read, heldOut, update]: readonly [string, string, string],
): uPlot.Options {
  const color = (name: string): string => colorOf(element, name);
  const axis = { stroke: color("--ink-soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
  const format = (_: uPlot, values: number[]): string[] => values.map((value) => formatFigure(value));
  // Undefined where nothing is pointed at.
  const value = (_: uPlot, raw: number | null): string => (typeof raw === "number" ? formatFigure(raw) : "–");
  return {
    width: Math.max(200, element.clientWidth),
    height: HEIGHT,
    scales: { x: { time: false, range: [0, totalSteps] } },
    axes: [
      { ...axis, values: format, incrs: WHOLE },
      { ...axis, values: format, size: 44 },
    ],
    series: [
      { label: update, value: (_, raw: number | null) => (raw === null ? "–" : numbers.value.format(raw)) },
      { label: read, stroke: color("--accent"), width: 2, spanGaps: true, value, points: { show: false } },
      { label: heldOut, stroke: color("--gap-edge"), width: 2, spanGaps: true, value, points: { show: true, size: 6 } },
    ],
    cursor: { drag: { x: false, y: false } },
    hooks: { draw: [(plot) => markResumed(plot, resumed(), color("--edge"))] },
  };
}

/** A dashed line where the run was gone on with. */
function markResumed(plot: uPlot, steps: readonly number[], stroke: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.setLineDash([4, 4]);
  for (const step of steps) {
    const x = Math.round(plot.valToPos(step, "x", true));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** What a custom property's colour comes to in the colours in force. */
function colorOf(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
