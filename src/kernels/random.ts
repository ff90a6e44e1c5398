// Dropout by the counter generator of lib/random.wgsl: what a caller names, and what the kernels take as parameters.

export interface Dropout {
  /** Chance of an element to be zeroed, in [0, 1). The others are multiplied by 1 / (1 - probability). */
  readonly probability: number;
  /** u32 words that choose the mask: the run's seed, the step (forward pass), and the place in the model. */
  readonly seed: number;
  readonly step: number;
  readonly site: number;
}

/**
 * The parameters `seed, step, site, drop_below, keep_scale` of a kernel with dropout; without dropout everything is
 * kept.
 */
export function dropoutParams(dropout: Dropout | undefined): {
  seed: number;
  step: number;
  site: number;
  drop_below: number;
  keep_scale: number;
} {
  if (!dropout) return { seed: 0, step: 0, site: 0, drop_below: 0, keep_scale: 1 };
  const { probability, seed, step, site } = dropout;
  if (!(probability >= 0 && probability < 1))
    throw new Error(`dropout: probability is ${probability}, expected 0 <= probability < 1`);
  return {
    seed,
    step,
    site,
    drop_below: Math.min(Math.round(probability * 2 ** 32), 2 ** 32 - 1),
    keep_scale: 1 / (1 - probability),
  };
}
