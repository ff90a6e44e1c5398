// Tensors of one trial: filled by a seed, and given back together.
import type { Device } from "../gpu/device.ts";
import { elementCount } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { Random } from "../random.ts";

export class TrialTensors {
  readonly device: Device;
  private readonly held: Tensor[] = [];
  private readonly random = new Random(1);

  constructor(device: Device) {
    this.device = device;
  }

  /** Normal numbers, and what they are. */
  normal(shape: readonly number[], deviation = 1): readonly [Tensor, Float32Array] {
    const values = Float32Array.from({ length: elementCount(shape) }, () => deviation * this.random.normal());
    return [this.of(values, shape), values];
  }

  of(values: Float32Array | Uint32Array, shape: readonly number[]): Tensor {
    const tensor = this.device.tensor(values, shape);
    this.held.push(tensor);
    return tensor;
  }

  zeros(...shape: number[]): Tensor {
    return this.of(new Float32Array(elementCount(shape)), shape);
  }

  integers(shape: readonly number[], at: (i: number) => number): Tensor {
    return this.of(
      Uint32Array.from({ length: elementCount(shape) }, (_, i) => at(i)),
      shape,
    );
  }

  release(): void {
    for (const tensor of this.held.splice(0)) this.device.pool.release(tensor);
  }
}
