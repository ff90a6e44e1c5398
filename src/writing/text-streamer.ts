// Text while generate() writes it.
import type { Streamer } from "../generation/loops/run.ts";
import type { PreTrainedTokenizer } from "../tokenizer/pretrained-tokenizer.ts";

/**
 * A streamer for generate(), of one prompt and one sequence: `onText` is told the whole text so far, at each token. A
 * character whose bytes come with several tokens is never split: it stands in the text when its last token is there.
 * Tokens in `end` leave no text. As Hugging Face's TextStreamer, which holds words back instead.
 */
export function textStreamer(
  tokenizer: Pick<PreTrainedTokenizer, "createDecodeStream">,
  onText: (text: string) => void,
  { end = [] }: { readonly end?: readonly number[] } = {},
): Streamer {
  const stream = tokenizer.createDecodeStream();
  let text = "";
  return (_, token) => {
    if (end.includes(token)) return;
    text += stream.push(token);
    onText(text);
  };
}
