// Where texts were put into an order by figures of their own: those figures, a row a text, best first.
import { escapeHtml } from "../../drawing/html.ts";
import type { Explanation } from "../explanation.ts";

/** A section for each prompt whose texts have such figures. */
export function rankTables({ prompts }: Explanation): string[] {
  return prompts.flatMap(({ sequences }, p) => {
    const names = sequences[0]?.ranking?.map(([name]) => name) ?? [];
    if (names.length === 0) return [];
    const row = (cells: readonly string[], tag: "th" | "td"): string =>
      `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
    const rows = sequences.map(({ ranking = [] }, s) =>
      row([`text ${s + 1}`, ...ranking.map(([, value]) => value.toFixed(3).replace("-", "−"))], "td"),
    );
    return [
      `<section><h2>Why in this order${prompts.length > 1 ? `, prompt ${p + 1}` : ""}</h2>` +
        `<p class="soft">Log-probabilities a token, in nats: of p2 in the gap, of p3 after p1 and p2, of the first ` +
        `tokens of p2 after p1 and of p3 after p2. The score is their sum by the model's weights; only differences ` +
        `between these texts mean something.</p>` +
        `<div class="scroll"><table class="rank">${row(["", ...names], "th")}${rows.join("")}</table></div></section>`,
    ];
  });
}
