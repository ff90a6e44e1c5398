// An explanation as one HTML page that needs nothing else: no network, no fonts or scripts from elsewhere, which its
// content security policy also forbids. Everything that stands still is written here; the script shows what belongs to
// the selected token.
import { escapeHtml } from "../../drawing/html.ts";
import type { ExplainedSequence, Explanation } from "../explanation.ts";
import { beamChart } from "./beam-chart.ts";
import { surprisalChart } from "./chart.ts";
import { readingNotes } from "./notes.ts";
import { rankTables } from "./rank-table.ts";
import { SCRIPT_DATA } from "./script-data.ts";
import { SCRIPT_PAGE } from "./script-page.ts";
import { SCRIPT_PANEL } from "./script-panel.ts";
import { STYLE } from "./style.ts";
import { legend, textView } from "./text-view.ts";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/** The whole page. Texts may hold anything: they are escaped here. */
export function explanationPage(explanation: Explanation): string {
  const title = `${explanation.model}, token by token`;
  return [
    `<!doctype html>`,
    `<html lang="en">`,
    `<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">` +
      `<meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title>` +
      `<style>${STYLE}</style></head>`,
    `<body><main>`,
    head(explanation),
    ...rankTables(explanation),
    selector(explanation),
    `<div class="reading"><div>`,
    legend(),
    ...views(explanation),
    `</div>`,
    panel(explanation),
    `</div>`,
    attentionSection(explanation),
    ...forests(explanation),
    readingNotes(explanation),
    `</main>`,
    `<script type="application/json" id="data">${scriptJson(explanation)}</script>`,
    `<script>(() => {\n"use strict";\n${SCRIPT_DATA}${SCRIPT_PANEL}${SCRIPT_PAGE}})();</script>`,
    `</body>`,
    `</html>`,
    "",
  ].join("\n");
}

/**
 * JSON that can stand in a script element: nothing in it can end the element, begin a comment or break a line of a
 * script.
 */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function head({ model, method, options, prompts }: Explanation): string {
  const texts = prompts.reduce((sum, { sequences }) => sum + sequences.length, 0);
  const facts = [["model", model], ["method", method], ...options];
  const rows = facts.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`);
  return (
    `<header><h1>Token by token</h1><p class="soft">What ` +
    `${texts === 1 ? "the text was" : `${texts} texts were`} chosen from. Point at a token, ` +
    "or tab to it and use the arrow keys; a click keeps it.</p>" +
    `<dl>${rows.join("")}</dl></header>`
  );
}

function selector({ prompts }: Explanation): string {
  const names = prompts.flatMap(({ sequences }, p) =>
    sequences.map(
      (sequence, s) =>
        `${prompts.length > 1 ? `prompt ${p + 1}, ` : ""}text ${s + 1} of ${sequences.length}: ` +
        `${sequenceFacts(sequence)}`,
    ),
  );
  if (names.length === 1) return "";
  return (
    `<div class="bar"><label>Text <select ` +
    `id="text">${names.map((name, v) => `<option value="${v}">${escapeHtml(name)}</option>`).join("")}</select>` +
    "</label></div>"
  );
}

function sequenceFacts({ ids, finishReason, score, choices }: ExplainedSequence): string {
  const mean = choices.reduce((sum, { own }) => sum + (own.logProb ?? 0), 0) / Math.max(1, choices.length);
  const end =
    (
      {
        eos: "came to its end",
        length: "cut by the length limit",
        time: "cut by the time limit",
        stop: "ended by a stop string",
        aborted: "interrupted",
      } as Record<string, string>
    )[finishReason] ?? finishReason;
  return [
    `${ids.length} tokens`,
    score === undefined ? "" : `score ${signed(score)}`,
    `log-probability ${signed(mean)} a token`,
    end,
  ]
    .filter(Boolean)
    .join(", ");
}

const signed = (value: number): string => value.toFixed(3).replace("-", "−");

function views(explanation: Explanation): string[] {
  return explanation.prompts.flatMap((prompt) =>
    prompt.sequences.map((sequence) =>
      [
        `<div class="view">`,
        textView(explanation, prompt, sequence),
        `<section><h2>Surprisal along the text</h2><div class="legend"><span><i class="key prob">` +
          `</i>surprisal of the token, −log p in nats</span><span><i class="key line"></i>entropy: ` +
          `the surprisal to be expected there</span></div><div class="scroll">${surprisalChart(sequence)}</div>` +
          `<p class="soft">${escapeHtml(sequenceFacts(sequence))}</p></section>`,
        `</div>`,
      ].join("\n"),
    ),
  );
}

function panel({ attention }: Explanation): string {
  return (
    `<aside id="panel" class="empty" aria-label="The selected token">` +
    `<p id="hint" class="soft">No token is selected.</p><div id="about" hidden>` +
    `<header><span id="name" class="mono"></span><span id="which" class="soft"></span>` +
    `<button id="close" class="close" type="button" aria-label="Close">×</button></header>` +
    `<table id="figures"></table><h2 style="margin-top:.9rem">Alternatives</h2>` +
    `<p id="ownkey" class="soft">bar and first number: what it was chosen from; tick and second: ` +
    `the model’s own</p><div id="alternatives" class="bars"></div>` +
    (attention ? `<h2>Looked at most</h2><div id="looks" class="bars"></div>` : "") +
    `</div></aside>`
  );
}

function attentionSection({ attention }: Explanation): string {
  if (!attention) return "";
  const { layers, heads, modelLayers } = attention;
  const choices = (id: string, name: string, mean: string, values: readonly (string | number)[]): string => {
    const each = values.map((value, i) => `<option value="${i}">${value}</option>`).join("");
    return `<label>${name} <select id="${id}"><option value="mean">${mean}</option>${each}</select></label>`;
  };
  const some = layers.length < modelLayers;
  return (
    `<section><h2>Attention</h2><p class="soft">Of the step that chose the selected token, ` +
    "over all tokens before " +
    `it${some ? `; ${layers.length} of the model’s ${modelLayers} layers were kept` : ""}.</p>` +
    `<div class="bar">${choices("layer", "Layer", some ? "mean of those kept" : "mean of all", layers)}${choices(
      "head",
      "Head",
      "mean of all",
      Array.from({ length: heads }, (_, h) => h),
    )}<label><input type="checkbox" id="looking" checked> as a tint over the text</label></div>` +
    `<p id="gridhint" class="soft">Select a token of the text.</p><div class="scroll"><div id="grid"></div>` +
    "</div></section>"
  );
}

function forests({ prompts, tokens }: Explanation): string[] {
  return prompts.map(({ beams }) =>
    beams
      ? `<section class="forest"><h2>Beams</h2><div class="legend"><span><i class="key win">` +
        `</i>the shown text</span><span><i class="key"></i>kept, with its summed score</span><span>` +
        `<i class="key ended"></i>ended, with its score by length</span><span>pale: not continued</span></div>` +
        `<div class="scroll" style="margin-top:.5rem">${beamChart(beams, tokens)}</div>` +
        `<p class="note soft" aria-live="polite">Point at a token of the tree for its scores.</p></section>`
      : `<section class="forest" hidden><p class="note"></p></section>`,
  );
}
