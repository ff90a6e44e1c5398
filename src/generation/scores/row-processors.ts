// Processors that need more of a row than a few tokens. Named, ordered and defined as in Hugging Face's
// generation/logits_process.py (4.44).
import { LARGEST_F32 } from "../../kernels/edit-logits.ts";
import { checkTokens } from "../options/prompts.ts";
import { logSoftmax } from "./scores.ts";
import type { NormalizingProcessor, RowContext, RowProcessor } from "./logits-processor.ts";

/** Tokens a sequence may go on with. `ids` are the tokens of one sequence so far, prompt included. */
export type PrefixAllowedTokens = (prompt: number, ids: readonly number[]) => readonly number[];

export class PrefixConstrainedLogitsProcessor implements RowProcessor {
  readonly name = "PrefixConstrainedLogitsProcessor";
  readonly needs = "logits";
  private readonly allowed: PrefixAllowedTokens;

  constructor(allowed: PrefixAllowedTokens) {
    this.allowed = allowed;
  }

  apply(scores: Float64Array, { prompt, ids }: RowContext): void {
    const tokens = this.allowed(prompt, ids);
    if (tokens.length === 0)
      throw new Error(
        `prefixAllowedTokensFn: cannot go on with prompt ${prompt}: ` +
          `no token is allowed after ${ids.length} tokens, wanted at least one`,
      );
    checkTokens("prefixAllowedTokensFn", tokens, scores.length);
    const kept = tokens.map((token) => [token, scores[token]] as const);
    scores.fill(-Infinity);
    for (const [token, score] of kept) scores[token] = score;
  }
}

/** NaN becomes 0, infinities the largest number of float32, which the scores are in HF. */
export class InfNanRemoveLogitsProcessor implements RowProcessor {
  readonly name = "InfNanRemoveLogitsProcessor";
  readonly needs = "logits";

  apply(scores: Float64Array): void {
    for (let i = 0; i < scores.length; i++)
      scores[i] = Number.isNaN(scores[i]) ? 0 : Math.min(LARGEST_F32, Math.max(-LARGEST_F32, scores[i]));
  }
}

/** Makes the changed scores log-probabilities again. */
export class LogitNormalization implements NormalizingProcessor {
  readonly needs = "sum";

  apply(scores: Float64Array): void {
    logSoftmax(scores);
  }
}
