// Parameters live in a few flat buffers (values, gradients, and the optimizer's moments beside them), each parameter a
// slice on a 256-byte boundary, of f16 copies, too: an optimizer step is then a handful of launches over ranges instead
// of one a parameter.
// Matrices may be kept as f16, which halves what a model takes that is not trained; biases and layer norms stay f32:
// they are a thousandth of it.
import { UserError } from "../errors.ts";
import { beyondFloat16 } from "../files/float16.ts";
import type { Device } from "../gpu/device.ts";
import { Scope } from "../gpu/scope.ts";
import { byteLength, bytesPerElement, elementCount, OFFSET_ALIGNMENT } from "../gpu/tensor.ts";
import type { Shape, Tensor } from "../gpu/tensor.ts";
import { halfCopy } from "../kernels/half-copy.ts";
import type { Stored } from "../kernels/stored.ts";
import type { Parameter } from "./variable.ts";

/** Values: a parameter starts at a multiple, where its copy in f16 can be bound, too (keepHalves). */
export const PARAMETER_ALIGNMENT = OFFSET_ALIGNMENT / bytesPerElement("f16");

/** One flat buffer's worth of parameters; `values`, `grads` and moments share the layout. Frozen ones have no grads. */
export interface Chunk {
  readonly elements: number;
  readonly values: Tensor;
  readonly grads: Tensor | null;
}

/** f16 copies of all chunks' values, in their layout. */
interface Halves {
  readonly scope: Scope;
  readonly chunks: readonly Tensor[];
  readonly byName: ReadonlyMap<string, Tensor>;
}

/** A chunk of parameters that are trained. */
export interface TrainableChunk extends Chunk {
  readonly grads: Tensor;
}

/** Which parameters are trained: all of them, none, or those of these names. */
export type Trainable = boolean | ((name: string) => boolean);

export class ParameterStore {
  readonly device: Device;
  /** Those of trained parameters come first. */
  readonly chunks: readonly Chunk[];
  /** As the constructor was told. */
  readonly gradients: Trainable;
  /** Of matrices. */
  readonly dtype: Stored;
  private readonly parameters = new Map<string, Parameter>();
  private readonly scope: Scope;
  private halves: Halves | undefined;

  /**
   * Lays the named shapes out in the order given, in as few buffers as the device's buffer size allows; frozen
   * parameters apart from those that `gradients` says are trained: they take no gradient memory and require none.
   * `dtype`: of matrices; default f32, and f16 only where none is trained. Values are zero. Throws UserError when there
   * is not the memory for it, and has then taken none; destroy() frees it.
   */
  constructor(
    device: Device,
    shapes: ReadonlyMap<string, Shape>,
    { gradients, dtype = "f32" }: { readonly gradients: Trainable; readonly dtype?: Stored },
  ) {
    if (dtype === "f16" && gradients !== false)
      throw new UserError(
        "A model of dtype f16 is for generation and evaluation: training rounds each small update away; load it " +
          "with dtype f32 to train it.",
      );
    this.device = device;
    this.gradients = gradients;
    this.dtype = dtype;
    const trained = (name: string): boolean => (typeof gradients === "function" ? gradients(name) : gradients);
    const names = [...shapes.keys()];
    const dtypeOf = (name: string): Stored => (shapes.get(name)!.length > 1 ? dtype : "f32");
    const plan = [[true, "f32"] as const, [false, "f16"] as const, [false, "f32"] as const].flatMap(
      ([isTrained, kind]) => {
        const together = names.filter((name) => trained(name) === isTrained && dtypeOf(name) === kind);
        return planChunks(device, shapes, together, kind);
      },
    );
    this.scope = new Scope(device.pool, "This model's memory");
    this.chunks = device.pool.attempt(() =>
      plan.map(({ elements, places }) => ({
        elements,
        values: this.scope.adopt(device.pool.reserve(elements, dtypeOf(places[0].name))),
        grads: trained(places[0].name) ? this.scope.adopt(device.pool.reserve(elements)) : null,
      })),
    );
    const places = new Map(plan.flatMap(({ places }, chunk) => places.map((at) => [at.name, { ...at, chunk }])));
    for (const [name, shape] of shapes) {
      const { chunk, offset } = places.get(name)!;
      const { values, grads } = this.chunks[chunk];
      const value: Tensor = { ...values, byteOffset: offset * bytesPerElement(values.dtype), shape };
      const grad: Tensor | undefined = grads ? { ...grads, byteOffset: offset * 4, shape } : undefined;
      const halfOf = (): Tensor | undefined => this.halves?.byName.get(name);
      this.parameters.set(name, {
        name,
        value,
        grad,
        requiresGrad: grads !== null,
        chunk,
        offset,
        get half() {
          return halfOf();
        },
      });
    }
  }

  get(name: string): Parameter {
    const parameter = this.parameters.get(name);
    if (!parameter) throw new Error(`ParameterStore: no parameter ${name}`);
    return parameter;
  }

