// In which precision an update computes. Everything is float32 today; whatever else a lower one needs to know about the
// step (the type that activations and gradients are stored in) belongs here, so that the step asks in one place.

export interface Precision {
  /** Part of a run's fingerprint: a run goes on in the precision it began in. */
  readonly name: string;
  /**
   * What losses are multiplied by before backward, and gradients divided by where their norm is taken: it keeps small
   * gradients above the smallest number of a 16-bit type (Micikevicius et al. 2018, Mixed Precision Training, 3.2).
   */
  readonly lossScale: number;
}

export const FLOAT32: Precision = { name: "float32", lossScale: 1 };
