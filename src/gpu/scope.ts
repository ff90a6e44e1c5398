// Who owns tensors: a scope gives back what it took, all of it and once, when it ends; and whoever looks at what it
// held is told that it has ended, instead of being shown what lies there now.
import type { BufferPool } from "./buffer-pool.ts";
import type { DType, Shape, Tensor } from "./tensor.ts";

export class Scope {
  private readonly pool: BufferPool;
  /** What its tensors are, for the error: "the output of forward()". */
  private readonly what: string;
  private readonly owned = new Map<GPUBuffer, Tensor>();
  private endedBy: string | undefined;

  constructor(pool: BufferPool, what: string) {
    this.pool = pool;
    this.what = what;
  }

  /** A tensor from the pool, see BufferPool.acquire. */
  acquire(shape: Shape, dtype: DType = "f32"): Tensor {
    this.expectOpen();
    return this.adopt(this.pool.acquire(shape, dtype));
  }

  /** Owns a tensor that the caller held. */
  adopt(tensor: Tensor): Tensor {
    this.owned.set(tensor.buffer, tensor);
    return tensor;
  }

  /** Gives a tensor back to the pool before the end; nothing happens when it is not owned (any more). */
  giveBack(tensor: Tensor): void {
    if (this.owned.delete(tensor.buffer)) this.pool.release(tensor);
  }

  /** The tensor is the caller's from now on. */
  letGo(tensor: Tensor): void {
    this.owned.delete(tensor.buffer);
  }

  /** Gives everything back, once. `by` completes "it ended when ...". */
  end(by: string): void {
    if (this.endedBy !== undefined) return;
    this.endedBy = by;
    for (const tensor of this.owned.values()) this.pool.release(tensor);
    this.owned.clear();
  }

  /** Throws Error after the end. */
  expectOpen(): void {
    if (this.endedBy !== undefined)
      throw new Error(`${this.what} is gone: it ended when ${this.endedBy}; use it before that.`);
  }
}
