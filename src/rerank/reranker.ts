// Candidates for a gap in the order of how well they lead from p1 to p3.
import type { Folder } from "../files/folder.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { InfillEncoder } from "../infill/encode.ts";
import type { InfillRequest } from "../infill/example.ts";
import { candidateTerms } from "./terms.ts";
import type { TermOptions, Terms } from "./terms.ts";
import { readRerankWeights, scoreOf, UNFITTED_WEIGHTS } from "./weights.ts";
import type { RerankWeights } from "./weights.ts";

export interface Ranked {
  /** Of the text, in the list that was given. */
  readonly index: number;
  readonly text: string;
  /** The weighted sum of the terms: only differences between candidates of one gap mean something. */
  readonly score: number;
  readonly terms: Terms;
}

/** A model, the template it was trained with, and the weights of its terms. */
export class Reranker {
  readonly weights: RerankWeights;
  private readonly model: GPT2LMHeadModel;
  private readonly encoder: InfillEncoder;

  /** The caller keeps the model, which must outlive this. */
  constructor(model: GPT2LMHeadModel, encoder: InfillEncoder, weights: RerankWeights = UNFITTED_WEIGHTS) {
    this.model = model;
    this.encoder = encoder;
    this.weights = weights;
  }

  /** With the weights of the model's folder, or UNFITTED_WEIGHTS. Throws UserError when the file is damaged. */
  static async fromPretrained(model: GPT2LMHeadModel, encoder: InfillEncoder, folder: Folder): Promise<Reranker> {
    return new Reranker(model, encoder, await readRerankWeights(folder));
  }

  /** The texts, best first; equals stay in their order. Throws UserError as candidateTerms() does. */
  async rank(gap: InfillRequest, texts: readonly string[], options?: TermOptions): Promise<Ranked[]> {
    const terms = await candidateTerms(this.model, this.encoder, gap, texts, options);
    return texts
      .map((text, index) => ({ index, text, score: scoreOf(terms[index], this.weights), terms: terms[index] }))
      .sort((a, b) => b.score - a.score);
  }
}
