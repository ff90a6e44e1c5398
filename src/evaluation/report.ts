// An evaluation as one HTML page that needs nothing else: verdicts, charts, the table, and some of the written texts
// next to the real ones. No scripts, no fonts or images from elsewhere.
import { metadataFields, metadataText } from "../infill/template.ts";
import type { InfillTemplate } from "../infill/template.ts";
import { barChart, COLORS } from "./bar-chart.ts";
import { escapeHtml } from "../drawing/html.ts";
import type { Scale } from "./bar-chart.ts";
import { LEVEL, RESAMPLES } from "./estimate.ts";
import { cell } from "./format.ts";
import { GROUP_TITLES, summaryRows } from "./summary.ts";
import { verdicts } from "./verdicts.ts";
import type { Evaluation, Group, Row } from "./summary.ts";

const SAMPLES = 5;

const EXPLANATIONS: Readonly<Record<Group, string>> = {
  perplexity:
    "The exponential of the mean loss a token. A model that was trained on p2 alone is not expected to " +
    "know the context.",
  change:
    "Bars to the left: p2 (with its end) becomes less probable, so the model had used what was taken " +
    "away. Another example's p3 is the fairest of these tests: a model trained on whole examples never " +
    "saw a missing part.",
  retrieval:
    "p2 is scored under its own p3 and under the p3 of other examples; found: it is most probable under " +
    "its own. The dashed line is chance.",
  written:
    "Diamonds: the real p2 of the same examples. Shares of copied runs and of different words mean " +
    "little but beside them.",
  ranking:
    "Each candidate is scored by log-probabilities a token: of p2 in the gap, of p3 after p1 and p2, of the first " +
    "tokens at both seams; the weights were fitted to other examples, or are the model's own. Found: the true p2 has " +
    "the best score. The dashed line is chance.",
  choice:
    "The candidate that ranking puts first, beside the one that stands first without it (the most probable sample, " +
    "the best beam). p3's probability is the model's own judgement, and part of what it chooses by.",
};
const SCALES: Readonly<Record<Group, Scale>> = {
  perplexity: "log",
  change: "linear",
  retrieval: "share",
  written: "share",
  ranking: "share",
  choice: "share",
};

const STYLE = `
:root { color-scheme: light; font: 15px/1.5 system-ui, sans-serif; color: #1e293b; background: #f8fafc; }
body { max-width: 860px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 0 0 .3rem; } p { margin: .3rem 0; }
section { background: white; border: 1px solid #e2e8f0; border-radius: 8px; padding: 1rem; margin: 1rem 0; }
section { overflow-x: auto; }
svg { width: 100%; font: 12px system-ui, sans-serif; } .faint { color: #64748b; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
td, th { padding: .2rem .5rem; border-bottom: 1px solid #e2e8f0; text-align: right; }
td:first-child, th:first-child { text-align: left; } tr.group td { font-weight: 600; padding-top: .6rem; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; }
dl { display: grid; grid-template-columns: 7rem 1fr; gap: .2rem 1rem; margin: 0 0 1.2rem; }
dt { color: #64748b; overflow-wrap: anywhere; } dd { margin: 0; white-space: pre-wrap; }
dd.model { border-left: 3px solid; padding-left: .6rem; }
`;

/** `template`: for the metadata of the examples that are shown. */
export function htmlReport(evaluation: Evaluation, template: InfillTemplate): string {
  const rows = summaryRows(evaluation);
  const groups = (Object.keys(GROUP_TITLES) as Group[]).filter((group) => rows.some((row) => row.group === group));
  return [
    `<!doctype html>`,
    `<html lang="en">`,
    `<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Infilling ` +
      `evaluation</title><style>${STYLE}</style></head>`,
    `<body>`,
    `<h1>Infilling evaluation</h1>`,
    `<p class="faint">${escapeHtml(facts(evaluation))}</p>`,
    ...evaluation.notes.map((note) => `<p>${escapeHtml(note)}</p>`),
    `<section><h2>What the model uses</h2>${evaluation.models
      .map((model, i) => {
        const items = verdicts(model.use).map(({ sentence }) => `<li>${escapeHtml(sentence)}</li>`);
        const about = `<b>${escapeHtml(model.name)}</b> <span class="faint">${escapeHtml(model.about)}</span>`;
        return `<p>${key(i)}${about}</p><ul>${items.join("")}</ul>`;
      })
      .join("")}</section>`,
    ...groups.map((group) =>
      chartSection(
        group,
        rows.filter((row) => row.group === group),
      ),
    ),
    tableSection(evaluation, rows, groups),
    samplesSection(evaluation, template),
    `</body>`,
    `</html>`,
    "",
  ].join("\n");
}

