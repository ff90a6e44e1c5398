// Timing. A launch is warmed up, repeated until a run is long against the cost of sending and waiting for it, and run
// at least seven times; the median and the spread say how much to trust it. Software adapters are timed by the clock
// around the submit; GPUs by timestamps around it, taken while the GPU is kept busy so that no gap between submits is
// counted.
import type { Device } from "../gpu/device.ts";
import { BUFFER_USAGE, MAP_MODE_READ } from "../gpu/usage.ts";
import { UserError } from "../errors.ts";

/** Milliseconds. */
export interface Spread {
  readonly min: number;
  readonly q1: number;
  readonly q3: number;
  readonly max: number;
}
export interface Timing {
  readonly median_ms: number;
  readonly spread: Spread;
  readonly runs: number;
}

export type Timer = "wall" | "gpu";

export interface MeasureOptions {
  /** Timed runs, at least 7. */
  readonly runs: number;
  /** How long a run should last; sending one costs about 0.2 ms, and timestamps may come in steps of 0.07 ms. */
  readonly runMs: number;
  /** Default: the clock on software adapters and where there is no timestamp-query. */
  readonly timer?: Timer;
}

/** Median and quartiles (linear interpolation between the sorted times). */
export function summarize(times: readonly number[]): Timing {
  const sorted = [...times].sort((a, b) => a - b);
  const quantile = (q: number): number => {
    const at = q * (sorted.length - 1),
      low = Math.floor(at);
    return sorted[low] + (at - low) * (sorted[Math.ceil(at)] - sorted[low]);
  };
  return {
    median_ms: quantile(0.5),
    spread: { min: quantile(0), q1: quantile(0.25), q3: quantile(0.75), max: quantile(1) },
    runs: times.length,
  };
}

/** Time of one `launch`, which records work on the device's batch. */
export async function measure(device: Device, launch: () => void, options: MeasureOptions): Promise<Timing> {
  const { pace } = device.batch;
  device.batch.pace = undefined; // a run is one submit
  try {
    return await measureWhole(device, launch, options);
  } finally {
    device.batch.pace = pace;
  }
}

async function measureWhole(
  device: Device,
  launch: () => void,
  { runs, runMs, timer = defaultTimer(device) }: MeasureOptions,
): Promise<Timing> {
  const { counters } = device.batch;
  const before = counters.dispatches;
  launch();
  const most = Math.max(1, Math.floor(MAX_DISPATCHES / Math.max(1, counters.dispatches - before)));
  await device.finish(); // compiles
  const once = await wallTime(device, launch, 1);
  // Too short to be exact: the cost of sending is in it. A longer trial decides how often to repeat.
  const trial = once > runMs ? once : await wallTime(device, launch, repetitions(runMs / 4, once, most));
  const count = repetitions(runMs, trial, most);
  const run = timer === "gpu" ? gpuTimer(device) : wallTime;
  const times: number[] = [];
  for (let i = 0; i < Math.max(7, runs); i++) times.push(await run(device, launch, count));
  return summarize(times);
}

/**
 * A batch sends itself after 4096 dispatches: a run is shorter, or its first part would be at work before the clock
 * starts.
 */
const MAX_DISPATCHES = 4000;

function repetitions(wantedMs: number, each: number, most: number): number {
  return Math.max(1, Math.min(most, Math.round(wantedMs / each)));
}

function defaultTimer(device: Device): Timer {
  return !device.software && device.gpu.features.has("timestamp-query") ? "gpu" : "wall";
}

/** Milliseconds a launch, by the clock from submit to done. Recording is not timed. */
async function wallTime(device: Device, launch: () => void, count: number): Promise<number> {
  for (let i = 0; i < count; i++) launch();
  const start = performance.now();
  await device.finish();
  return (performance.now() - start) / count;
}

type Run = typeof wallTime;

/**
 * Milliseconds a launch, by timestamps before and after. The same work is sent first, so that the GPU never waits for
 * the host.
 */
function gpuTimer(device: Device): Run {
  const { gpu, batch } = device;
  if (!gpu.features.has("timestamp-query"))
    throw new UserError(`${device.description} has no timestamp-query: use the wall timer.`);
  const queries = gpu.createQuerySet({ type: "timestamp", count: 2 });
  const resolved = gpu.createBuffer({ size: 16, usage: BUFFER_USAGE.queries });
  const staging = gpu.createBuffer({ size: 16, usage: BUFFER_USAGE.readBack });
  const mark = (index: number, finish?: (encoder: GPUCommandEncoder) => void): void => {
    const encoder = gpu.createCommandEncoder();
    encoder.beginComputePass({ timestampWrites: { querySet: queries, endOfPassWriteIndex: index } }).end();
    finish?.(encoder);
    gpu.queue.submit([encoder.finish()]);
  };
  return async (_device, launch, count) => {
    for (const first of [true, false]) {
      for (let i = 0; i < count; i++) launch();
      batch.submit();
      if (first) mark(0);
    }
    mark(1, (encoder) => {
      encoder.resolveQuerySet(queries, 0, 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
    });
    await staging.mapAsync(MAP_MODE_READ);
    const [start, end] = new BigUint64Array(staging.getMappedRange());
    staging.unmap();
    device.throwIfFailed();
    return Number(end - start) / 1e6 / count;
  };
}
