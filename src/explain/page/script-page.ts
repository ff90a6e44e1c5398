// The page's script, third part: what is selected, and what follows from it. A token under the pointer is shown as long
// as the pointer is there; one that was clicked or reached by keys stays. The address keeps the selection:
// #text=0&token=4&layer=1&head=2.

export const SCRIPT_PAGE = String.raw`
const state = { view: 0, token: null, over: null, layer: null, head: null, attention: true };
const texts = all(".view"),
  trees = all(".forest");
const layerChoice = byId("layer"),
  headChoice = byId("head"),
  looking = byId("looking"),
  choice = byId("text");
const cells = data.attention
  ? makeGrid((l, h) => {
      const again = state.layer === l && state.head === h;
      choose({ layer: again ? null : l, head: again ? null : h });
    })
  : [];
const shownToken = () => (state.over === null ? state.token : state.over);
const view = () => views[state.view];

function choose(change) {
  Object.assign(state, change);
  render();
  bringIntoSight();
  remember();
}

function render() {
  const t = shownToken();
  texts.forEach((each, v) => {
    each.hidden = v !== state.view;
  });
  trees.forEach((each, p) => {
    each.hidden = p !== view().p;
  });
  if (choice) choice.value = String(state.view);
  for (const element of all("[data-t]", texts[state.view]))
    element.classList.toggle("on", Number(element.dataset.t) === t);
  byId("panel").classList.toggle("empty", t === null);
  byId("hint").hidden = t !== null;
  byId("about").hidden = t === null;
  if (t !== null) showFigures(view(), t);
  renderTree(t);
  if (data.attention) renderAttention(t);
}

/** Once a frame: pointers pass over tokens faster than grids are drawn. */
let due = false;
function renderSoon() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    render();
  });
}

function renderAttention(t) {
  layerChoice.value = state.layer === null ? "mean" : String(state.layer);
  headChoice.value = state.head === null ? "mean" : String(state.head);
  looking.checked = state.attention;
  const text = all(".text", texts[state.view])[0];
  text.classList.toggle("looking", t !== null && state.attention);
  byId("gridhint").hidden = t !== null;
  drawGrid(cells, view(), t, state.layer, state.head);
  if (t === null) return;
  const weights = weightsOf(view(), t, state.layer, state.head),
    scale = scaleOf(weights);
  showLooks(view(), weights);
  for (const span of all("[data-k]", text)) {
    const k = Number(span.dataset.k);
    span.style.setProperty("--a", k < weights.length ? shade(weights[k], scale).toFixed(3) : "0");
  }
}

/** The path of the shown text through the beams, and on it the shown token. */
function renderTree(t) {
  const tree = trees.find((_, p) => p === view().p);
  if (!tree || !view().sequence.path) return;
  const { path } = view().sequence;
  for (const element of all("[data-s]", tree)) {
    const on = path[Number(element.dataset.s)] === Number(element.dataset.i);
    element.classList.toggle("win", on);
    element.classList.toggle("on", on && element.dataset.s === String(t));
  }
}

/** Scrolls the tree and the chart, not the page, to the selected token. */
function bringIntoSight() {
  if (state.token === null) return;
  const panel = byId("panel"),
    token = all(".made.on", texts[state.view])[0].getBoundingClientRect();
  // On a small screen the panel lies over the text's lower half.
  const covered = token.bottom + 24 - panel.getBoundingClientRect().top;
  if (getComputedStyle(panel).position === "fixed" && covered > 0) scrollBy(0, covered);
  const marked = [...all(".tree .node.on"), ...all(".chart g.on")];
  for (const mark of marked) {
    const frame = mark.closest(".scroll"),
      [box, own] = [frame.getBoundingClientRect(), mark.getBoundingClientRect()];
    if (own.width > 0 && (own.left < box.left + 40 || own.right > box.right - 40))
      frame.scrollLeft += own.left - box.left - box.width / 2;
  }
}

function remember() {
  const parts = ["text=" + state.view];
  for (const name of ["token", "layer", "head"]) if (state[name] !== null) parts.push(name + "=" + state[name]);
  try {
    history.replaceState(null, "", "#" + parts.join("&"));
  } catch {
    /* some browsers refuse for files: the address then stays */
  }
}

function recall() {
  const given = new Map(
    location.hash
      .slice(1)
      .split("&")
      .map((part) => part.split("=")),
  );
  const number = (name, count) => {
    const value = given.has(name) ? Number(given.get(name)) : NaN;
    return Number.isInteger(value) && value >= 0 && value < count ? value : null;
  };
  state.view = number("text", views.length) || 0;
  state.token = number("token", view().sequence.ids.length);
  if (data.attention) {
    state.layer = number("layer", data.attention.layers.length);
    state.head = number("head", data.attention.heads);
  }
}

/** Tokens and bars of one text: pointer, click and keys. */
texts.forEach((text, v) => {
  const made = all(".made", text);
  const numbered = (event) => {
    const element = event.target.closest("[data-t]");
    return element ? Number(element.dataset.t) : null;
  };
  text.addEventListener("pointerover", (event) => {
    const t = event.pointerType === "touch" ? null : numbered(event);
    if (t !== state.over) {
      state.over = t;
      renderSoon();
    }
  });
  text.addEventListener("pointerleave", () => {
    if (state.over !== null) {
      state.over = null;
      renderSoon();
    }
  });
  text.addEventListener("click", (event) => {
    const t = numbered(event);
    if (t !== null) {
      focusToken(t);
      choose({ token: t, over: null });
    }
  });
  const focusToken = (t) => {
    made.forEach((each, i) => {
      each.tabIndex = i === t ? 0 : -1;
    });
  };
  text.addEventListener("focusin", (event) => {
    const t = numbered(event);
    if (t !== null && t !== state.token) choose({ token: t });
  });
  text.addEventListener("keydown", (event) => {
    const t = numbered(event);
    const to = { ArrowRight: t + 1, ArrowLeft: t - 1, Home: 0, End: made.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      choose({ token: t });
      event.preventDefault();
    }
    if (t === null || to === undefined || !made[to]) return;
    event.preventDefault();
    focusToken(to);
    made[to].focus();
  });
});

/**
 * The tree: a line below says what is under the pointer or focus; arrows move along it; a node of the shown text
 * selects its token.
 */
trees.forEach((tree, p) => {
  const note = all(".note", tree)[0],
    still = note.textContent;
  const nodes = all(".node", tree);
  const at = (s, i) => nodes.find((node) => node.dataset.s === String(s) && node.dataset.i === String(i));
  const say = (event) => {
    const node = event.target.closest(".node");
    note.textContent = node ? node.getAttribute("aria-label") : still;
  };
  tree.addEventListener("pointerover", say);
  tree.addEventListener("focusin", say);
  tree.addEventListener("pointerleave", () => {
    note.textContent = still;
  });
  tree.addEventListener("click", (event) => {
    const node = event.target.closest(".node");
    if (node && node.classList.contains("win")) choose({ token: Number(node.dataset.s), over: null });
  });
  tree.addEventListener("keydown", (event) => {
    const node = event.target.closest(".node");
    if (!node) return;
    const s = Number(node.dataset.s),
      i = Number(node.dataset.i),
      { steps } = data.prompts[p].beams;
    const me = steps[s][i];
    const open = (step, beam) =>
      (steps[step] || []).findIndex((each) => each.ended === undefined && each.beam === beam);
    const child = () =>
      me.ended !== undefined ? -1 : (steps[s + 1] || []).findIndex((each) => each.parent === me.beam);
    const to = {
      ArrowLeft: () => [s - 1, open(s - 1, me.parent)],
      ArrowRight: () => [s + 1, child()],
      ArrowUp: () => [s, i - 1],
      ArrowDown: () => [s, i + 1],
    }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      if (node.classList.contains("win")) choose({ token: s });
      event.preventDefault();
    }
    const next = to && at(...to());
    if (!to) return;
    event.preventDefault();
    if (!next) return;
    node.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") choose({ token: null, over: null });
});
byId("close").addEventListener("click", () => choose({ token: null, over: null }));
if (choice) choice.addEventListener("change", () => choose({ view: Number(choice.value), token: null, over: null }));
if (data.attention) {
  const chosen = (element) => (element.value === "mean" ? null : Number(element.value));
  layerChoice.addEventListener("change", () => choose({ layer: chosen(layerChoice) }));
  headChoice.addEventListener("change", () => choose({ head: chosen(headChoice) }));
  looking.addEventListener("change", () => {
    state.attention = looking.checked;
    render();
  });
}
addEventListener("hashchange", () => {
  recall();
  render();
});
addEventListener("resize", renderSoon);
recall();
// Opened without an address, it shows what there is to see: the most surprising token, unless the panel would cover the
// text.
if (location.hash === "" && getComputedStyle(byId("panel")).position !== "fixed")
  state.token = mostSurprising(view().sequence.choices);
render();

function mostSurprising(choices) {
  let least = null;
  choices.forEach(({ probability }, t) => {
    if (least === null || probability < choices[least].probability) least = t;
  });
  return least;
}
bringIntoSight();
`;
