// Keeps what outputScores, outputLogits, outputAttentions and outputHiddenStates ask for, step by step.
import type { Decoder, StepInspection } from "./decoder.ts";
import type { GenerationConfig } from "./options.ts";

/** Each list has an entry for every generated token; a row is a sequence, or a beam of the batch. */
export interface StepRecord {
  /** [rows, V] after all processors and warpers; -Infinity is impossible. */
  readonly scores?: readonly Float32Array[];
  /** [rows, V] as the model gave them. */
  readonly logits?: readonly Float32Array[];
  readonly attentions?: readonly (readonly Float32Array[])[];
  readonly hiddenStates?: readonly (readonly Float32Array[])[];
}

export class StepRecorder {
  /** When anything is kept, finished rows stay in the batch, so that every entry has all rows. */
  readonly active: boolean;
  private readonly config: GenerationConfig;
  private readonly decoder: Decoder;
  private readonly scores: Float32Array[] = [];
  private readonly logits: Float32Array[] = [];
  private readonly inspections: StepInspection[] = [];

  constructor(config: GenerationConfig, decoder: Decoder) {
    this.config = config;
    this.decoder = decoder;
    this.active = config.outputScores || config.outputLogits || config.outputAttentions || config.outputHiddenStates;
    if ((config.outputAttentions || config.outputHiddenStates) && !decoder.inspect) {
      throw new Error("generate: cannot return attentions or hidden states: this decoder has no inspect(), wanted one that has");
    }
  }

  /** Opens a step: `logits` [rows, V] of which each row's scores follow. */
  async step(logits: Float32Array): Promise<void> {
    if (this.config.outputLogits) this.logits.push(logits.slice());
    if (this.config.outputScores) this.scores.push(new Float32Array(logits.length));
    if (this.config.outputAttentions || this.config.outputHiddenStates) {
      this.inspections.push(await this.decoder.inspect!({ attentions: this.config.outputAttentions, hiddenStates: this.config.outputHiddenStates }));
    }
  }

  /** The scores [V] by which row `row` of the open step chose. */
  row(row: number, scores: Float64Array): void {
    this.scores.at(-1)?.set(scores, row * scores.length);
  }

  record(): StepRecord {
    return {
      ...(this.config.outputScores && { scores: this.scores }),
      ...(this.config.outputLogits && { logits: this.logits }),
      ...(this.config.outputAttentions && { attentions: this.inspections.map((step) => step.attentions!) }),
      ...(this.config.outputHiddenStates && { hiddenStates: this.inspections.map((step) => step.hiddenStates!) }),
    };
  }
}
