// GPU time by kernel name, from timestamp queries around every dispatch. Off unless asked for: each dispatch then gets
// a pass of its own, and some adapters quantise timestamps (65.5 us on software Vulkan through Dawn).
import { BUFFER_USAGE, MAP_MODE_READ } from "./usage.ts";

const MAX_QUERIES = 4096; // WebGPU's limit for one query set

export interface KernelTime {
  readonly name: string;
  readonly count: number;
  readonly milliseconds: number;
}

export class Profiler {
  private readonly gpu: GPUDevice;
  private readonly queries: GPUQuerySet;
  private readonly resolved: GPUBuffer;
  private names: string[] = [];
  private readonly pending: Promise<void>[] = [];
  private readonly totals = new Map<string, { count: number; nanoseconds: number }>();

  constructor(gpu: GPUDevice) {
    this.gpu = gpu;
    this.queries = gpu.createQuerySet({ type: "timestamp", count: MAX_QUERIES });
    this.resolved = gpu.createBuffer({ size: MAX_QUERIES * 8, usage: BUFFER_USAGE.queries });
  }

  /**
   * The pass that times the next dispatch; past the query set's size dispatches of one batch go untimed.
   * @internal
   */
  passDescriptor(name: string): GPUComputePassDescriptor {
    const at = this.names.length * 2;
    if (at >= MAX_QUERIES) return {};
    this.names.push(name);
    return { timestampWrites: { querySet: this.queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 } };
  }

  /** Called by the batch just before it is submitted. */
  resolve(encoder: GPUCommandEncoder): void {
    const names = this.names;
    if (names.length === 0) return;
    this.names = [];
    const bytes = names.length * 16;
    const staging = this.gpu.createBuffer({ size: bytes, usage: BUFFER_USAGE.readBack });
    encoder.resolveQuerySet(this.queries, 0, names.length * 2, this.resolved, 0);
    encoder.copyBufferToBuffer(this.resolved, 0, staging, 0, bytes);
    // Mapping must wait for the submit that follows this call.
    const added = Promise.resolve()
      .then(() => staging.mapAsync(MAP_MODE_READ))
      .then(() => this.add(names, new BigUint64Array(staging.getMappedRange())))
      .finally(() => staging.destroy());
    added.catch(() => {}); // report() throws it, if anybody asks
    this.pending.push(added);
  }

  private add(names: readonly string[], times: BigUint64Array): void {
    names.forEach((name, i) => {
      const total = this.totals.get(name) ?? { count: 0, nanoseconds: 0 };
      total.count++;
      total.nanoseconds += Number(times[2 * i + 1] - times[2 * i]);
      this.totals.set(name, total);
    });
  }

  /** Totals since the last call, the most expensive first. */
  async report(): Promise<KernelTime[]> {
    await Promise.all(this.pending.splice(0));
    const rows = [...this.totals].map(([name, { count, nanoseconds }]) => ({
      name,
      count,
      milliseconds: nanoseconds / 1e6,
    }));
    this.totals.clear();
    return rows.sort((a, b) => b.milliseconds - a.milliseconds);
  }
}
