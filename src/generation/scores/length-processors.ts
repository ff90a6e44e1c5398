// Processors whose edits follow from lengths alone: how long a text must be, what it begins with, how it ends. Named,
// ordered and defined as in Hugging Face's generation/logits_process.py (4.44).
import { forbid } from "./logits-processor.ts";
import type { EditingProcessor, LogitEdit, RowContext } from "./logits-processor.ts";
import { withinFloat32 } from "./scores.ts";

/** No end before `minLength` tokens, prompt included. */
export class MinLengthLogitsProcessor implements EditingProcessor {
  readonly needs = "lengths";
  private readonly minLength: number;
  private readonly eos: readonly number[];

  constructor(minLength: number, eos: readonly number[]) {
    this.minLength = minLength;
    this.eos = eos;
  }

  edits({ length }: RowContext): LogitEdit[] {
    return length < this.minLength ? this.eos.map(forbid) : [];
  }
}

/** No end before `minNewTokens` tokens after the prompt. */
export class MinNewTokensLengthLogitsProcessor implements EditingProcessor {
  readonly needs = "lengths";
  private readonly minNewTokens: number;
  private readonly eos: readonly number[];

  constructor(minNewTokens: number, eos: readonly number[]) {
    this.minNewTokens = minNewTokens;
    this.eos = eos;
  }

  edits({ length, promptLength }: RowContext): LogitEdit[] {
    return length - promptLength < this.minNewTokens ? this.eos.map(forbid) : [];
  }
}

/** The second token of a sequence, where the prompt is one token. */
export class ForcedBOSTokenLogitsProcessor implements EditingProcessor {
  readonly needs = "lengths";
  private readonly token: number;

  constructor(token: number) {
    this.token = token;
  }

  edits({ length }: RowContext): LogitEdit[] {
    return length === 1 ? only([this.token]) : [];
  }
}

/** The last token of a sequence of the greatest length. */
export class ForcedEOSTokenLogitsProcessor implements EditingProcessor {
  readonly needs = "lengths";
  private readonly tokens: readonly number[];

  constructor(tokens: readonly number[]) {
    this.tokens = tokens;
  }

  edits({ length, maxLength }: RowContext): LogitEdit[] {
    return length === maxLength - 1 ? only(this.tokens) : [];
  }
}

/** From `start` generated tokens on, an end gains |score|·(factor^n - 1), n tokens later. */
export class ExponentialDecayLengthPenalty implements EditingProcessor {
  readonly needs = "lengths";
  private readonly start: number;
  private readonly factor: number;
  private readonly eos: readonly number[];

  constructor([start, factor]: readonly [number, number], eos: readonly number[]) {
    this.start = start;
    this.factor = factor;
    this.eos = [...new Set(eos)];
  }

  edits({ length, promptLength }: RowContext): LogitEdit[] {
    const beyond = length - promptLength - this.start;
    if (beyond <= 0) return [];
    return this.eos.map((token) => ({ kind: "raise", token, value: withinFloat32(this.factor ** beyond - 1) }));
  }
}

/** At the first generated token, or at the second where a forced first token follows a prompt of one. */
export class SuppressTokensAtBeginLogitsProcessor implements EditingProcessor {
  readonly needs = "lengths";
  private readonly tokens: readonly number[];
  private readonly afterForcedBos: boolean;

  constructor(tokens: readonly number[], afterForcedBos = false) {
    this.tokens = tokens;
    this.afterForcedBos = afterForcedBos;
  }

  edits({ length, promptLength }: RowContext): LogitEdit[] {
    const begin = promptLength + (this.afterForcedBos && promptLength === 1 ? 1 : 0);
    return length === begin ? this.tokens.map(forbid) : [];
  }
}

/** Every other token becomes impossible, and these equally probable. */
function only(tokens: readonly number[]): LogitEdit[] {
  return [
    { kind: "clear", token: 0, value: 0 },
    ...tokens.map((token): LogitEdit => ({ kind: "set", token, value: 0 })),
  ];
}
