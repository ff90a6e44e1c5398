// What the batch, the launch cache and the kernels may know of a device. Device implements it; it is a type of its own
// so that they need not import what in turn imports them.
import type { BufferPool } from "./buffer-pool.ts";
import type { Failures } from "./failures.ts";
import type { Profiler } from "./profiler.ts";
import type { Tuning } from "./tuning.ts";

export const WORKGROUP_LIMITS = [
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

export interface DeviceContext {
  readonly gpu: GPUDevice;
  /** Stable name of the kind of adapter, the key of the tuning table: "llvmpipe", "swiftshader", ... */
  readonly adapterKey: string;
  /** Computes on the processor. */
  readonly software: boolean;
  /** Which variants run here. */
  readonly tuning: Tuning;
  /** Most bytes that one binding may have. */
  readonly maxBindingBytes: number;
  /** Lanes of a subgroup, or 0 where there are none or their number varies. */
  readonly subgroupSize: number;
  /** Of a workgroup, copied: reading them from the GPUDevice costs half a microsecond each time. */
  readonly limits: Readonly<Record<(typeof WORKGROUP_LIMITS)[number], number>>;
  readonly pool: BufferPool;
  readonly profiler: Profiler | undefined;
  readonly failures: Failures;
  /** Text of a file under src/wgsl. */
  wgsl(file: string): string;
}
