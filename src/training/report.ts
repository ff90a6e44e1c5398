// How a training run goes, as one HTML page that needs nothing else: the curves of its log, what the model writes into
// the same gaps at each evaluation, what is trained on, and how. In the design of the evaluation's report.
import { escapeHtml } from "../drawing/html.ts";
import { lineChart, LINE_CHART_STYLE } from "../drawing/line-chart.ts";
import { reportPage, samplePart } from "../drawing/page.ts";
import type { Point } from "../drawing/thinned.ts";
import type { LogEntry } from "./trainer-state.ts";

export interface TrainingReport {
  readonly title: string;
  readonly totalSteps: number;
  readonly history: readonly LogEntry[];
  /** Of what the log does not hold: tokens a second up to a step. */
  readonly rates: readonly Rate[];
  readonly gaps: readonly ReportGap[];
  /** Tables of names and values, by their headings. */
  readonly facts: ReadonlyMap<string, readonly Fact[]>;
}

export interface Rate {
  readonly step: number;
  readonly tokensPerSecond: number;
}

export interface ReportGap {
  /** What the model is given, part by part. */
  readonly given: readonly Part[];
  /** What stands there in the data. */
  readonly real: Part;
  /** The oldest first. */
  readonly written: readonly WrittenAt[];
}

export type Part = readonly [heading: string, text: string];
export type Fact = readonly [name: string, value: string];

export interface WrittenAt {
  readonly step: number;
  readonly text: string;
}

/** A spread from which a logarithmic axis tells more. */
const LOSS_SPREAD = 3,
  NORM_SPREAD = 10;
/** Texts of a gap that are shown at once: the first, and the newest ones; the rest unfold. */
const NEWEST = 2;

const STYLE = `${LINE_CHART_STYLE}
.facts td { text-align: left; } .facts td:first-child { color: var(--soft); width: 40%; min-width: 7rem; }
article details { margin-top: .7rem; } article summary { font-size: .875rem; font-weight: 400; color: var(--soft); }
`;

export function trainingReport(report: TrainingReport): string {
  const { title, history, gaps, facts } = report;
  const body = [
    `<h1>Training ${escapeHtml(title)}</h1>`,
    `<p class="soft">${escapeHtml(standing(report))}</p>`,
    ...curves(report),
    ...(gaps.some(({ written }) => written.length > 0) ? [gapsSection(gaps)] : []),
    ...[...facts].map(([heading, rows]) => factsSection(heading, rows)),
    ...(history.some((entry) => "eval_loss" in entry) ? [evaluationsSection(history)] : []),
  ];
  return reportPage(`Training ${title}`, body, STYLE);
}

function standing({ history, totalSteps }: TrainingReport): string {
  const last = history.at(-1);
  if (!last) return `0 of ${totalSteps} updates, nothing is logged yet`;
  return `${last.step} of ${totalSteps} updates, ${Number(last.epoch.toFixed(2))} epochs`;
}

function curves({ history, rates }: TrainingReport): string[] {
  const of = (name: string): Point[] =>
    history.filter((entry) => Number.isFinite(entry[name])).map((entry) => [entry.step, entry[name]]);
  const evaluation = of("eval_loss");
  const lowest = evaluation.reduce<Point | undefined>((a, b) => (a && a[1] <= b[1] ? a : b), undefined);
  const lossFormat = (value: number): string => String(value);
  const section = (heading: string, chart: string): string[] =>
    chart === "" ? [] : [`<section><h2>${heading}</h2>${chart}</section>`];
  const at = (points: readonly Point[], format: (y: number) => string): string | undefined =>
    points.length === 0 ? undefined : `${format(points[points.length - 1][1])} last`;
  const four = (value: number): string => value.toFixed(4);
  const loss = lineChart({
    title: "Loss of training and validation",
    lines: [
      { name: "training", points: of("loss"), note: at(of("loss"), four) },
      {
        name: "validation",
        points: evaluation,
        dots: true,
        note: lowest && `${at(evaluation, four)}, ${four(lowest[1])} lowest at update ${lowest[0]}`,
      },
    ],
    format: lossFormat,
    logFrom: LOSS_SPREAD,
    unit: "nats a token, over updates",
  });
  const single = (heading: string, points: Point[], format: (y: number) => string, unit: string, logFrom?: number) =>
    section(
      heading,
      lineChart({ title: heading, lines: [{ name: "", points, note: at(points, format) }], format, unit, logFrom }),
    );
  return [
    ...section("Loss", loss),
    ...single("Learning rate", of("learning_rate"), (value) => shortNumber(value), "over updates"),
    ...single("Gradient norm", of("grad_norm"), shortNumber, "before clipping, over updates", NORM_SPREAD),
    ...single("Loss scale", of("loss_scale"), shortNumber, "of mixed precision, over updates", NORM_SPREAD),
    ...single(
      "Throughput",
      rates.map(({ step, tokensPerSecond }): Point => [step, tokensPerSecond]),
      shortNumber,
      "tokens a second, padding included, without evaluations and saving; over updates",
    ),
  ];
}

/** 0.00005 -> "5e-5", 1234 -> "1234", 0.25 -> "0.25". */
function shortNumber(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential().replace(/^(\d\.\d)\d*e/, "$1e");
  return String(Number(value.toPrecision(value >= 1000 ? 4 : 3)));
}

function gapsSection(gaps: readonly ReportGap[]): string {
  const articles = gaps
    .filter(({ written }) => written.length > 0)
    .map(({ given, real, written }) => {
      const shown = new Set([written[0], ...written.slice(-NEWEST)]);
      const between = written.filter((each) => !shown.has(each));
      const part = ({ step, text }: WrittenAt): string =>
        samplePart(`after ${step} update${step === 1 ? "" : "s"}`, text || "(nothing)", ` class="text s0"`);
      const folded =
        between.length === 0
          ? ""
          : `<details><summary>${between.length} between</summary>${between.map(part).join("")}</details>`;
      return [
        "<article>",
        ...given.map(([heading, text]) => samplePart(heading, text)),
        samplePart(real[0], real[1], ` class="text"`),
        part(written[0]),
        folded,
        ...written.slice(Math.max(1, written.length - NEWEST)).map(part),
        "</article>",
      ].join("\n");
    });
  return (
    `<section><h2>The same gaps, at each evaluation</h2>` +
    `<p class="soft small">Drawn at random once. Each text is sampled with the same seed.</p>${articles.join("\n")}` +
    `</section>`
  );
}

function evaluationsSection(history: readonly LogEntry[]): string {
  const rows = history
    .filter((entry) => "eval_loss" in entry)
    .map(({ step, epoch, eval_loss, eval_perplexity }) => {
      const cells = [step, epoch.toFixed(2), eval_loss.toFixed(4), eval_perplexity.toFixed(2)];
      return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
    });
  return (
    `<section><details><summary>All evaluations</summary><div class="scroll"><table><tr><th>update</th>` +
    `<th>epoch</th><th>validation loss</th><th>perplexity</th></tr>${rows.join("\n")}</table></div></details></section>`
  );
}

function factsSection(heading: string, rows: readonly Fact[]): string {
  const lines = rows.map(([name, value]) => `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`);
  return `<section><h2>${escapeHtml(heading)}</h2><table class="facts">${lines.join("\n")}</table></section>`;
}
