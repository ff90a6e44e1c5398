// What a device does and when: GPU time of every launch, from timestamps around it, and what the host does meanwhile.
// Off unless asked for: each launch then gets a pass of its own, so that the run is slower and launches do not overlap.
// Where the adapter takes no timestamps, what is known is how long each submit was under way.
import { BUFFER_USAGE, MAP_MODE_READ } from "./usage.ts";

const MAX_QUERIES = 4096; // WebGPU's limit for one query set

/** What all launches of a kernel took, and what they had to do. */
export interface KernelTime {
  readonly name: string;
  readonly count: number;
  /** On the GPU; 0 where there are no timestamps. */
  readonly milliseconds: number;
  /** Of the longest launch. */
  readonly longest: number;
  readonly flops: number;
  readonly bytes: number;
}

export interface ProfileReport {
  /** Whether launches were timed; if not, `busy` is how long submits were under way. */
  readonly timed: boolean;
  readonly kernels: readonly KernelTime[];
  /** Milliseconds in which the GPU was at work. */
  readonly busy: number;
  /** Milliseconds of the host by kind of span. */
  readonly host: ReadonlyMap<string, number>;
}

/** A launch. Times are nanoseconds of the GPU's clock, from an origin of its own; 0 where there are no timestamps. */
export interface LaunchTime {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/** What was sent at once. Milliseconds of performance.now(). */
export interface SubmitTime {
  readonly launches: readonly LaunchTime[];
  /** Just before the submit. */
  readonly sent: number;
  /** When the host heard that it was done. */
  readonly done: number;
}

/** Something the host did, in milliseconds of performance.now(). */
export interface HostSpan {
  /** compile, record, submit: the program's own work; read: it waits for the GPU; else what the program calls it. */
  readonly kind: string;
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/** Hears of everything as it becomes known. */
export interface ProfileObserver {
  submit?(submit: SubmitTime): void;
  span?(span: HostSpan): void;
}

interface Sent {
  readonly name: string;
  readonly flops: number;
  readonly bytes: number;
}

interface Total {
  count: number;
  nanoseconds: number;
  longest: number;
  flops: number;
  bytes: number;
}

export class Profiler {
  /** Whether launches are timed: the device has timestamp queries. */
  readonly timed: boolean;
  observer: ProfileObserver | undefined;
  private readonly gpu: GPUDevice;
  private readonly queries: GPUQuerySet | undefined;
  private readonly resolved: GPUBuffer | undefined;
  private launches: Sent[] = [];
  private readonly pending = new Set<Promise<void>>();
  private readonly totals = new Map<string, Total>();
  private readonly hostMs = new Map<string, number>();
  /** Milliseconds, and until when. */
  private busy = 0;
  private busyUntil = -Infinity;
  private origin: bigint | undefined;
  /** Since when launches are recorded, and what the host had compiled until then. */
  private recording: number | undefined;
  private compiledBefore = 0;

  constructor(gpu: GPUDevice) {
    this.gpu = gpu;
    this.timed = gpu.features.has("timestamp-query");
    if (!this.timed) return;
    this.queries = gpu.createQuerySet({ type: "timestamp", count: MAX_QUERIES });
    this.resolved = gpu.createBuffer({ size: MAX_QUERIES * 8, usage: BUFFER_USAGE.queries });
  }

  /** Whether what is recorded must be sent before another launch can be timed. */
  get full(): boolean {
    return 2 * this.launches.length >= MAX_QUERIES;
  }

  /**
   * The pass of the next launch, of the kernel `name`.
   * @internal
   */
  launch(name: string, flops: number, bytes: number): GPUComputePassDescriptor {
    if (this.recording === undefined) {
      this.recording = performance.now();
      this.compiledBefore = this.hostTime("compile");
    }
    const at = 2 * this.launches.length;
    this.launches.push({ name, flops, bytes });
    if (!this.queries) return {};
    const { queries: querySet } = this;
    return { timestampWrites: { querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 } };
  }

