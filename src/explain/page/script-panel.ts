// The page's script, second part: what is said of one token, beside the text; and the grid of layers and heads.

export const SCRIPT_PANEL = String.raw`
const byId = (id) => document.getElementById(id);
const all = (selector, within) => [...(within || document).querySelectorAll(selector)];

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** The token's name, its figures by the distribution it was chosen from and by the model's own, its alternatives. */
function showFigures(view, t) {
  const { sequence } = view,
    choice = sequence.choices[t],
    { own } = choice;
  byId("name").textContent = data.tokens[sequence.ids[t]];
  byId("which").textContent = "token " + sequence.ids[t] + " · " + (t + 1) + " of " + sequence.ids.length;
  const differs =
    !same(choice.probability, own.probability) ||
    choice.rank !== own.rank ||
    Math.abs(choice.entropy - own.entropy) > 0.02;
  const rows = ["|chosen from|model’s own".split("|")];
  const row = (name, text) => rows.push([name, text(choice), text(own)]);
  row("probability", (of) => percent(of.probability));
  row("log-probability", (of) => fixed(of.logProb, 3));
  row("rank", (of) => String(of.rank));
  row("entropy, nats", (of) => fixed(of.entropy, 3));
  const table = byId("figures");
  table.replaceChildren(
    ...(differs ? rows : rows.slice(1)).map((cells) => {
      const line = make("tr");
      line.append(
        make("th", "", cells[0]),
        ...cells.slice(1, differs ? 3 : 2).map((cell) => make(cells[0] === "" ? "th" : "td", "", cell)),
      );
      return line;
    }),
  );
  if (choice.added !== undefined) {
    const line = make("tr");
    const cell = make("td", "", fixed(choice.added, 3));
    if (differs) cell.colSpan = 2;
    line.append(make("th", "", "added to beam"), cell);
    table.append(line);
  }
  const id = sequence.ids[t];
  const listed = choice.alternatives.some((each) => each.id === id);
  const chosen = { id, probability: choice.probability, own: own.probability };
  const shown = listed ? choice.alternatives : [...choice.alternatives, chosen];
  const bars = byId("alternatives");
  bars.replaceChildren(...shown.flatMap((each) => bar(each, id, differs)));
  byId("ownkey").hidden = !differs;
}

function bar({ id, probability, own }, chosen, differs) {
  const word = make("span", "word" + (id === chosen ? " chosen" : probability === 0 ? " gone" : ""), data.tokens[id]);
  word.title = data.tokens[id] + " (token " + id + ")";
  const track = make("span", "track"),
    fill = make("b");
  fill.style.width = 100 * probability + "%";
  track.append(fill);
  if (differs) {
    const tick = make("u");
    tick.style.left = "calc(" + 100 * own + "% - " + 2 * own + "px)";
    track.append(tick);
  }
  return [
    word,
    track,
    make("span", "number" + (id === chosen ? " chosen" : ""), probability === 0 ? "removed" : percent(probability)),
    make("span", "number soft", differs ? percent(own) : ""),
  ];
}

/** The tokens that the step looked at most, by the chosen layer and head. */
function showLooks(view, weights) {
  const order = Array.from(weights, (_, k) => k)
    .sort((a, b) => weights[b] - weights[a])
    .slice(0, 6);
  const ids = [...view.prompt.ids, ...view.sequence.ids];
  byId("looks").replaceChildren(
    ...order.flatMap((k) => {
      const track = make("span", "track look"),
        fill = make("b");
      fill.style.width = 100 * weights[k] + "%";
      track.append(fill);
      return [
        make("span", "word", data.tokens[ids[k]]),
        track,
        make("span", "number", percent(weights[k])),
        make("span", "number soft", "at " + (k + 1)),
      ];
    }),
  );
}

/** A small profile of weights over the text for every layer and head; the buttons are made once. */
function makeGrid(pick) {
  const grid = byId("grid");
  const { layers, heads } = data.attention;
  grid.style.gridTemplateColumns = "max-content repeat(" + heads + ", minmax(56px, 1fr))";
  grid.append(
    make("span"),
    ...Array.from({ length: heads }, (_, h) => make("span", "", heads > 8 ? String(h) : "head " + h)),
  );
  return layers.flatMap((layer, l) => {
    grid.append(make("span", "", "layer " + layer));
    return Array.from({ length: heads }, (_, h) => {
      const button = make("button");
      button.type = "button";
      button.tabIndex = -1;
      button.setAttribute("aria-label", "layer " + layer + ", head " + h);
      button.title = "layer " + layer + ", head " + h;
      const canvas = make("canvas");
      button.append(canvas);
      button.addEventListener("click", () => pick(l, h));
      grid.append(button);
      return { l, h, button, canvas };
    });
  });
}

function drawGrid(cells, view, t, layer, head) {
  const style = getComputedStyle(document.documentElement);
  const color = "rgb(" + style.getPropertyValue("--attn") + ")",
    rule = style.getPropertyValue("--soft");
  for (const { l, h, button, canvas } of cells) {
    button.classList.toggle(
      "on",
      (layer === null || layer === l) && (head === null || head === h) && !(layer === null && head === null),
    );
    const width = (canvas.width = 2 * (button.clientWidth || 56)),
      height = (canvas.height = 60);
    const context = canvas.getContext("2d");
    if (!context || t === null) continue;
    const weights = weightsOf(view, t, l, h),
      scale = scaleOf(weights),
      length = view.prompt.ids.length + view.sequence.ids.length;
    context.fillStyle = rule;
    context.globalAlpha = 0.35;
    context.fillRect(Math.round((view.prompt.ids.length / length) * width), 0, 1, height);
    context.globalAlpha = 1;
    context.fillStyle = color;
    for (let k = 0; k < weights.length; k++) {
      const tall = height * Math.min(1, weights[k] / scale);
      if (tall >= 0.5) context.fillRect((k / length) * width, height - tall, Math.max(1.5, width / length), tall);
    }
  }
}
`;