function facts({ testFile, trainFile, examples, dropped, seed, search, models }: Evaluation): string {
  const texts = models[0].written?.figures.texts ?? 0;
  return [
    `${examples} examples of ` +
      `${testFile}${dropped > 0 ? `, ${dropped} more left out because p2 does not fit into the context` : ""}`,
    texts > 0 ? `${texts} texts written ${search}` : "",
    trainFile === undefined ? "" : `training set: ${trainFile}`,
    `intervals: ${100 * LEVEL}%, by ${RESAMPLES} bootstrap samples of the examples`,
    `seed ${seed}`,
  ]
    .filter(Boolean)
    .join("; ");
}

function chartSection(group: Group, rows: readonly Row[]): string {
  const drawn = SCALES[group] === "share" ? rows.filter(({ share }) => share) : rows;
  return (
    `<section><h2>${GROUP_TITLES[group]}</h2><p ` +
    `class="faint">${EXPLANATIONS[group]}</p>${barChart(drawn, SCALES[group], GROUP_TITLES[group])}</section>`
  );
}

function tableSection({ models }: Evaluation, rows: readonly Row[], groups: readonly Group[]): string {
  const columns = models.length + 2;
  const row = ({ label, figures, real, chance, format }: Row): string => {
    const cells = [...figures.map((figure) => cell(figure, format)), real ? cell(real, format) : ""];
    const name = `${escapeHtml(label)}${chance === undefined ? "" : ` (chance ${format(chance)})`}`;
    return `<tr><td>${name}</td>${cells.map((value) => `<td>${escapeHtml(value)}</td>`).join("")}</tr>`;
  };
  const head =
    `<tr><th></th>${models.map(({ name }, i) => `<th>${key(i)}${escapeHtml(name)}</th>`).join("")}<th>real ` +
    "p2</th></tr>";
  const body = groups.map(
    (group) =>
      `<tr class="group"><td colspan="${columns}">${GROUP_TITLES[group]}</td></tr>${rows
        .filter((each) => each.group === group)
        .map(row)
        .join("\n")}`,
  );
  return `<section><h2>All figures</h2><table>${head}${body.join("\n")}</table></section>`;
}

function samplesSection({ models }: Evaluation, template: InfillTemplate): string {
  const written = models.flatMap(({ name, written }, i) => (written ? [{ name, texts: written.texts, i }] : []));
  if (written.length === 0) return "";
  const samples = written[0].texts.slice(0, SAMPLES).map(({ example }, n) => {
    const meta = metadataText(metadataFields(template, example.meta, "The example"));
    const given = [
      ["p1", example.p1],
      ["p3", example.p3],
      ...(meta === "" ? [] : [["metadata", meta]]),
      ["real p2", example.p2],
    ];
    return `<dl>${given.map(([label, value]) => `<dt>${label}</dt><dd>${escapeHtml(value)}</dd>`).join("")}${written
      .map(({ name, texts, i }) => {
        const { text, ended } = texts[n];
        const cut = ended ? "" : ` <span class="faint">(cut by the limit)</span>`;
        return (
          `<dt>${escapeHtml(name)}</dt><dd class="model" style="border-color:${COLORS[i % COLORS.length]}">` +
          `${escapeHtml(text || "(nothing)")}${cut}</dd>`
        );
      })
      .join("")}</dl>`;
  });
  return `<section><h2>The first ${samples.length} written texts</h2>${samples.join("\n")}</section>`;
}

function key(series: number): string {
  return `<span class="key" style="background:${COLORS[series % COLORS.length]}"></span>`;
}
