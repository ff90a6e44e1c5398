// Prompt lookup decoding (Saxena 2023; HF's PromptLookupCandidateGenerator): where the text's last tokens occurred
// before, what followed them is a draft of what follows now, and one pass over the model checks all of it. Each
// position chooses its token just as it would alone (the same random number too), so the output is that of the plain
// loop.
import type { Run, Sequence } from "./run.ts";
import { appendToken, contextOf, finished, startRows } from "./sample-loop.ts";
import { wholeRows } from "./score-rows.ts";

const longestMatch = 2; // tokens; HF's default

/** For one prompt and one sequence. Throws Error when the decoder cannot check several tokens at once. */
export async function lookupSequences(run: Run, draftLength: number): Promise<Sequence[]> {
  const { decoder } = run;
  if (!decoder.extend || !decoder.truncate)
    throw new Error(
      "generate: cannot look tokens up in the prompt: this decoder has no extend() and truncate(), wanted one that has",
    );
  const [row] = startRows(run);
  let logits = await decoder.logits(); // [positions checked, V]
  let draft: number[] = [];
  for (;;) {
    for (let position = 0; position <= draft.length; position++) {
      const scoresOf = await wholeRows(
        run,
        logits.subarray(position * decoder.vocabSize, (position + 1) * decoder.vocabSize),
      );
      const token = await appendToken(run, row, scoresOf(contextOf(row, row.ids.length, 0)), 0);
      if (row.reason) return [finished(row)];
      if (token !== draft[position]) break; // what was checked beyond continued another token
    }
    // The cache holds every token before the last one, which goes first now.
    decoder.truncate(row.prompt.padded.length + row.ids.length - row.prompt.ids.length - 1);
    draft = draftTokens(row.ids, Math.min(draftLength, row.prompt.maxLength - row.ids.length - 1));
    logits = await decoder.extend([row.ids.at(-1)!, ...draft]);
  }
}

/**
 * Up to `count` tokens that followed the earliest other occurrence of the last tokens: two of them, else one; none
 * where neither recurs.
 */
export function draftTokens(ids: readonly number[], count: number): number[] {
  for (let size = Math.min(longestMatch, ids.length - 1); size > 0; size--) {
    const tail = ids.slice(-size);
    for (let start = 0; start + size < ids.length; start++) {
      if (tail.every((token, i) => ids[start + i] === token))
        return ids.slice(start + size, start + size + Math.max(0, count));
    }
  }
  return [];
}
