// Perplexity of a text that is longer than the model's context, by windows that overlap: each moves on by `stride`
// tokens, and what it shares with the one before it is context, which counts in none. So every token but the first is
// predicted once, most of them from at least length - stride tokens. Hugging Face, "Perplexity of fixed-length models":
// the same windows and labels; every token weighs the same here, where the guide's code takes one from each window.
import { UserError } from "../errors.ts";
import { TOKEN_TYPE } from "../examples/encoded-example.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";

export interface WindowOptions {
  /** Most tokens of a window. */
  readonly length: number;
  /** Tokens that each window moves on by: at least 1, at most `length`, with which nothing overlaps. */
  readonly stride: number;
}

/** To be evaluated with the loss on "target". Throws UserError for a stride that would leave tokens out. */
export function slidingWindows(ids: readonly number[], { length, stride }: WindowOptions): EncodedExample[] {
  if (!(Number.isInteger(stride) && stride >= 1 && stride <= length))
    throw new UserError(
      `The stride is ${stride}, wanted 1 to ${length}, the tokens of a window: a longer one would leave tokens out.`,
    );
  const windows: EncodedExample[] = [];
  let counted = 0; // tokens of the text that are in a window
  for (let begin = 0; counted < ids.length; begin += stride) {
    const window = ids.slice(begin, begin + length);
    const types = new Uint8Array(window.length).fill(TOKEN_TYPE.context, 0, counted - begin);
    windows.push({ ids: window, types: types.fill(TOKEN_TYPE.target, counted - begin) });
    counted = begin + window.length;
  }
  return windows;
}
