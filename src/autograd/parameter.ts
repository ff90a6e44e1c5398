// Parameters live in a few flat buffers (values, gradients, and the optimizer's moments beside them), each parameter a
// slice on a 256-byte boundary: an optimizer step is then a handful of launches over ranges instead of one a parameter.
import { UserError } from "../errors.ts";
import type { Device } from "../gpu/device.ts";
import { Scope } from "../gpu/scope.ts";
import { byteLength, elementCount, OFFSET_ALIGNMENT } from "../gpu/tensor.ts";
import type { Shape, Tensor } from "../gpu/tensor.ts";
import type { Parameter } from "./variable.ts";

/** One flat buffer's worth of parameters; `values`, `grads` and moments share the layout. */
export interface Chunk {
  readonly elements: number;
  readonly values: Tensor;
  readonly grads: Tensor | null;
}

export class ParameterStore {
  readonly device: Device;
  readonly chunks: readonly Chunk[];
  private readonly parameters = new Map<string, Parameter>();
  private readonly scope: Scope;

  /**
   * Lays the named shapes out in the order given, in as few buffers as the device's buffer size allows. Values are
   * zero. Without `gradients` (generation only) no gradient memory is taken and no parameter requires one. Throws
   * UserError when there is not the memory for it, and has then taken none; destroy() frees it.
   */
  constructor(device: Device, shapes: ReadonlyMap<string, Shape>, { gradients }: { readonly gradients: boolean }) {
    this.device = device;
    const maxBytes = Math.floor(device.gpu.limits.maxBufferSize / OFFSET_ALIGNMENT) * OFFSET_ALIGNMENT;
    const plan: { name: string; shape: Shape; chunk: number; offset: number }[] = [];
    const sizes: number[] = [];
    for (const [name, shape] of shapes) {
      const bytes = Math.ceil((elementCount(shape) * 4) / OFFSET_ALIGNMENT) * OFFSET_ALIGNMENT;
      if (bytes > maxBytes)
        throw new UserError(
          `The model does not fit this device: ${name} [${shape}] takes ${bytes} bytes, its largest buffer is ` +
            `${maxBytes}; use a smaller model.`,
        );
      if (sizes.length === 0 || sizes[sizes.length - 1] + bytes > maxBytes) sizes.push(0);
      plan.push({ name, shape, chunk: sizes.length - 1, offset: sizes[sizes.length - 1] / 4 });
      sizes[sizes.length - 1] += bytes;
    }
    this.scope = new Scope(device.pool, "This model's memory");
    this.chunks = device.pool.attempt(() =>
      sizes.map((bytes) => ({
        elements: bytes / 4,
        values: this.scope.adopt(device.pool.reserve(bytes / 4)),
        grads: gradients ? this.scope.adopt(device.pool.reserve(bytes / 4)) : null,
      })),
    );
    for (const { name, shape, chunk, offset } of plan) {
      const { values, grads } = this.chunks[chunk];
      const value: Tensor = { ...values, byteOffset: offset * 4, shape };
      const grad: Tensor | undefined = grads ? { ...grads, byteOffset: offset * 4, shape } : undefined;
      this.parameters.set(name, { name, value, grad, requiresGrad: gradients, chunk, offset });
    }
  }

  get(name: string): Parameter {
    const parameter = this.parameters.get(name);
    if (!parameter) throw new Error(`ParameterStore: no parameter ${name}`);
    return parameter;
  }

  all(): IterableIterator<Parameter> {
    return this.parameters.values();
  }

  /** Numbers in all parameters. */
  get elementCount(): number {
    return [...this.all()].reduce((sum, { value }) => sum + elementCount(value.shape), 0);
  }

  get hasGradients(): boolean {
    return this.chunks[0].grads !== null;
  }

  /** Sets every gradient to zero. */
  zeroGrad(): void {
    for (const { grads } of this.chunks) if (grads) this.device.batch.clear(grads);
  }

  /** Bytes of values and gradients on the GPU. */
  get bytes(): number {
    return this.chunks.reduce(
      (sum, { values, grads }) => sum + byteLength(values) + (grads ? byteLength(grads) : 0),
      0,
    );
  }

  /** Throws Error when the memory was freed. */
  expectOpen(): void {
    this.scope.expectOpen();
  }

  /** Frees the memory, once, after what is recorded has been sent: a step begun ahead may still read it. */
  destroy(why = "the model was destroyed"): void {
    this.scope.end(why);
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}
