// An evaluation as one HTML page that needs nothing else: what was found, charts, the table, and some of the written
// texts next to the real ones. No scripts, no fonts or images from elsewhere.
import { escapeHtml } from "../drawing/html.ts";
import { reportPage, samplePart, seriesClass, seriesKey, seriesKeys } from "../drawing/page.ts";
import { metadataFields, metadataText } from "../infill/metadata-text.ts";
import type { InfillTemplate } from "../infill/template.ts";
import { barChart } from "./bar-chart.ts";
import { clearDifferences } from "./comparison.ts";
import { LEVEL, levels, RESAMPLES } from "./estimate.ts";
import { findings } from "./findings.ts";
import type { SystemFindings } from "./findings.ts";
import { cell } from "./format.ts";
import { DIFFERENCE } from "./markdown-table.ts";
import { STYLE } from "./report-style.ts";
import { CLAIM_WORDS, EXPLANATIONS, FINDING_WORDS, SCALES, TEXT_WORDS } from "./report-words.ts";
import { GROUP_TITLES } from "./row.ts";
import type { Group, Row } from "./row.ts";
import { summaryRows, systemsOf } from "./summary.ts";
import type { Evaluation } from "./summary.ts";

/** Texts that are shown. */
const SAMPLES = 5;

/** `template`: for the metadata of the examples that are shown. */
export function htmlReport(evaluation: Evaluation, template: InfillTemplate): string {
  const rows = summaryRows(evaluation);
  const groups = (Object.keys(GROUP_TITLES) as Group[]).filter((group) => rows.some((row) => row.group === group));
  const names = systemsOf(evaluation).map(({ name }) => name);
  const body = [
    `<h1>How well the gaps are filled</h1>`,
    `<p class="soft small">${escapeHtml(facts(evaluation))}</p>`,
    ...evaluation.notes.map((note) => `<p class="small">${escapeHtml(note)}</p>`),
    `<section><h2>What the model uses</h2>${findings(evaluation).map(findingHtml).join("")}</section>`,
    differencesSection(rows, names),
    ...groups.map((group) =>
      chartSection(
        group,
        rows.filter((row) => row.group === group),
        names,
      ),
    ),
    tableSection(names, rows, groups),
    samplesSection(evaluation, template),
  ];
  return reportPage("Infilling evaluation", body, STYLE);
}

function facts({ testFile, trainFile, examples, dropped, seed, search, judge, models }: Evaluation): string {
  const texts = models[0].written?.figures.texts ?? 0;
  const { books, chapters, drawn } = levels(models[0].scored.map(({ cluster }) => cluster));
  return [
    `${examples} gaps of ` +
      `${testFile}${dropped > 0 ? `, ${dropped} more left out because p2 does not fit into the context` : ""}`,
    texts > 0 && search !== "" ? `${texts} texts written ${search}` : "",
    judge === undefined ? "" : `texts judged by ${judge}`,
    trainFile === undefined ? "" : `training set: ${trainFile}`,
    `${books} books or separate texts, ${chapters} chapters; ranges of ${100 * LEVEL}%, by drawing ${drawn} ` +
      `${RESAMPLES} times`,
    `seed ${seed}`,
  ]
    .filter(Boolean)
    .join("; ");
}

function findingHtml({ name, about, verdicts, texts }: SystemFindings, series: number): string {
  const items = verdicts.map(({ claim, finding, sentence }) => {
    const figures = sentence.slice(sentence.indexOf("; ") + 2);
    const badge = `<span class="badge ${finding.split(" ")[0]}">${finding}</span>`;
    const words = escapeHtml(`${CLAIM_WORDS.get(claim) ?? claim}.`);
    return (
      `<li>${badge}<b>${words}</b> ${FINDING_WORDS[finding]} ` +
      `<span class="soft small">${escapeHtml(asSentence(figures))}</span></li>`
    );
  });
  if (texts) items.push(textsItem(texts));
  const head = `<h3>${seriesKey(series)}${escapeHtml(name)} <span class="soft small">${escapeHtml(about)}</span></h3>`;
  return items.length === 0 ? head : `${head}<ul class="verdicts">${items.join("")}</ul>`;
}

