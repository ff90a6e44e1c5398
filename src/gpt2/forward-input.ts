// What forward() takes, and the check that it takes nothing else.
import type { Reduction } from "../autograd/cross-entropy.ts";
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { KVCache } from "./kv-cache.ts";

export interface ForwardInput {
  /** Token ids [B][T]. */
  readonly inputIds: readonly (readonly number[])[];
  /** [B][T], 1 = real token, 0 = padding on either side; default all 1. With a cache: of these T tokens only. */
  readonly attentionMask?: readonly (readonly number[])[];
  /**
   * [B][T]: rows that hold several sequences, one after the other, numbered from 1; 0 is padding. Each run of a number
   * is a sequence of its own: its tokens see those of no other, its positions begin at 0 (unless positionIds says
   * otherwise), and its first label does not count, as there is nothing to predict it from. Without a cache.
   */
  readonly segmentIds?: readonly (readonly number[])[];
  /** [B][T]; default past, past + 1, ... whatever the mask (as Hugging Face's forward). */
  readonly positionIds?: readonly (readonly number[])[];
  /**
   * [B][T]: a type for each token, as Hugging Face's GPT-2 has them: the row of wte of that id is added to the
   * embedding (so ids of the vocabulary, such as a section's marker). Default none. With a cache: of these T tokens.
   */
  readonly tokenTypeIds?: readonly (readonly number[])[];
  /** Appended to, and attended to. */
  readonly pastKeyValues?: KVCache;
  /** Make a cache of nPositions when none is given. */
  readonly useCache?: boolean;
  readonly outputHiddenStates?: boolean;
  readonly outputAttentions?: boolean;
}

const FORWARD_FIELDS: FieldsOf<ForwardInput> = {
  inputIds: true,
  attentionMask: true,
  segmentIds: true,
  positionIds: true,
  tokenTypeIds: true,
  pastKeyValues: true,
  useCache: true,
  outputHiddenStates: true,
  outputAttentions: true,
};

export interface CausalLMInput extends ForwardInput {
  /** [B][T], usually inputIds; shifted inside, -100 is not counted. */
  readonly labels?: readonly (readonly number[])[];
  /** What collate() says of each position beside the labels it makes of it; here only so that a batch is an input. */
  readonly types?: readonly (readonly number[])[];
  /** Record for loss.backward(). Default: when there are labels, no cache, and the model has gradients. */
  readonly grad?: boolean;
  /** Whether the loss is the mean over the labels that count (default) or their sum. */
  readonly lossReduction?: Reduction;
  /** Multiplies the loss and its gradient. Default 1. */
  readonly lossScale?: number;
  /**
   * Record in mixed precision: activations besides the residual stream, and their gradients, in f16, products by the
   * weights' f16 copies (ParameterStore.keepHalves). Gradients come out times the loss scale, [0] of f32 scaling [2].
   */
  readonly mixed?: { readonly scaling: Tensor };
  /** False: the gradient takes the logits' memory already in forward, saving a pass. Default true. */
  readonly keepLogits?: boolean;
  /**
   * With keepLogits: false: make so many rows of logits at a time, up to a multiple of 64, and again in backward: a
   * batch then takes no memory for all of its logits. Default: all at once.
   */
  readonly logitsChunk?: number;
  /** Return the logits of every row's last position only; a loss is of all labels all the same. */
  readonly lastOnly?: boolean;
}

const CAUSAL_LM_FIELDS: FieldsOf<CausalLMInput> = {
  ...FORWARD_FIELDS,
  labels: true,
  types: true,
  grad: true,
  lossReduction: true,
  lossScale: true,
  mixed: true,
  keepLogits: true,
  logitsChunk: true,
  lastOnly: true,
};

/** Throws UserError for a field that the transformer alone does not take. */
export function checkForwardInput(input: ForwardInput): void {
  expectFields("forward()", input, FORWARD_FIELDS);
}

/** Throws UserError for a field that the language model does not take. */
export function checkCausalLMInput(input: CausalLMInput): void {
  expectFields("forward()", input, CAUSAL_LM_FIELDS);
  const { logitsChunk, keepLogits, labels, mixed, outputAttentions } = input;
  if (mixed && outputAttentions)
    throw new UserError("forward: mixed precision gives no attention weights: leave out outputAttentions, or mixed.");
  if (logitsChunk === undefined) return;
  if (!Number.isInteger(logitsChunk) || logitsChunk < 1)
    throw new UserError(`forward: logitsChunk is ${logitsChunk}, wanted a whole number of rows from 1 on.`);
  if (keepLogits !== false || !labels)
    throw new UserError("forward: logitsChunk keeps no logits: give labels and keepLogits: false with it.");
}
