// Tensors for one benchmark case: seeded contents, handed back together. Contents are ordinary numbers, since zeros,
// NaN and denormals take other times on some adapters.
import type { Device } from "../src/gpu/device.ts";
import { elementCount } from "../src/gpu/tensor.ts";
import type { Shape, Tensor } from "../src/gpu/tensor.ts";
import { Random } from "../src/random.ts";

const BLOCK = 65_521; // a prime: rows of a matrix do not repeat each other

export class Workspace {
  readonly device: Device;
  private readonly held: Tensor[] = [];
  private readonly releases: (() => void)[] = [];
  private readonly random = new Random(1);
  private readonly normals = Float32Array.from({ length: BLOCK }, () => this.random.normal());

  constructor(device: Device) {
    this.device = device;
  }

  /** Normal numbers of this standard deviation. */
  normal(shape: Shape, deviation = 1): Tensor {
    const values = new Float32Array(elementCount(shape));
    const block = deviation === 1 ? this.normals : this.normals.map((value) => value * deviation);
    for (let at = 0; at < values.length; at += BLOCK) values.set(block.subarray(0, values.length - at), at);
    return this.keep(this.device.tensor(values, shape));
  }

  /** Whole numbers below `limit`, or just those given. */
  integers(shape: Shape, from: number | ArrayLike<number>): Tensor {
    const values =
      typeof from === "number"
        ? Uint32Array.from({ length: elementCount(shape) }, () => this.random.below(from))
        : Uint32Array.from(from);
    return this.keep(this.device.tensor(values, shape));
  }

  /** Zeros. */
  zeros(shape: Shape): Tensor {
    const tensor = this.keep(this.device.pool.acquire(shape));
    this.device.batch.clear(tensor);
    return tensor;
  }

  /** Something else to be done on release(). */
  onRelease(release: () => void): void {
    this.releases.push(release);
  }

  /** Gives everything back and frees the memory. */
  release(): void {
    for (const release of this.releases.splice(0)) release();
    for (const tensor of this.held.splice(0)) this.device.pool.release(tensor);
    this.device.pool.trim();
  }

  private keep(tensor: Tensor): Tensor {
    this.held.push(tensor);
    return tensor;
  }
}
