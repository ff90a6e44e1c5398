// What the adapter can do at most, measured beside everything else: multiply-adds in registers, and a copy of buffers
// larger than any cache. Each is tried in a few shapes and the best one counts; results are given as a share of these.
import type { Device } from "../gpu/device.ts";
import { defineKernel, read, readWrite } from "../gpu/kernel.ts";
import type { Element } from "../gpu/kernel.ts";
import { measure } from "./measure.ts";
import type { MeasureOptions, Timing } from "./measure.ts";

export interface Ceiling {
  /** 10^9 operations a second; a multiply-add is two. */
  readonly gflops: number;
  /** 10^9 bytes a second, read and written together. */
  readonly gbs: number;
}

export interface CeilingResult extends Ceiling {
  readonly fma: Timing;
  readonly copy: Timing;
  readonly copyBytes: number;
  readonly fmaFlops: number;
}

const WG_SIZE = 256;

/** Independent chains x = x * a + b, which hide the latency of one another; few enough to stay in registers. */
const fmaKernel = (chains: number) => {
  const each = (line: (name: string, i: number) => string): string =>
    Array.from({ length: chains }, (_, i) => line(`x${i}`, i)).join("\n");
  return defineKernel({
    name: "ceiling_fma",
    source: [],
    text: `
@compute @workgroup_size(WG_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = params.a;
  let b = params.b;
${each((x, i) => `  var ${x} = f32(id.x + ${i}u);`)}
  for (var r = 0u; r < params.rounds; r++) {
${Array<string>(4)
  .fill(each((x) => `    ${x} = ${x} * a + b;`))
  .join("\n")}
  }
  out[id.x] = ${Array.from({ length: chains }, (_, i) => `x${i}`).join(" + ")};
}`,
    bindings: { out: readWrite("f32", "[threads]") },
    params: { rounds: "u32", a: "f32", b: "f32" },
    constants: { WG_SIZE: "u32" },
    example: { WG_SIZE },
  });
};

/** A thread moves EACH elements, a workgroup's threads side by side: narrow ones suit GPUs, wide ones processors. */
const copyKernel = (element: Element) =>
  defineKernel({
    name: "ceiling_copy",
    source: [],
    text: `
@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (workgroup.y * groups.x + workgroup.x) * WG_SIZE * EACH + local;
  for (var i = 0u; i < EACH; i++) { y[at + i * WG_SIZE] = x[at + i * WG_SIZE]; }
}`,
    bindings: { x: read(element, "[n]"), y: readWrite(element, "[n]") },
    constants: { WG_SIZE: "u32", EACH: "u32" },
    example: { WG_SIZE, EACH: 4 },
  });

const FMAS = [8, 12, 16].map((chains) => ({ chains, kernel: fmaKernel(chains) }));
const COPIES = (
  [
    { element: "vec4f", bytes: 16 },
    { element: "mat4x4f", bytes: 64 },
  ] as const
).flatMap(({ element, bytes }) =>
  [1, 4].map((each) => ({ each, unit: bytes * each * WG_SIZE, kernel: copyKernel(element) })),
);

export async function measureCeiling(device: Device, options: MeasureOptions): Promise<CeilingResult> {
  const fma = await best(FMAS, (choice) => measureFma(device, choice, options));
  const copy = await best(COPIES, (choice) => measureCopy(device, choice, options));
  device.pool.trim();
  return {
    gflops: fma.rate,
    gbs: copy.rate,
    fma: fma.timing,
    copy: copy.timing,
    copyBytes: copy.amount,
    fmaFlops: fma.amount,
  };
}

/** `amount` operations or bytes took `timing`; `rate` is 10^9 of them a second. */
interface Attempt {
  readonly timing: Timing;
  readonly amount: number;
  readonly rate: number;
}

async function best<T>(choices: readonly T[], attempt: (choice: T) => Promise<Attempt>): Promise<Attempt> {
  let most: Attempt | undefined;
  for (const choice of choices) {
    const found = await attempt(choice);
    if (!most || found.rate > most.rate) most = found;
  }
  return most!;
}

function attempt(timing: Timing, amount: number): Attempt {
  return { timing, amount, rate: amount / timing.median_ms / 1e6 };
}

async function measureFma(
  device: Device,
  { chains, kernel }: (typeof FMAS)[number],
  options: MeasureOptions,
): Promise<Attempt> {
  const threads = device.software ? 2 ** 12 : 2 ** 18;
  const rounds = 512;
  const out = device.pool.acquire([threads]);
  const timing = await measure(
    device,
    () => device.batch.dispatch(kernel, { WG_SIZE }, { out }, { rounds, a: 0.999, b: 0.5 }, threads / WG_SIZE),
    options,
  );
  device.pool.release(out);
  return attempt(timing, threads * rounds * chains * 4 * 2);
}

async function measureCopy(
  device: Device,
  { each, unit, kernel }: (typeof COPIES)[number],
  options: MeasureOptions,
): Promise<Attempt> {
  const wanted = device.software ? 2 ** 25 : 2 ** 28;
  const bytes = Math.min(wanted, 2 ** Math.floor(Math.log2(device.maxBindingBytes)));
  const x = device.pool.acquire([bytes / 4]),
    y = device.pool.acquire([bytes / 4]);
  const groups = bytes / unit,
    wide = Math.min(groups, 2 ** 15); // powers of two: no group is past the end
  const timing = await measure(
    device,
    () => device.batch.dispatch(kernel, { WG_SIZE, EACH: each }, { x, y }, {}, [wide, groups / wide]),
    options,
  );
  device.pool.release(x);
  device.pool.release(y);
  return attempt(timing, 2 * bytes);
}