  /** The values of a parameter, as floats, after all recorded work. */
  read(name: string): Promise<Float32Array> {
    return this.device.read(this.get(name).value);
  }

  /**
   * Sets the values of a parameter, in order with recorded work. Throws UserError for one that is too large for what it
   * is kept as.
   */
  write(name: string, values: Float32Array): void {
    const { value, half } = this.get(name);
    const beyond = value.dtype === "f16" ? beyondFloat16(values) : undefined;
    if (beyond !== undefined)
      throw new UserError(`Tensor ${name} holds ${beyond}, but f16 ends at 65504; load the model with dtype f32.`);
    this.device.batch.write(value, values);
    if (half) halfCopy(this.device.batch, { x: value, y: half });
  }

  /**
   * Keeps an f16 copy of every value from now on, which write() and the optimizer keep up, until dropHalves() or
   * destroy(): what products read in mixed precision. Throws UserError when there is not the memory, having taken none.
   */
  keepHalves(): void {
    this.expectOpen();
    if (this.halves) throw new Error("ParameterStore.keepHalves(): it keeps them already");
    const { pool } = this.device;
    const scope = new Scope(pool, "The f16 copies of the weights");
    const chunks = pool.attempt(() => this.chunks.map(({ elements }) => scope.adopt(pool.reserve(elements, "f16"))));
    const byName = new Map<string, Tensor>();
    for (const { name, value, chunk, offset } of this.all())
      byName.set(name, { ...chunks[chunk], byteOffset: 2 * offset, shape: value.shape });
    this.halves = { scope, chunks, byName };
    this.copyHalves();
  }

  /** Makes the copies anew, where there are any: values were changed otherwise than by write() and the optimizer. */
  copyHalves(): void {
    this.halves?.chunks.forEach((y, i) => halfCopy(this.device.batch, { x: this.chunks[i].values, y }));
  }

  /** Of a chunk, where they are kept. */
  halvesOf(chunk: number): Tensor | undefined {
    return this.halves?.chunks[chunk];
  }

  /** Frees the copies, if there are any, after what is recorded has been sent. */
  dropHalves(): void {
    this.halves?.scope.end("the f16 copies were dropped");
    this.halves = undefined;
  }

  all(): IterableIterator<Parameter> {
    return this.parameters.values();
  }

  /** The parameters that are trained, in the order of all(). */
  trainable(): Parameter[] {
    return [...this.all()].filter(({ requiresGrad }) => requiresGrad);
  }

  /** Their buffers: a trained parameter's `chunk` counts in this list as in `chunks`. */
  get trainableChunks(): readonly TrainableChunk[] {
    return this.chunks.filter((chunk): chunk is TrainableChunk => chunk.grads !== null);
  }

  /** Numbers in all parameters. */
  get elementCount(): number {
    return countElements(this.all());
  }

  /** Numbers in those that are trained. */
  get trainableCount(): number {
    return countElements(this.trainable());
  }

  /** Whether any parameter is trained. */
  get hasGradients(): boolean {
    return this.chunks[0].grads !== null;
  }

  /** Sets every gradient to zero. */
  zeroGrad(): void {
    for (const { grads } of this.chunks) if (grads) this.device.batch.clear(grads);
  }

  /** Bytes that training takes: values, and of trained ones a gradient and two moments each. */
  get trainingBytes(): number {
    return this.chunks.reduce((sum, { values, grads }) => sum + byteLength(values) * (grads ? 4 : 1), 0);
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
    this.dropHalves();
    this.scope.end(why);
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

function countElements(parameters: Iterable<Parameter>): number {
  return [...parameters].reduce((sum, { value }) => sum + elementCount(value.shape), 0);
}

/** Where the named parameters lie, in elements, in flat buffers of at most the device's size. */
function planChunks(
  device: Device,
  shapes: ReadonlyMap<string, Shape>,
  names: readonly string[],
  dtype: Stored,
): { elements: number; places: { readonly name: string; readonly offset: number }[] }[] {
  const bytes = bytesPerElement(dtype);
  const aligned = PARAMETER_ALIGNMENT;
  const most = Math.floor(device.gpu.limits.maxBufferSize / bytes / aligned) * aligned;
  const chunks: { elements: number; places: { readonly name: string; readonly offset: number }[] }[] = [];
  for (const name of names) {
    const shape = shapes.get(name)!;
    const elements = Math.ceil(elementCount(shape) / aligned) * aligned;
    if (elements > most)
      throw new UserError(
        `The model does not fit this device: ${name} [${shape}] takes ${bytes * elements} bytes, its largest buffer ` +
          `is ${bytes * most}; use a smaller model.`,
      );
    if (chunks.length === 0 || chunks[chunks.length - 1].elements + elements > most)
      chunks.push({ elements: 0, places: [] });
    const chunk = chunks[chunks.length - 1];
    chunk.places.push({ name, offset: chunk.elements });
    chunk.elements += elements;
  }
  return chunks;
}
