// The words that may come next in a gap's text, for a writer who would have had another one. A word is as many tokens
// as it takes: the most probable first tokens are each gone on with, all in one batch, until the word is whole.
import { asList } from "../generation/options/config.ts";
import { generate } from "../generation/generate.ts";
import { logSoftmax, topIndices } from "../generation/scores/scores.ts";
import type { PreTrainedTokenizer } from "../tokenizer/pretrained-tokenizer.ts";
import type { ScoringDecoder } from "./log-probs.ts";
import { promptInputs } from "./plan.ts";
import type { Plan } from "./plan.ts";

export interface NextWord {
  /** With the space before it, where it has one; a mark of punctuation by itself. */
  readonly text: string;
  /** Of its first token, by the model's own distribution; of words that come to be the same, their sum. */
  readonly probability: number;
}

/** Tokens behind the first: few words have more. */
const MORE_TOKENS = 5;
const WORD = /^\s*(?:[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*|[^\s\p{L}\p{M}\p{N}]+)/u;

interface Wanted {
  readonly decoder: ScoringDecoder;
  readonly tokenizer: PreTrainedTokenizer;
  /** Of one gap, whose prefix is the text so far. */
  readonly plan: Plan;
  readonly count: number;
  readonly signal?: AbortSignal;
}

/** At most `count`, the most probable first; the text's end is none of them. */
export async function nextWords({ decoder, tokenizer, plan, count, signal }: Wanted): Promise<NextWord[]> {
  const { eosTokenId, padTokenId } = plan.defaults;
  const common = {
    suppressTokens: plan.options.suppressTokens,
    logitsProcessors: plan.logitsProcessors,
    tokenizer,
    signal,
  };
  const settings = { eosTokenId, padTokenId };
  const prompt = promptInputs(plan.prompts);
  let logProbs = new Float64Array();
  const observer = {
    token: ({ scores }: { readonly scores: Float64Array }) => void (logProbs = Float64Array.from(scores)),
  };
  await generate(decoder, { ...common, ...prompt, maxNewTokens: 1, observer, returnDictInGenerate: true }, settings);
  logSoftmax(logProbs);
  const ends = asList(eosTokenId);
  const first = topIndices(logProbs, count + ends.length)
    .filter((id) => logProbs[id] > -Infinity && !ends.includes(id))
    .slice(0, count);
  signal?.throwIfAborted();
  const { generated } = await generate(
    decoder,
    {
      ...common,
      inputIds: first.map((id) => [...prompt.inputIds[0], id]),
      ...(prompt.tokenTypeIds && {
        tokenTypeIds: first.map(() => [...prompt.tokenTypeIds![0], prompt.tokenTypeIds![0].at(-1)!]),
      }),
      maxNewTokens: MORE_TOKENS,
    },
    settings,
  );
  const words = new Map<string, number>();
  for (const [i, id] of first.entries()) {
    const rest = generated[i].filter((token) => !ends.includes(token));
    const word = WORD.exec(tokenizer.decode([id, ...rest]))?.[0];
    if (word !== undefined) words.set(word, (words.get(word) ?? 0) + Math.exp(logProbs[id]));
  }
  return [...words].map(([text, probability]) => ({ text, probability })).sort((a, b) => b.probability - a.probability);
}
