// Tensors larger than one binding may be (a device's limit can be 128 MiB, wte of GPT-2 124M is 147) are worked on by
// windows: runs of rows, each small enough to bind and starting where a binding may start.
import type { DeviceContext } from "../gpu/context.ts";
import { byteLength, bytesPerElement, elementCount, OFFSET_ALIGNMENT, reshape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** Rows [start, start + count) of a first dimension. */
export interface Window {
  readonly start: number;
  readonly count: number;
}

/**
 * Windows that cover the first dimension, which all `tensors` share, such that a slice of each fits a binding. One
 * window when they are small. Throws when the fewest rows that can be sliced (256-byte boundaries in every tensor) do
 * not fit.
 */
export function rowWindows(device: DeviceContext, ...tensors: readonly Tensor[]): Window[] {
  const rows = tensors[0].shape[0];
  const limit = device.maxBindingBytes;
  let fit = true;
  for (const tensor of tensors) fit &&= byteLength(tensor) <= limit;
  if (fit) return [{ start: 0, count: rows }];
  let multiple = 1; // of rows, a power of two: where every tensor reaches a 256-byte boundary
  let most = rows;
  for (const tensor of tensors) {
    const rowBytes = elementCount(tensor.shape.slice(1)) * bytesPerElement(tensor.dtype);
    while ((multiple * rowBytes) % OFFSET_ALIGNMENT !== 0) multiple *= 2;
    most = Math.min(most, Math.floor(limit / rowBytes));
  }
  const step = Math.floor(most / multiple) * multiple;
  if (step === 0)
    throw new Error(
      `rowWindows: cannot cut [${tensors.map((tensor) => tensor.shape).join("], [")}]: ` +
        `${multiple} rows exceed the device's binding limit of ${limit} bytes`,
    );
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => ({
    start: i * step,
    count: Math.min(step, rows - i * step),
  }));
}

/** The same elements as one dimension: what elementwise kernels cut into windows. */
export function flatten(tensor: Tensor): Tensor {
  return reshape(tensor, [elementCount(tensor.shape)]);
}

/** Throws Error unless `logits` [R, stride] has rows that are read by fours and hold `columns` columns. */
export function expectColumns(kernel: string, { shape }: Tensor, columns: number): void {
  if (shape[1] % 4 !== 0 || columns > shape[1])
    throw new Error(
      `${kernel}: cannot bind logits: shape is [${shape}], ` +
        `expected a row of a multiple of 4 and at least ${columns} columns`,
    );
}
