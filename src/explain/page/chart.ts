// Surprisal along a text as SVG: a bar for each generated token, and a line for the entropy of what it was chosen from.
// A bar above the line is a token less probable than was to be expected there.
import { niceTicks } from "../../drawing/ticks.ts";
import type { ExplainedSequence } from "../explanation.ts";

const LEFT = 34,
  TOP = 8,
  HEIGHT = 96,
  BOTTOM = 20;
/** What bars share: 60 tokens are as wide as a page's text. */
const WIDTH = 700,
  NARROW = 7,
  WIDE = 18;

export function surprisalChart({ choices }: ExplainedSequence): string {
  const surprisal = choices.map(({ logProb }) => -(logProb ?? -20));
  const ticks = niceTicks(0, Math.max(1, ...surprisal, ...choices.map(({ entropy }) => entropy)));
  const top = ticks[ticks.length - 1];
  const step = Math.min(WIDE, Math.max(NARROW, (WIDTH - LEFT) / choices.length));
  const width = LEFT + step * choices.length + 8;
  const x = (t: number): string => (LEFT + t * step).toFixed(1);
  const y = (nats: number): string => (TOP + HEIGHT * (1 - nats / top)).toFixed(1);
  const entropy = choices.map((choice, t) => `${t === 0 ? "M" : "L"}${x(t)} ${y(choice.entropy)}H${x(t + 1)}`).join("");
  const every = choices.length * step > 300 ? Math.ceil(choices.length / 12 / 5) * 5 : 5;
  return [
    `<svg class="chart" width="${width.toFixed(0)}" height="${TOP + HEIGHT + BOTTOM}" role="img" ` +
      `aria-label="Surprisal of each generated token, in nats">`,
    ...ticks.map(
      (tick) =>
        `<path class="rule" d="M${LEFT} ${y(tick)}H${(width - 8).toFixed(1)}"/>` +
        `<text x="${LEFT - 6}" y="${(Number(y(tick)) + 4).toFixed(1)}" text-anchor="end">${tick}</text>`,
    ),
    ...surprisal.map(
      (nats, t) =>
        `<g data-t="${t}"><rect x="${(Number(x(t)) + 1).toFixed(1)}" y="${y(nats)}" ` +
        `width="${(step - 2).toFixed(1)}" height="${((HEIGHT * nats) / top).toFixed(1)}"/>` +
        `<rect class="hit" x="${x(t)}" y="${TOP}" width="${step.toFixed(1)}" height="${HEIGHT}"/></g>`,
    ),
    `<path class="entropy" d="${entropy}" pointer-events="none"/>`,
    ...choices.flatMap((_, t) =>
      (t + 1) % every === 0 || t === 0
        ? [
            `<text x="${(Number(x(t)) + step / 2).toFixed(1)}" y="${TOP + HEIGHT + 15}" ` +
              `text-anchor="middle">${t + 1}</text>`,
          ]
        : [],
    ),
    `</svg>`,
  ].join("");
}
