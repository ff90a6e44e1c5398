// Waits, one after the other, for results of steps that take about as long as each other. While a result is asked for,
// Node's WebGPU binding polls without pause and keeps a core busy, which on a software adapter is a core that the step
// itself could use: there most of the expected time is slept before asking.

const SLEPT = 0.75; // of the expected time
const LEAST_SLEEP = 2; // milliseconds: timers are no finer

export class ReadBackQueue {
  private readonly sleeps: boolean;
  private last: Promise<unknown> = Promise.resolve();
  /**
   * How long the last two results took after the one before, in milliseconds a step; the shorter time is expected of
   * the next.
   */
  private times: readonly [number, number] = [0, 0];

  constructor(sleeps: boolean) {
    this.sleeps = sleeps;
  }

  /** What `ask` resolves to; it is called when earlier results are there and this one, of so many steps, may be. */
  read(ask: () => Promise<ArrayBuffer>, steps = 1): Promise<ArrayBuffer> {
    const result = this.last.then(async () => {
      const start = performance.now();
      const sleep = SLEPT * steps * Math.min(...this.times);
      if (this.sleeps && sleep >= LEAST_SLEEP)
        await new Promise((wake) => {
          setTimeout(wake, sleep);
        });
      const bytes = await ask();
      this.times = [this.times[1], (performance.now() - start) / steps];
      return bytes;
    });
    this.last = result.catch(() => {});
    return result;
  }

  /** What comes next may take another time. */
  reset(): void {
    this.times = [0, 0];
  }
}
