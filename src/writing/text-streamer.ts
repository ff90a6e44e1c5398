// Text while generate() writes it.
import type { Streamer } from "../generation/loops/run.ts";
import type { PreTrainedTokenizer } from "../tokenizer/pretrained-tokenizer.ts";

type Decodes = Pick<PreTrainedTokenizer, "createDecodeStream">;
interface StreamerOptions {
  /** Tokens that leave no text. */
  readonly end?: readonly number[];
}

/**
 * A streamer for generate(), of one prompt and one sequence: `onText` is told the whole text so far, at each token. A
 * character whose bytes come with several tokens is never split: it stands in the text when its last token is there.
 * Tokens in `end` leave no text. As Hugging Face's TextStreamer, which holds words back instead.
 */
export function textStreamer(
  tokenizer: Decodes,
  onText: (text: string) => void,
  { end = [] }: { readonly end?: readonly number[] } = {},
): Streamer {
  return textsStreamer(tokenizer, (texts) => onText(texts[0]), { end });
}

/** The same of several sequences: all their texts at each token, by the sequences' numbers; "" before the first. */
export function textsStreamer(
  tokenizer: Decodes,
  onTexts: (texts: readonly string[]) => void,
  { end = [], sequences = 1 }: StreamerOptions & { readonly sequences?: number } = {},
): Streamer {
  const streams = Array.from({ length: sequences }, () => tokenizer.createDecodeStream());
  const texts = streams.map(() => "");
  return (sequence, token) => {
    if (end.includes(token)) return;
    texts[sequence] += streams[sequence].push(token);
    onTexts([...texts]);
  };
}
