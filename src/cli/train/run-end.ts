// What is known of a run that has ended.
import type { LogEntry } from "../../training/trainer-state.ts";

export interface RunEnd {
  readonly history: readonly LogEntry[];
  /** The step that this process went on from. */
  readonly from: number;
  /** performance.now() when it began. */
  readonly started: number;
  /** Seconds in which the GPU had to wait for data; where it did not train, not known. */
  readonly dataWait?: number;
  /** The step whose weights were saved. */
  readonly finalStep: number;
  /** How many ranks' batches an update takes. */
  readonly worldSize: number;
  /** Of the model, in words. */
  readonly size: string;
}
