// The page's script, first part: the data, numbers as text, and attention out of its bytes. Plain JavaScript, since it
// runs in a page that is opened from a file. It knows nothing of the page's elements but where the data stands.

export const SCRIPT_DATA = String.raw`
const data = JSON.parse(document.getElementById("data").textContent);
/** Every text of the page, in the order of the selector. */
const views = data.prompts.flatMap((prompt, p) => prompt.sequences.map((sequence) => ({ p, prompt, sequence })));

const minus = (text) => text.replace(/^-(?!0\.?0*$)/, "−").replace(/^-/, "");
const fixed = (value, digits) => (value === null || value === undefined ? "−∞" : minus(value.toFixed(digits)));
const percent = (p) =>
  p === 0 ? "0%" : p < 0.0001 ? "< 0.01%" : p >= 0.99995 ? "100%" : (100 * p).toFixed(p < 0.1 ? 2 : 1) + "%";
const same = (one, other) => Math.abs(one - other) <= 0.01 * Math.max(one, other);

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Bytes of a view's attention, read when first needed. */
function attentionOf(view) {
  if (!view.bytes) {
    const { weights, peaks } = view.sequence.attention;
    view.bytes = { weights: bytesOf(weights), peaks: new DataView(bytesOf(peaks).buffer) };
  }
  return view.bytes;
}

/** Adds the weights of kept layer number l and head h, for generated token t, to sums [P + t]. */
function addWeights(view, l, h, t, sums) {
  const { weights, peaks } = attentionOf(view);
  const P = view.prompt.ids.length,
    G = view.sequence.ids.length;
  const at = l * data.attention.heads + h;
  const first = at * (G * P + (G * (G - 1)) / 2) + t * P + (t * (t - 1)) / 2;
  const unit = peaks.getFloat32(4 * (at * G + t), true) / 255;
  for (let k = 0; k < P + t; k++) sums[k] += unit * weights[first + k];
}

/**
 * Weights [P + t] of the step that chose token t; layer (a number among those kept) and head are null for the mean over
 * all.
 */
function weightsOf(view, t, layer, head) {
  const all = (chosen, count) => (chosen === null ? Array.from({ length: count }, (_, i) => i) : [chosen]);
  const sums = new Float32Array(view.prompt.ids.length + t);
  const layers = all(layer, data.attention.layers.length),
    heads = all(head, data.attention.heads);
  for (const l of layers) for (const h of heads) addWeights(view, l, h, t, sums);
  const count = layers.length * heads.length;
  return sums.map((sum) => sum / count);
}

/**
 * What a tint is measured by: the greatest weight, the first token left aside, which heads with nothing to look at rest
 * on.
 */
function scaleOf(weights) {
  let greatest = 0;
  for (let k = weights.length > 1 ? 1 : 0; k < weights.length; k++) greatest = Math.max(greatest, weights[k]);
  return greatest || 1;
}
const shade = (weight, scale) => Math.min(1, weight / scale) ** 0.7;
`;
