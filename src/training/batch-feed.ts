// Batches made while the GPU works: the next one is there before the last update is done, and how long the GPU had
// nothing to do all the same, because making one took longer, is measured.
import type { MicroBatch } from "./step.ts";

/** Seconds after which it is asked whether the GPU has ended meanwhile, which takes a turn of the event loop. */
const WORTH_ASKING = 0.0005;

export class BatchFeed {
  /** Seconds that the GPU was without work while a batch was made; whole where it ended at some time of that. */
  waited = 0;
  private readonly batches: Iterator<MicroBatch[], never, undefined>;
  private readonly isIdle: () => boolean;
  private ready: MicroBatch[] | undefined;

  /** `isIdle`: whether all that was sent to the GPU is known to be done. */
  constructor(batches: Iterator<MicroBatch[], never, undefined>, isIdle: () => boolean) {
    this.batches = batches;
    this.isIdle = isIdle;
  }

  /** Makes the next update's batch, unless it is there: best called when the GPU has just been given work. */
  async prepare(): Promise<void> {
    if (this.ready) return;
    const started = performance.now();
    this.ready = this.batches.next().value;
    const seconds = (performance.now() - started) / 1000;
    if (seconds > WORTH_ASKING) await new Promise((resolve) => setTimeout(resolve));
    if (this.isIdle()) this.waited += seconds;
  }

  /** The next update's batch, each once. */
  async take(): Promise<MicroBatch[]> {
    await this.prepare();
    const batch = this.ready!;
    this.ready = undefined;
    return batch;
  }
}
