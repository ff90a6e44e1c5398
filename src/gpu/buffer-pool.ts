// All buffers of a device but the batch's own: whole buffers handed out by size class and taken back. Which of the free
// ones goes out free-buffers.ts says, how many are kept for later pool-bound.ts. Whole buffers because WebGPU refuses
// one buffer bound read and read_write in a dispatch even at disjoint ranges.
import { OutOfMemoryError, UserError } from "../errors.ts";
import { mebibytes } from "./bytes.ts";
import { FreeBuffers } from "./free-buffers.ts";
import { PoolBound } from "./pool-bound.ts";
import { byteLength, OFFSET_ALIGNMENT, sameShape } from "./tensor.ts";
import type { DType, Shape, Tensor } from "./tensor.ts";
import { BUFFER_USAGE } from "./usage.ts";

/** A buffer of the pool. */
interface Pooled {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  /** For reading, not a tensor's. */
  readonly isReadBack: boolean;
  /** Its number in the order of creation. */
  readonly age: number;
  /** Where it goes when released; undefined: then it is destroyed. */
  readonly free: FreeBuffers<Pooled> | undefined;
  /** Bytes that were asked for when it was last handed out. */
  asked: number;
  /**
   * What it was last handed out as: given again for the same shape, so that a step's tensors are the last step's,
   * object by object.
   */
  tensor: Tensor;
  /** Handed out now. */
  held: boolean;
  /** The number of the acquire() that last handed it out. */
  taken: number;
  /** The device had no memory for it, which was known only after it had been handed out. */
  broken: boolean;
}

/** What a pool asks of its device. */
export interface PoolDevice {
  readonly gpu: GPUDevice;
  readonly maxBufferBytes: number;
  /** Sends what is recorded, and throws nothing: no buffer may be destroyed before its last use was sent. */
  sendRecorded(): void;
  /**
   * A new buffer; undefined where the device has no memory for it. Some implementations say so only afterwards: then
   * `late` is called.
   * @internal
   */
  createBuffer(descriptor: GPUBufferDescriptor, late: () => void): GPUBuffer | undefined;
  /** Tells of memory that was not there: fails the calls under way. */
  fail(error: Error): void;
}

export class BufferPool {
  private readonly device: PoolDevice;
  private readonly free = new FreeBuffers<Pooled>();
  private readonly freeReadBack = new FreeBuffers<Pooled>();
  private readonly bound = new PoolBound();
  private readonly all = new Map<GPUBuffer, Pooled>();
  private taken = 0;
  private createdForReading = 0;
  private destroyed = false;
  /** Bytes of the buffers that tensors have now, parameters' and moments' included. */
  liveBytes = 0;
  /** The most that tensors ever took at once: less than their buffers have where larger ones serve. */
  peakBytes = 0;
  private askedBytes = 0;
  /** Called when there are more of them than ever. */
  onPeak: (() => void) | undefined;
  /** Bytes that reads under way hold. */
  readBackBytes = 0;
  /** Bytes of all buffers, those of reads and free ones included, and the most there ever were. */
  allocatedBytes = 0;
  peakAllocatedBytes = 0;
  /** Buffers of tensors ever created: flat once a loop is in its steady state. */
  created = 0;

  constructor(device: PoolDevice) {
    this.device = device;
  }

  /**
   * A tensor over a buffer nobody else holds; the caller releases it. Contents are whatever was there. Throws UserError
   * when it exceeds the device's buffer size, or when there is no memory for it even after trim().
   */
  acquire(shape: Shape, dtype: DType = "f32"): Tensor {
    const needed = byteLength({ shape, dtype });
    const bytes = this.roomFor(needed, shape, dtype);
    const pooled = this.free.take(bytes) ?? this.create(bytes, BUFFER_USAGE.tensor, this.free);
    const { peakBytes } = this;
    this.handOut(pooled, bytes);
    if (pooled.tensor.dtype !== dtype || !sameShape(pooled.tensor.shape, shape))
      pooled.tensor = { buffer: pooled.buffer, byteOffset: 0, shape, dtype };
    if (this.peakBytes > peakBytes) this.onPeak?.();
    return pooled.tensor;
  }

