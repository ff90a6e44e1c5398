// What processes that train together add up in every update.
import type { Tensor } from "../gpu/tensor.ts";

/** What an update was summed over. */
export interface Counts {
  readonly labels: number;
  /** Of those that have a label. */
  readonly microBatches: number;
}

/**
 * Adds what other processes have: to the flat gradient tensors f32 [n] in place, by recorded work or written from the
 * CPU, and to the counts, whose sums it returns. Called once an update, also where this process has counted nothing.
 * Shards.exchange is one, which adds up what the rank updates.
 */
export type Exchange = (gradients: readonly Tensor[], counts: Counts) => Counts | Promise<Counts>;
