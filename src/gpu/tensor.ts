// A tensor is a range of a GPU buffer with a shape: row-major, last dimension contiguous. No strides, no methods:
// kernels are given tensors, and shapes are checked where they are launched.

export type DType = "f32" | "u32" | "f16";
export type Shape = readonly number[];

export interface Tensor {
  readonly buffer: GPUBuffer;
  /** Start within the buffer, in bytes; a multiple of 256 (WebGPU's default storage offset alignment). */
  readonly byteOffset: number;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Offsets of storage bindings are multiples of this on every device (the WebGPU default limit). */
export const OFFSET_ALIGNMENT = 256;

export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

export function bytesPerElement(dtype: DType): number {
  switch (dtype) {
    case "f32":
    case "u32":
      return 4;
    case "f16":
      return 2;
    default:
      throw new Error(`dtype: unknown ${dtype satisfies never}`);
  }
}

/** Bytes a tensor of this shape takes in a buffer: whole 4-byte words, since copies and bindings move words. */
export function byteLength(tensor: { readonly shape: Shape; readonly dtype: DType }): number {
  return Math.ceil((elementCount(tensor.shape) * bytesPerElement(tensor.dtype)) / 4) * 4;
}

/** The same elements under another shape. Throws when the counts differ. */
export function reshape(tensor: Tensor, shape: Shape): Tensor {
  if (elementCount(shape) !== elementCount(tensor.shape)) {
    throw new Error(`reshape: cannot view [${tensor.shape}] as [${shape}]: element counts differ`);
  }
  return { ...tensor, shape };
}

/** Elements `[start, start + count)` of the first dimension. A slice must begin at a multiple of 256 bytes. */
export function sliceRows(tensor: Tensor, start: number, count: number): Tensor {
  const [rows] = tensor.shape;
  if (start === 0 && count === rows) return tensor; // all of it: what nearly every launch asks for
  const rest = tensor.shape.slice(1);
  if (start < 0 || count < 0 || start + count > rows) {
    throw new Error(`sliceRows: rows ${start} to ${start + count} are outside [${tensor.shape}]`);
  }
  const byteOffset = tensor.byteOffset + start * elementCount(rest) * bytesPerElement(tensor.dtype);
  if (byteOffset % OFFSET_ALIGNMENT !== 0) {
    throw new Error(
      `sliceRows: row ${start} of [${tensor.shape}] starts at byte ${byteOffset}, ` +
        `not a multiple of ${OFFSET_ALIGNMENT}`,
    );
  }
  return { ...tensor, byteOffset, shape: [count, ...rest] };
}

/** Throws `kernel: cannot bind x: shape is [..], expected [..] (why)` unless the shapes are equal. */
export function expectShape(kernel: string, name: string, tensor: Tensor, shape: Shape, why = ""): void {
  if (!sameShape(tensor.shape, shape))
    throw new Error(
      `${kernel}: cannot bind ${name}: shape is [${tensor.shape}], expected [${shape}]${why && ` (${why})`}`,
    );
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The same bits as numbers of another dtype of the same width. */
export function viewAs(tensor: Tensor, dtype: DType): Tensor {
  if (bytesPerElement(dtype) !== bytesPerElement(tensor.dtype))
    throw new Error(`viewAs: cannot view ${tensor.dtype} as ${dtype}: another width`);
  return { buffer: tensor.buffer, byteOffset: tensor.byteOffset, shape: tensor.shape, dtype };
}