/** A sentence of textVerdict in a writer's words. */
function textsItem(sentence: string): string {
  const [, finding = "", figures = ""] = /^written texts: (.*?); (.*)$/.exec(sentence) ?? [];
  const { badge, style, words } = TEXT_WORDS.get(finding)!;
  return (
    `<li><span class="badge ${style}">${badge}</span><b>Its texts, on the way to what comes after (p3).</b> ` +
    `${words} <span class="soft small">${escapeHtml(asSentence(figures))}</span></li>`
  );
}

const asSentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function differencesSection(rows: readonly Row[], [first, second]: readonly string[]): string {
  if (!rows.some(({ difference }) => difference)) return "";
  const clear = clearDifferences(rows).map((sentence) => `<li>${escapeHtml(sentence)}</li>`);
  const list =
    clear.length > 0
      ? `<ul>${clear.join("")}</ul>`
      : "<p>None that these examples could not show by accident as well.</p>";
  return (
    `<section><h2>Where the two models differ</h2><p class="soft small">From ${seriesKey(0)}${escapeHtml(first!)} to ` +
    `${seriesKey(1)}${escapeHtml(second!)}, with the range of the difference itself: both are measured on the same ` +
    `books each time, so what is hard for both cancels out. Shown is what differs whichever of them are drawn.</p>` +
    `${list}</section>`
  );
}

function chartSection(group: Group, rows: readonly Row[], names: readonly string[]): string {
  const drawn = SCALES[group] === "share" ? rows.filter(({ share }) => share) : rows;
  const hasBar = (series: number): boolean => drawn.some(({ figures }) => figures[series] !== undefined);
  return (
    `<section><h2>${GROUP_TITLES[group]}</h2><p class="soft small">${EXPLANATIONS[group]}</p>` +
    seriesKeys(names, hasBar) +
    `${barChart(drawn, SCALES[group], GROUP_TITLES[group])}</section>`
  );
}

function tableSection(names: readonly string[], rows: readonly Row[], groups: readonly Group[]): string {
  const withDifference = rows.some(({ difference }) => difference);
  const row = ({ label, figures, difference, real, chance, format }: Row): string => {
    const cells = [
      ...figures.map((figure) => cell(figure, format)),
      ...(withDifference ? [difference ? cell(difference.figure, difference.format) : ""] : []),
      real ? cell(real, format) : "",
    ];
    const name = `${escapeHtml(label)}${chance === undefined ? "" : ` (chance ${format(chance)})`}`;
    return `<tr><td>${name}</td>${cells.map((value) => `<td>${escapeHtml(value)}</td>`).join("")}</tr>`;
  };
  const heads = names.map((name, i) => `<th>${seriesKey(i)}${escapeHtml(name)}</th>`);
  if (withDifference) heads.push(`<th>${DIFFERENCE}</th>`);
  const body = groups.map(
    (group) =>
      `<tr class="group"><td colspan="${heads.length + 2}">${GROUP_TITLES[group]}</td></tr>${rows
        .filter((each) => each.group === group)
        .map(row)
        .join("\n")}`,
  );
  return (
    `<section><details><summary>All figures</summary><div class="scroll"><table>` +
    `<tr><th></th>${heads.join("")}<th>real p2</th></tr>${body.join("\n")}</table></div></details></section>`
  );
}

function samplesSection(evaluation: Evaluation, template: InfillTemplate): string {
  const written = systemsOf(evaluation).flatMap(({ name, written }, series) =>
    written ? [{ name, texts: written.texts, series }] : [],
  );
  if (written.length === 0) return "";
  const samples = written[0].texts.slice(0, SAMPLES).map(({ example }, n) => {
    const meta = metadataText(metadataFields(template, example.meta, "The example"));
    const texts = written.map(({ name, texts, series }) => {
      const { text, ended } = texts[n];
      const cut = ended ? "" : " (cut by the limit)";
      return samplePart(
        `${seriesKey(series)}${escapeHtml(name)}${cut}`,
        text || "(nothing)",
        ` class="text ${seriesClass(series)}"`,
      );
    });
    return [
      `<article>`,
      samplePart("before (p1)", example.p1),
      samplePart("after (p3)", example.p3),
      ...(meta === "" ? [] : [samplePart("wished for", meta)]),
      samplePart("the author's text (p2)", example.p2, ' class="text"'),
      ...texts,
      `</article>`,
    ].join("\n");
  });
  return `<section><h2>${samples.length} of the gaps, drawn at random</h2>${samples.join("\n")}</section>`;
}
