// Read-back: bytes are copied aside in order with recorded work, and mapped when the GPU has come that far. Buffers are
// kept for the next read of their size.
import { byteLength } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";
import { BUFFER_USAGE, MAP_MODE_READ } from "./usage.ts";
import type { CommandBatch } from "./batch.ts";

export class Staging {
  private readonly batch: CommandBatch;
  private readonly rings = new Map<number, GPUBuffer[]>();

  constructor(batch: CommandBatch) {
    this.batch = batch;
  }

  /** Room for tensors of so many bytes in all, to be read together. */
  open(bytes: number): StagedRead {
    const size = 2 ** Math.ceil(Math.log2(Math.max(256, bytes)));
    let ring = this.rings.get(size);
    if (!ring) this.rings.set(size, (ring = []));
    const buffer =
      ring.pop() ?? this.batch.device.gpu.createBuffer({ label: "read-back", size, usage: BUFFER_USAGE.readBack });
    return new StagedRead(this.batch, buffer, ring);
  }
}

export class StagedRead {
  private readonly batch: CommandBatch;
  private readonly buffer: GPUBuffer;
  private readonly ring: GPUBuffer[];
  private used = 0;

  constructor(batch: CommandBatch, buffer: GPUBuffer, ring: GPUBuffer[]) {
    this.batch = batch;
    this.buffer = buffer;
    this.ring = ring;
  }

  holds(tensor: Tensor): boolean {
    return this.used + byteLength(tensor) <= this.buffer.size;
  }

  /** Records a copy of what the tensor is at this point. Returns at which byte of read() it begins. */
  add(tensor: Tensor): number {
    const at = this.used;
    this.batch.copyToBuffer(tensor, this.buffer, at);
    this.used += byteLength(tensor);
    return at;
  }

  /** The bytes, once, after the copies were submitted. Throws the device's first failure, if it had one. */
  async read(): Promise<ArrayBuffer> {
    const { buffer, used } = this;
    const { device } = this.batch;
    try {
      await buffer.mapAsync(MAP_MODE_READ, 0, used);
    } catch (error) {
      await device.gpu.queue.onSubmittedWorkDone().catch(() => {}); // lets the reason of the failure arrive first
      device.throwIfFailed();
      throw error;
    }
    device.throwIfFailed();
    const copy = buffer.getMappedRange(0, used).slice(0);
    buffer.unmap();
    this.ring.push(buffer);
    return copy;
  }
}
