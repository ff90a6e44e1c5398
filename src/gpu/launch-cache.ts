// Pipelines and bind groups, made once and found again. A step is the same launches in the same order as the step
// before, so each launch remembers the two that followed it last: nearly always the next one is recognised there by
// comparing objects, without the strings and hashes of the keyed caches. Two, since beams alternate between two tables.
import type { Kernel } from "./kernel.ts";
import { byteLength, OFFSET_ALIGNMENT } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";
import { COMPUTE_STAGE } from "./usage.ts";
import type { DeviceContext } from "./context.ts";
import { composeModule } from "./wgsl-module.ts";
import type { WgslModule } from "./wgsl-module.ts";

type Names<T> = Readonly<Record<string, T>>;
type Constant = number | boolean;

const MAX_BIND_GROUPS = 16384;

/** A kernel with its constants, and with what is bound to it. */
export interface Launch {
  readonly kernel: Kernel;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly constants: readonly Constant[];
  /**
   * What the group binds, and how many bytes of it. Held, so that a buffer of a later tensor is never mistaken for one
   * of these, though that be destroyed and its memory another's.
   */
  readonly tensors: readonly Tensor[];
  readonly sizes: readonly number[];
  /** Of all that is bound. A tensor that is bound twice counts once: it stands where nothing is read. */
  readonly bytes: number;
  next: Launch | undefined;
  secondNext: Launch | undefined;
}

interface Pipeline {
  readonly gpu: GPUComputePipeline;
  readonly constants: readonly Constant[];
  readonly launches: Map<string, Launch>;
}
interface Layout {
  readonly bindings: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
}

/**
 * How many WebGPU objects were created: flat in steady state, which a test asserts. `guessed`: launches found without
 * their keys.
 */
export interface CacheCounters {
  pipelines: number;
  bindGroups: number;
  guessed: number;
}

export class LaunchCache {
  private readonly device: DeviceContext;
  private readonly counters: CacheCounters;
  private readonly paramsLayout: GPUBindGroupLayout;
  private compiling: { readonly kernel: Kernel; readonly module: WgslModule } | undefined;
  private readonly layouts = new Map<string, Layout>();
  private readonly pipelines = new Map<string, Pipeline>();
  private readonly bufferIds = new WeakMap<GPUBuffer, number>();
  private nextBufferId = 0;
  private cached = 0;
  private last: Launch | undefined;

  constructor(device: DeviceContext, counters: CacheCounters, paramsLayout: GPUBindGroupLayout) {
    this.device = device;
    this.counters = counters;
    this.paramsLayout = paramsLayout;
  }

  /** Throws when a tensor is of another dtype, exceeds the device's binding limit or starts where no binding may. */
  find(kernel: Kernel, constants: Names<Constant>, bindings: Names<Tensor>): Launch {
    const { last } = this;
    if (last) {
      const { next, secondNext } = last;
      const guess =
        next && matches(next, kernel, constants, bindings)
          ? next
          : secondNext && matches(secondNext, kernel, constants, bindings)
            ? secondNext
            : undefined;
      if (guess) {
        this.counters.guessed++;
        return (this.last = guess);
      }
    }
    const found = this.lookUp(kernel, this.pipeline(kernel, constants), bindings);
    if (last) {
      last.secondNext = last.next;
      last.next = found;
    }
    return (this.last = found);
  }

  /** A compile error with the kernel's name, and the line in its own file instead of the line in the joined text. */
  explain(message: string): string {
    const [, line] = /WGSL: :(\d+):\d+ error/.exec(message) ?? [];
    if (!this.compiling || line === undefined) return message;
    const { kernel, module } = this.compiling;
    return `${kernel.name}: ${module.origin(Number(line))}: ${message}`;
  }

