// What the kernels of matrix products declare alike, for many rows and for few: operands, result and parameters.
import { readWrite } from "../gpu/kernel.ts";
import type { ParamsOf } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { readStored, storedAs, storedSource } from "./stored.ts";

/**
 *   nn  out[m, n] = a[m, k] b[k, n]      forward, weights [in, out] as stored
 *   nt  out[m, n] = a[m, k] b[n, k]^T    gradient by the input; logits from wte [V, C]
 *   tn  out[m, n] = a[k, m]^T b[k, n]    gradient by the weight
 */
export type Layout = "nn" | "nt" | "tn";

/** A layer norm of the rows of A: weight and bias are as wide as they are. */
export interface Normalization {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly epsilon: number;
}

/** Whether rows are read by four neighbours at a time, and whether b is kept as f16 (a and out are f32). */
export const OPERANDS = ["vec4", "scalar", "vec4, f16", "scalar, f16"] as const;
export type Operands = (typeof OPERANDS)[number];
/** Those of rows that are read by fours. */
export const FOURS = ["vec4", "vec4, f16"] as const satisfies readonly Operands[];
export type Fours = (typeof FOURS)[number];

/** Of a product of these tensors; `fours`: rows of both start at multiples of four elements. */
export function operandsOf(b: Tensor, fours: boolean): Operands {
  if (storedAs(b) === "f16") return fours ? "vec4, f16" : "scalar, f16";
  return fours ? "vec4" : "scalar";
}

const READ_BY = { vec4: "vec4", scalar: "scalar", "vec4, f16": "vec4", "scalar, f16": "scalar" } as const;
const B_STORED = { vec4: "f32", scalar: "f32", "vec4, f16": "f16", "scalar, f16": "f16" } as const;

const params = {
  m: "u32",
  n: "u32",
  k: "u32",
  a_stride: "u32",
  b_stride: "u32",
  out_stride: "u32",
  a_column: "u32", // where the windows of a and out start within their rows
  out_column: "u32",
  accumulate: "u32",
  depth: "u32", // of one part, where the reduction is split
  epilogue: "u32", // which, where the kernel has any: see EPILOGUE_BITS
} as const;
export type ProductParams = { -readonly [N in keyof ParamsOf<typeof params>]: number };

/** Reading blocks of a and b, and storing blocks of out through an epilogue. */
export function productPart(operands: Operands) {
  const by = READ_BY[operands];
  const stored = B_STORED[operands];
  return {
    source: [storedSource(stored), `lib/product_${by}.wgsl`, "lib/product.wgsl"],
    bindings: {
      a: readStored("f32", by, "[m, k]", "or [k, m] when A_TRANSPOSED"),
      b: readStored(stored, by, "[k, n]", "or [n, k] when B_TRANSPOSED"),
      out: readWrite("f32", "[m, n]"),
    },
    params,
    constants: { A_TRANSPOSED: "bool", B_TRANSPOSED: "bool" } as const,
    example: { A_TRANSPOSED: false, B_TRANSPOSED: false },
    work: ({ m, n, k }: ProductParams) => ({ flops: 2 * m * n * k }),
  };
}

/**
 * What of k the subgroups' kernels must be ready for beyond fours. Where k is a model's width it is a multiple of four
 * nearly always; where it is the number of tokens it changes from batch to batch, and one kernel is for all.
 */
export const hasTail = (layout: Layout, k: number): boolean => layout === "tn" || k % 4 !== 0;

/** One product over tensors that can be bound: windows of larger ones, perhaps. */
export interface Product {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly out: Tensor;
  readonly layout: Layout;
  readonly operands: Operands;
  /** Of the rows of a, on the way; only where matmul-plan.ts says that this product takes it. */
  readonly norm: Normalization | undefined;
  readonly params: ProductParams;
}
