// What kernel tests share: one device a file, seeded data, and a comparison that says where and by how much it failed.
import { decodeFloat16, encodeFloat16 } from "../src/files/float16.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device, DeviceOptions } from "../src/gpu/device.ts";
import { elementCount } from "../src/gpu/tensor.ts";
import type { Shape, Tensor } from "../src/gpu/tensor.ts";
import { lineWidth } from "../src/kernels/stored.ts";

/** Every variant a kernel may have: tests run each of these on the adapter at hand. */
export const VARIANTS = [
  { rows: "subgroup", matmul: "subgroup", attention: "subgroup", attentionDecode: "subgroup" },
  { rows: "workgroup", matmul: "workgroup", attention: "workgroup", attentionDecode: "workgroup" },
] as const;

/**
 * Every variant of row kernels. "mixed" as if few invocations were many, so that even short rows take a workgroup of
 * subgroups.
 */
export const ROW_VARIANTS = [
  { rows: "subgroup" },
  { rows: "workgroup" },
  { rows: "mixed", rowsShare: 0.001, rowsMaxSize: 64 },
] as const;

export function openDevice(options: DeviceOptions = {}): Promise<Device> {
  return requestDevice(options);
}

/** Seeded standard normal numbers times `scale` plus `mean` (Box-Muller over a 32-bit mixing generator). */
export function randomNormal(shape: Shape, seed: number, { scale = 1, mean = 0 } = {}): Float32Array {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
  return Float32Array.from(
    { length: elementCount(shape) },
    () => mean + scale * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

/** A tensor filled with NaN: what a kernel must overwrite entirely. */
export function garbage(device: Device, shape: Shape, dtype?: "f16"): Tensor {
  return device.tensor(new Float32Array(elementCount(shape)).fill(NaN), shape, dtype);
}

/** Every way to keep weights, keys and values: the tests' oracles compute with what is left of them. */
export const KEPT = ["f32", "f16"] as const;
export type Kept = (typeof KEPT)[number];

/** What `kept` leaves of the values. */
export function asKept(values: Float32Array, kept: Kept): Float32Array {
  return kept === "f16" ? decodeFloat16(encodeFloat16(values)) : values;
}

/** Lines of a cache as they are kept: behind each of them NaN where its width is made even. */
export function inLines(values: Float32Array, headSize: number, kept: Kept): Float32Array {
  const width = lineWidth(headSize, kept);
  return Float32Array.from({ length: (values.length / headSize) * width }, (_, i) =>
    i % width < headSize ? values[Math.floor(i / width) * headSize + (i % width)] : NaN,
  );
}

/** A tensor that keeps the values so. */
export function keptTensor(device: Device, values: Float32Array, shape: Shape, kept: Kept): Tensor {
  return device.tensor(values, shape, kept === "f16" ? kept : undefined);
}

/**
 * Throws unless every element satisfies |got - want| <= atol + rtol * |want|. The message names the tensor, the index
 * of the worst element, both values and how many times the tolerance was exceeded.
 */
export function expectClose(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  shape: Shape,
  { atol = 1e-5, rtol = 1e-4 } = {},
): void {
  if (got.length !== want.length) throw new Error(`${name}: ${got.length} elements, expected ${want.length}`);
  let worst = -1;
  let worstRatio = 1;
  for (let i = 0; i < want.length; i++) {
    if (got[i] === want[i]) continue; // also equal infinities
    const ratio = Math.abs(got[i] - want[i]) / (atol + rtol * Math.abs(want[i]));
    if (!(ratio <= worstRatio)) {
      worst = i;
      worstRatio = Number.isNaN(ratio) ? Infinity : ratio;
    }
  }
  if (worst >= 0) {
    throw new Error(
      `${name}[${indexOf(worst, shape)}]: got ${got[worst]}, want ${want[worst]}, ${worstRatio.toPrecision(3)} ` +
        `times the tolerance (atol ${atol}, rtol ${rtol})`,
    );
  }
}

function indexOf(flat: number, shape: Shape): string {
  const index: number[] = [];
  for (const size of [...shape].reverse()) {
    index.unshift(flat % size);
    flat = Math.floor(flat / size);
  }
  return index.join(", ");
}

/** Central differences of a scalar function of a vector, in float64: the check of an oracle's gradient. */
export function centralDifferences(f: (x: Float64Array) => number, x: ArrayLike<number>, h = 1e-5): Float64Array {
  const point = Float64Array.from(x);
  return Float64Array.from(point, (value, i) => {
    point[i] = value + h;
    const up = f(point);
    point[i] = value - h;
    const down = f(point);
    point[i] = value;
    return (up - down) / (2 * h);
  });
}
