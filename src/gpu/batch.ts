// Commands collected into one encoder with one open compute pass, sent by submit(). Pipelines and bind groups are cached,
// parameters go to 256-byte slots of one uniform buffer bound with a dynamic offset, so in steady state a dispatch creates
// no WebGPU object and writes no buffer of its own.
import { composeModule } from "./kernel.ts";
import type { Access, BindingsOf, ConstantsOf, ConstantType, Kernel, ParamsOf, ParamType, WgslModule } from "./kernel.ts";
import { byteLength, OFFSET_ALIGNMENT } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";
import type { Device } from "./device.ts";

type Names<T> = Readonly<Record<string, T>>;

const SLOT_BYTES = 256;
const SLOTS = 4096;                       // 1 MiB of parameters; a longer batch is split by itself
const MAX_WORKGROUPS = 65535;
const SMALL_UPLOAD_BYTES = 1 << 20;       // of uploads that travel inside a batch: ids, labels, tables
const UPLOAD_CHUNK = 8 << 20;             // writeBuffer stages its bytes until the next submit: never let it stage much
const MAX_BIND_GROUPS = 16384;
const UNIFORM_COPY_DST = 0x40 | 0x8;      // GPUBufferUsage.UNIFORM | COPY_DST
const COPY_SRC_COPY_DST = 0x4 | 0x8;
const COMPUTE = 0x4;                      // GPUShaderStage.COMPUTE

interface Pipeline { readonly gpu: GPUComputePipeline; readonly groups: Map<string, GPUBindGroup> }
interface Layout { readonly bindings: GPUBindGroupLayout; readonly pipeline: GPUPipelineLayout }

/** How many WebGPU objects were created: flat in steady state, which a test asserts. */
export interface BatchCounters { pipelines: number; bindGroups: number; submits: number; dispatches: number }

export class CommandBatch {
  readonly device: Device;
  readonly counters: BatchCounters = { pipelines: 0, bindGroups: 0, submits: 0, dispatches: 0 };
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  private readonly slots = new ArrayBuffer(SLOTS * SLOT_BYTES);
  private readonly slotsU32 = new Uint32Array(this.slots);
  private readonly slotsI32 = new Int32Array(this.slots);
  private readonly slotsF32 = new Float32Array(this.slots);
  private slot = 0;
  private readonly paramsBuffer: GPUBuffer;
  private readonly paramsLayout: GPUBindGroupLayout;
  private readonly paramsGroup: GPUBindGroup;
  private readonly uploads = new Uint8Array(SMALL_UPLOAD_BYTES);
  private uploaded = 0;
  private readonly uploadBuffer: GPUBuffer;
  private compiling: { readonly kernel: Kernel; readonly module: WgslModule } | undefined;
  private readonly layouts = new Map<string, Layout>();
  private readonly pipelines = new Map<string, Pipeline>();
  private readonly bufferIds = new WeakMap<GPUBuffer, number>();
  private nextBufferId = 0;
  private cachedGroups = 0;

