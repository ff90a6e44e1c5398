// The device: an adapter's every useful limit and feature, a buffer pool, one command batch, read-back, and one policy
// for errors (failures.ts): whatever fails is thrown by a submit or read, so nothing computes on in silence.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { decodeFloat16 } from "../files/float16.ts";
import { shaderSources } from "../wgsl/sources.ts";
import { CommandBatch } from "./batch.ts";
import { BufferPool } from "./buffer-pool.ts";
import { WORKGROUP_LIMITS } from "./context.ts";
import type { DeviceContext } from "./context.ts";
import { dryGpu } from "./dry-gpu.ts";
import { Failures } from "./failures.ts";
import { requestAdapter } from "./platform.ts";
import type { FoundAdapter } from "./platform.ts";
import { Profiler } from "./profiler.ts";
import { Staging } from "./staging.ts";
import { byteLength, elementCount } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";
import { checkTuning, resolveTuning } from "./tuning.ts";
import type { Tuning } from "./tuning.ts";

export interface DeviceOptions {
  /**
   * Pretend the device binds no more than this many bytes at once (at least 65536): larger tensors then go by windows.
   */
  readonly maxStorageBufferBindingSize?: number;
  /** Overrides of the tuning table, see tuning.ts: forces a kernel variant or a tile size. */
  readonly tuning?: Partial<Tuning>;
  /**
   * Measure GPU time per kernel, see Profiler: slows the run, since every dispatch gets a pass of its own. Without
   * timestamp-query only what was launched and how long each submit was under way.
   */
  readonly profile?: boolean;
}

