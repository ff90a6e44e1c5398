// Attention of a finished text, by running it once more: the prompt fills a cache, then the generated tokens pass in
// blocks that return their weights. Only the rows that chose a token are kept, as bytes.
import { KVCache } from "../gpt2/kv-cache.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import { toBase64 } from "./base64.ts";
import type { AttentionBytes } from "./explanation.ts";

/** Weights on the device at a time, in bytes: layers · heads · queries · keys · 4. */
const BLOCK_BYTES = 64 * 2 ** 20;

/** Of `prompt` [P] and `generated` [G], which follows it, in the given layers; `types` [P] are the prompt's. */
export async function attentionBytes(
  model: GPT2LMHeadModel,
  prompt: readonly number[],
  generated: readonly number[],
  layers: readonly number[],
  blockBytes = BLOCK_BYTES,
  types?: readonly number[],
): Promise<AttentionBytes> {
  const { nLayer, nHead } = model.config;
  const P = prompt.length,
    G = generated.length;
  const perHead = G * P + (G * (G - 1)) / 2;
  const weights = new Uint8Array(layers.length * nHead * perHead);
  const peaks = new DataView(new ArrayBuffer(4 * layers.length * nHead * G));
  // Token t was chosen by the query before it, so the last token is no query.
  const queries = [...prompt.slice(-1), ...generated.slice(0, -1)];
  const cache = new KVCache(model.device, model.config, 1, P + G, model.dtype);
  try {
    if (P > 1)
      model
        .forward({
          inputIds: [prompt.slice(0, -1)],
          tokenTypeIds: types && [types.slice(0, -1)],
          pastKeyValues: cache,
          lastOnly: true,
        })
        .dispose();
    const block = Math.max(1, Math.floor(blockBytes / (4 * nLayer * nHead * (P + G))));
    for (let first = 0; first < G; first += block) {
      const inputIds = [queries.slice(first, first + block)];
      const output = model.forward({
        inputIds,
        tokenTypeIds: types && [inputIds[0].map(() => types.at(-1)!)], // as generate() has it
        pastKeyValues: cache,
        outputAttentions: true,
        lastOnly: true,
      });
      try {
        const columns = P + first - 1 + inputIds[0].length;
        for (const [l, layer] of layers.entries()) {
          const values = await output.attentions![layer].read(); // [1, heads, queries, columns]
          for (let h = 0; h < nHead; h++) {
            for (let q = 0; q < inputIds[0].length; q++) {
              const t = first + q,
                from = (h * inputIds[0].length + q) * columns;
              const row = values.subarray(from, from + P + t);
              const at = l * nHead + h;
              peaks.setFloat32(
                4 * (at * G + t),
                quantise(row, weights, at * perHead + t * P + (t * (t - 1)) / 2),
                true,
              );
            }
          }
        }
      } finally {
        output.dispose();
      }
    }
  } finally {
    cache.destroy();
  }
  return { weights: toBase64(weights), peaks: toBase64(new Uint8Array(peaks.buffer)) };
}

/** Writes `row` as 255ths of its greatest value, which is returned: the error is at most a 510th of it. */
function quantise(row: Float32Array, into: Uint8Array, at: number): number {
  let peak = 0;
  for (const weight of row) peak = Math.max(peak, weight);
  for (let i = 0; i < row.length; i++) into[at + i] = peak > 0 ? Math.round((255 * row[i]) / peak) : 0;
  return peak;
}
