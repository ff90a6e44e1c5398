// What the values of a GGUF tensor are stored in: F32, F16 (to nearest, ties to even) and Q8_0, ggml's blocks of 32
// values: one half-precision scale d, then 32 signed bytes q with x = d * q.
import { UserError } from "../errors.ts";
import { encodeFloat16, floatToHalf } from "../files/float16.ts";

/** ggml's number of each type, its values a block and bytes a block. */
const TYPES = {
  F32: { number: 0, values: 1, bytes: 4 },
  F16: { number: 1, values: 1, bytes: 2 },
  Q8_0: { number: 8, values: 32, bytes: 34 },
} as const;

export type GgufTensorType = keyof typeof TYPES;

export function typeNumber(type: GgufTensorType): number {
  return TYPES[type].number;
}

/** Whether rows of `width` values can be stored so: a block never reaches into the next row. */
export function fitsRows(type: GgufTensorType, width: number): boolean {
  return width % TYPES[type].values === 0;
}

/** Bytes of a tensor; its rows, `dimensions[0]` values each, must hold whole blocks. */
export function bytesOf(type: GgufTensorType, dimensions: readonly number[]): number {
  const { values, bytes } = TYPES[type];
  return (dimensions.reduce((product, size) => product * size, 1) / values) * bytes;
}

/**
 * The bytes of whole rows; may share the memory of `values`. Throws UserError naming `tensor` where a value cannot be
 * stored: one beyond half precision, and in Q8_0 also one that is not finite or makes a scale beyond it.
 */
export function encodeValues(type: GgufTensorType, values: Float32Array, tensor: string): Uint8Array {
  if (type === "F32") return asBytes(values);
  if (type === "Q8_0") return encodeQ8_0(values, tensor);
  const halves = encodeFloat16(values);
  const lost = halves.findIndex((half, i) => (half & 0x7fff) === 0x7c00 && Number.isFinite(values[i]));
  if (lost >= 0) throw tooLarge(tensor, values[lost], "half precision ends at 65504");
  return asBytes(halves);
}

/**
 * quantize_row_q8_0_ref of ggml: d = max |x| / 127, q = x * (1 / d) rounded half away from zero, all in float32; d is
 * then stored in half precision, but q was made with the exact one.
 */
function encodeQ8_0(values: Float32Array, tensor: string): Uint8Array {
  const { values: width, bytes: stride } = TYPES.Q8_0;
  const out = new Uint8Array((values.length / width) * stride);
  const view = new DataView(out.buffer);
  const quants = new Int8Array(out.buffer);
  for (let start = 0, at = 0; start < values.length; start += width, at += stride) {
    let largest = 0;
    for (let i = start; i < start + width; i++) {
      const magnitude = Math.abs(values[i]);
      if (!(magnitude < Infinity)) throw notFinite(tensor, values[i]);
      if (magnitude > largest) largest = magnitude;
    }
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    const half = floatToHalf(scale);
    if (half === 0x7c00) throw tooLarge(tensor, largest, "a block of q8_0 holds at most 8319008");
    view.setUint16(at, half, true);
    for (let i = 0; i < width; i++) quants[at + 2 + i] = roundHalfAway(Math.fround(values[start + i] * inverse));
  }
  return out;
}

function roundHalfAway(x: number): number {
  return x < 0 ? -Math.floor(0.5 - x) : Math.floor(x + 0.5);
}

function asBytes(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function tooLarge(tensor: string, value: number, limit: string): UserError {
  return new UserError(`Tensor ${tensor} holds ${value}, but ${limit}; export it as f32 instead.`);
}

function notFinite(tensor: string, value: number): UserError {
  return new UserError(
    `Tensor ${tensor} holds ${value}, which q8_0 cannot store: the training diverged; take an earlier checkpoint.`,
  );
}
