// What changes the scores of the next token, in the manner of Hugging Face's LogitsProcessor and LogitsWarper. Each
// says what of a row it needs to see; from that follows how little a step brings back (loops/read-back.ts).
import type { Edit } from "../../kernels/edit-logits.ts";

/** The sequence whose next token is being scored. */
export interface RowContext {
  /**
   * Its tokens so far, prompt included (with the padding that the caller wrote, without padding that the engine added).
   */
  readonly ids: readonly number[];
  /** Their number. */
  readonly length: number;
  /** How many of them are the prompt. */
  readonly promptLength: number;
  /** Length at which the sequence ends in any case. */
  readonly maxLength: number;
  /** Number of its prompt in the batch. */
  readonly prompt: number;
  /** Row of the decoder it is in. */
  readonly row: number;
  /** Diverse beam search: the tokens that earlier groups of this prompt chose in this step. */
  readonly earlierGroups: readonly number[];
}

export type LogitEdit = Edit;

/** Needs no scores: its changes to a few tokens are known beforehand, and a device can make them. */
export interface EditingProcessor {
  /**
   * What the edits follow from: lengths alone; the text (`ids`) too; or even what earlier beam groups just took, in
   * which case they may only lower scores.
   */
  readonly needs: "lengths" | "text" | "groups";
  edits(context: RowContext): readonly LogitEdit[];
}

/** What a device's sampler can do by itself, in this order, to scores [V] of which it draws one token. */
export interface SamplerSettings {
  /** Scores are divided by it. 1: none. */
  readonly temperature: number;
  /** So many greatest scores are kept, and those equal to the last. 0: all. */
  readonly topK: number;
  /** The fewest tokens that have this probability together. 1: all. */
  readonly topP: number;
  /** Tokens at least so many times as probable as the most probable one. 0: all. */
  readonly minP: number;
}

/** Needs sorted or summed scores; a device's sampler has it as one of its settings. */
export interface SamplerWarper {
  readonly needs: "sampler";
  readonly setting: keyof SamplerSettings;
  readonly value: number;
  /** Tokens that it leaves in any case; a device's sampler leaves 1. */
  readonly minTokensToKeep: number;
  apply(scores: Float64Array): void;
}

/** Needs one number of the row, the sum of its exponentials: it moves all scores by the same amount. */
export interface NormalizingProcessor {
  readonly needs: "sum";
  apply(scores: Float64Array): void;
}

/**
 * Needs scores, which it changes in place. "candidates": it looks at the distribution and not at which tokens these
 * are, and after a top-k it makes no difference whether it sees the removed tokens (as -Infinity) or not at all.
 * "logits": all V scores, at the index of their tokens.
 */
export interface RowProcessor {
  readonly needs: "candidates" | "logits";
  /** For messages. */
  readonly name?: string;
  apply(scores: Float64Array, context: RowContext): void;
}

export type LogitsProcessor = EditingProcessor | SamplerWarper | NormalizingProcessor | RowProcessor;

export const isEditing = (processor: LogitsProcessor): processor is EditingProcessor => "edits" in processor;

/** The edits that all processors ask for in a row, in their order. */
export function editsOf(processors: readonly LogitsProcessor[], context: RowContext): LogitEdit[] {
  return processors.flatMap((processor) => (isEditing(processor) ? processor.edits(context) : []));
}

/** All of them, in their order, to a whole row of scores [V]. */
export function applyProcessors(
  scores: Float64Array,
  processors: readonly LogitsProcessor[],
  context: RowContext,
): void {
  for (const processor of processors) {
    if (isEditing(processor)) applyEdits(scores, processor.edits(context));
    else processor.apply(scores, context);
  }
}

/** Applies edits to a row of scores, in order. */
export function applyEdits(scores: Float64Array, edits: readonly LogitEdit[]): void {
  for (const { kind, token, value } of edits) {
    const score = scores[token];
    switch (kind) {
      case "set":
        scores[token] = value;
        break;
      case "add":
        scores[token] = score + value;
        break;
      case "penalize":
        scores[token] = score < 0 ? score * value : score / value;
        break;
      case "raise":
        if (score !== -Infinity) scores[token] = score + Math.abs(score) * value;
        break;
      case "clear":
        scores.fill(-Infinity);
        break;
      default:
        kind satisfies never;
    }
  }
}

/** Makes a token impossible. */
export const forbid = (token: number): LogitEdit => ({ kind: "set", token, value: -Infinity });
