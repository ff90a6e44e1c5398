// What the page about a generation is made from: plain data that JSON can hold, without the page's looks. Numbers are
// rounded to six digits; null stands for -Infinity.

/** One call of generate(), seen from inside. */
export interface Explanation {
  readonly version: 1;
  /** The model, as its folder is named. */
  readonly model: string;
  /** "beam search with 4 beams". */
  readonly method: string;
  /** Options of generate() that are not at their defaults, by name, as text. */
  readonly options: readonly (readonly [name: string, value: string])[];
  readonly vocabSize: number;
  /** Readable text of every token that occurs below, by id: see readableToken(). */
  readonly tokens: Readonly<Record<number, string>>;
  /** Whose attention was kept, when any was: layers by number, from 0, out of `modelLayers`; all heads of each. */
  readonly attention?: { readonly layers: readonly number[]; readonly heads: number; readonly modelLayers: number };
  readonly prompts: readonly ExplainedPrompt[];
}

export interface ExplainedPrompt {
  /** [P] as the model read it, without padding. */
  readonly ids: readonly number[];
  /** [P], what each token adds to the text; "" while a character lacks bytes. */
  readonly text: readonly string[];
  /** Headings within the prompt: from which token on, and what it is. */
  readonly sections: readonly { readonly start: number; readonly label: string }[];
  /** In the order in which they were shown. */
  readonly sequences: readonly ExplainedSequence[];
  /** Beam search only. */
  readonly beams?: BeamTree;
}

export interface ExplainedSequence {
  /** [G] the generated tokens, the end token included. */
  readonly ids: readonly number[];
  /** [G] as in ExplainedPrompt. */
  readonly text: readonly string[];
  /** [G] */
  readonly choices: readonly TokenChoiceDetail[];
  /** "eos", "length", "stop", "time" or "aborted". */
  readonly finishReason: string;
  /** How many of the tokens are in the text that was shown; the others were cut off behind a sentence end. */
  readonly kept: number;
  /** Beam search: summed scores over length^lengthPenalty. */
  readonly score?: number;
  /** Where the texts were ranked: what its place follows from, the score first; names are the same for all texts. */
  readonly ranking?: readonly (readonly [name: string, value: number])[];
  /** Beam search, [G]: its node in each step of the tree, an index into `steps[t]`. */
  readonly path?: readonly number[];
  readonly attention?: AttentionBytes;
}

/** What one token was chosen from. */
export interface TokenChoiceDetail extends TokenFigures {
  /** By the model's own distribution: the softmax of its logits. */
  readonly own: TokenFigures;
  /**
   * Up to ten tokens, most probable first; those that no option left possible come last, by the model's own
   * probability.
   */
  readonly alternatives: readonly Alternative[];
  /**
   * Beam search: what the token added to its beam's score; processors may have changed it, and it is not normalised
   * again.
   */
  readonly added?: number | null;
}

/** By the distribution that the token was chosen from: the softmax of the scores after all processors and warpers. */
export interface TokenFigures {
  readonly probability: number;
  /** Natural logarithm. */
  readonly logProb: number | null;
  /** 1 is the most probable token; equals share a rank. */
  readonly rank: number;
  /** Of the whole distribution, in nats. */
  readonly entropy: number;
}

export interface Alternative {
  readonly id: number;
  readonly probability: number;
  /** The model's own. */
  readonly own: number;
}

export interface BeamTree {
  readonly beams: number;
  readonly groups: number;
  /** For each step the beams kept, in their order, then those that ended. Groups that are done have no beams. */
  readonly steps: readonly (readonly BeamNode[])[];
}

export interface BeamNode {
  readonly token: number;
  /** Number of the beam it is from now on; of the beam it ended, where `ended` is set. */
  readonly beam: number;
  /** Number of the beam that it extends, among those kept in the step before; -1 in the first step. */
  readonly parent: number;
  /** Summed scores of its tokens; null for a beam that only fills a row. */
  readonly score: number | null;
  /** What this token added. */
  readonly added: number | null;
  /** A finished text: its score over length^lengthPenalty. */
  readonly ended?: number | null;
}

/**
 * Attention of the step that chose each generated token: the query is the token before it, the keys are all earlier
 * tokens. For layer l and head h of those kept, row t (a generated token) has P + t weights, which begin at byte
 * (l·heads + h)·(G·P + G(G-1)/2) + t·P + t(t-1)/2. Byte b stands for b/255 of the row's greatest weight.
 */
export interface AttentionBytes {
  /** base64 of those bytes. */
  readonly weights: string;
  /** base64 of [layers, heads, G] float32, little-endian: each row's greatest weight. */
  readonly peaks: string;
}
