// Whole buffers handed out by size class and taken back. The oldest free one goes out first, so once everything is back a
// step that acquires in the same order gets the same buffers whatever order they came back in, and every bind group is a
// cache hit (last in, first out permutes them from step to step). Whole buffers because WebGPU refuses one buffer bound read
// and read_write in a dispatch even at disjoint ranges.
import { byteLength, OFFSET_ALIGNMENT } from "./tensor.ts";
import type { DType, Shape, Tensor } from "./tensor.ts";

export class BufferPool {
  private readonly gpu: GPUDevice;
  private readonly maxBufferBytes: number;
  /** By size, the youngest first: the oldest is popped. */
  private readonly free = new Map<number, GPUBuffer[]>();
  private readonly age = new WeakMap<GPUBuffer, number>();
  private readonly live = new Set<GPUBuffer>();
  /** Bytes of the buffers that are handed out now, and the most there ever were. */
  liveBytes = 0;
  peakBytes = 0;
  /** Buffers ever created: flat once a loop is in its steady state. */
  created = 0;

  constructor(gpu: GPUDevice, maxBufferBytes: number) {
    this.gpu = gpu;
    this.maxBufferBytes = maxBufferBytes;
  }

  /** A tensor over a buffer nobody else holds. Contents are whatever was there. Throws when it exceeds the device's buffer size. */
  acquire(shape: Shape, dtype: DType = "f32"): Tensor {
    const size = sizeClass(byteLength({ shape, dtype }));
    const bytes = size > this.maxBufferBytes ? alignUp(byteLength({ shape, dtype })) : size;
    if (bytes > this.maxBufferBytes) {
      throw new Error(`BufferPool: cannot hold [${shape}] ${dtype}: ${bytes} bytes, the device's largest buffer is ${this.maxBufferBytes}; use a smaller batch or sequence.`);
    }
    let buffer = this.free.get(bytes)?.pop();
    if (!buffer) {
      buffer = this.gpu.createBuffer({ size: bytes, usage: GPU_STORAGE });
      this.age.set(buffer, this.created++);
    }
    this.live.add(buffer);
    this.liveBytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    return { buffer, byteOffset: 0, shape, dtype };
  }

  /** Gives a tensor's buffer back. The GPU may still be reading it: later work on the queue is ordered after. Throws on a double release. */
  release(tensor: Tensor): void {
    if (!this.live.delete(tensor.buffer)) throw new Error(`BufferPool: [${tensor.shape}] released twice or not from this pool`);
    const bytes = tensor.buffer.size;
    this.liveBytes -= bytes;
    const list = this.free.get(bytes);
    if (!list) {
      this.free.set(bytes, [tensor.buffer]);
      return;
    }
    const age = this.age.get(tensor.buffer)!;
    let at = list.length;
    while (at > 0 && this.age.get(list[at - 1])! < age) at--;
    list.splice(at, 0, tensor.buffer);
  }

  /** Destroys the buffers nobody holds. Returns how many. */
  trim(): number {
    let count = 0;
    for (const list of this.free.values()) for (const buffer of list) { buffer.destroy(); count++; }
    this.free.clear();
    return count;
  }

  /** Destroys everything, held or not. */
  destroy(): void {
    this.trim();
    for (const buffer of this.live) buffer.destroy();
    this.live.clear();
    this.liveBytes = 0;
  }
}

// STORAGE | COPY_SRC | COPY_DST, spelled out since GPUBufferUsage is a global that Node does not have.
export const GPU_STORAGE = 0x80 | 0x4 | 0x8;

function alignUp(bytes: number): number {
  return Math.max(OFFSET_ALIGNMENT, Math.ceil(bytes / OFFSET_ALIGNMENT) * OFFSET_ALIGNMENT);
}

/** Eight classes an octave: at most an eighth of a buffer is waste, and growing sequences still share buffers. */
export function sizeClass(bytes: number): number {
  const aligned = alignUp(bytes);
  const step = Math.max(OFFSET_ALIGNMENT, 2 ** Math.floor(Math.log2(aligned)) / 8);
  return Math.ceil(aligned / step) * step;
}
