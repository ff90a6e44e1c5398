// Products of few rows, as decoding makes them: a token of each of a few sequences by a weight matrix. They are bound by reading
// the weights, so the kernels differ from those for many rows; and a launch costs as much as the product, so the layer norm
// before it is part of it: every workgroup normalises its rows again, which costs less than launching that once.
import type { Device } from "../gpu/device.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Access, Kernel } from "../gpu/kernel.ts";
import { elementCount } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { EPILOGUES } from "./epilogue.ts";
import type { After, EpilogueName } from "./epilogue.ts";
import { tuningOf } from "./tuning.ts";

/** A layer norm of the rows of A: weight and bias are as wide as they are. */
export interface Normalization { readonly weight: Tensor; readonly bias: Tensor; readonly epsilon: number }

/** Parameters of every product: struct Params of matmul.wgsl. */
export const PRODUCT_PARAMS = {
  m: "u32", n: "u32", k: "u32", a_stride: "u32", b_stride: "u32", out_stride: "u32",
  a_column: "u32", out_column: "u32", accumulate: "u32", depth: "u32",
} as const;

const VARIANTS = {
  subgroup: { source: ["lib/grid.wgsl", "matvec_subgroup.wgsl"], constants: { SG: "u32" } },
  workgroup: { source: ["matvec_workgroup.wgsl"], constants: { QUADS: "u32" } },
} as const;
type VariantName = keyof typeof VARIANTS;
type Prologue = "none" | "norm";

function define(variant: VariantName, operands: "vec4" | "scalar", prologue: Prologue, epilogue: EpilogueName): Kernel<Record<string, Access>, typeof PRODUCT_PARAMS> {
  const { source, bindings } = EPILOGUES[epilogue];
  const norm = prologue === "norm";
  return defineKernel({
    name: "matvec",
    source: [
      `matmul_${operands}.wgsl`, "matmul.wgsl", ...norm ? [`prologue/norm_at_${Object.keys(bindings).length}.wgsl`] : [], `prologue/${prologue}.wgsl`,
      "matvec.wgsl", ...VARIANTS[variant].source, ...source,
    ],
    bindings: { ...bindings, ...norm && { norm_weight: "read", norm_bias: "read" } } as Record<string, Access>,
    params: PRODUCT_PARAMS,
    constants: { A_TRANSPOSED: "bool", B_TRANSPOSED: "bool", ROWS: "u32", ...VARIANTS[variant].constants, ...norm && { EPS: "f32" } } as Record<string, "bool" | "u32" | "f32">,
  });
}

const names = <T extends object>(record: T) => Object.keys(record) as (keyof T & string)[];
const NORMALISED = ["none", "bias", "bias_gelu"] as const satisfies readonly EpilogueName[];
type Key = readonly [VariantName, "vec4" | "scalar", Prologue, EpilogueName];
const kernels = Object.fromEntries(names(VARIANTS).flatMap((variant): readonly Key[] => [
  ...(["vec4", "scalar"] as const).flatMap((operands) => names(EPILOGUES).map((epilogue): Key => [variant, operands, "none", epilogue])),
  ...NORMALISED.map((epilogue): Key => [variant, "vec4", "norm", epilogue]),
]).map((key) => [key.join("/"), define(...key)]));

/** Whether a product of `m` rows, none of its operands transposed on the left, is one of few. */
export function isMatvec(device: Device, m: number): boolean {
  return m <= tuningOf(device).matvecRows;
}

/**
 * Whether normalising `m` rows of a again and again within their product with `b` costs less than a launch that does it once.
 * Always on a GPU. Subgroups each do it for only four columns a lane: four lanes (SwiftShader) lose by it, 14% of a token.
 */
export function isNormCheap(device: Device, m: number, b: Tensor): boolean {
  if (tuningOf(device).matmul === "workgroup") return true;
  return device.subgroupSize >= 8 && m * elementCount(b.shape) <= NORM_WORK;
}

/** Multiplications of a product whose subgroups together need a launch's time, 25 us on lavapipe, to normalise. */
const NORM_WORK = 2 ** 18;

/** What matmul() dispatches for few rows, with PRODUCT_PARAMS: the kernel for these operands, its bindings and workgroups. */
export function planMatvec(device: Device, { a, b, out, transposed, operands, norm, after }: Matvec, sizes: Sizes) {
  const variant = tuningOf(device).matmul;
  const { constants, workgroups } = variant === "subgroup" ? subgroups(device, sizes) : threads(sizes);
  const kernel = kernels[`${variant}/${operands}/${norm ? "norm" : "none"}/${after.name}`];
  if (!kernel) throw new Error(`matmul: cannot take a layer norm before ${after.name} of ${operands} operands`);
  return {
    kernel, workgroups,
    constants: { A_TRANSPOSED: false, B_TRANSPOSED: transposed, ...constants, ...norm && { EPS: norm.epsilon } } as never,
    bindings: { a, b, out, ...after.bindings, ...norm && { norm_weight: norm.weight, norm_bias: norm.bias } },
  };
}

interface Matvec {
  readonly a: Tensor; readonly b: Tensor; readonly out: Tensor;
  /** Whether b is [n, k]. */
  readonly transposed: boolean;
  readonly operands: "vec4" | "scalar";
  readonly norm: Normalization | undefined;
  readonly after: After;
}

/** Of a workgroup: see matvec_workgroup.wgsl. */
const THREADS = 256;

interface Sizes { readonly m: number; readonly n: number; readonly k: number }

/** Rows that share a reading of the weights. */
const rowsAtOnce = (m: number): number => (m === 1 ? 1 : m <= 4 ? 4 : 8);

function subgroups({ subgroupSize: SG }: Device, { m, n }: Sizes) {
  const ROWS = rowsAtOnce(m);
  return { constants: { ROWS, SG }, workgroups: Math.ceil(m / ROWS) * Math.ceil(n / (4 * SG)) };
}

/** Workgroups that are wanted of a narrow product: one for each of a large GPU's multiprocessors. */
const ENOUGH = 128;

/** Narrower workgroups where there would be few, as long as each of their threads has a block of four k. */
function threads({ m, n, k }: Sizes) {
  const ROWS = rowsAtOnce(m);
  const groups = (QUADS: number): readonly [number, number] => [Math.ceil(m / ROWS), Math.ceil(n / (4 * QUADS))];
  let QUADS = 8;
  while (QUADS > 2 && groups(QUADS)[0] * groups(QUADS)[1] < ENOUGH && 4 * THREADS <= k * (QUADS / 2)) QUADS /= 2;
  return { constants: { ROWS, QUADS }, workgroups: groups(QUADS) };
}
