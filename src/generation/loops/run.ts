// What one call of generate() hands to its loops (sampling, prompt lookup, beam search), and what they hand back.
import { UserError } from "../../errors.ts";
import type { Decoder } from "../device/decoder.ts";
import { isSparse } from "../scores/logits-processors.ts";
import type { LogitEdit, LogitsProcessor, RowContext } from "../scores/logits-processors.ts";
import type { LogitsWarper } from "../scores/logits-warpers.ts";
import type { GenerationConfig } from "../options/options.ts";
import type { Prompt } from "../options/prompts.ts";
import type { StepRecorder } from "./recorder.ts";
import type { FinishReason, StoppingCriterion } from "./stopping-criteria.ts";

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
  decoder.prefill(
    prompts.map((prompt) => prompt.padded),
    prompts.map((prompt) => prompt.mask),
    expand,
    columns,
  );
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
    const where =
      part === undefined
        ? ""
        : part === null
          ? "; run in one piece, the same text gives finite ones"
          : `; such numbers first appear in ${part}`;
    return new UserError(
      `The model gives no usable logits after ${this.ids.length} tokens of prompt ${this.prompt}: ${this.what}${where}. Its weights are damaged or its training diverged: use another checkpoint, or removeInvalidValues to go on regardless.`,
    );
  }
}

/** The changes to a few tokens' scores that the options ask for in a row. */
export function editsOf({ processors }: Run, context: RowContext): LogitEdit[] {
  return processors.flatMap((processor) => (isSparse(processor) ? processor.edits(context) : []));
}
