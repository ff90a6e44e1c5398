// The losses that an evaluation is made of: each example's p2 as it stands, with parts withheld, with parts of other
// examples, and beside other passages in its gap.
import type { EncodedExample } from "../examples/encoded-example.ts";
import { TOKEN_TYPE } from "../examples/encoded-example.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { InfillEncoder } from "../infill/encode.ts";
import type { InfillExample } from "../infill/example.ts";
import { fitsAsCandidate, lossesInGap } from "../rerank/terms.ts";
import { CONTROLS, Controls, without, WITHHELD } from "./controls.ts";
import type { Control, Withheld } from "./controls.ts";
import { LikeTexts } from "./like-texts.ts";
import type { Cluster } from "./places.ts";
import { sumLosses, tokenLosses, WRITTEN } from "./token-losses.ts";
import type { LossSum } from "./token-losses.ts";

/** An example's losses, in nats summed over tokens. */
export interface ScoredExample {
  readonly example: InfillExample;
  /** Its book and chapter; absent: it is independent of all others. */
  readonly cluster?: Cluster;
  /** p1, p3 and metadata. */
  readonly context: LossSum;
  /** p2 alone. */
  readonly text: LossSum;
  /** p2 with its end. */
  readonly p2: LossSum;
  /** p2 with its end, where that part is withheld; absent where the example has none. */
  readonly without: Readonly<Partial<Record<Withheld, number>>>;
  /** p2 with its end, with a part exchanged, for each of the texts that it was exchanged with. */
  readonly controls: Readonly<Partial<Record<Control, readonly number[]>>>;
  /** Mean loss a token (the end included) in the gap: of p2, and of passages of the same book and like length. */
  readonly inGap?: { readonly own: number; readonly others: readonly number[] };
}

export interface ScoreOptions {
  /** Passages among which p2 and p3 have to be found, the true one included. */
  readonly candidates: number;
  readonly batchSize: number;
  readonly seed: number;
  /** All examples of the file, in its order: what controls are made of. Holds `examples`; default these. */
  readonly pool?: readonly InfillExample[];
  readonly signal?: AbortSignal;
  /** Given each example as it is scored, in their order, and waited for. */
  readonly onScored?: (scored: ScoredExample) => Promise<void> | void;
}

/**
 * Scores every example, which must fit into the model's positions (its context may be cut to). An example's sequences
 * share batches with each other only: its numbers are the same bits whatever else is scored.
 */
export async function scoreExamples(
  model: GPT2LMHeadModel,
  encoder: InfillEncoder,
  examples: readonly InfillExample[],
  { candidates, batchSize, seed, pool = examples, signal, onScored }: ScoreOptions,
): Promise<ScoredExample[]> {
  const { nPositions } = model.config;
  const controls = new Controls(pool, { template: encoder.template, candidates, seed });
  const likeP2 = new LikeTexts(pool, "p2");
  const encode = (example: InfillExample): EncodedExample => {
    const encoded = encoder.encodeExample(example, { blockSize: nPositions });
    if (!encoded)
      throw new Error(
        `scoreExamples: cannot encode ${example.where ?? "an example"}: it is longer than ` +
          `${nPositions} tokens, wanted one that fits`,
      );
    return encoded;
  };
  const scored: ScoredExample[] = [];
  for (const example of examples) {
    const whole = encode(example);
    const withheld = WITHHELD.flatMap((part) => {
      const rest = without(part, example, encoder.template);
      return rest ? [{ part, sequence: encode(rest) }] : [];
    });
    const exchanged = CONTROLS.map((control) => ({
      control,
      sequences: controls.variants(control, example).map(encode),
    }));
    const sequences = [
      whole,
      ...withheld.map(({ sequence }) => sequence),
      ...exchanged.flatMap(({ sequences: variants }) => variants),
    ];
    const losses = await tokenLosses(model, sequences, { padId: encoder.ids.pad, batchSize, signal });
    const lossesOf = new Map(sequences.map((sequence, i) => [sequence, losses[i]]));
    const sum = (sequence: EncodedExample, kinds: readonly number[]): LossSum =>
      sumLosses(sequence, lossesOf.get(sequence)!, kinds);
    const written = (sequence: EncodedExample): number => sum(sequence, WRITTEN).loss;
    const others = likeP2
      .of(example, candidates - 1)
      .filter((text) => fitsAsCandidate(encoder.textIds(text).length, nPositions));
    scored.push({
      example,
      cluster: controls.clusterOf(example),
      context: sum(whole, [TOKEN_TYPE.context]),
      text: sum(whole, [TOKEN_TYPE.target]),
      p2: sum(whole, WRITTEN),
      without: Object.fromEntries(withheld.map(({ part, sequence }) => [part, written(sequence)])),
      controls: Object.fromEntries(
        exchanged.map(({ control, sequences: variants }) => [control, variants.map(written)]),
      ),
      ...(others.length > 0 && { inGap: await meansInGap(model, encoder, example, others, { batchSize, signal }) }),
    });
    await onScored?.(scored.at(-1)!);
  }
  return scored;
}

async function meansInGap(
  model: GPT2LMHeadModel,
  encoder: InfillEncoder,
  example: InfillExample,
  others: readonly string[],
  options: { readonly batchSize: number; readonly signal?: AbortSignal },
): Promise<ScoredExample["inGap"]> {
  const losses = await lossesInGap(model, encoder, example, [example.p2, ...others], options);
  const [own, ...rest] = losses.map((each) => each.reduce((sum, loss) => sum + loss, 0) / each.length);
  return { own, others: rest };
}