  /**
   * `elements` zeros in a buffer of just that size that is destroyed when it is released: for what lives long, as
   * parameters do. Throws as acquire().
   */
  reserve(elements: number, dtype: DType = "f32"): Tensor {
    const bytes = alignUp(byteLength({ shape: [elements], dtype }));
    this.expectPossible(bytes, [elements], dtype);
    const pooled = this.create(bytes, BUFFER_USAGE.tensor, undefined);
    this.handOut(pooled, bytes);
    return (pooled.tensor = { ...pooled.tensor, shape: [elements], dtype });
  }

  /** Room for so many bytes that can be mapped for reading. Large ones are not kept for another read. */
  acquireReadBack(bytes: number): Tensor {
    const room = this.roomFor(bytes, [bytes / 4], "u32");
    const free = room > MOST_KEPT_READ_BACK ? undefined : this.freeReadBack;
    const pooled = free?.take(room) ?? this.create(room, BUFFER_USAGE.readBack, free);
    this.handOut(pooled, room);
    return pooled.tensor;
  }

  /**
   * Gives a tensor's buffer back. The GPU may still be reading it: later work on the queue is ordered after. Throws on
   * a double release.
   */
  release({ buffer, shape }: Tensor): void {
    if (this.destroyed) return; // went with the device
    const pooled = this.all.get(buffer);
    if (!pooled?.held) throw new Error(`BufferPool: [${shape}] released twice or not from this pool`);
    pooled.held = false;
    this.count(pooled, -1);
    this.bound.use(-pooled.asked);
    if (!pooled.free || pooled.broken) this.drop([pooled]);
    else pooled.free.put(pooled);
  }

  /** As release(), of a buffer that is good for nothing any more. */
  discard(tensor: Tensor): void {
    const pooled = this.all.get(tensor.buffer);
    if (pooled) pooled.broken = true;
    this.release(tensor);
  }

  /**
   * Runs `make`, which must not be asynchronous. When it throws, what was acquired in it and not released goes back:
   * a call that fails half-way has taken nothing, whatever it called in turn.
   */
  attempt<T>(make: () => T): T {
    const { taken } = this;
    try {
      return make();
    } catch (error) {
      for (const pooled of this.all.values()) if (pooled.held && pooled.taken > taken) this.release(pooled.tensor);
      throw error;
    }
  }

  /** The tensors that are handed out now and the bytes that they take, those of reads apart. */
  held(): readonly { readonly tensor: Tensor; readonly bytes: number }[] {
    const held = [...this.all.values()].filter((pooled) => pooled.held && !pooled.isReadBack);
    return held.map(({ tensor, asked }) => ({ tensor, bytes: asked }));
  }

  /** Bytes of every buffer that there is. */
  sizes(): readonly number[] {
    return [...this.all.values()].map(({ bytes }) => bytes);
  }

  /** Destroys the buffers nobody holds, after what is recorded was sent. Returns how many. */
  trim(): number {
    const unused = [...this.free.drain(), ...this.freeReadBack.drain()];
    this.drop(unused);
    return unused.length;
  }

  /** Destroys everything, held or not, after what is recorded was sent. */
  destroy(): void {
    if (this.destroyed) return;
    this.trim();
    this.drop([...this.all.values()]);
    this.liveBytes = this.readBackBytes = 0;
    this.destroyed = true;
  }

  private handOut(pooled: Pooled, asked: number): void {
    pooled.held = true;
    pooled.asked = asked;
    this.bound.use(asked);
    pooled.taken = ++this.taken;
    this.count(pooled, 1);
  }

  private count({ isReadBack, bytes, asked }: Pooled, sign: 1 | -1): void {
    if (isReadBack) this.readBackBytes += sign * bytes;
    else {
      this.liveBytes += sign * bytes;
      this.askedBytes += sign * asked;
      this.peakBytes = Math.max(this.peakBytes, this.askedBytes);
    }
  }

  private drop(unused: readonly Pooled[]): void {
    if (unused.length === 0) return;
    this.device.sendRecorded();
    for (const { buffer, bytes } of unused) {
      buffer.destroy();
      this.all.delete(buffer);
      this.allocatedBytes -= bytes;
    }
  }

