// Commands collected into one encoder with one open compute pass, sent by submit(), or before where they are many or
// long. Parameters go to 256-byte slots of one uniform buffer bound with a dynamic offset, so in steady state a
// dispatch creates no WebGPU object (see launch-cache.ts) and writes no buffer of its own.
import { encodeFloat16 } from "../files/float16.ts";
import type { Bindings, BindingsOf, Constants, ConstantsOf, Kernel, Params, ParamsOf } from "./kernel.ts";
import { LaunchCache } from "./launch-cache.ts";
import type { CacheCounters } from "./launch-cache.ts";
import { SubmitPace, unitsOf } from "./submit-pace.ts";
import { byteLength } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";
import { BUFFER_USAGE, COMPUTE_STAGE } from "./usage.ts";
import type { DeviceContext } from "./context.ts";

type Names<T> = Readonly<Record<string, T>>;

const SLOT_BYTES = 256;
const SLOTS = 4096; // 1 MiB of parameters; a longer batch is split by itself
const MAX_WORKGROUPS = 65535;
const SMALL_UPLOAD_BYTES = 1 << 20; // of uploads that travel inside a batch: ids, labels, tables
const UPLOAD_CHUNK = 8 << 20; // writeBuffer stages its bytes until the next submit: never let it stage much

export interface BatchCounters extends CacheCounters {
  submits: number;
  dispatches: number;
}

export class CommandBatch {
  /** Of the device, outside its pool. */
  readonly ownBytes = SLOTS * SLOT_BYTES + SMALL_UPLOAD_BYTES;
  readonly device: DeviceContext;
  /** Sends in time what would take a GPU long; undefined: nothing does. */
  pace: SubmitPace | undefined;
  readonly counters: BatchCounters = { pipelines: 0, bindGroups: 0, guessed: 0, submits: 0, dispatches: 0 };
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  /** What the open pass has set. */
  private passPipeline: GPUComputePipeline | null = null;
  private passGroup: GPUBindGroup | null = null;
  private readonly slots = new ArrayBuffer(SLOTS * SLOT_BYTES);
  private readonly slotsU32 = new Uint32Array(this.slots);
  private readonly slotsI32 = new Int32Array(this.slots);
  private readonly slotsF32 = new Float32Array(this.slots);
  private slot = 0;
  private readonly paramsBuffer: GPUBuffer;
  private readonly paramsGroup: GPUBindGroup;
  private readonly uploads = new Uint8Array(SMALL_UPLOAD_BYTES);
  private uploaded = 0;
  private readonly uploadBuffer: GPUBuffer;
  private readonly cache: LaunchCache;

