// How weights, keys and values are kept: as f32, or as f16 in words of two, which halves what they take and is read by
// every adapter (lib/stored_f16.wgsl). Kernels compute in f32 with either.
import { bitsOf, read } from "../gpu/kernel.ts";
import type { Binding } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";

export const STORED = ["f32", "f16"] as const;
export type Stored = (typeof STORED)[number];

/** The files that read and write words of this kind. */
export const storedSource = (dtype: Stored): string => `lib/stored_${dtype}.wgsl`;

/** What tells kernels of the two apart: nothing where numbers are f32, as they are elsewhere. */
export const storedVariant = (dtype: Stored): { readonly variant?: string } =>
  dtype === "f32" ? {} : { variant: dtype };

/** A binding that is read, by one word or by as many as hold four numbers. Its shape counts numbers. */
export function readStored(dtype: Stored, by: "scalar" | "vec4", shape: string, comment?: string): Binding {
  if (dtype === "f32") return read(by === "vec4" ? "vec4f" : "f32", shape, comment);
  const packed = comment === undefined ? "f16, two a word" : `f16, two a word; ${comment}`;
  return bitsOf("f16", read(by === "vec4" ? "vec2u" : "u32", shape, packed));
}

/** As readStored, of a binding that is written too. */
export function readWriteStored(dtype: Stored, by: "scalar" | "vec4", shape: string): Binding {
  return { ...readStored(dtype, by, shape), access: "read_write" };
}

/** Of a tensor that a kernel reads so; of any other dtype than f16 as f32, which the launch will check. */
export const storedAs = ({ dtype }: Tensor): Stored => (dtype === "f16" ? "f16" : "f32");

/** Numbers of a cached line of `headSize` channels: a whole number of words. */
export const lineWidth = (headSize: number, dtype: Stored): number =>
  dtype === "f16" ? 2 * Math.ceil(headSize / 2) : headSize;
