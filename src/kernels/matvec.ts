// Products of few rows, as decoding makes them: a token of each of a few sequences by a weight matrix. They are bound
// by reading the weights, so the kernels differ from those for many rows; and a launch costs as much as the product, so
// the layer norm before it is part of it: every workgroup normalises its rows again, which costs less than launching
// that once.
import type { CommandBatch } from "../gpu/batch.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Access, Kernel, ParamsOf } from "../gpu/kernel.ts";
import { elementCount } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { EPILOGUES, withEpilogue } from "./epilogue.ts";
import type { After, EpilogueName } from "./epilogue.ts";
import { tuningOf } from "./tuning.ts";

/** A layer norm of the rows of A: weight and bias are as wide as they are. */
export interface Normalization {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly epsilon: number;
}

/** Parameters of every product: struct Params of matmul.wgsl. */
export const PRODUCT_PARAMS = {
  m: "u32",
  n: "u32",
  k: "u32",
  a_stride: "u32",
  b_stride: "u32",
  out_stride: "u32",
  a_column: "u32",
  out_column: "u32",
  accumulate: "u32",
  depth: "u32",
} as const;

const VARIANTS = {
  subgroup: { source: ["lib/grid.wgsl", "matvec_subgroup.wgsl"], constants: { SG: "u32" } },
  workgroup: { source: ["matvec_workgroup.wgsl"], constants: { QUADS: "u32" } },
} as const;
type VariantName = keyof typeof VARIANTS;
type Prologue = "none" | "norm";
/** Whether rows are read by four neighbours at a time. */
export type Operands = "vec4" | "scalar";

function define(
  variant: VariantName,
  operands: Operands,
  prologue: Prologue,
  epilogue: EpilogueName,
): Kernel<Record<string, Access>, typeof PRODUCT_PARAMS> {
  const { source, bindings } = EPILOGUES[epilogue];
  const norm = prologue === "norm";
  return defineKernel({
    name: "matvec",
    source: [
      `matmul_${operands}.wgsl`,
      "matmul.wgsl",
      ...(norm ? [`prologue/norm_at_${Object.keys(bindings).length}.wgsl`] : []),
      `prologue/${prologue}.wgsl`,
      "matvec.wgsl",
      ...VARIANTS[variant].source,
      ...source,
    ],
    bindings: { ...bindings, ...(norm && { norm_weight: "read", norm_bias: "read" }) } as Record<string, Access>,
    params: PRODUCT_PARAMS,
    constants: {
      A_TRANSPOSED: "bool",
      B_TRANSPOSED: "bool",
      ROWS: "u32",
      ...VARIANTS[variant].constants,
      ...(norm && { EPS: "f32" }),
    } as Record<string, "bool" | "u32" | "f32">,
  });
}

const names = <T extends object>(record: T) => Object.keys(record) as (keyof T & string)[];
type ByEpilogue = Readonly<Record<string, Kernel<Record<string, Access>, typeof PRODUCT_PARAMS>>>;
function byEpilogue(
  variant: VariantName,
  operands: Operands,
  prologue: Prologue,
  epilogues: readonly EpilogueName[],
): ByEpilogue {
  return Object.fromEntries(epilogues.map((epilogue) => [epilogue, define(variant, operands, prologue, epilogue)]));
}
const kernels = Object.fromEntries(
  names(VARIANTS).map((variant) => [
    variant,
    {
      vec4: byEpilogue(variant, "vec4", "none", names(EPILOGUES)),
      scalar: byEpilogue(variant, "scalar", "none", names(EPILOGUES)),
      norm: byEpilogue(variant, "vec4", "norm", ["none", "bias", "bias_gelu"]),
    },
  ]),
);

/** Whether a product of `m` rows, none of its operands transposed on the left, is one of few. */
export function isMatvec(device: DeviceContext, m: number): boolean {
  return m <= tuningOf(device).matvecRows;
}

/**
 * Whether normalising `m` rows of a again and again within their product with `b` costs less than a launch that does it
 * once. Always on a GPU. Subgroups each do it for only four columns a lane: four lanes (SwiftShader) lose by it, 14% of
 * a token.
 */
export function isNormCheap(device: DeviceContext, m: number, b: Tensor): boolean {
  if (tuningOf(device).matmul === "workgroup") return true;
  return device.subgroupSize >= 8 && m * elementCount(b.shape) <= NORM_WORK;
}

/** Multiplications of a product whose subgroups together need a launch's time, 25 us on lavapipe, to normalise. */
const NORM_WORK = 2 ** 18;

/** A product of few rows. */
export function launchMatvec(
  batch: CommandBatch,
  { a, b, out, transposed, operands, norm, after }: Matvec,
  params: ParamsOf<typeof PRODUCT_PARAMS>,
): void {
  const { device } = batch;
  const variant = tuningOf(device).matmul;
  const kernel = norm
    ? operands === "vec4" && kernels[variant].norm[after.name]
    : kernels[variant][operands][after.name];
  if (!kernel) throw new Error(`matmul: cannot take a layer norm before ${after.name} of ${operands} operands`);
  const { constants, workgroups } = variant === "subgroup" ? subgroups(device, params) : threads(params);
  constants.B_TRANSPOSED = transposed;
  const bindings = withEpilogue({ a, b, out }, after);
  if (norm) {
    constants.EPS = norm.epsilon;
    bindings.norm_weight = norm.weight;
    bindings.norm_bias = norm.bias;
  }
  batch.dispatch(kernel, constants as never, bindings, params, workgroups);
}

interface Matvec {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly out: Tensor;
  /** Whether b is [n, k]. */
  readonly transposed: boolean;
  readonly operands: Operands;
  readonly norm: Normalization | undefined;
  readonly after: After;
}

/** Of a workgroup: see matvec_workgroup.wgsl. */
const THREADS = 256;

interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Rows that share a reading of the weights. */
const rowsAtOnce = (m: number): number => (m === 1 ? 1 : m <= 4 ? 4 : 8);

interface Plan {
  readonly constants: Record<string, number | boolean>;
  readonly workgroups: number | readonly [number, number];
}

function subgroups({ subgroupSize: SG }: DeviceContext, { m, n }: Sizes): Plan {
  const ROWS = rowsAtOnce(m);
  return {
    constants: { A_TRANSPOSED: false, B_TRANSPOSED: false, ROWS, SG },
    workgroups: Math.ceil(m / ROWS) * Math.ceil(n / (4 * SG)),
  };
}

/** Workgroups that are wanted of a narrow product: one for each of a large GPU's multiprocessors. */
const ENOUGH = 128;

/** Narrower workgroups where there would be few, as long as each of their threads has a block of four k. */
function threads({ m, n, k }: Sizes): Plan {
  const ROWS = rowsAtOnce(m),
    down = Math.ceil(m / ROWS);
  let QUADS = 8;
  while (QUADS > 2 && down * Math.ceil(n / (4 * QUADS)) < ENOUGH && 4 * THREADS <= k * (QUADS / 2)) QUADS /= 2;
  return {
    constants: { A_TRANSPOSED: false, B_TRANSPOSED: false, ROWS, QUADS },
    workgroups: [down, Math.ceil(n / (4 * QUADS))],
  };
}
