// The device: an adapter's every useful limit and feature, a buffer pool, one command batch, read-back, and one policy
// for errors: the first failure (a lost device, an invalid command, a shader that does not compile) is kept and thrown
// by the next submit or read, so nothing computes on in silence.
import { wgslFiles } from "../wgsl/index.ts";
import { UserError } from "../errors.ts";
import { CommandBatch } from "./batch.ts";
import { BufferPool } from "./buffer-pool.ts";
import { WORKGROUP_LIMITS } from "./context.ts";
import type { DeviceContext } from "./context.ts";
import { requestAdapter } from "./platform.ts";
import { readBytes } from "../files/open.ts";
import { Profiler } from "./profiler.ts";
import { Staging } from "./staging.ts";
import { byteLength } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

export interface DeviceOptions {
  /**
   * Pretend the device binds no more than this many bytes at once (at least 65536): larger tensors then go by windows.
   */
  readonly maxStorageBufferBindingSize?: number;
  /** Overrides of the tuning table, see kernels/tuning.ts: forces a kernel variant or a tile size. */
  readonly tuning?: Readonly<Record<string, string | number>>;
  /**
   * Measure GPU time per kernel (needs timestamp-query; slows the run, since every dispatch gets a pass of its own).
   */
  readonly profile?: boolean;
}

/** Asked for as high as the adapter has them. */
const LIMITS = [
  ...WORKGROUP_LIMITS,
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupSizeY",
  "maxStorageBuffersPerShaderStage",
] as const;
const FEATURES = ["subgroups", "shader-f16", "timestamp-query"] as const;

export class Device implements DeviceContext {
  readonly gpu: GPUDevice;
  /** Stable name of the kind of adapter, the key of the tuning table: "llvmpipe", "swiftshader", ... */
  readonly adapterKey: string;
  /** One line for people. */
  readonly description: string;
  readonly software: boolean;
  /** On a software adapter: how to get a faster one. */
  readonly hint: string | undefined;
  readonly tuning: Readonly<Record<string, string | number>>;
  readonly maxBindingBytes: number;
  /** Lanes of a subgroup, or 0 where there are none or their number varies. */
  readonly subgroupSize: number;
  /** Of a workgroup, copied: reading them from the GPUDevice costs half a microsecond each time. */
  readonly limits: Readonly<Record<(typeof WORKGROUP_LIMITS)[number], number>>;
  readonly pool: BufferPool;
  readonly batch: CommandBatch;
  readonly profiler: Profiler | undefined;
  readonly staging: Staging;
  private readonly sources: ReadonlyMap<string, string>;
  private failure: Error | undefined;
  private destroyed = false;