const OPTIONS: FieldsOf<DeviceOptions> = { maxStorageBufferBindingSize: true, tuning: true, profile: true };

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
  /** Which variants run here. */
  readonly tuning: Tuning;
  readonly maxBindingBytes: number;
  /** Lanes of a subgroup, or 0 where there are none or their number varies. */
  readonly subgroupSize: number;
  /** Of a workgroup, copied: reading them from the GPUDevice costs half a microsecond each time. */
  readonly limits: Readonly<Record<(typeof WORKGROUP_LIMITS)[number], number>>;
  readonly pool: BufferPool;
  readonly batch: CommandBatch;
  readonly profiler: Profiler | undefined;
  readonly staging: Staging;
  readonly failures = new Failures();
  private readonly adapter: FoundAdapter;
  private readonly sources: ReadonlyMap<string, string>;
  private readonly options: DeviceOptions;
  /** Within createBuffer(): whether it has been said that there is no memory. */
  private shortage: boolean | undefined;
  private destroyed = false;

  constructor(gpu: GPUDevice, adapter: FoundAdapter, sources: ReadonlyMap<string, string>, options: DeviceOptions) {
    this.gpu = gpu;
    this.adapterKey = adapter.key;
    this.description = adapter.description;
    this.software = adapter.software;
    this.hint = adapter.hint;
    this.adapter = adapter;
    this.sources = sources;
    this.options = options;
    this.maxBindingBytes = Math.min(
      gpu.limits.maxStorageBufferBindingSize,
      options.maxStorageBufferBindingSize ?? Infinity,
    );
    const { subgroupMinSize, subgroupMaxSize } = adapter.adapter.info;
    this.subgroupSize =
      gpu.features.has("subgroups") && subgroupMinSize === subgroupMaxSize ? (subgroupMinSize ?? 0) : 0;
    this.tuning = resolveTuning(
      {
        adapterKey: adapter.key,
        software: adapter.software,
        subgroups: gpu.features.has("subgroups"),
        subgroupSize: this.subgroupSize,
        subgroupId: adapter.wgslFeatures.has("subgroup_id"),
      },
      options.tuning,
    );
    this.limits = Object.fromEntries(WORKGROUP_LIMITS.map((name) => [name, gpu.limits[name]])) as Device["limits"];
    this.pool = new BufferPool({
      gpu,
      maxBufferBytes: gpu.limits.maxBufferSize,
      sendRecorded: () => this.batch.send(),
      createBuffer: (descriptor, late) => this.createBuffer(descriptor, late),
      fail: (error) => this.failures.fail(error),
    });
    this.profiler = options.profile ? new Profiler(gpu) : undefined;
    this.batch = new CommandBatch(this);
    this.staging = new Staging(this.batch);
    gpu.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      const outOfMemory = error.constructor.name === "GPUOutOfMemoryError" || /out of memory/i.test(error.message);
      if (!outOfMemory) this.failures.fail(new Error(this.batch.explain(error.message)));
      else if (this.shortage === undefined) this.failures.fail(this.pool.outOfMemory());
      else this.shortage = true;
    });
    gpu.lost.then(
      ({ reason, message }) =>
        this.failures.lose(
          new UserError(
            `The GPU device was lost (${reason}: ${message}): what was saved is safe; start again, with a smaller ` +
              "batch if memory was short.",
          ),
        ),
      () => {},
    );
  }

  /** See PoolDevice.createBuffer. */
  private createBuffer(descriptor: GPUBufferDescriptor, late: () => void): GPUBuffer | undefined {
    this.failures.throwIfLost();
    if (this.adapter.errorsAtOnce) {
      this.shortage = false;
      const buffer = this.gpu.createBuffer(descriptor);
      const { shortage } = this;
      this.shortage = undefined;
      return shortage ? undefined : buffer;
    }
    this.gpu.pushErrorScope("out-of-memory");
    const buffer = this.gpu.createBuffer(descriptor);
    this.failures.expect(
      this.gpu.popErrorScope().then(
        (error) => error && late(),
        () => {}, // a lost device's: its reason is told otherwise
      ),
    );
    return buffer;
  }

  /**
   * A device as this one is, that takes no memory and computes nothing: its pool counts what a run would take here.
   * Whatever is read from it is zero. The caller disposes of it.
   */
  dry(): Device {
    return new Device(dryGpu(this.gpu), this.adapter, this.sources, { ...this.options, profile: false });
  }

  /** Throws what has failed on the device and was told to nobody yet; the reason of a lost device every time. */
  throwIfFailed(): void {
    this.failures.throwIfAny();
  }

  /** Text of a file under src/wgsl. */
  wgsl(file: string): string {
    const text = this.sources.get(file);
    if (text === undefined) throw new Error(`wgsl: no shader file ${file}; add it to src/wgsl/index.ts`);
    return text;
  }

  /** A new tensor from the pool holding `data`, f32 rounded to f16 where that is asked for; the caller releases it. */
  tensor(data: Float32Array | Uint32Array, shape: readonly number[], dtype?: "f16"): Tensor {
    if (data.length !== elementCount(shape)) throw new Error(`tensor: ${data.length} values do not fill [${shape}]`);
    const tensor = this.pool.acquire(shape, dtype ?? (data instanceof Float32Array ? "f32" : "u32"));
    this.batch.write(tensor, data);
    return tensor;
  }

  /** The elements of an f32 or f16 tensor, after all recorded work. */
  async read(tensor: Tensor): Promise<Float32Array> {
    const bytes = await this.stage(tensor)();
    if (tensor.dtype !== "f16") return new Float32Array(bytes);
    return decodeFloat16(new Uint16Array(bytes, 0, elementCount(tensor.shape)));
  }

  /** The u32 elements of a tensor, after all recorded work. */
  async readU32(tensor: Tensor): Promise<Uint32Array> {
    return new Uint32Array(await this.stage(tensor)());
  }

  /** Submits what is recorded and resolves when the GPU has done it. */
  async finish(): Promise<void> {
    const { mark } = this.failures;
    this.batch.submit();
    await this.gpu.queue.onSubmittedWorkDone();
    await this.failures.told();
    this.failures.throwSince(mark);
  }

  /**
   * Sends what is recorded and frees everything, once. Whatever was made on this device throws afterwards where it is
   * used, and does nothing where it is destroyed or disposed of in turn.
   */
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.failures.lose(new Error("The device was destroyed: open another with requestDevice()."));
    this.pool.destroy();
    this.gpu.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /**
   * Sets a tensor's bytes aside, after all recorded work, and submits that; call the result, once, to wait for them.
   */
  stage(tensor: Tensor): () => Promise<ArrayBuffer> {
    const staged = this.staging.open(byteLength(tensor));
    try {
      staged.add(tensor);
      this.batch.submit();
    } catch (error) {
      staged.dispose();
      throw error;
    }
    return () => staged.read();
  }
}

/**
 * Opens the best adapter (see platform.ts) with every limit and feature this library uses.
 * Throws UserError when there is none, or an option is out of range or not known.
 */
export async function requestDevice(options: DeviceOptions = {}): Promise<Device> {
  expectFields("requestDevice()", options, OPTIONS);
  checkTuning(options.tuning ?? {}); // before an adapter is opened
  const small = options.maxStorageBufferBindingSize;
  if (small !== undefined && !(small >= 65536)) {
    throw new UserError(`maxStorageBufferBindingSize is ${small}, expected at least 65536.`);
  }
  const [found, sources] = await Promise.all([requestAdapter(), shaderSources()]);
  const { adapter } = found;
  const requiredLimits: Record<string, number> = {};
  for (const name of LIMITS) requiredLimits[name] = adapter.limits[name];
  const requiredFeatures = FEATURES.filter((feature) => adapter.features.has(feature));
  const gpu = await adapter.requestDevice({ requiredLimits, requiredFeatures: requiredFeatures as GPUFeatureName[] });
  return new Device(gpu, found, sources, options);
}
