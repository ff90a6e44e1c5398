// Whole buffers handed out by size class and taken back. The oldest free one goes out first, so once everything is back
// a step that acquires in the same order gets the same buffers whatever order they came back in, and every bind group
// is a cache hit (last in, first out permutes them from step to step). Whole buffers because WebGPU refuses one buffer
// bound read and read_write in a dispatch even at disjoint ranges.
import { byteLength, OFFSET_ALIGNMENT, sameShape } from "./tensor.ts";
import { BUFFER_USAGE } from "./usage.ts";
import type { DType, Shape, Tensor } from "./tensor.ts";

/** A buffer of the pool. */
interface Pooled {
  readonly buffer: GPUBuffer;
  /** Its number in the order of creation. */
  readonly age: number;
  /** The free ones of its size. */
  readonly free: Pooled[];
  /**
   * What it was last handed out as: given again for the same shape, so that a step's tensors are the last step's,
   * object by object.
   */
  tensor: Tensor;
  /** Handed out now. */
  held: boolean;
}

export class BufferPool {
  private readonly gpu: GPUDevice;
  private readonly maxBufferBytes: number;
  /** By size, the youngest first: the oldest is popped. */
  private readonly free = new Map<number, Pooled[]>();
  private readonly all = new Map<GPUBuffer, Pooled>();
  /** Bytes of the buffers that are handed out now, and the most there ever were. */
  liveBytes = 0;
  peakBytes = 0;
  /** Buffers ever created: flat once a loop is in its steady state. */
  created = 0;

  constructor(gpu: GPUDevice, maxBufferBytes: number) {
    this.gpu = gpu;
    this.maxBufferBytes = maxBufferBytes;
  }

  /**
   * A tensor over a buffer nobody else holds. Contents are whatever was there. Throws when it exceeds the device's
   * buffer size.
   */
  acquire(shape: Shape, dtype: DType = "f32"): Tensor {
    const needed = byteLength({ shape, dtype });
    const size = sizeClass(needed);
    const bytes = size > this.maxBufferBytes ? alignUp(needed) : size;
    if (bytes > this.maxBufferBytes) {
      throw new Error(
        `BufferPool: cannot hold [${shape}] ${dtype}: ${bytes} bytes, the device's largest buffer is ${this.maxBufferBytes}; use a smaller batch or sequence.`,
      );
    }
    const pooled = this.free.get(bytes)?.pop() ?? this.create(bytes, shape, dtype);
    pooled.held = true;
    this.liveBytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    if (pooled.tensor.dtype !== dtype || !sameShape(pooled.tensor.shape, shape))
      pooled.tensor = { buffer: pooled.buffer, byteOffset: 0, shape, dtype };
    return pooled.tensor;
  }

  private create(bytes: number, shape: Shape, dtype: DType): Pooled {
    const buffer = this.gpu.createBuffer({ size: bytes, usage: BUFFER_USAGE.tensor });
    let free = this.free.get(bytes);
    if (!free) this.free.set(bytes, (free = []));
    const pooled: Pooled = {
      buffer,
      age: this.created++,
      free,
      tensor: { buffer, byteOffset: 0, shape, dtype },
      held: false,
    };
    this.all.set(buffer, pooled);
    return pooled;
  }

  /**
   * Gives a tensor's buffer back. The GPU may still be reading it: later work on the queue is ordered after. Throws on
   * a double release.
   */
  release({ buffer, shape }: Tensor): void {
    const pooled = this.all.get(buffer);
    if (!pooled?.held) throw new Error(`BufferPool: [${shape}] released twice or not from this pool`);
    pooled.held = false;
    this.liveBytes -= buffer.size;
    const { free, age } = pooled;
    let at = free.push(pooled) - 1;
    for (; at > 0 && free[at - 1].age < age; at--) free[at] = free[at - 1];
    free[at] = pooled;
  }

  /** Destroys the buffers nobody holds. Returns how many. */
  trim(): number {
    let count = 0;
    for (const list of this.free.values()) {
      for (const { buffer } of list) {
        buffer.destroy();
        this.all.delete(buffer);
      }
      count += list.length;
      list.length = 0;
    }
    return count;
  }

  /** Destroys everything, held or not. */
  destroy(): void {
    this.trim();
    for (const buffer of this.all.keys()) buffer.destroy();
    this.all.clear();
    this.liveBytes = 0;
  }
}

function alignUp(bytes: number): number {
  return Math.max(OFFSET_ALIGNMENT, Math.ceil(bytes / OFFSET_ALIGNMENT) * OFFSET_ALIGNMENT);
}

/** Eight classes an octave: at most an eighth of a buffer is waste, and growing sequences still share buffers. */
export function sizeClass(bytes: number): number {
  const aligned = alignUp(bytes);
  const step = Math.max(OFFSET_ALIGNMENT, 2 ** Math.floor(Math.log2(aligned)) / 8);
  return Math.ceil(aligned / step) * step;
}