  constructor(device: Device) {
    this.device = device;
    const gpu = device.gpu;
    this.paramsBuffer = gpu.createBuffer({ label: "params", size: SLOTS * SLOT_BYTES, usage: UNIFORM_COPY_DST });
    this.uploadBuffer = gpu.createBuffer({ label: "uploads", size: SMALL_UPLOAD_BYTES, usage: COPY_SRC_COPY_DST });
    this.paramsLayout = gpu.createBindGroupLayout({
      entries: [{ binding: 0, visibility: COMPUTE, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: SLOT_BYTES } }],
    });
    this.paramsGroup = gpu.createBindGroup({
      layout: this.paramsLayout,
      entries: [{ binding: 0, resource: { buffer: this.paramsBuffer, size: SLOT_BYTES } }],
    });
  }

  /**
   * Records one launch. `workgroups` is a count (folded into two dimensions past 65535: see lib/grid.wgsl) or [x, y] or [x, y, z].
   * Throws when a binding exceeds the device's binding limit or a dimension exceeds 65535. A launch of zero workgroups is nothing.
   */
  dispatch<B extends Names<Access>, P extends Names<ParamType>, K extends Names<ConstantType>>(
    kernel: Kernel<B, P, K>, constants: ConstantsOf<K>, bindings: BindingsOf<B>, params: ParamsOf<P>,
    workgroups: number | readonly [number, number] | readonly [number, number, number],
  ): void {
    const [x, y, z] = typeof workgroups === "number" ? fold(workgroups) : [workgroups[0], workgroups[1], workgroups[2] ?? 1];
    if (x === 0 || y === 0 || z === 0) return;
    if (x > MAX_WORKGROUPS || y > MAX_WORKGROUPS || z > MAX_WORKGROUPS) {
      throw new Error(`${kernel.name}: cannot launch ${x} x ${y} x ${z} workgroups: at most ${MAX_WORKGROUPS} in a dimension`);
    }
    const pipeline = this.pipeline(kernel as unknown as Kernel, constants);
    const group = this.bindGroup(kernel as unknown as Kernel, pipeline, bindings);
    if (this.slot === SLOTS) this.submit();
    const offset = this.writeParams(kernel as unknown as Kernel, params);
    this.counters.dispatches++;
    this.encoder ??= this.device.gpu.createCommandEncoder();
    const profiler = this.device.profiler;
    if (profiler) this.endPass();
    const pass = this.pass ??= this.encoder.beginComputePass(profiler?.passDescriptor(kernel.name));
    pass.setPipeline(pipeline.gpu);
    pass.setBindGroup(0, group);
    if (offset !== null) pass.setBindGroup(1, this.paramsGroup, [offset]);
    pass.dispatchWorkgroups(x, y, z);
    if (profiler) this.endPass();
  }

  /** Uploads `data` to the start of the tensor, in order with recorded work. Bytes must be a multiple of 4. */
  write(tensor: Tensor, data: Float32Array | Uint32Array | Int32Array | Uint8Array | Uint16Array): void {
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

  /** Copies bytes to a buffer that is not a tensor (read-back staging). */
  copyToBuffer(source: Tensor, target: GPUBuffer): void {
    this.transfer().copyBufferToBuffer(source.buffer, source.byteOffset, target, 0, byteLength(source));
  }

  /** Sets every element to zero. */
  clear(tensor: Tensor): void {
    this.transfer().clearBuffer(tensor.buffer, tensor.byteOffset, byteLength(tensor));
  }

  /** Sends everything recorded. Throws the device's first failure, if it had one. */
  submit(): void {
    this.device.throwIfFailed();
    if (!this.encoder) return;
    this.endPass();
    this.device.profiler?.resolve(this.encoder);
    const queue = this.device.gpu.queue;
    if (this.slot > 0) queue.writeBuffer(this.paramsBuffer, 0, this.slots, 0, this.slot * SLOT_BYTES);
    if (this.uploaded > 0) queue.writeBuffer(this.uploadBuffer, 0, this.uploads, 0, this.uploaded);
    queue.submit([this.encoder.finish()]);
    this.counters.submits++;
    this.encoder = null;
    this.slot = 0;
    this.uploaded = 0;
  }

  /** An upload between recorded launches: the bytes go with the batch, a recorded copy puts them in their place in order. */
  private writeInside(tensor: Tensor, data: ArrayBufferView): void {
    if (this.uploaded + data.byteLength > SMALL_UPLOAD_BYTES) this.submit();
    this.uploads.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), this.uploaded);
    this.transfer().copyBufferToBuffer(this.uploadBuffer, this.uploaded, tensor.buffer, tensor.byteOffset, data.byteLength);
    this.uploaded += data.byteLength;
  }

  private transfer(): GPUCommandEncoder {
    this.endPass();
    return this.encoder ??= this.device.gpu.createCommandEncoder();
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = null;
  }

  /** A compile error with the kernel's name, and the line in its own file instead of the line in the joined text. */
  explain(message: string): string {
    const [, line] = /WGSL: :(\d+):\d+ error/.exec(message) ?? [];
    if (!this.compiling || line === undefined) return message;
    const { kernel, module } = this.compiling;
    return `${kernel.name}: ${module.origin(Number(line))}: ${message}`;
  }

  private writeParams(kernel: Kernel, params: Names<number>): number | null {
    let at = this.slot * (SLOT_BYTES / 4);
    let any = false;
    for (const name in kernel.params) {
      const value = params[name];
      switch (kernel.params[name]) {
        case "u32": this.slotsU32[at] = value; break;
        case "i32": this.slotsI32[at] = value; break;
        default: this.slotsF32[at] = value;
      }
      at++;
      any = true;
    }
    if (!any) return null;
    return this.slot++ * SLOT_BYTES;
  }

  private pipeline(kernel: Kernel, constants: Names<number | boolean>): Pipeline {
    let key = `${kernel.id}`;
    for (const name in kernel.constants) key += `,${constants[name]}`;
    const cached = this.pipelines.get(key);
    if (cached) return cached;
    const module = composeModule(kernel, constants, (file) => this.device.wgsl(file));
    this.compiling = { kernel, module };
    const gpu = this.device.gpu;
    const shader = gpu.createShaderModule({ label: kernel.name, code: module.code });
    const created: Pipeline = {
      gpu: gpu.createComputePipeline({ label: kernel.name, layout: this.layout(kernel).pipeline, compute: { module: shader, entryPoint: "main" } }),
      groups: new Map(),
    };
    this.counters.pipelines++;
    this.pipelines.set(key, created);
    return created;
  }

  private layout(kernel: Kernel): Layout {
    const access = Object.values(kernel.bindings);
    const hasParams = Object.keys(kernel.params).length > 0;
    const key = `${access.join()};${hasParams}`;
    let layout = this.layouts.get(key);
    if (!layout) {
      const gpu = this.device.gpu;
      const bindings = gpu.createBindGroupLayout({
        entries: access.map((kind, binding) => ({
          binding, visibility: COMPUTE, buffer: { type: kind === "read" ? "read-only-storage" as const : "storage" as const },
        })),
      });
      layout = { bindings, pipeline: gpu.createPipelineLayout({ bindGroupLayouts: hasParams ? [bindings, this.paramsLayout] : [bindings] }) };
      this.layouts.set(key, layout);
    }
    return layout;
  }

  private bindGroup(kernel: Kernel, pipeline: Pipeline, bindings: Names<Tensor>): GPUBindGroup {
    let key = "";
    for (const name in kernel.bindings) {
      const tensor = bindings[name];
      const bytes = byteLength(tensor);
      if (bytes > this.device.maxBindingBytes) {
        throw new Error(`${kernel.name}: cannot bind ${name}: [${tensor.shape}] is ${bytes} bytes, the device binds at most ${this.device.maxBindingBytes}; launch it by windows.`);
      }
      key += `${this.bufferId(tensor.buffer)}:${tensor.byteOffset}:${bytes};`;
    }
    const cached = pipeline.groups.get(key);
    if (cached) return cached;
    if (this.cachedGroups >= MAX_BIND_GROUPS) {
      for (const each of this.pipelines.values()) each.groups.clear();
      this.cachedGroups = 0;
    }
    const entries = Object.keys(kernel.bindings).map((name, binding) => {
      const tensor = bindings[name];
      if (tensor.byteOffset % OFFSET_ALIGNMENT !== 0) throw new Error(`${kernel.name}: cannot bind ${name}: it starts at byte ${tensor.byteOffset}, not a multiple of ${OFFSET_ALIGNMENT}`);
      return { binding, resource: { buffer: tensor.buffer, offset: tensor.byteOffset, size: byteLength(tensor) } };
    });
    const group = this.device.gpu.createBindGroup({ label: kernel.name, layout: this.layout(kernel).bindings, entries });
    this.counters.bindGroups++;
    this.cachedGroups++;
    pipeline.groups.set(key, group);
    return group;
  }

  private bufferId(buffer: GPUBuffer): number {
    let id = this.bufferIds.get(buffer);
    if (id === undefined) this.bufferIds.set(buffer, id = this.nextBufferId++);
    return id;
  }
}

/** A count of workgroups as [x, y, 1] with both at most 65535; x * y may exceed the count, kernels guard their index. */
export function fold(count: number): [number, number, number] {
  if (count <= MAX_WORKGROUPS) return [count, 1, 1];
  const y = Math.ceil(count / MAX_WORKGROUPS);
  return [Math.ceil(count / y), y, 1];
}
