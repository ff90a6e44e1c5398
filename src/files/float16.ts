// 16-bit floats of weight files, which JavaScript has no arrays for: IEEE half precision (F16: 1 sign, 5 exponent, 10
// fraction bits) both ways, and bfloat16 (BF16: the upper half of a float32) to float32. Widening is exact; narrowing
// rounds to nearest, ties to even, as torch and numpy do.

/** The number that 16 half-precision bits stand for. */
export function halfToFloat(bits: number): number {
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  let magnitude: number;
  if (exponent === 0)
    magnitude = fraction * 2 ** -24; // zero and subnormals
  else if (exponent === 31) magnitude = fraction === 0 ? Infinity : NaN;
  else magnitude = (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** The largest half is 65504; from here on, half way to 2^16, a number rounds to infinity. */
const HALF_BEYOND = 65520;

const float = new Float32Array(1);
const floatBits = new Int32Array(float.buffer);

/**
 * Half-precision bits of a float32: to nearest, ties to even; 65520 and above become infinity; every NaN becomes 0x7e00
 * or 0xfe00.
 */
export function floatToHalf(value: number): number {
  float[0] = value;
  return halfOfBits(floatBits[0], float[0]);
}

/** Of a float32 and its bits: looked at alone, so that arrays of them need no copy of each. */
function halfOfBits(bits: number, value: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // HALF_BEYOND
  // below 2^-14: multiples of 2^-24
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(value) * 2 ** 24);
  // Dropping 13 fraction bits: adding just under half of the last place, plus its parity, carries exactly when rounding
  // goes up, into the exponent too. 0x38000000 moves the exponent's bias from 127 to 15.
  return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13);
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const above = x - floor;
  return above > 0.5 || (above === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

// every half as a float32, made at first use: a look-up instead of arithmetic for each weight
let halves: Float32Array | undefined;

/** Float32 values of half-precision bits; same length, exact. */
export function decodeFloat16(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, half) => halfToFloat(half));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = halves[bits[i]];
  return values;
}

/** Float32 values of bfloat16 bits; same length, exact. */
export function decodeBFloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}

/** Half-precision bits of float32 values, rounded as `floatToHalf` says; `into` has at least the length of `values`. */
export function encodeFloat16(values: Float32Array, into: Uint16Array = new Uint16Array(values.length)): Uint16Array {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) into[i] = halfOfBits(bits[i], values[i]);
  return into;
}

/** The first of the values that is finite and too large to be a half; undefined where none is. */
export function beyondFloat16(values: Float32Array): number | undefined {
  return values.find((value) => Math.abs(value) >= HALF_BEYOND && Number.isFinite(value));
}
