// What the kernels of matrix products declare alike, for many rows and for few: operands, result and parameters.
import type { ParamsOf } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { readSaved, readWriteSaved, savedAs, savedSource } from "./saved.ts";
import type { Saved } from "./saved.ts";
import { readStored, storedAs, storedSource } from "./stored.ts";
import type { Stored } from "./stored.ts";

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

/** In training with mixed precision, which of a, b and out are f16. */
export const SAVED_OPERANDS = [
  "vec4, f16 a",
  "scalar, f16 a",
  "vec4, f16 a b",
  "scalar, f16 a b",
  "vec4, f16 b out",
  "scalar, f16 b out",
  "vec4, f16 a b out",
  "scalar, f16 a b out",
] as const;
export type SavedOperands = (typeof SAVED_OPERANDS)[number];
export type AnyOperands = Operands | SavedOperands;

interface Kinds {
  readonly by: "vec4" | "scalar";
  readonly a: Saved;
  readonly b: Stored;
  readonly out: Saved;
}

const KINDS = Object.fromEntries(
  [...OPERANDS, ...SAVED_OPERANDS].map((operands) => {
    const [by, halves = ""] = operands.split(", ");
    const names = halves === "f16" ? ["b"] : halves.split(" ");
    const kind = (name: string): Saved => (names.includes(name) ? "f16" : "f32");
    return [operands, { by, a: kind("a"), b: kind("b"), out: kind("out") }];
  }),
) as Readonly<Record<AnyOperands, Kinds>>;

/** Whether rows of these are read by fours, and what a, b and out are kept as. */
export const kindsOf = (operands: AnyOperands): Kinds => KINDS[operands];

/** The same with f32 results: of parts that are yet to be summed. */
const WITH_F32_OUT = {
  "vec4, f16 b out": "vec4, f16",
  "scalar, f16 b out": "scalar, f16",
  "vec4, f16 a b out": "vec4, f16 a b",
  "scalar, f16 a b out": "scalar, f16 a b",
} as const;
export const withF32Out = (operands: AnyOperands): AnyOperands =>
  operands in WITH_F32_OUT ? WITH_F32_OUT[operands as keyof typeof WITH_F32_OUT] : operands;

/** Of a product of these tensors; `fours`: rows of both start at multiples of four elements. */
export function operandsOf(a: Tensor, b: Tensor, out: Tensor, fours: boolean): AnyOperands {
  const by = fours ? "vec4" : "scalar";
  const halves = (savedAs(a) === "f16" ? 4 : 0) + (storedAs(b) === "f16" ? 2 : 0) + (savedAs(out) === "f16" ? 1 : 0);
  switch (halves) {
    case 0:
      return by;
    case 2:
      return `${by}, f16`;
    case 3:
      return `${by}, f16 b out`;
    case 4:
      return `${by}, f16 a`;
    case 6:
      return `${by}, f16 a b`;
    case 7:
      return `${by}, f16 a b out`;
    default:
      throw new Error(`matmul: no kernel makes ${out.dtype} of ${a.dtype} and ${b.dtype}`);
  }
}

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
export function productPart(operands: AnyOperands) {
  const { by, a, b, out } = kindsOf(operands);
  return {
    source: [storedSource(b), savedSource(out), `lib/product_${by}.wgsl`, "lib/product.wgsl"],
    bindings: {
      a: readSaved(a, by, "[m, k]", "or [k, m] when A_TRANSPOSED"),
      b: readStored(b, by, "[k, n]", "or [n, k] when B_TRANSPOSED"),
      out: readWriteSaved(out, "scalar", "[m, n]"),
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
  readonly operands: AnyOperands;
  /** Of the rows of a, on the way; only where matmul-plan.ts says that this product takes it. */
  readonly norm: Normalization | undefined;
  readonly params: ProductParams;
}

/** Of which a and out are f32: all that the kernels for few rows have forms for. */
export interface PlainProduct extends Product {
  readonly operands: Operands;
}

export const isPlain = (product: Product): product is PlainProduct =>
  (OPERANDS as readonly AnyOperands[]).includes(product.operands);
