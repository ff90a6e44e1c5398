// What a written token looked at: the weights that the engine keeps as bytes (AttentionBytes), averaged over all heads
// of all layers.
import type { Explanation } from "../../../src/entries/explain.ts";

type Prompt = Explanation["prompts"][number];
type Sequence = Prompt["sequences"][number];

/**
 * For written token `t` the weight of each token before it, given ones first; they sum to about 1. Undefined where no
 * attention was kept.
 */
export function attentionOf(
  { attention }: Pick<Explanation, "attention">,
  { ids }: Pick<Prompt, "ids">,
  sequence: Pick<Sequence, "ids" | "attention">,
  t: number,
): Float64Array | undefined {
  if (!attention || !sequence.attention) return undefined;
  const weights = bytesOf(sequence.attention.weights);
  const peaks = new Float32Array(bytesOf(sequence.attention.peaks).buffer);
  const [given, written] = [ids.length, sequence.ids.length];
  const perHead = written * given + (written * (written - 1)) / 2;
  const heads = attention.layers.length * attention.heads;
  const before = t * given + (t * (t - 1)) / 2;
  const mean = new Float64Array(given + t);
  for (let head = 0; head < heads; head++) {
    const scale = peaks[head * written + t]! / 255 / heads;
    for (let key = 0; key < mean.length; key++) mean[key]! += scale * weights[head * perHead + before + key]!;
  }
  return mean;
}

/** From 0 to 1 by the greatest weight but that of the first token, on which heads rest that have nothing to look at. */
export function strengths(weights: Float64Array): number[] {
  const greatest = weights.subarray(1).reduce((most, weight) => Math.max(most, weight), 0);
  return [...weights].map((weight) => (greatest > 0 ? Math.min(1, weight / greatest) : 0));
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
