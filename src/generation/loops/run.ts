// What one call of generate() hands to its loops (sampling, prompt lookup, beam search), and what they hand back.
import type { Decoder } from "../device/decoder.ts";
import type { LogitsProcessor } from "../scores/logits-processor.ts";
import type { GenerationConfig } from "../options/options.ts";
import type { Prompt } from "../options/prompts.ts";
import type { ConstraintList } from "./constraint-list.ts";
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
  /** All that changes scores, in order; warpers too. */
  readonly processors: readonly LogitsProcessor[];
  readonly stopping: readonly StoppingCriterion[];
  /** What every text must hold; beam search only. */
  readonly constraints?: ConstraintList;
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

/** Rows that the decoder holds for each prompt. */
export const rowsPerPrompt = ({ numBeams, numReturnSequences }: GenerationConfig): number =>
  numBeams > 1 ? numBeams : numReturnSequences;

/** Starts the decoder with the prompts, and room for all that may come. */
export function prefill({ config, decoder, prompts }: Run): void {
  const columns = Math.max(...prompts.map((prompt) => prompt.padded.length + prompt.maxLength - prompt.ids.length));
  decoder.prefill(
    prompts.map((prompt) => prompt.padded),
    prompts.map((prompt) => prompt.mask),
    rowsPerPrompt(config),
    columns,
    prompts.every(({ types }) => types) ? prompts.map(({ types }) => types!) : undefined,
  );
}
