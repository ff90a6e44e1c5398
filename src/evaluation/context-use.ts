// Whether an infilling model uses what it is given. Each example's p2 is scored as it stands, without p1, without p3,
// without metadata, and with the p3 of other examples; the differences say what each part is worth to the model.
// Perplexities go by token type, as in ILM (Donahue, Lee and Liang, "Enabling Language Models to Fill in the Blanks",
// 2020).
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { InfillEncoder } from "../infill/encode.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";
import { TOKEN_TYPE } from "../examples/encoded-example.ts";
import type { InfillExample } from "../infill/example.ts";
import { ratio, rescale } from "./estimate.ts";
import type { Estimate, Part } from "./estimate.ts";
import { sumLosses, tokenLosses, WRITTEN } from "./token-losses.ts";
import type { LossSum } from "./token-losses.ts";
import { foreignParagraphs, without, WITHHELD } from "./variants.ts";
import type { Withheld } from "./variants.ts";

/** An example's losses, in nats summed over tokens. */
export interface ScoredExample {
  /** p1, p3 and metadata. */
  readonly context: LossSum;
  /** p2 alone. */
  readonly text: LossSum;
  /** p2 with its end. */
  readonly p2: LossSum;
  /** p2 with its end, where that part is withheld; absent where the example has none. */
  readonly without: Readonly<Partial<Record<Withheld, number>>>;
  /** p2 with its end, under the p3 of as many other examples. */
  readonly foreignP3: readonly number[];
}

export interface ContextUse {
  /** infillTextonly is ILM's infill_textonly_ppl. */
  readonly perplexity: { readonly context?: Estimate; readonly infill?: Estimate; readonly infillTextonly?: Estimate };
  /** Nats by which a token of p2 (or its end) becomes more probable: below 0 where the model misses what was taken. */
  readonly change: Readonly<Partial<Record<Withheld | "foreignP3", Estimate>>>;
  /** How often p2 is most probable under its own p3, and how often it would be by chance. */
  readonly retrieval: Retrieval;
}

export interface Retrieval {
  readonly accuracy?: Estimate;
  readonly chance?: number;
  /** Paragraphs that an example's p2 was tried with, its own p3 included: the fewest and the most; 0 where none was. */
  readonly fewest: number;
  readonly candidates: number;
}

export interface ScoreOptions {
  /** Paragraphs among which p3 has to be found, the true one included. */
  readonly candidates: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Told how many examples are scored. */
  readonly onProgress?: (done: number) => void;
}

/** Examples encoded at a time, so that many variants of many examples need not be in memory at once. */
const GROUP = 16;

/** Scores every example, which must fit into the model's positions (its context may be cut to). */
export async function scoreExamples(
  model: GPT2LMHeadModel,
  encoder: InfillEncoder,
  examples: readonly InfillExample[],
  { candidates, batchSize, seed, signal, onProgress }: ScoreOptions,
): Promise<ScoredExample[]> {
  const foreign = foreignParagraphs(examples, candidates - 1, seed);
  const encode = (example: InfillExample): EncodedExample => {
    const encoded = encoder.encodeExample(example, { blockSize: model.config.nPositions });
    if (!encoded)
      throw new Error(
        `scoreExamples: cannot encode ${example.where ?? "an example"}: it is longer than ` +
          `${model.config.nPositions} tokens, wanted one that fits`,
      );
    return encoded;
  };
  const scored: ScoredExample[] = [];
  for (let first = 0; first < examples.length; first += GROUP) {
    const group = examples.slice(first, first + GROUP).map((example, i) => ({
      whole: encode(example),
      without: WITHHELD.flatMap((part) => {
        const rest = without(part, example, encoder.template);
        return rest ? [{ part, sequence: encode(rest) }] : [];
      }),
      foreign: foreign[first + i].map((p3) => encode({ ...example, p3 })),
    }));
    const sequences = group.flatMap(({ whole, without, foreign }) => [
      whole,
      ...without.map(({ sequence }) => sequence),
      ...foreign,
    ]);
    const losses = await tokenLosses(model, sequences, { padId: encoder.ids.pad, batchSize, signal });
    let next = 0;
    const take = (sequence: EncodedExample): ((kinds: readonly number[]) => LossSum) => {
      const own = losses[next++];
      return (kinds) => sumLosses(sequence, own, kinds);
    };
    for (const { whole, without, foreign } of group) {
      const sum = take(whole);
      scored.push({
        context: sum([TOKEN_TYPE.context]),
        text: sum([TOKEN_TYPE.target]),
        p2: sum(WRITTEN),
        without: Object.fromEntries(without.map(({ part, sequence }) => [part, take(sequence)(WRITTEN).loss])),
        foreignP3: foreign.map((sequence) => take(sequence)(WRITTEN).loss),
      });
    }
    onProgress?.(scored.length);
  }
  return scored;
}

/** The figures, each with its interval. `seed` draws the resampled examples. */
export function contextUse(scored: readonly ScoredExample[], { seed }: Pick<ScoreOptions, "seed">): ContextUse {
  const perplexity = (kind: "context" | "text" | "p2"): Estimate | undefined =>
    rescale(
      ratio(
        scored.map((each) => ({ amount: each[kind].loss, weight: each[kind].tokens })),
        seed,
      ),
      Math.exp,
    );
  const change = (lossWithout: (each: ScoredExample) => number | undefined): Estimate | undefined =>
    ratio(
      scored.flatMap((each) => {
        const loss = lossWithout(each);
        return loss === undefined ? [] : [{ amount: each.p2.loss - loss, weight: each.p2.tokens }];
      }),
      seed,
    );
  const tried = scored.filter(({ foreignP3 }) => foreignP3.length > 0);
  // A file of few examples has fewer other paragraphs than were asked for.
  const among = tried.map(({ foreignP3 }) => 1 + foreignP3.length);
  return {
    perplexity: { context: perplexity("context"), infill: perplexity("p2"), infillTextonly: perplexity("text") },
    change: {
      p1: change((each) => each.without.p1),
      p3: change((each) => each.without.p3),
      metadata: change((each) => each.without.metadata),
      foreignP3: change(({ foreignP3 }) => foreignP3[0]),
    },
    retrieval: {
      accuracy: ratio(tried.map(found), seed),
      fewest: among.reduce((least, count) => Math.min(least, count), among[0] ?? 0),
      candidates: among.reduce((most, count) => Math.max(most, count), 0),
      chance: among.length > 0 ? among.reduce((sum, count) => sum + 1 / count, 0) / among.length : undefined,
    },
  };
}

/** 1 where the true p3 makes p2 most probable; shared among all that do equally well. */
function found({ p2, foreignP3 }: ScoredExample): Part {
  const equal = foreignP3.filter((loss) => loss === p2.loss).length;
  return { amount: foreignP3.some((loss) => loss < p2.loss) ? 0 : 1 / (1 + equal), weight: 1 };
}
