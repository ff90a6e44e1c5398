// What generation asks of a language model: a batch of rows with a key/value cache, one token appended to each row at a
// time. Everything in this folder is written against this interface alone, so the same loops run on the GPU model and
// on the float64 model that the tests compare it with. A decoder on a GPU may also sample where the logits are, which
// the loops use when the options allow; without that they read the logits.
import type { LogitEdit, SamplerSettings } from "../scores/logits-processor.ts";
import type { RandomStream } from "../scores/sampling.ts";

/**
 * A language model with a key/value cache, positioned somewhere in a batch of rows. One generation at a time uses it.
 */
export interface Decoder {
  readonly vocabSize: number;
  /** Longest sequence the model has positions for. Padding takes no position. */
  readonly nPositions: number;

  /**
   * Starts afresh with the left-padded prompts `inputIds` [B][L]; `attentionMask` is 0 on padding. Row b of the cache
   * is then shared by the `expand` rows b·expand .. b·expand+expand-1, so the decoder holds B·expand rows. The position
   * of a token is the number of unmasked tokens before it. `capacity` counts columns, padding included (L + tokens to
   * come): with prompts of very different lengths it may exceed `nPositions`. `tokenTypeIds` [B][L]: types, see
   * GPT2Model.forward(); every token appended to a row has the type of its prompt's last token.
   */
  prefill(
    inputIds: readonly (readonly number[])[],
    attentionMask: readonly (readonly number[])[],
    expand: number,
    capacity: number,
    tokenTypeIds?: readonly (readonly number[])[],
  ): void;

  /**
   * Appends `tokens[r]` to every row. `parents[r]` (default r) is the former row that the new row r continues: beams
   * are reordered that way, and naming fewer parents than there were rows drops the others. A finished row may be fed
   * padding beyond nPositions while others go on: its position stays at the last one, and its logits are not looked at.
   */
  step(tokens: readonly number[], parents?: readonly number[]): void;

  /** Logits after the last token of every row: [rows, vocabSize], row-major. */
  logits(): Promise<Float32Array>;

  /**
   * Only for prompt lookup, and only with one row: appends several tokens at once and returns the logits after each of
   * them, [tokens.length, vocabSize].
   */
  extend?(tokens: readonly number[]): Promise<Float32Array>;
  /**
   * Only for prompt lookup and for choices ahead of the text: forgets every column of the cache from `columns` on
   * (padding counts). Rows that share a prompt must have been taken apart by a step.
   */
  truncate?(columns: number): void;

  /** Only for outputAttentions and outputHiddenStates: what the last `prefill` or `step` computed. */
  inspect?(what: { readonly attentions: boolean; readonly hiddenStates: boolean }): Promise<StepInspection>;

  /** Only for speed: sampling on the device. */
  readonly sampler?: TokenSampler;

  /**
   * Only for error messages: the part of the model, in words, that first gives numbers that are not finite for `ids`;
   * null where none does.
   */
  locateNonFinite?(ids: readonly number[]): Promise<string | null>;

  /** Gives back what prefill() and the calls after it took. Only prefill() may follow, and start afresh. */
  dispose(): void;
}

/**
 * Samples from the logits of the last `prefill` or `step` without bringing them back. Both ways change those logits in
 * place, so for each step there is one call: of sample(), or of candidates().
 */
export interface TokenSampler {
  /**
   * Records the choice of a token for each row. They are good for stepSampled() at once; after submit() the promise
   * resolves to them [rows] (NO_TOKEN of kernels/sample.ts where logits were not finite) when they are known here,
   * which may be some steps later. Promises resolve in order.
   */
  sample(request: SampleRequest): Promise<Uint32Array>;
  /** Records what step() does, with the tokens just sampled. */
  stepSampled(): void;
  /** Starts what was recorded. What several sample() since the last submit() gave comes back together. */
  submit(): void;
  /**
   * The `count` best tokens of each row, apart from those that are `excluded` (each row's, different ones; rows that
   * share a prompt until their first step have the same), whose logits come too. What logits() gives afterwards holds
   * for all but those.
   */
  candidates(count: number, excluded?: readonly (readonly number[])[]): Promise<Candidates>;
}

/** Edits of every row, in the order of the rows; rows that share a prompt until their first step have the same. */
export type RowEdits = readonly (readonly LogitEdit[])[];

export interface SampleRequest {
  readonly edits?: RowEdits;
  /** Absent: the greatest score, the lowest token among equals. */
  readonly sampling?: Sampling;
  /** Number of this token in each row's stream. */
  readonly step: number;
}

/** What to keep and how to draw. */
export interface Sampling extends SamplerSettings {
  /** One for each row; the same object as long as the rows are the same. */
  readonly streams: readonly RandomStream[];
}

/** Best first, lower tokens first among equals; logits as the model gave them. */
export interface Candidates {
  readonly count: number;
  /** [rows, count] */
  readonly tokens: Uint32Array;
  /** [rows, count]; -Infinity where fewer tokens are left. */
  readonly logits: Float32Array;
  /**
   * [rows], log of the sum of exp(logit) over all tokens, and over all but the excluded (-Infinity where none is left).
   */
  readonly lse: Float32Array | Float64Array;
  readonly restLse: Float32Array | Float64Array;
  /** [rows], the logits of each row's excluded tokens, in their order. */
  readonly excludedLogits: readonly Float32Array[];
}

/** Q is the number of columns the last call ran: the prompt's length L after a prefill, 1 after a step. */
export interface StepInspection {
  /** One per layer: [rows, heads, Q, columns so far], rows of the softmax; masked columns are 0. */
  readonly attentions?: readonly Float32Array[];
  /**
   * Layers + 1 of [rows, Q, C]: the embedding, the residual stream after each block but the last, and the final layer
   * norm.
   */
  readonly hiddenStates?: readonly Float32Array[];
}
