// What rank 0 alone finds out (which folder is free, which checkpoint is whole) and all go by. Without ranks it is what
// this process finds out.
import { told } from "../../training/ranks.ts";
import type { MpiJob } from "./with-ranks.ts";

/** Whether this process is the one that writes and prints. */
export const isRankZero = (mpi: MpiJob | undefined): boolean => mpi === undefined || mpi.ranks.rank === 0;

/** Rank 0's result, on every rank. */
export async function byRankZero<T>(mpi: MpiJob | undefined, act: () => Promise<T>): Promise<T> {
  if (!mpi) return act();
  return told<T>(mpi.ranks, mpi.ranks.rank === 0 ? await act() : undefined);
}

/** Rank 0 does it before the others do: what it tokenises or downloads they find in the cache. */
export async function rankZeroFirst<T>(mpi: MpiJob | undefined, act: () => Promise<T>): Promise<T> {
  if (!mpi || mpi.ranks.rank > 0) {
    await mpi?.ranks.meet();
    return act();
  }
  const result = await act();
  await mpi.ranks.meet();
  return result;
}

/** What rank 0's generator yields, on every rank. */
export async function* eachByRankZero<T>(mpi: MpiJob | undefined, mine: AsyncGenerator<T>): AsyncGenerator<T> {
  for (;;) {
    const next = await byRankZero(mpi, () => mine.next());
    if (next.done) return;
    yield next.value;
  }
}