  constructor(
    gpu: GPUDevice,
    adapter: AdapterDescription,
    sources: ReadonlyMap<string, string>,
    options: DeviceOptions,
  ) {
    this.gpu = gpu;
    this.adapterKey = adapter.key;
    this.description = adapter.description;
    this.software = adapter.software;
    this.hint = adapter.hint;
    this.tuning = options.tuning ?? {};
    this.sources = sources;
    this.maxBindingBytes = Math.min(
      gpu.limits.maxStorageBufferBindingSize,
      options.maxStorageBufferBindingSize ?? Infinity,
    );
    const { subgroupMinSize, subgroupMaxSize } = adapter.adapter.info;
    this.subgroupSize =
      gpu.features.has("subgroups") && subgroupMinSize === subgroupMaxSize ? (subgroupMinSize ?? 0) : 0;
    this.limits = Object.fromEntries(WORKGROUP_LIMITS.map((name) => [name, gpu.limits[name]])) as Device["limits"];
    this.pool = new BufferPool(gpu, gpu.limits.maxBufferSize);
    this.profiler = options.profile ? new Profiler(gpu) : undefined;
    this.batch = new CommandBatch(this);
    this.staging = new Staging(this.batch);
    gpu.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      this.fail(
        error.constructor.name === "GPUOutOfMemoryError" || /out of memory/i.test(error.message)
          ? new UserError(
              `The GPU is out of memory (${this.pool.liveBytes >> 20} MiB in use): use a smaller batch, a shorter block or a smaller model.`,
            )
          : new Error(this.batch.explain(error.message)),
      );
    });
    gpu.lost.then(
      (info) => {
        if (!this.destroyed)
          this.fail(
            new UserError(
              `The GPU device was lost (${info.reason}: ${info.message}): what was saved is safe; start again, with a smaller batch if memory was short.`,
            ),
          );
      },
      () => {},
    );
  }

  private fail(error: Error): void {
    this.failure ??= error;
  }

  throwIfFailed(): void {
    if (this.failure) throw this.failure;
  }

  /** Text of a file under src/wgsl. */
  wgsl(file: string): string {
    const text = this.sources.get(file);
    if (text === undefined) throw new Error(`wgsl: no shader file ${file}; add it to src/wgsl/index.ts`);
    return text;
  }

  /** A new tensor from the pool holding `data`. */
  tensor(data: Float32Array | Uint32Array, shape: readonly number[]): Tensor {
    const tensor = this.pool.acquire(shape, data instanceof Float32Array ? "f32" : "u32");
    if (data.byteLength !== byteLength(tensor)) throw new Error(`tensor: ${data.length} values do not fill [${shape}]`);
    this.batch.write(tensor, data);
    return tensor;
  }

  /** The f32 elements of a tensor, after all recorded work. */
  async read(tensor: Tensor): Promise<Float32Array> {
    return new Float32Array(await this.stage(tensor)());
  }

  /** The u32 elements of a tensor, after all recorded work. */
  async readU32(tensor: Tensor): Promise<Uint32Array> {
    return new Uint32Array(await this.stage(tensor)());
  }

  /** Submits what is recorded and resolves when the GPU has done it. */
  async finish(): Promise<void> {
    this.batch.submit();
    await this.gpu.queue.onSubmittedWorkDone();
    this.throwIfFailed();
  }

  /** Frees everything. Tensors of this device are invalid afterwards. */
  destroy(): void {
    this.destroyed = true;
    this.pool.destroy();
    this.gpu.destroy();
  }

  /**
   * Sets a tensor's bytes aside, after all recorded work, and submits that; call the result, once, to wait for them.
   */
  stage(tensor: Tensor): () => Promise<ArrayBuffer> {
    const staged = this.staging.open(byteLength(tensor));
    staged.add(tensor);
    this.batch.submit();
    return () => staged.read();
  }
}

interface AdapterDescription {
  readonly adapter: GPUAdapter;
  readonly key: string;
  readonly description: string;
  readonly software: boolean;
  readonly hint?: string;
}

/**
 * Opens the best adapter (see platform.ts) with every limit and feature this library uses.
 * Throws UserError when there is none or an option is out of range.
 */
export async function requestDevice(options: DeviceOptions = {}): Promise<Device> {
  const small = options.maxStorageBufferBindingSize;
  if (small !== undefined && !(small >= 65536)) {
    throw new UserError(`maxStorageBufferBindingSize is ${small}, expected at least 65536.`);
  }
  const [found, sources] = await Promise.all([requestAdapter(), loadSources()]);
  const { adapter } = found;
  const requiredLimits: Record<string, number> = {};
  for (const name of LIMITS) requiredLimits[name] = adapter.limits[name];
  const requiredFeatures = FEATURES.filter((feature) => adapter.features.has(feature));
  if (options.profile && !adapter.features.has("timestamp-query"))
    throw new UserError(`${found.description} has no timestamp-query: profiling is not possible on it.`);
  const gpu = await adapter.requestDevice({ requiredLimits, requiredFeatures: requiredFeatures as GPUFeatureName[] });
  return new Device(gpu, found, sources, options);
}

let loading: Promise<ReadonlyMap<string, string>> | undefined;

/** All shader text, read once a process: a few dozen small files. */
function loadSources(): Promise<ReadonlyMap<string, string>> {
  const decoder = new TextDecoder();
  return (loading ??= Promise.all(
    Object.entries(wgslFiles).map(async ([file, url]) => [file, decoder.decode(await readBytes(url))] as const),
  ).then((entries) => new Map(entries)));
}