  constructor(device: DeviceContext) {
    this.device = device;
    const gpu = device.gpu;
    this.pace = new SubmitPace(gpu.queue);
    this.paramsBuffer = gpu.createBuffer({ label: "params", size: SLOTS * SLOT_BYTES, usage: BUFFER_USAGE.params });
    this.uploadBuffer = gpu.createBuffer({ label: "uploads", size: SMALL_UPLOAD_BYTES, usage: BUFFER_USAGE.upload });
    const layout = gpu.createBindGroupLayout({
      entries: [
        {
          binding: 0,
          visibility: COMPUTE_STAGE,
          buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: SLOT_BYTES },
        },
      ],
    });
    this.cache = new LaunchCache(device, this.counters, layout);
    this.paramsGroup = gpu.createBindGroup({
      layout,
      entries: [{ binding: 0, resource: { buffer: this.paramsBuffer, size: SLOT_BYTES } }],
    });
  }

  /**
   * Records one launch. `workgroups` is a count (folded into two dimensions past 65535: see lib/grid.wgsl) or [x, y] or
   * [x, y, z]. Throws when a binding exceeds the device's binding limit or a dimension exceeds 65535. A launch of zero
   * workgroups is nothing.
   */
  dispatch<B extends Bindings, P extends Params, K extends Constants>(
    kernel: Kernel<B, P, K>,
    constants: ConstantsOf<K>,
    bindings: BindingsOf<B>,
    params: ParamsOf<P>,
    workgroups: number | readonly [number, number] | readonly [number, number, number],
  ): void {
    let x: number,
      y = 1,
      z = 1;
    if (typeof workgroups === "number") {
      if (workgroups <= MAX_WORKGROUPS) x = workgroups;
      else [x, y] = fold(workgroups);
    } else {
      x = workgroups[0];
      y = workgroups[1];
      z = workgroups[2] ?? 1;
    }
    if (x === 0 || y === 0 || z === 0) return;
    if (x > MAX_WORKGROUPS || y > MAX_WORKGROUPS || z > MAX_WORKGROUPS) {
      throw new Error(
        `${kernel.name}: cannot launch ${x} x ${y} x ${z} workgroups: at most ${MAX_WORKGROUPS} in a dimension`,
      );
    }
    const { pipeline, group, bytes: bound } = this.cache.find(kernel, constants, bindings);
    const { profiler } = this.device;
    const { flops = 0, bytes = bound } = kernel.work?.(params, bindings, constants) ?? {};
    const units = unitsOf(flops, bytes);
    if (this.slot === SLOTS || profiler?.full || this.pace?.isFull(units)) this.submit();
    this.pace?.add(units);
    const offset = this.writeParams(kernel, params);
    this.counters.dispatches++;
    this.encoder ??= this.device.gpu.createCommandEncoder();
    if (profiler) this.endPass();
    const descriptor = profiler?.launch(kernel.name, flops, bytes);
    const pass = (this.pass ??= this.encoder.beginComputePass(descriptor));
    if (pipeline !== this.passPipeline) pass.setPipeline((this.passPipeline = pipeline));
    if (group !== this.passGroup) pass.setBindGroup(0, (this.passGroup = group));
    // A new array each time: measured no slower through Dawn than one kept, or than a Uint32Array, or than a bind group
    // for every slot.
    if (offset >= 0) pass.setBindGroup(1, this.paramsGroup, [offset]);
    pass.dispatchWorkgroups(x, y, z);
    if (profiler) this.endPass();
  }

  /**
   * Uploads `given` to the start of the tensor, in order with recorded work. Bytes must be a multiple of 4. Floats for
   * an f16 tensor are rounded to it, ties to even.
   */
  write(tensor: Tensor, given: Float32Array | Uint32Array | Int32Array | Uint8Array | Uint16Array): void {
    const data = tensor.dtype === "f16" && given instanceof Float32Array ? wholeWords(given) : given;
    if (data.byteLength > byteLength(tensor)) {
      throw new Error(`write: ${data.byteLength} bytes do not fit [${tensor.shape}] ${tensor.dtype}`);
    }
    if (this.encoder && data.byteLength <= SMALL_UPLOAD_BYTES) {
      this.writeInside(tensor, data);
      return;
    }
    if (this.encoder) this.submit();
    const queue = this.device.gpu.queue;
    for (let at = 0; at < data.byteLength; at += UPLOAD_CHUNK) {
      const bytes = Math.min(UPLOAD_CHUNK, data.byteLength - at);
      queue.writeBuffer(tensor.buffer, tensor.byteOffset + at, data.buffer as ArrayBuffer, data.byteOffset + at, bytes);
      if (bytes === UPLOAD_CHUNK) queue.submit([]);
    }
  }

  /** Copies all of `source` to the start of `target`; they must not be in the same buffer. */
  copy(source: Tensor, target: Tensor): void {
    const bytes = byteLength(source);
    if (bytes > byteLength(target)) throw new Error(`copy: [${source.shape}] does not fit [${target.shape}]`);
    this.transfer().copyBufferToBuffer(source.buffer, source.byteOffset, target.buffer, target.byteOffset, bytes);
  }

  /** Copies bytes to a buffer that is not a tensor (read-back staging), from its byte `at` on. */
  copyToBuffer(source: Tensor, target: GPUBuffer, at: number): void {
    this.transfer().copyBufferToBuffer(source.buffer, source.byteOffset, target, at, byteLength(source));
  }

  /** Sets every element to zero. */
  clear(tensor: Tensor): void {
    this.transfer().clearBuffer(tensor.buffer, tensor.byteOffset, byteLength(tensor));
  }

  /** Sends everything recorded. Throws what failed on the device, see Failures. */
  submit(): void {
    this.send();
    this.device.failures.throwIfAny();
  }

  /** Sends everything recorded, and throws nothing: for what ends and must not leave work behind. */
  send(): void {
    if (!this.encoder) return;
    this.endPass();
    const submitted = this.device.profiler?.submitting(this.encoder);
    const queue = this.device.gpu.queue;
    if (this.slot > 0) queue.writeBuffer(this.paramsBuffer, 0, this.slots, 0, this.slot * SLOT_BYTES);
    if (this.uploaded > 0) queue.writeBuffer(this.uploadBuffer, 0, this.uploads, 0, this.uploaded);
    queue.submit([this.encoder.finish()]);
    submitted?.();
    this.pace?.sent();
    this.counters.submits++;
    this.encoder = null;
    this.slot = 0;
    this.uploaded = 0;
  }

  /**
   * An upload between recorded launches: the bytes go with the batch, a recorded copy puts them in their place in
   * order.
   */
  private writeInside(tensor: Tensor, data: ArrayBufferView): void {
    if (this.uploaded + data.byteLength > SMALL_UPLOAD_BYTES) this.submit();
    this.uploads.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), this.uploaded);
    this.transfer().copyBufferToBuffer(
      this.uploadBuffer,
      this.uploaded,
      tensor.buffer,
      tensor.byteOffset,
      data.byteLength,
    );
    this.uploaded += data.byteLength;
  }

  private transfer(): GPUCommandEncoder {
    this.endPass();
    return (this.encoder ??= this.device.gpu.createCommandEncoder());
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = null;
    this.passPipeline = null;
    this.passGroup = null;
  }

  /** A compile error in the terms of the kernel's own files. */
  explain(message: string): string {
    return this.cache.explain(message);
  }

  /** Where the kernel's parameters stand among the slots, in bytes; -1 when it has none. */
  private writeParams({ paramNames, paramTypes }: Kernel, params: Names<number>): number {
    if (paramNames.length === 0) return -1;
    const at = this.slot * (SLOT_BYTES / 4);
    for (let i = 0; i < paramNames.length; i++) {
      const value = params[paramNames[i]];
      switch (paramTypes[i]) {
        case "u32":
          this.slotsU32[at + i] = value;
          break;
        case "i32":
          this.slotsI32[at + i] = value;
          break;
        default:
          this.slotsF32[at + i] = value;
      }
    }
    return this.slot++ * SLOT_BYTES;
  }
}

/** As halves, and a zero where their number is odd. */
const wholeWords = (values: Float32Array): Uint16Array =>
  encodeFloat16(values, new Uint16Array(2 * Math.ceil(values.length / 2)));

/**
 * A count of workgroups as [x, y, 1] with both at most 65535; x * y may exceed the count, kernels guard their index.
 */
export function fold(count: number): [number, number, number] {
  if (count <= MAX_WORKGROUPS) return [count, 1, 1];
  const y = Math.ceil(count / MAX_WORKGROUPS);
  return [Math.ceil(count / y), y, 1];
}
