// Launching over a batch whose tensors exceed the device's binding limit: sequences go in groups, each tensor bound
// from the 256-byte boundary before its group, with the group's first element as a parameter. So any shape can be
// split.
import type { DeviceContext } from "../gpu/context.ts";
import { bytesPerElement, elementCount, OFFSET_ALIGNMENT } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";

export interface BatchWindow {
  /** The group: sequences first .. first + count - 1. */
  readonly first: number;
  readonly count: number;
  /**
   * The group's part of a tensor whose elements divide evenly among the sequences, and where in it the group begins.
   */
  part(tensor: Tensor): { readonly tensor: Tensor; readonly at: number };
}

/**
 * Groups of the `sequences` such that the group's part of `largest` can be bound. Throws when one sequence alone
 * cannot.
 */
export function batchWindows(kernel: string, device: DeviceContext, sequences: number, largest: Tensor): BatchWindow[] {
  const bytes = (elementCount(largest.shape) / sequences) * bytesPerElement(largest.dtype);
  const fits =
    sequences * bytes <= device.maxBindingBytes
      ? sequences
      : Math.floor((device.maxBindingBytes - OFFSET_ALIGNMENT) / bytes);
  if (fits < 1) {
    throw new Error(
      `${kernel}: cannot bind one sequence of [${largest.shape}]: it is ${bytes} bytes, ` +
        `the device binds at most ${device.maxBindingBytes}; use shorter sequences`,
    );
  }
  const windows: BatchWindow[] = [];
  for (let first = 0; first < sequences; first += fits) {
    const count = Math.min(fits, sequences - first);
    windows.push({ first, count, part: (tensor) => part(tensor, sequences, first, count) });
  }
  return windows;
}

function part(tensor: Tensor, sequences: number, first: number, count: number): { tensor: Tensor; at: number } {
  if (count === sequences) return { tensor, at: 0 };
  const each = elementCount(tensor.shape) / sequences;
  const size = bytesPerElement(tensor.dtype);
  const start = tensor.byteOffset + first * each * size;
  const byteOffset = Math.floor(start / OFFSET_ALIGNMENT) * OFFSET_ALIGNMENT;
  const at = (start - byteOffset) / size;
  return { tensor: { ...tensor, byteOffset, shape: [at + count * each] }, at };
}
