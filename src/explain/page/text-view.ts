// A text token by token: what was given, under its headings, then what was generated, each token with its tint.
import { escapeHtml } from "../../drawing/html.ts";
import type { ExplainedPrompt, ExplainedSequence, Explanation } from "../explanation.ts";
import { visible } from "../token-text.ts";

/** Surprisal in nats at which the tint is strongest: a probability of 1 in 100. */
const STRONGEST = Math.log(100);
const LEGEND = [1, 0.5, 0.2, 0.1, 0.05, 0.01];

/** 0 for a certain token, 1 for one of at most 1 in 100. */
export function tint(probability: number): number {
  return probability <= 0 ? 1 : Math.min(1, Math.max(0, -Math.log(probability) / STRONGEST));
}

export function legend(): string {
  const steps = LEGEND.map(
    (p, i) => `<span style="--s:${tint(p).toFixed(2)}">${i === LEGEND.length - 1 ? "≤ " : ""}${p * 100}%</span>`,
  ).join("");
  return `<div class="legend"><span>Probability of the token</span><span class="ramp">${steps}</span></div>`;
}

/** Every token is a span with its place `data-k` among all tokens; a generated one also has its number `data-t`. */
export function textView(
  { tokens }: Explanation,
  { ids, text, sections }: ExplainedPrompt,
  sequence: ExplainedSequence,
): string {
  const parts: string[] = [];
  if (sections[0]?.start !== 0) parts.push(heading("Given"));
  ids.forEach((id, k) => {
    for (const { start, label } of sections) if (start === k) parts.push(heading(label));
    const special = sections.some(({ start }) => start === k);
    parts.push(`<span class="given${special ? " special" : ""}" data-k="${k}">${shown(text[k], tokens[id])}</span>`);
  });
  if (sections.at(-1)?.start !== ids.length - 1) parts.push(heading("Written"));
  sequence.ids.forEach((id, t) => {
    const end = sequence.finishReason === "eos" && t === sequence.ids.length - 1;
    const kinds = ["made", end ? "special" : "", !end && t >= sequence.kept ? "cut" : ""].filter(Boolean).join(" ");
    const { probability } = sequence.choices[t];
    parts.push(
      `<span class="${kinds}" data-k="${ids.length + t}" data-t="${t}" role="button" ` +
        `tabindex="${t === 0 ? 0 : -1}" ` +
        `style="--s:${tint(probability).toFixed(3)}">${shown(sequence.text[t], tokens[id])}</span>`,
    );
  });
  return `<div class="text">${parts.join("")}</div>`;
}

function heading(label: string): string {
  return `<h3>${escapeHtml(label)}</h3>`;
}

/**
 * A token whose character lacks bytes is shown by its bytes; a line break also by a mark, or it could not be pointed
 * at.
 */
function shown(text: string, readable: string): string {
  return escapeHtml(visible(text === "" ? readable : text)).replaceAll("\n", "<i>↵</i>\n");
}
