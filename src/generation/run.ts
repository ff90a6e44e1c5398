// What one call of generate() hands to its loops (sampling, prompt lookup, beam search), and what they hand back.
import { UserError } from "../errors.ts";
import type { Decoder, RowEdits } from "./decoder.ts";
import { applyEdits, isSparse } from "./logits-processors.ts";
import type { LogitEdit, LogitsProcessor, RowContext } from "./logits-processors.ts";
import type { LogitsWarper } from "./logits-warpers.ts";
import type { GenerationConfig } from "./options.ts";
import type { Prompt } from "./prompts.ts";
import type { StepRecorder } from "./recorder.ts";
import type { FinishReason, StoppingCriterion } from "./stopping-criteria.ts";
import { logSoftmax } from "./scores.ts";

/** Told every token as it is chosen: the sequence's number in the output and the token. A promise is waited for. */
export type Streamer = (sequence: number, token: number) => void | Promise<void>;

export interface Run {
  readonly decoder: Decoder;
  readonly config: GenerationConfig;
  /** The seed in force: config.seed, or the one drawn for this call. */
  readonly seed: number;
  readonly prompts: readonly Prompt[];
  readonly processors: readonly LogitsProcessor[];
  /** Empty unless sampling. */
  readonly warpers: readonly LogitsWarper[];
  readonly stopping: readonly StoppingCriterion[];
  readonly recorder: StepRecorder;
  readonly streamer?: Streamer;
}

/** One finished sequence. */
export interface Sequence {
  readonly prompt: Prompt;
  /** The tokens after the prompt, the end-of-sequence token included. */
  readonly generated: readonly number[];
  readonly reason: FinishReason;
  /** Beam search: its score, and the beam (numbered over the batch) that each of its tokens continued. */
  readonly beam?: { readonly score: number; readonly indices: readonly number[] };
}

/** Starts the decoder with the prompts, `expand` rows for each, and room for all that may come. */
export function prefill({ decoder, prompts }: Run, expand: number): void {
  const columns = Math.max(...prompts.map((prompt) => prompt.padded.length + prompt.maxLength - prompt.ids.length));
  decoder.prefill(prompts.map((prompt) => prompt.padded), prompts.map((prompt) => prompt.mask), expand, columns);
}

/**
 * The scores [V] that the next token of a row is chosen by: its logits, or their log-softmax where scores are summed over
 * tokens (beam search), after all processors and warpers. Throws Error where the model's own output is not a number, unless
 * removeInvalidValues mends it.
 */
export function scoreRow(run: Run, logits: Float32Array, context: RowContext): Float64Array {
  const { vocabSize } = run.decoder;
  const scores = Float64Array.from(logits.subarray(context.row * vocabSize, (context.row + 1) * vocabSize));
  if (!run.config.removeInvalidValues) checkFinite(scores, context);
  if (run.config.numBeams > 1) logSoftmax(scores);
  for (const processor of run.processors) {
    if (isSparse(processor)) applyEdits(scores, processor.edits(context));
    else processor.apply(scores, context);
  }
  for (const warper of run.warpers) warper.warp(scores);
  return scores;
}

function checkFinite(scores: Float64Array, { prompt, ids }: RowContext): void {
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) throw new NonFiniteLogits(prompt, ids, `the logit of token ${bad} is ${scores[bad]}`);
}

/** The model gave NaN or an infinity where a token is to be chosen. */
export class NonFiniteLogits extends Error {
  private readonly prompt: number;
  private readonly ids: readonly number[];
  private readonly what: string;

  /** After `ids`, of prompt number `prompt`. */
  constructor(prompt: number, ids: readonly number[], what: string) {
    super(`generate: cannot choose token ${ids.length} of prompt ${prompt}: ${what}, wanted finite logits`);
    this.prompt = prompt;
    this.ids = ids;
    this.what = what;
  }

  /** The same for people, with the part of the model where such numbers first appear. */
  async explained(decoder: Decoder): Promise<UserError> {
    const part = await decoder.locateNonFinite?.(this.ids);
    const where = part === undefined ? "" : part === null ? "; run in one piece, the same text gives finite ones" : `; such numbers first appear in ${part}`;
    return new UserError(`The model gives no usable logits after ${this.ids.length} tokens of prompt ${this.prompt}: ${this.what}${where}. Its weights are damaged or its training diverged: use another checkpoint, or removeInvalidValues to go on regardless.`);
  }
}

/** What the device may do in place of scoreRow: every processor is a list of edits (or one that it has itself). */
export function editsSuffice({ processors }: Run): boolean {
  return processors.every((processor) => isSparse(processor) || processor.name === "renormalizeLogits");
}

/** Whether the edits are known before the tokens are. */
export function editsByLength({ processors }: Run): boolean {
  return processors.every((processor) => !isSparse(processor) || processor.byLength === true);
}

/** All processors' edits to the rows whose contexts are given (none where undefined), or undefined when there is none. */
export function editsOf({ processors }: Run, contexts: readonly (RowContext | undefined)[]): RowEdits | undefined {
  const rows = contexts.map((context) => {
    const edits: LogitEdit[] = [];
    if (context) for (const processor of processors) if (isSparse(processor)) edits.push(...processor.edits(context));
    return edits;
  });
  return rows.some((edits) => edits.length > 0) ? rows : undefined;
}
