// Several processes that train one model together: what training asks of whatever connects them (MPI on a cluster, an
// array of promises in a test). Every rank calls the same methods in the same order, and each waits for all.

/** Positions of this process among those that share a run. */
export interface Rank {
  /** From 0; rank 0 alone writes and prints. */
  readonly rank: number;
  readonly size: number;
}

export interface Ranks extends Rank {
  /** Rank 0 combines what all say, in the order of ranks, and everybody gets the result. Values are cloned. */
  agree<T, R>(mine: T, combine: (all: readonly T[]) => R): Promise<R>;
  /**
   * Gives `parts[r]` to rank r, and returns what each rank gave to this one, of `lengths[r]` elements. The arrays
   * returned are this call's until the next.
   */
  allToAll(parts: readonly Float32Array[], lengths: readonly number[]): Promise<Float32Array[]>;
  /** What every rank r gives, of `lengths[r]` elements, `mine` among them; as allToAll() with one part for all. */
  allGather(mine: Float32Array, lengths: readonly number[]): Promise<Float32Array[]>;
}

/** Of a list that all ranks have, what is this rank's: every size-th from the rank-th on. */
export function isShareOf({ rank, size }: Rank, index: number): boolean {
  return index % size === rank;
}

export const ALONE: Rank = { rank: 0, size: 1 };

/** Rank 0's value, on every rank; the others give none. */
export function told<T>(ranks: Ranks, value?: T): Promise<T> {
  return ranks.agree<T | undefined, T>(value, (all) => all[0]!);
}
