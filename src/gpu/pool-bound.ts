// How much of a device's memory its pool keeps for later: not all that batches of many lengths ever took, but what the
// largest of them took and a quarter more. What was given back too early is seen by its being made again soon: then
// more is kept, so that a loop over equal shapes comes to make nothing.

const SHARE = 1.25;
/** Of the same, where more is kept. */
const MOST_MORE = 0.9;
const LEAST = 2 ** 21; // bytes: below, nothing is worth a driver's call
/** Acquires, of dozens of training steps, within which what is made again was given back too early. */
const SOON = 50_000;

export class PoolBound {
  private inUse = 0;
  private most = 0;
  private more = 0;
  /** By size: when one was last given back. */
  private readonly dropped = new Map<number, number>();

  /** So many bytes more (or less) are asked for, whatever the buffers that serve them have. */
  use(bytes: number): void {
    this.inUse += bytes;
    this.most = Math.max(this.most, this.inUse);
  }

  /** Bytes that all buffers may have together, free ones included, once `bytes` more are asked for. */
  with(bytes: number): number {
    const most = Math.max(this.most, this.inUse + bytes);
    return SHARE * most + LEAST + Math.min(this.more, MOST_MORE * most);
  }

  /** A buffer of this size was given back at `time`, in acquires. */
  noteDropped(bytes: number, time: number): void {
    this.dropped.set(bytes, time);
  }

  /** One of this size is made. */
  noteMade(bytes: number, time: number): void {
    const at = this.dropped.get(bytes);
    if (at === undefined) return;
    this.dropped.delete(bytes);
    if (time - at < SOON) this.more += bytes;
  }
}
