// What forward() returns: values that stay on the GPU until they are read, the loss with its backward(), and one
// dispose().
import type { Tape } from "../autograd/tape.ts";
import type { Variable } from "../autograd/variable.ts";
import type { Device } from "../gpu/device.ts";
import { elementCount } from "../gpu/tensor.ts";
import type { Shape, Tensor } from "../gpu/tensor.ts";
import type { KVCache } from "./kv-cache.ts";

/** A result on the GPU. `shape` is what read() returns; the tensor's rows may be padded at the end (logits). */
export class Output {
  readonly tensor: Tensor;
  readonly shape: Shape;
  private readonly device: Device;

  constructor(device: Device, tensor: Tensor, shape: Shape) {
    this.device = device;
    this.tensor = tensor;
    this.shape = shape;
  }

  /** The values, row-major in `shape`. Waits for the GPU. */
  async read(): Promise<Float32Array> {
    const values = await this.device.read(this.tensor);
    const width = this.shape[this.shape.length - 1];
    const stride = this.tensor.shape[this.tensor.shape.length - 1];
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

  constructor(tape: Tape, variable: Variable) {
    super(tape.device, variable.value, [1]);
    this.tape = tape;
    this.variable = variable;
  }

  /** The number. Waits for the GPU. */
  async item(): Promise<number> {
    return (await this.read())[0];
  }

  /**
   * Adds d loss / d parameter to every parameter's grad; once. Logits and hidden states of this forward are gone
   * afterwards.
   */
  backward(): void {
    this.tape.backward(this.variable);
  }
}

export interface BaseModelOutput {
  /** [B, T, C], after ln_f. */
  readonly lastHiddenState: Output;
  /** Embedding output, then each block's (the last one after ln_f): nLayer + 1 of [B, T, C]. Only when asked for. */
  readonly hiddenStates: readonly Output[] | undefined;
  /** One per layer: [B, heads, T, past + T], rows of the softmax. Only when asked for. */
  readonly attentions: readonly Output[] | undefined;
  /** The cache, grown by this input. Only when one was given or useCache is set. */
  readonly pastKeyValues: KVCache | undefined;
  /** Returns this output's GPU memory to the pool (the cache stays). Nothing of it can be read afterwards. */
  dispose(): void;
}

export interface CausalLMOutput extends Omit<BaseModelOutput, "lastHiddenState"> {
  /** Only with labels. */
  readonly loss: Loss | undefined;
  /** [B, T, V], or [B, 1, V] when only the last position was asked for; undefined under keepLogits: false. */
  readonly logits: Output | undefined;
}
