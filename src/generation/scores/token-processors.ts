// Processors that favour or forbid certain tokens and sequences of tokens, or those that the text has already. Named,
// ordered and defined as in Hugging Face's generation/logits_process.py (4.44).
import type { SequenceBias } from "../options/options.ts";
import { forbid } from "./logits-processor.ts";
import type { EditingProcessor, LogitEdit, RowContext } from "./logits-processor.ts";

/** Adds to the score of a sequence's last token where the tokens before it were just produced. */
export class SequenceBiasLogitsProcessor implements EditingProcessor {
  readonly needs: "lengths" | "text";
  private readonly biases: SequenceBias;

  constructor(biases: SequenceBias) {
    this.needs = biases.every(([sequence]) => sequence.length === 1) ? "lengths" : "text";
    this.biases = biases;
  }

  edits({ ids }: RowContext): LogitEdit[] {
    return this.biases
      .filter(([sequence]) => couldEnd(ids, sequence))
      .map(([sequence, value]) => ({ kind: "add", token: sequence.at(-1)!, value }));
  }
}

/** Words that are just an end-of-sequence token are left out, as in HF. */
export class NoBadWordsLogitsProcessor implements EditingProcessor {
  readonly needs: "lengths" | "text";
  private readonly words: readonly (readonly number[])[];

  constructor(words: readonly (readonly number[])[], eos: readonly number[]) {
    this.words = words.filter((word) => word.length > 1 || !eos.includes(word[0]));
    this.needs = this.words.every((word) => word.length === 1) ? "lengths" : "text";
  }

  edits({ ids }: RowContext): LogitEdit[] {
    return this.words.filter((word) => couldEnd(ids, word)).map((word) => forbid(word.at(-1)!));
  }
}

export class SuppressTokensLogitsProcessor implements EditingProcessor {
  readonly needs = "lengths";
  private readonly tokens: readonly number[];

  constructor(tokens: readonly number[]) {
    this.tokens = tokens;
  }

  edits(): LogitEdit[] {
    return this.tokens.map(forbid);
  }
}

/** Keskar et al. 2019 (CTRL), over prompt and generated tokens alike. */
export class RepetitionPenaltyLogitsProcessor implements EditingProcessor {
  readonly needs = "text";
  private readonly penalty: number;

  constructor(penalty: number) {
    this.penalty = penalty;
  }

  edits({ ids }: RowContext): LogitEdit[] {
    return [...new Set(ids)].map((token) => ({ kind: "penalize", token, value: this.penalty }));
  }
}

/** No run of `size` tokens occurs twice. */
export class NoRepeatNGramLogitsProcessor implements EditingProcessor {
  readonly needs = "text";
  private readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  edits({ ids }: RowContext): LogitEdit[] {
    const tail = ids.slice(ids.length - (this.size - 1));
    const banned = new Set<number>();
    for (let end = this.size - 1; end < ids.length; end++) {
      if (tail.every((token, i) => ids[end - tail.length + i] === token)) banned.add(ids[end]);
    }
    return [...banned].map(forbid);
  }
}

/**
 * Diverse beam search (Vijayakumar et al. 2016): a token loses `penalty` for each beam of an earlier group that took
 * it.
 */
export class HammingDiversityLogitsProcessor implements EditingProcessor {
  readonly needs = "groups";
  private readonly penalty: number;

  constructor(penalty: number) {
    this.penalty = penalty;
  }

  edits({ earlierGroups }: RowContext): LogitEdit[] {
    return earlierGroups.map((token) => ({ kind: "add", token, value: -this.penalty }));
  }
}

/** Whether the next token can complete `sequence`. As in HF, a sequence longer than the text never can. */
function couldEnd(ids: readonly number[], sequence: readonly number[]): boolean {
  const prefix = sequence.length - 1;
  if (prefix > 0 && sequence.length > ids.length) return false;
  for (let i = 0; i < prefix; i++) if (ids[ids.length - prefix + i] !== sequence[i]) return false;
  return true;
}