  /**
   * Called by the batch before a submit; what it returns is called right after.
   * @internal
   */
  submitting(encoder: GPUCommandEncoder): () => void {
    const { launches } = this;
    const sent = performance.now();
    if (this.recording !== undefined) {
      this.span("record", `record ${launches.length} launches`, this.recording, sent);
      this.addHost("record", this.compiledBefore - this.hostTime("compile")); // pipelines are made meanwhile
    }
    this.recording = undefined;
    this.launches = [];
    const staging = this.resolve(encoder, launches.length);
    return () => {
      this.span("submit", `submit ${launches.length} launches`, sent, performance.now());
      if (launches.length === 0) return;
      const heard = this.times(staging, launches.length).then((times) => this.add(launches, times, sent));
      this.pending.add(heard);
      // report() throws what fails, if anybody asks
      heard.then(
        () => this.pending.delete(heard),
        () => {},
      );
    };
  }

  /** Something the host did from `begin` until `end`, by default now; by performance.now(). */
  span(kind: string, name: string, begin: number, end = performance.now()): void {
    this.addHost(kind, end - begin);
    this.observer?.span?.({ kind, name, begin, end });
  }

  private hostTime(kind: string): number {
    return this.hostMs.get(kind) ?? 0;
  }

  private addHost(kind: string, ms: number): void {
    this.hostMs.set(kind, this.hostTime(kind) + ms);
  }

  /** Totals since the last call, the most expensive first. Throws what has failed on the device. */
  async report(): Promise<ProfileReport> {
    await Promise.all(this.pending);
    const kernels = [...this.totals].map(([name, { nanoseconds, longest, ...rest }]) => ({
      name,
      ...rest,
      milliseconds: nanoseconds / 1e6,
      longest: longest / 1e6,
    }));
    const report = {
      timed: this.timed,
      kernels: kernels.sort((a, b) => b.milliseconds - a.milliseconds || b.count - a.count),
      busy: this.busy,
      host: new Map(this.hostMs),
    };
    this.totals.clear();
    this.hostMs.clear();
    this.compiledBefore = 0;
    this.busy = 0;
    return report;
  }

  /** Has the timestamps copied to a buffer of the host's; undefined where there are none. */
  private resolve(encoder: GPUCommandEncoder, count: number): GPUBuffer | undefined {
    if (!this.queries || count === 0) return undefined;
    const bytes = 16 * count;
    const staging = this.gpu.createBuffer({ size: bytes, usage: BUFFER_USAGE.readBack });
    encoder.resolveQuerySet(this.queries, 0, 2 * count, this.resolved!, 0);
    encoder.copyBufferToBuffer(this.resolved!, 0, staging, 0, bytes);
    return staging;
  }

  /** Begin and end of each launch, in nanoseconds from the first of all; zeros where there are no timestamps. */
  private async times(staging: GPUBuffer | undefined, count: number): Promise<Float64Array> {
    const times = new Float64Array(2 * count);
    if (!staging) {
      await this.gpu.queue.onSubmittedWorkDone();
      return times;
    }
    try {
      await staging.mapAsync(MAP_MODE_READ);
      const stamps = new BigUint64Array(staging.getMappedRange());
      this.origin ??= stamps[0];
      for (let i = 0; i < times.length; i++) times[i] = Number(stamps[i] - this.origin);
    } finally {
      staging.destroy();
    }
    return times;
  }

  private add(launches: readonly Sent[], times: Float64Array, sent: number): void {
    const done = performance.now();
    for (const [i, { name, flops, bytes }] of launches.entries()) {
      const begin = times[2 * i],
        end = times[2 * i + 1];
      let total = this.totals.get(name);
      if (!total) this.totals.set(name, (total = { count: 0, nanoseconds: 0, longest: 0, flops: 0, bytes: 0 }));
      total.count++;
      total.nanoseconds += end - begin;
      total.longest = Math.max(total.longest, end - begin);
      total.flops += flops;
      total.bytes += bytes;
      if (this.timed) this.occupy(begin / 1e6, end / 1e6);
    }
    if (!this.timed) this.occupy(sent, done);
    if (!this.observer?.submit) return;
    const timed = launches.map(({ name }, i) => ({ name, begin: times[2 * i], end: times[2 * i + 1] }));
    this.observer.submit({ launches: timed, sent, done });
  }

  /** Times come in order: what overlaps the last counts once. */
  private occupy(begin: number, end: number): void {
    this.busy += Math.max(0, end - Math.max(begin, this.busyUntil));
    this.busyUntil = Math.max(end, this.busyUntil);
  }
}
