// How probable texts are to the model itself, before any option changes the scores.
import type { Decoder } from "../generation/device/decoder.ts";
import { logSoftmax } from "../generation/scores/scores.ts";

/** A decoder that takes several tokens at once. */
export type ScoringDecoder = Decoder & Required<Pick<Decoder, "extend" | "truncate">>;

/** Mean log-probability of each text's tokens after the prompt: the prompt runs once, then each text in one pass. */
export async function meanLogProbs(
  decoder: ScoringDecoder,
  prompt: readonly number[],
  texts: readonly (readonly number[])[],
  types?: readonly number[],
): Promise<number[]> {
  const { vocabSize } = decoder;
  const capacity = prompt.length + Math.max(...texts.map((ids) => ids.length));
  decoder.prefill([prompt], [prompt.map(() => 1)], 1, capacity, types && [types]);
  const first = await decoder.logits();
  const means: number[] = [];
  for (const ids of texts) {
    const rest = ids.length > 1 ? await decoder.extend(ids.slice(0, -1)) : new Float32Array();
    if (ids.length > 1) decoder.truncate(prompt.length);
    const logProb = (id: number, at: number): number => {
      const row = Float64Array.from(at === 0 ? first : rest.subarray((at - 1) * vocabSize, at * vocabSize));
      logSoftmax(row);
      return row[id];
    };
    means.push(ids.reduce((sum, id, at) => sum + logProb(id, at), 0) / ids.length);
  }
  return means;
}
