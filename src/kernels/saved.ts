// How activations and their gradients are kept in training: as f32, or in mixed precision as f16, a feature of the
// device (shader-f16). Kernels read either by a conversion (f32(x[i])), compute in f32, and write by lib/saved_*.wgsl.
// Unlike weights, keys and values (stored.ts) they are no words of two: neighbours may be written by different
// invocations.
import { read, readWrite } from "../gpu/kernel.ts";
import type { Binding } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";

export const SAVED = ["f32", "f16"] as const;
export type Saved = (typeof SAVED)[number];

const ELEMENTS = { scalar: { f32: "f32", f16: "f16" }, vec4: { f32: "vec4f", f16: "vec4h" } } as const;

/** The file that rounds what is written so. */
export const savedSource = (dtype: Saved): string => `lib/saved_${dtype}.wgsl`;

/** What tells kernels of the two apart: nothing where numbers are f32, as they are elsewhere. */
export const savedVariant = (dtype: Saved): { readonly variant?: string } =>
  dtype === "f32" ? {} : { variant: dtype };

export const readSaved = (dtype: Saved, by: "scalar" | "vec4", shape: string, comment?: string): Binding =>
  read(ELEMENTS[by][dtype], shape, comment);

/** As readSaved, of a binding that is written too. */
export const readWriteSaved = (dtype: Saved, by: "scalar" | "vec4", shape: string, comment?: string): Binding =>
  readWrite(ELEMENTS[by][dtype], shape, comment);

/** Of a tensor that a kernel takes so; of any other dtype than f16 as f32, which the launch will check. */
export const savedAs = ({ dtype }: Tensor): Saved => (dtype === "f16" ? "f16" : "f32");

/** One of each, made by `define`. */
export const bySaved = <K>(define: (dtype: Saved) => K): Readonly<Record<Saved, K>> => ({
  f32: define("f32"),
  f16: define("f16"),
});
