// The tree of a beam search as SVG: a column for each step, a lane for each beam, below them the texts that ended.
// Columns are as wide as their longest token, so a long search is wide and scrolls.
import { escapeHtml } from "../../drawing/html.ts";
import type { BeamNode, BeamTree } from "../explanation.ts";
import { visible } from "../token-text.ts";

const CHARACTER = 6.7,
  MOST_CHARACTERS = 14,
  NARROW = 38,
  EDGE = 22,
  LANE = 38,
  BOX = 31,
  LEFT = 58,
  TOP = 24;

interface Placed {
  readonly node: BeamNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/**
 * `tokens`: readable texts by id. Nodes have their step `data-s` and index in it `data-i`; so do the edges that lead to
 * them.
 */
export function beamChart({ beams, groups, steps }: BeamTree, tokens: Readonly<Record<number, string>>): string {
  const label = (node: BeamNode): string => shortened(tokens[node.token]);
  const widths = steps.map((step) => Math.max(NARROW, ...step.map((node) => 12 + CHARACTER * [...label(node)].length)));
  const columns = widths.map((_, s) => LEFT + widths.slice(0, s).reduce((sum, width) => sum + width + EDGE, 0));
  const endedRows = Math.max(0, ...steps.map((step) => step.filter(({ ended }) => ended !== undefined).length));
  const lane = (beam: number): number => TOP + beam * LANE + (groups > 1 ? 8 * Math.floor(beam / (beams / groups)) : 0);
  const ending = (row: number): number => lane(beams - 1) + LANE + 12 + row * LANE;
  const placed = steps.map((step, s): Placed[] => {
    let ends = 0;
    return step.map((node) => ({
      node,
      x: columns[s],
      width: widths[s],
      y: node.ended === undefined ? lane(node.beam) : ending(ends++),
    }));
  });
  const goesOn = (s: number, { beam, ended }: BeamNode): boolean =>
    s === steps.length - 1 || ended !== undefined || steps[s + 1].some(({ parent }) => parent === beam);
  const width = LEFT + widths.reduce((sum, each) => sum + each + EDGE, 0),
    bottom = ending(endedRows) + 2;
  const parts = [
    `<svg class="tree" width="${width.toFixed(0)}" height="${bottom}" role="group" aria-label="Beams of every ` +
      `step; arrow keys move along them">`,
  ];
  if (groups > 1)
    for (let g = 0; g < groups; g++)
      parts.push(
        `<rect class="band" x="0" y="${lane((g * beams) / groups) - 3}" width="${width.toFixed(0)}" ` +
          `height="${(LANE * beams) / groups - 1}" rx="6"/><text x="6" ` +
          `y="${lane((g * beams) / groups) + 17}">group ${g + 1}</text>`,
      );
  else parts.push(`<text x="0" y="${lane(0) + 17}">best</text>`);
  if (endedRows > 0) parts.push(`<text x="0" y="${ending(0) + 17}">ended</text>`);
  columns.forEach((x, s) =>
    parts.push(`<text x="${(x + widths[s] / 2).toFixed(1)}" y="13" text-anchor="middle">${s + 1}</text>`),
  );
  placed.forEach((step, s) =>
    step.forEach((each, i) =>
      parts.push(
        edge(
          each,
          s,
          i,
          s === 0
            ? undefined
            : placed[s - 1].find(({ node }) => node.ended === undefined && node.beam === each.node.parent),
        ),
      ),
    ),
  );
  placed.forEach((step, s) =>
    step.forEach((each, i) =>
      parts.push(
        box(each, s, i, {
          label: label(each.node),
          dead: !goesOn(s, each.node),
          words: words(each.node, s, tokens, groups > 1),
        }),
      ),
    ),
  );
  return [...parts, "</svg>"].join("");
}

function edge({ x, y }: Placed, s: number, i: number, parent: Placed | undefined): string {
  if (!parent) return "";
  const from = parent.x + parent.width,
    middle = (x + Math.max(from, x - EDGE)) / 2,
    [y1, y2] = [parent.y + BOX / 2, y + BOX / 2];
  return (
    `<path data-s="${s}" data-i="${i}" d="M${from.toFixed(1)} ` +
    `${y1}H${(x - EDGE).toFixed(1)}C${middle.toFixed(1)} ${y1} ${middle.toFixed(1)} ${y2} ${x.toFixed(1)} ` +
    `${y2}"/>`
  );
}

function box(
  { node, x, y, width }: Placed,
  s: number,
  i: number,
  { label, dead, words }: { readonly label: string; readonly dead: boolean; readonly words: string },
): string {
  const kinds = ["node", dead ? "dead" : "", node.ended === undefined ? "" : "ended"].filter(Boolean).join(" ");
  const figure = node.ended === undefined ? node.score : node.ended;
  return (
    `<g class="${kinds}" data-s="${s}" data-i="${i}" role="button" tabindex="${s === 0 && i === 0 ? 0 : -1}" ` +
    `aria-label="${escapeHtml(visible(words))}" transform="translate(${x.toFixed(1)} ${y})">` +
    `<rect width="${width.toFixed(1)}" height="${BOX}" rx="${node.ended === undefined ? 5 : 13}"/>` +
    `<text class="word" x="${(width / 2).toFixed(1)}" y="13.5" ` +
    `text-anchor="middle">${escapeHtml(visible(label))}</text>` +
    `<text class="score" x="${(width / 2).toFixed(1)}" y="25.5" text-anchor="middle">${number(figure, 2)}</text></g>`
  );
}

/** A node for the line below the tree, and for whoever hears the page. */
function words(
  { token, beam, parent, score, added, ended }: BeamNode,
  s: number,
  tokens: Readonly<Record<number, string>>,
  grouped: boolean,
): string {
  const from = parent < 0 ? "" : `, continues beam ${parent + 1}`;
  const what = ended === undefined ? `beam ${beam + 1}` : `ends beam ${beam + 1} with score ${number(ended, 4)}`;
  return (
    `Step ${s + 1}, ${what}: ${tokens[token]} (token ${token})${ended === undefined ? from : ""}; ` +
    `sum ${number(score, 4)}, of which this token ` +
    `${number(added, 4)}${grouped ? " (after the diversity penalty)" : ""}`
  );
}

function number(value: number | null | undefined, digits: number): string {
  return value == null ? "–" : value.toFixed(digits).replace("-", "−");
}

function shortened(text: string): string {
  const characters = [...text];
  return characters.length > MOST_CHARACTERS ? `${characters.slice(0, MOST_CHARACTERS - 1).join("")}…` : text;
}
