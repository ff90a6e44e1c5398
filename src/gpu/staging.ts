// Read-back: bytes are copied aside in order with recorded work, and mapped when the GPU has come that far. The room is
// the pool's, which keeps it for the next read of its size.
import type { CommandBatch } from "./batch.ts";
import { byteLength } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";
import { MAP_MODE_READ } from "./usage.ts";

export class Staging {
  private readonly batch: CommandBatch;

  constructor(batch: CommandBatch) {
    this.batch = batch;
  }

  /** Room for tensors of so many bytes in all, to be read together. read() or dispose() gives it back. */
  open(bytes: number): StagedRead {
    return new StagedRead(this.batch, this.batch.device.pool.acquireReadBack(bytes));
  }
}

export class StagedRead {
  private readonly batch: CommandBatch;
  private readonly room: Tensor;
  /** Of the device's failures: one after this may have spoilt what is read. */
  private readonly mark: number;
  private used = 0;
  private ended = false;

  constructor(batch: CommandBatch, room: Tensor) {
    this.batch = batch;
    this.room = room;
    this.mark = batch.device.failures.mark;
  }

  holds(tensor: Tensor): boolean {
    return this.used + byteLength(tensor) <= byteLength(this.room);
  }

  /** Records a copy of what the tensor is at this point. Returns at which byte of read() it begins. */
  add(tensor: Tensor): number {
    const at = this.used;
    this.batch.copyToBuffer(tensor, this.room.buffer, at);
    this.used += byteLength(tensor);
    return at;
  }

  /** The bytes, once, after the copies were submitted. Throws what failed on the device since this was opened. */
  async read(): Promise<ArrayBuffer> {
    this.expectOpen();
    const { used } = this;
    const { buffer } = this.room;
    const { failures, gpu, pool, profiler } = this.batch.device;
    const began = profiler && performance.now();
    try {
      await buffer.mapAsync(MAP_MODE_READ, 0, used);
      if (began !== undefined) profiler!.span("read", `read ${used} bytes`, began);
    } catch (error) {
      await gpu.queue.onSubmittedWorkDone().catch(() => {}); // lets the reason of the failure arrive first
      this.expectOpen();
      this.ended = true;
      pool.discard(this.room);
      failures.throwSince(this.mark);
      throw error;
    }
    this.expectOpen();
    const copy = buffer.getMappedRange(0, used).slice(0);
    buffer.unmap();
    this.ended = true;
    pool.release(this.room);
    await failures.told();
    failures.throwSince(this.mark);
    return copy;
  }

  /** Gives the room back without reading; a read() that is under way rejects. Once read, nothing happens. */
  dispose(): void {
    if (this.ended) return;
    this.ended = true;
    this.room.buffer.unmap();
    this.batch.device.pool.release(this.room);
  }

  private expectOpen(): void {
    if (this.ended) throw new Error("read: these bytes were read before, or given up; stage them again.");
  }
}
