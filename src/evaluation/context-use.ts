// Whether an infilling model uses what it is given, as figures with intervals. Perplexities go by token type, as in ILM
// (Donahue, Lee and Liang, "Enabling Language Models to Fill in the Blanks", 2020).
import type { Control, Withheld } from "./controls.ts";
import { CONTROLS, WITHHELD } from "./controls.ts";
import { ratio, rescale } from "./estimate.ts";
import type { Estimate, Part } from "./estimate.ts";
import type { ScoredExample } from "./score-examples.ts";

export interface ContextUse {
  /** Exponential of the mean loss. infillTextonly is ILM's infill_textonly_ppl. */
  readonly perplexity: Readonly<Partial<Record<TokenKind, Estimate>>>;
  /** Tokens that the perplexities are of. */
  readonly tokens: Readonly<Record<TokenKind, number>>;
  /** Nats by which a token of p2 (or its end) becomes more probable: below 0 where the model misses what was taken. */
  readonly change: Readonly<Partial<Record<Withheld | Control, Estimate>>>;
  /** How often p2 is most probable under its own p3, and how often it would be by chance. */
  readonly retrieval: Retrieval;
  /** How often the true p2 is the most probable in its gap, token for token. */
  readonly p2Retrieval: Retrieval;
}

/** context: p1, p3 and metadata. infill: p2 with its end. infillTextonly: p2 alone. */
export type TokenKind = "context" | "infill" | "infillTextonly";

export interface Retrieval {
  readonly accuracy?: Estimate;
  readonly chance?: number;
  /** Passages that were tried, the true one included: the fewest and the most; 0 where there was no other. */
  readonly fewest: number;
  readonly candidates: number;
}

/**
 * The figures of what scoreExamples() found. `seed` draws the resampled books or chapters.
 *
 * @example
 * const examples = parseJsonl(text, "gaps.jsonl");
 * const scored = await scoreExamples(model, encoder, examples, { candidates: 4, batchSize: 8, seed: 1 });
 * const { perplexity, change } = contextUse(scored, { seed: 1 });
 * show(perplexity.infill?.value, change.p3?.value);
 */
export function contextUse(scored: readonly ScoredExample[], { seed }: { readonly seed: number }): ContextUse {
  const kinds = { context: "context", infill: "p2", infillTextonly: "text" } as const;
  const perplexity = (kind: "context" | "text" | "p2"): Estimate | undefined =>
    rescale(
      ratio(
        scored.map(({ cluster, ...each }) => ({ amount: each[kind].loss, weight: each[kind].tokens, cluster })),
        seed,
      ),
      Math.exp,
    );
  const change = (lossesWith: (each: ScoredExample) => readonly number[] | undefined): Estimate | undefined =>
    ratio(
      scored.flatMap((each): Part[] => {
        const losses = lossesWith(each) ?? [];
        if (losses.length === 0) return [];
        const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
        return [{ amount: each.p2.loss - mean, weight: each.p2.tokens, cluster: each.cluster }];
      }),
      seed,
    );
  const withheld = WITHHELD.map((part) => [
    part,
    change(({ without }) => (without[part] === undefined ? [] : [without[part]])),
  ]);
  const exchanged = CONTROLS.map((control) => [control, change(({ controls }) => controls[control])]);
  return {
    perplexity: mapValues(kinds, perplexity),
    tokens: mapValues(kinds, (kind) => scored.reduce((sum, each) => sum + each[kind].tokens, 0)),
    change: Object.fromEntries([...withheld, ...exchanged]),
    retrieval: retrievalOf(
      scored.map(({ p2, controls, cluster }) => ({ own: p2.loss, others: controls.bookP3 ?? [], cluster })),
      seed,
    ),
    p2Retrieval: retrievalOf(
      scored.map(({ inGap, cluster }) => ({ own: 0, others: [], ...inGap, cluster })),
      seed,
    ),
  };
}

interface Tried extends Pick<Part, "cluster"> {
  readonly own: number;
  readonly others: readonly number[];
}

function retrievalOf(all: readonly Tried[], seed: number): Retrieval {
  const tried = all.filter(({ others }) => others.length > 0);
  // A book of few examples has fewer other passages than were asked for.
  const among = tried.map(({ others }) => 1 + others.length);
  return {
    accuracy: ratio(tried.map(found), seed),
    fewest: among.reduce((least, count) => Math.min(least, count), among[0] ?? 0),
    candidates: among.reduce((most, count) => Math.max(most, count), 0),
    chance: among.length > 0 ? among.reduce((sum, count) => sum + 1 / count, 0) / among.length : undefined,
  };
}

/** 1 where the loss of the true one is the least; shared among all that do equally well. */
function found({ own, others, cluster }: Tried): Part {
  const equal = others.filter((loss) => loss === own).length;
  return { amount: others.some((loss) => loss < own) ? 0 : 1 / (1 + equal), weight: 1, cluster };
}

function mapValues<K extends string, V, R>(record: Readonly<Record<K, V>>, map: (value: V) => R): Record<K, R> {
  return Object.fromEntries(Object.entries<V>(record).map(([key, value]) => [key, map(value)])) as Record<K, R>;
}
