// Milliseconds a token from the instants at which tokens came. A fast device hands out several at once: counting then
// starts after the first group, since nobody knows when that began.

/** Tokens that come within so many milliseconds came together. */
const TOGETHER_MS = 0.1;

/** Throws Error where all came together. */
export function tokenTime(at: readonly number[]): number {
  let first = 0;
  while (first + 1 < at.length && at[first + 1] - at[first] <= TOGETHER_MS) first++;
  const after = at.length - 1 - first;
  if (after < 1) throw new Error(`${at.length} tokens came together: there is nothing to time`);
  return (at[at.length - 1] - at[first]) / after;
}
