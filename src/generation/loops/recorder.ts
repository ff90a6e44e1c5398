// Keeps what outputScores, outputLogits, outputAttentions and outputHiddenStates ask for, step by step, and shows it to
// an observer.
import type { Decoder, StepInspection } from "../device/decoder.ts";
import type { GenerationObserver, ObservedRow } from "./observer.ts";
import type { GenerationConfig } from "../options/options.ts";

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
  readonly observer: GenerationObserver | undefined;
  private readonly config: GenerationConfig;
  private readonly decoder: Decoder;
  private readonly scores: Float32Array[] = [];
  private readonly logits: Float32Array[] = [];
  private readonly inspections: StepInspection[] = [];
  /** The open step, for the observer. */
  private open: Float32Array = new Float32Array();
  private readonly openScores = new Map<number, Float64Array>();

  constructor(config: GenerationConfig, decoder: Decoder, observer?: GenerationObserver) {
    this.config = config;
    this.decoder = decoder;
    this.observer = observer;
    this.active =
      config.outputScores ||
      config.outputLogits ||
      config.outputAttentions ||
      config.outputHiddenStates ||
      observer !== undefined;
    if ((config.outputAttentions || config.outputHiddenStates) && !decoder.inspect) {
      throw new Error(
        "generate: cannot return attentions or hidden states: this decoder has no inspect(), wanted one that has",
      );
    }
  }

  /** Opens a step: `logits` [rows, V] of which each row's scores follow. */
  async step(logits: Float32Array): Promise<void> {
    if (this.observer) this.open = logits;
    if (this.config.outputLogits) this.logits.push(logits.slice());
    if (this.config.outputScores) this.scores.push(new Float32Array(logits.length));
    if (this.config.outputAttentions || this.config.outputHiddenStates) {
      this.inspections.push(
        await this.decoder.inspect!({
          attentions: this.config.outputAttentions,
          hiddenStates: this.config.outputHiddenStates,
        }),
      );
    }
  }

  /** The scores [V] by which row `row` of the open step chose. */
  row(row: number, scores: Float64Array): void {
    this.scores.at(-1)?.set(scores, row * scores.length);
    if (this.observer) this.openScores.set(row, scores);
  }

  /** What row `row` of the open step was extended by, after row(). Only with an observer. */
  observed(row: number): ObservedRow {
    const scores = this.openScores.get(row)!;
    return { logits: this.open.subarray(row * scores.length, (row + 1) * scores.length), scores };
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
