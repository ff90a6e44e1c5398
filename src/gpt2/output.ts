// What forward() returns: values that stay on the GPU until they are read, the loss with its backward(), and one
// dispose().
import type { Tape } from "../autograd/tape.ts";
import type { Variable } from "../autograd/variable.ts";
import { UserError } from "../errors.ts";
import type { Device } from "../gpu/device.ts";
import type { Scope } from "../gpu/scope.ts";
import { elementCount } from "../gpu/tensor.ts";
import type { Shape, Tensor } from "../gpu/tensor.ts";
import type { KVCache } from "./kv-cache.ts";

/** A result on the GPU. `shape` is what read() returns; the tensor's rows may be padded at the end (logits). */
export class Output {
  readonly shape: Shape;
  private readonly device: Device;
  private readonly scope: Scope;
  private readonly value: Tensor;

  /** `scope` owns the tensor: with its end nothing can be read any more. */
  constructor(device: Device, scope: Scope, value: Tensor, shape: Shape) {
    this.device = device;
    this.scope = scope;
    this.value = value;
    this.shape = shape;
  }

  /** Where the values lie. Throws Error after dispose(), or backward() where that took the memory. */
  get tensor(): Tensor {
    this.scope.expectOpen();
    return this.value;
  }

  /** The values, row-major in `shape`. Waits for the GPU. Throws Error as `tensor` does. */
  async read(): Promise<Float32Array> {
    const { tensor } = this;
    const values = await this.device.read(tensor);
    const width = this.shape[this.shape.length - 1];
    const stride = tensor.shape[tensor.shape.length - 1];
    if (stride === width) return values;
    const rows = elementCount(this.shape) / width;
    const packed = new Float32Array(rows * width);
    for (let n = 0; n < rows; n++) packed.set(values.subarray(n * stride, n * stride + width), n * width);
    return packed;
  }
}

/** The mean (or sum) of the cross-entropy of the labels that count, a scalar on the GPU. */
export class Loss extends Output {
  private readonly tape: Tape;
  private readonly variable: Variable;

  constructor(tape: Tape, scope: Scope, variable: Variable) {
    super(tape.device, scope, variable.value, [1]);
    this.tape = tape;
    this.variable = variable;
  }

  /** The number. Waits for the GPU. */
  async item(): Promise<number> {
    return (await this.read())[0];
  }

  /**
   * Adds d loss / d parameter to every parameter's grad; once. Logits and hidden states of this forward are gone
   * afterwards: read them before. Throws Error the second time, and where forward() recorded nothing.
   */
  backward(): void {
    this.tape.backward(this.variable);
  }
}

/** What forward() returned as a tuple in transformers 2.x: [0] the loss where there are labels, else the logits. */
export type OutputElement = Output | KVCache | readonly Output[];

/**
 * What there is of an output, in transformers' order: loss, logits (of GPT2Model: lastHiddenState), pastKeyValues,
 * hiddenStates, attentions. Absent ones take no place, as in its to_tuple().
 */
export interface TupleAccess extends Iterable<OutputElement> {
  /** Element `index`, from the end where that is below 0. Throws UserError where there is none. */
  at(index: number): OutputElement;
  toTuple(): readonly OutputElement[];
}

/** Ends with dispose(), or where `using` declared it; twice is once. */
export interface ForwardOutput extends Disposable, TupleAccess {
  /** Returns this output's GPU memory to the pool (the cache stays). Nothing of it can be read afterwards. */
  dispose(): void;
}

export interface BaseModelOutput extends ForwardOutput {
  /** [B, T, C], after ln_f. */
  readonly lastHiddenState: Output;
  /** Embedding output, then each block's (the last one after ln_f): nLayer + 1 of [B, T, C]. Only when asked for. */
  readonly hiddenStates: readonly Output[] | undefined;
  /** One per layer: [B, heads, T, past + T], rows of the softmax. Only when asked for. */
  readonly attentions: readonly Output[] | undefined;
  /**
   * The cache, grown by this input. Only when one was given or useCache is set; the caller destroys it, this output's
   * dispose() does not.
   */
  readonly pastKeyValues: KVCache | undefined;
}

export interface CausalLMOutput extends Omit<BaseModelOutput, "lastHiddenState"> {
  /** Only with labels. */
  readonly loss: Loss | undefined;
  /** [B, T, V], or [B, 1, V] when only the last position was asked for; undefined under keepLogits: false. */
  readonly logits: Output | undefined;
}

/** What forward() returns of an input with labels. */
export interface LabelledOutput extends CausalLMOutput {
  readonly loss: Loss;
  at(index: 0): Loss;
  at(index: number): OutputElement;
}

/** dispose() for an output whose values these scopes own. */
export function disposing(
  ...scopes: readonly { end(by: string): void }[]
): Pick<ForwardOutput, "dispose"> & Disposable {
  const dispose = (): void => scopes.forEach((scope) => scope.end("it was disposed of"));
  return { dispose, [Symbol.dispose]: dispose };
}

/** at() and its like over the elements that there are. */
export function tupleOf(...elements: readonly (OutputElement | undefined)[]): TupleAccess {
  const tuple = elements.filter((element) => element !== undefined);
  return {
    at(index) {
      const element = Number.isInteger(index) ? tuple.at(index) : undefined;
      if (element !== undefined) return element;
      throw new UserError(
        `This output has ${tuple.length} element${tuple.length === 1 ? "" : "s"}, and at(${index}) is none of them; ` +
          "what else forward() can return must be asked for (labels, outputHiddenStates, ...).",
      );
    },
    toTuple: () => tuple,
    [Symbol.iterator]: () => tuple[Symbol.iterator](),
  };
}