  /** Destroys what has lain unused for longest until there is room for so many bytes within what the pool keeps. */
  private makeRoom(bytes: number): void {
    let excess = this.allocatedBytes + bytes - this.bound.with(bytes);
    if (excess <= 0) return;
    const unused = [...this.free.all(), ...this.freeReadBack.all()].sort((a, b) => a.taken - b.taken);
    const dropped: Pooled[] = [];
    for (const pooled of unused) {
      if (excess <= 0) break;
      excess -= pooled.bytes;
      pooled.free!.remove(pooled);
      this.bound.noteDropped(pooled.bytes, this.taken);
      dropped.push(pooled);
    }
    this.drop(dropped);
  }

  /** A new buffer. What nobody holds makes room for it where it must. */
  private create(bytes: number, usage: number, free: FreeBuffers<Pooled> | undefined): Pooled {
    const { device } = this;
    this.bound.noteMade(bytes, this.taken);
    if (free) this.makeRoom(bytes);
    const late = (): void => this.wasNotThere(buffer);
    const attempt = (): GPUBuffer | undefined => device.createBuffer({ size: bytes, usage }, late);
    const buffer = attempt() ?? (this.trim() > 0 ? attempt() : undefined);
    if (!buffer) throw this.outOfMemory(bytes);
    const tensor: Tensor = { buffer, byteOffset: 0, shape: [bytes / 4], dtype: "u32" };
    const isReadBack = usage === BUFFER_USAGE.readBack;
    const age = isReadBack ? this.createdForReading++ : this.created++;
    const pooled = { buffer, bytes, isReadBack, age, free, tensor, asked: 0, held: false, taken: 0, broken: false };
    this.all.set(buffer, pooled);
    this.allocatedBytes += bytes;
    this.peakAllocatedBytes = Math.max(this.peakAllocatedBytes, this.allocatedBytes);
    return pooled;
  }

  /** A buffer handed out before has no memory behind it: whoever holds it fails, and next time there may be room. */
  private wasNotThere(buffer: GPUBuffer | undefined): void {
    const pooled = buffer && this.all.get(buffer);
    this.device.fail(this.outOfMemory(pooled?.bytes));
    if (pooled) pooled.broken = true;
    if (pooled && !pooled.held) {
      pooled.free?.remove(pooled);
      this.drop([pooled]);
    }
    this.trim();
  }

  /** `wanted`: bytes of what was asked for, where that is known. */
  outOfMemory(wanted?: number): UserError {
    const more = wanted === undefined ? "" : `, ${mebibytes(wanted)} more wanted`;
    const used = mebibytes(this.liveBytes + this.readBackBytes);
    return new OutOfMemoryError(
      `The GPU is out of memory (${used} in use, parameters included${more}): ` +
        "use a smaller batch, a shorter block or a smaller model.",
    );
  }

  /** The size of buffer that holds so many bytes. */
  private roomFor(needed: number, shape: Shape, dtype: DType): number {
    const size = sizeClass(needed);
    if (size <= this.device.maxBufferBytes) return size;
    const bytes = alignUp(needed);
    this.expectPossible(bytes, shape, dtype);
    return bytes;
  }

  private expectPossible(bytes: number, shape: Shape, dtype: DType): void {
    const { maxBufferBytes } = this.device;
    if (bytes > maxBufferBytes)
      throw new UserError(
        `The GPU cannot hold [${shape}] ${dtype} in one buffer: ${bytes} bytes, the device's largest buffer is ` +
          `${maxBufferBytes}; use a smaller batch, sequence or model.`,
      );
  }
}

const MOST_KEPT_READ_BACK = 32 * 2 ** 20; // bytes: more is read rarely, and seldom in the same size again

function alignUp(bytes: number): number {
  return Math.max(OFFSET_ALIGNMENT, Math.ceil(bytes / OFFSET_ALIGNMENT) * OFFSET_ALIGNMENT);
}

/** Eight classes an octave: at most an eighth of a buffer is waste, and growing sequences still share buffers. */
export function sizeClass(bytes: number): number {
  const aligned = alignUp(bytes);
  const step = Math.max(OFFSET_ALIGNMENT, 2 ** Math.floor(Math.log2(aligned)) / 8);
  return Math.ceil(aligned / step) * step;
}