  private lookUp(kernel: Kernel, pipeline: Pipeline, bindings: Names<Tensor>): Launch {
    let key = "";
    for (const [i, name] of kernel.bindingNames.entries()) {
      const tensor = bindings[name];
      if (tensor.dtype !== kernel.dtypes[i])
        throw new Error(`${kernel.name}: cannot bind ${name}: it is ${tensor.dtype}, expected ${kernel.dtypes[i]}`);
      const bytes = byteLength(tensor);
      if (bytes > this.device.maxBindingBytes) {
        throw new Error(
          `${kernel.name}: cannot bind ${name}: [${tensor.shape}] is ${bytes} bytes, ` +
            `the device binds at most ${this.device.maxBindingBytes}; launch it by windows.`,
        );
      }
      key += `${this.bufferId(tensor.buffer)}:${tensor.byteOffset}:${bytes};`;
    }
    const cached = pipeline.launches.get(key);
    if (cached) return cached;
    if (this.cached >= MAX_BIND_GROUPS) this.forget();
    const tensors = kernel.bindingNames.map((name) => bindings[name]);
    const entries = tensors.map((tensor, binding) => {
      const { buffer, byteOffset: offset } = tensor;
      if (offset % OFFSET_ALIGNMENT !== 0)
        throw new Error(
          `${kernel.name}: cannot bind ${kernel.bindingNames[binding]}: it starts at byte ${offset}, ` +
            `not a multiple of ${OFFSET_ALIGNMENT}`,
        );
      return { binding, resource: { buffer, offset, size: byteLength(tensor) } };
    });
    const group = this.device.gpu.createBindGroup({
      label: kernel.name,
      layout: this.layout(kernel).bindings,
      entries,
    });
    this.counters.bindGroups++;
    this.cached++;
    const sizes = tensors.map(byteLength);
    const launch: Launch = {
      kernel,
      pipeline: pipeline.gpu,
      group,
      constants: pipeline.constants,
      tensors,
      sizes,
      bytes: sizes.reduce((sum, size, i) => (tensors.indexOf(tensors[i]) === i ? sum + size : sum), 0),
      next: undefined,
      secondNext: undefined,
    };
    pipeline.launches.set(key, launch);
    return launch;
  }

  private forget(): void {
    for (const each of this.pipelines.values()) each.launches.clear();
    this.cached = 0;
    this.last = undefined; // from here the forgotten ones could still be reached
  }

  private pipeline(kernel: Kernel, constants: Names<Constant>): Pipeline {
    let key = `${kernel.id}`;
    for (const name of kernel.constantNames) key += `,${constants[name]}`;
    const cached = this.pipelines.get(key);
    if (cached) return cached;
    const module = composeModule(kernel, constants, (file) => this.device.wgsl(file));
    this.compiling = { kernel, module };
    const { gpu, profiler } = this.device;
    const began = profiler && performance.now();
    const shader = gpu.createShaderModule({ label: kernel.name, code: module.code });
    const created: Pipeline = {
      gpu: gpu.createComputePipeline({
        label: kernel.name,
        layout: this.layout(kernel).pipeline,
        compute: { module: shader, entryPoint: "main" },
      }),
      constants: kernel.constantNames.map((name) => constants[name]),
      launches: new Map(),
    };
    if (began !== undefined) profiler!.span("compile", `compile ${kernel.name}`, began);
    this.counters.pipelines++;
    this.pipelines.set(key, created);
    return created;
  }

  private layout(kernel: Kernel): Layout {
    const access = Object.values(kernel.bindings).map((binding) => binding.access);
    const hasParams = kernel.paramNames.length > 0;
    const key = `${access.join()};${hasParams}`;
    let layout = this.layouts.get(key);
    if (!layout) {
      const gpu = this.device.gpu;
      const bindings = gpu.createBindGroupLayout({
        entries: access.map((kind, binding) => ({
          binding,
          visibility: COMPUTE_STAGE,
          buffer: { type: kind === "read" ? ("read-only-storage" as const) : ("storage" as const) },
        })),
      });
      layout = {
        bindings,
        pipeline: gpu.createPipelineLayout({
          bindGroupLayouts: hasParams ? [bindings, this.paramsLayout] : [bindings],
        }),
      };
      this.layouts.set(key, layout);
    }
    return layout;
  }

  private bufferId(buffer: GPUBuffer): number {
    let id = this.bufferIds.get(buffer);
    if (id === undefined) this.bufferIds.set(buffer, (id = this.nextBufferId++));
    return id;
  }
}

function matches(launch: Launch, kernel: Kernel, constants: Names<Constant>, bindings: Names<Tensor>): boolean {
  if (launch.kernel !== kernel) return false;
  const { constantNames, bindingNames } = kernel;
  for (let i = 0; i < bindingNames.length; i++) {
    const tensor = bindings[bindingNames[i]],
      known = launch.tensors[i];
    if (tensor === known) continue;
    if (
      tensor.buffer !== known.buffer ||
      tensor.byteOffset !== known.byteOffset ||
      tensor.dtype !== known.dtype ||
      byteLength(tensor) !== launch.sizes[i]
    )
      return false;
  }
  for (let i = 0; i < constantNames.length; i++) if (constants[constantNames[i]] !== launch.constants[i]) return false;
  return true;
}
