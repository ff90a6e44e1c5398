// A report as one HTML page that needs nothing else: no scripts, no fonts or images from elsewhere, in the style that
// all reports have.
import { escapeHtml } from "./html.ts";
import { PAGE_STYLE, SERIES } from "./page-style.ts";

/** `body`: HTML; `style`: CSS beside what all reports have. */
export function reportPage(title: string, body: readonly string[], style = ""): string {
  return [
    `<!doctype html>`,
    `<html lang="en">`,
    `<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
      `<title>${escapeHtml(title)}</title><style>${PAGE_STYLE}${style}</style></head>`,
    `<body><main>`,
    ...body,
    `</main></body>`,
    `</html>`,
    "",
  ].join("\n");
}

/** Which colour is whose, where there are several. */
export function seriesKeys(names: readonly string[], isShown: (series: number) => boolean = () => true): string {
  if (names.length === 1) return "";
  const keys = names.flatMap((name, series) =>
    isShown(series) ? [`<span>${seriesKey(series)}${escapeHtml(name)}</span>`] : [],
  );
  return `<div class="keys">${keys.join("")}</div>`;
}

/** A patch of the series' colour. */
export function seriesKey(series: number): string {
  return `<span class="key ${seriesClass(series)}"></span>`;
}

/** The class that gives what it is on the series' colour. */
export function seriesClass(series: number): string {
  return `s${series % SERIES}`;
}

/** A text under its heading, in a report's samples. */
export function samplePart(heading: string, text: string, attributes = ""): string {
  return `<h3>${heading}</h3><p${attributes}>${escapeHtml(text)}</p>`;
}
