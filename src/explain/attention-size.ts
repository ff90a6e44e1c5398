// How much attention a page can hold. Weights grow with layers, heads and the square of the length: GPT-2 small takes
// 40 MB for
// 256 tokens after 700. What does not fit is left out by whole layers, evenly, unless layers were asked for by number.
import { UserError } from "../errors.ts";

/** Of base64, all texts of a page together: what a browser still opens at once. */
export const MOST_ATTENTION_BYTES = 20e6;

/** A text's lengths: tokens before, and generated. */
export interface TextLengths {
  readonly prompt: number;
  readonly generated: number;
}

interface Attention {
  readonly nLayer: number;
  readonly nHead: number;
  /** Asked for by number; all, or as many as fit, without. */
  readonly wanted?: readonly number[];
  /** Default MOST_ATTENTION_BYTES. */
  readonly limit?: number;
}

/** Characters of base64 that one layer's heads take. */
export function layerBytes(texts: readonly TextLengths[], nHead: number): number {
  return texts.reduce(
    (sum, { prompt, generated }) =>
      sum + Math.ceil((nHead * (generated * prompt + (generated * (generated - 1)) / 2 + 4 * generated) * 4) / 3),
    0,
  );
}

/**
 * The layers whose attention to keep, ascending. Throws UserError for a layer that the model does not have, and when
 * not all that were asked for fit, or not a single one.
 */
export function chooseLayers(
  texts: readonly TextLengths[],
  { nLayer, nHead, wanted, limit = MOST_ATTENTION_BYTES }: Attention,
): number[] {
  const foreign = wanted?.find((layer) => !Number.isInteger(layer) || layer < 0 || layer >= nLayer);
  if (foreign !== undefined)
    throw new UserError(
      `Layer ${foreign} is asked for, and the model has layers 0 to ${nLayer - 1}; name one of those.`,
    );
  const asked = [...new Set(wanted ?? Array.from({ length: nLayer }, (_, layer) => layer))].sort((a, b) => a - b);
  const one = layerBytes(texts, nHead);
  const fit = Math.floor(limit / Math.max(1, one));
  if (asked.length <= fit) return asked;
  if (wanted || fit === 0) {
    const count = wanted ? asked.length : 1;
    throw new UserError(
      `The attention of ${count === 1 ? "one layer" : `${count} layers`} takes ${megabytes(one * count)} for ` +
        `${texts.length === 1 ? "a text" : `${texts.length} texts`} of this length, ` +
        `and the page holds at most ${megabytes(limit)}; ` +
        `${fit > 0 ? `ask for at most ${fit} ${fit === 1 ? "layer" : "layers"}, or for` : "ask for"} fewer new ` +
        "tokens or sequences.",
    );
  }
  if (fit === 1) return [nLayer - 1];
  return Array.from({ length: fit }, (_, i) => Math.round((i * (nLayer - 1)) / (fit - 1)));
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
