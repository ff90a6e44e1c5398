// How much work one submit may hold. Where a submit takes long, a screen that shares the GPU freezes, and Windows ends
// the device after two seconds; a training step of GPT-2 takes longer than that on many adapters. So a batch sends
// itself when it holds what would take a sixth of a second, by what earlier submits took here: as in TCP's slow start
// it begins with little and grows by four times, until a submit took too long: from then on it falls at once and grows
// slowly, so that the slowest mixture of launches decides. A launch is never divided.

/** Milliseconds of a submit that are aimed at: half of what none should take, as the estimate of its work is rough. */
const TARGET_MS = 150;
/** Units of the first submit: 0.2 s of a processor's 20 GFLOP/s, and nothing on a GPU. */
const FIRST = 2 ** 32;
/**
 * Where the estimate ends: one is heard of late while the host compiles, so that little work may seem to take a second.
 * Adapters that need more than a third of a second for this run on the processor, where nobody is kept waiting.
 */
const LEAST = FIRST / 16;
/** A byte costs about as much as so many operations: adapters make 3 to 13 in the time of moving one. */
const BYTE = 8;
/** By how much a submit may hold more than the one before: at first, and once one took too long. */
const GROWTH = { first: 4, later: 1.05 } as const;
/** Submits that together hold less than this share of the limit say little of it, and are not waited for. */
const MEASURED_SHARE = 1 / 4;

/** Of a GPUQueue. */
interface Queue {
  onSubmittedWorkDone(): Promise<unknown>;
}

/** Of a launch. */
export const unitsOf = (flops: number, bytes: number): number => flops + BYTE * bytes;

export class SubmitPace {
  private readonly queue: Queue;
  private readonly now: () => number;
  private limit: number;
  private growth: number = GROWTH.first;
  private held = 0;
  /** Of submits that were not measured yet, and when the first of them was sent. */
  private under = 0;
  private since = 0;
  private idleSince = -Infinity;

  /** `first`: units of the first submit. */
  constructor(queue: Queue, now = () => performance.now(), first = FIRST) {
    this.queue = queue;
    this.now = now;
    this.limit = first;
  }

  /** Whether what is held must be sent before a launch of so much work is. */
  isFull(units: number): boolean {
    return this.held > 0 && this.held + units > this.limit;
  }

  add(units: number): void {
    this.held += units;
  }

  /** Called after a submit of all that is held. */
  sent(): void {
    if (this.under === 0) this.since = this.now();
    this.under += this.held;
    this.held = 0;
    if (this.under < MEASURED_SHARE * this.limit) return;
    const { under, since } = this;
    this.under = 0;
    this.queue.onSubmittedWorkDone().then(
      () => this.learn(under, since),
      () => {}, // a lost device's
    );
  }

  private learn(units: number, since: number): void {
    const done = this.now();
    const ms = Math.max(0.01, done - Math.max(since, this.idleSince)); // submits run one after another
    this.idleSince = done;
    const fitting = (units / ms) * TARGET_MS;
    if (fitting < this.limit) this.growth = GROWTH.later;
    this.limit = Math.max(LEAST, Math.min(this.growth * this.limit, fitting));
  }
}
