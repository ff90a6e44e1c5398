// A gap of a novel and what was written into it, as one SVG that follows the reader's light or dark setting: the first
// picture of README.md. Lines are broken here, by counting characters, so that it looks alike wherever it is shown.
import { escapeHtml } from "../../src/drawing/html.ts";
import type { Filled } from "./results.ts";

const WIDTH = 860,
  LEFT = 92,
  LINE = 20,
  /** Characters of a line; a monospaced one of this size has 0.6 of it. */
  COLUMNS = 92,
  SIZE = 13.5;

const STYLE = `
  text { font: ${SIZE}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #334155; }
  .page { fill: #ffffff; } .rule { stroke: #cbd5e1; } .mark { fill: #2563eb; }
  .label { font-weight: bold; fill: #2563eb; } .figures { fill: #64748b; } .written { fill: #0f172a; }
  @media (prefers-color-scheme: dark) {
    text { fill: #cbd5e1; } .page { fill: #0d1117; } .rule { stroke: #334155; } .mark { fill: #60a5fa; }
    .label { fill: #60a5fa; } .figures { fill: #94a3b8; } .written { fill: #f8fafc; }
  }`;

export interface PictureOptions {
  /** Candidates that are shown. */
  readonly candidates: number;
  /** Characters of p1's end and p3's beginning that are shown. */
  readonly context: number;
}

/** Of a line of ranked.jsonl. */
export function pictureOf(ranked: Filled, options: PictureOptions): string {
  const { title, author, ...wanted } = ranked.meta;
  const rows: string[] = [];
  let y = 34;
  const line = (text: string, style: string, x = LEFT): void => {
    rows.push(`<text x="${x}" y="${y}" class="${style}" xml:space="preserve">${escapeHtml(text)}</text>`);
    y += LINE;
  };
  const block = (label: string, text: string, style: string, note?: string): void => {
    const top = y;
    rows.push(`<text x="24" y="${y}" class="label">${escapeHtml(label)}</text>`);
    if (note !== undefined) line(note, "figures");
    for (const each of wrapped(text)) line(each, style);
    if (style === "written")
      rows.push(`<rect x="${LEFT - 14}" y="${top - 13}" width="3" height="${y - top - 4}" class="mark"/>`);
    y += LINE / 2;
  };
  const asked = Object.entries(wanted)
    .filter(([field]) => field !== "language")
    .map(([field, value]) => `${field}: ${[value].flat().join(", ")}`);
  line(`${[title].flat().join()}, ${[author].flat().join()}`, "label", 24);
  y += LINE / 2;
  block("before", ending(ranked.p1, options.context), "context");
  line(`asked for: ${asked.join("; ")}`, "figures");
  y += LINE / 2;
  for (const [i, { p2, rerank }] of ranked.candidates.slice(0, options.candidates).entries())
    block(String(i + 1), p2, "written", `log P(P2) ${figure(rerank?.p2)}, log P(P3) after it ${figure(rerank?.p3)}`);
  block("after", beginning(ranked.p3, options.context), "context");
  const height = y;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>A gap in ${escapeHtml([title].flat().join())} and what was written into it</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>`,
    ...rows,
    "</svg>",
    "",
  ].join("\n");
}

function figure(value: number | undefined): string {
  return value === undefined ? "unknown" : value.toFixed(2);
}

/** Whole words, as many as fit. */
function ending(text: string, characters: number): string {
  return text.length <= characters ? text : `... ${text.slice(-characters).replace(/^\S*\s+/u, "")}`;
}

function beginning(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters).replace(/\s+\S*$/u, "")} ...`;
}

function wrapped(text: string): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines = [""];
    for (const word of paragraph.split(/\s+/u).filter(Boolean)) {
      const last = lines.at(-1)!;
      if (last !== "" && last.length + 1 + word.length > COLUMNS) lines.push(word);
      else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
    }
    return lines;
  });
}
