// Matrix products in the three forms that a linear layer needs, with what follows them fused in:
//   nn  out[m, n] = a[m, k] b[k, n]      forward, weights [in, out] as stored
//   nt  out[m, n] = a[m, k] b[n, k]^T    gradient by the input; logits from wte [V, C]
//   tn  out[m, n] = a[k, m]^T b[k, n]    gradient by the weight
// Matrices beyond the device's binding limit go by windows of rows; a reduction that is cut this way accumulates.
import type { CommandBatch } from "../gpu/batch.ts";
import type { Device } from "../gpu/device.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Access, Kernel } from "../gpu/kernel.ts";
import { expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { tuningOf } from "./tuning.ts";
import { rowWindows } from "./windows.ts";
import type { Window } from "./windows.ts";

export type Layout = "nn" | "nt" | "tn";

/** What becomes of the product before it is stored. gelu is gelu_new; `preactivation` [m, n] keeps its argument for backward. */
export type Epilogue =
  | { readonly kind: "bias"; readonly bias: Tensor }
  | { readonly kind: "bias_gelu"; readonly bias: Tensor; readonly preactivation?: Tensor }
  | { readonly kind: "bias_residual"; readonly bias: Tensor; readonly residual: Tensor };

const CORE = { a: "read", b: "read", out: "read_write" } as const;
const BIAS = { ...CORE, bias: "read" } as const;
const EPILOGUES = {
  none: { source: ["epilogue/none.wgsl"], bindings: CORE },
  bias: { source: ["epilogue/bias.wgsl"], bindings: BIAS },
  bias_gelu: { source: ["lib/gelu.wgsl", "epilogue/bias_gelu.wgsl"], bindings: BIAS },
  bias_gelu_save: { source: ["lib/gelu.wgsl", "epilogue/bias_gelu_save.wgsl"], bindings: { ...BIAS, preactivation: "read_write" } },
  bias_residual: { source: ["epilogue/bias_residual.wgsl"], bindings: { ...BIAS, residual: "read" } },
} as const;
type EpilogueName = keyof typeof EPILOGUES;

const PARAMS = {
  m: "u32", n: "u32", k: "u32", a_stride: "u32", b_stride: "u32", out_stride: "u32",
  a_column: "u32", out_column: "u32", accumulate: "u32",
} as const;

// Each variant's files and constants besides A_TRANSPOSED and B_TRANSPOSED.
const VARIANTS = {
  subgroup: { source: ["lib/grid.wgsl", "matmul_subgroup.wgsl"], constants: { SG: "u32", WG_SIZE: "u32", ROWS: "u32" } },
  workgroup: { source: ["matmul_workgroup.wgsl"], constants: { TILE: "u32", TILE_K: "u32" } },
  matvec: { source: ["matvec_workgroup.wgsl"], constants: { ROWS: "u32" } },
} as const;
type VariantName = keyof typeof VARIANTS;

function define(variant: VariantName, operands: "vec4" | "scalar", epilogue: EpilogueName): Kernel<Record<string, Access>, typeof PARAMS> {
  const { source, constants } = VARIANTS[variant];
  return defineKernel({
    name: variant === "matvec" ? "matvec" : "matmul",
    source: [`matmul_${operands}.wgsl`, "matmul.wgsl", ...source, ...EPILOGUES[epilogue].source],
    bindings: EPILOGUES[epilogue].bindings as Record<string, Access>,
    params: PARAMS,
    constants: { A_TRANSPOSED: "bool", B_TRANSPOSED: "bool", ...constants } as Record<string, "bool" | "u32">,
  });
}

const names = <T extends object>(record: T) => Object.keys(record) as (keyof T & string)[];
const kernels = Object.fromEntries(names(VARIANTS).flatMap((variant) => (["vec4", "scalar"] as const).flatMap((operands) =>
  names(EPILOGUES).map((epilogue) => [`${variant}/${operands}/${epilogue}`, define(variant, operands, epilogue)]))));

/**
 * out = a b in the given layout, or out += a b when `accumulate` (which takes no epilogue). All f32. `m`, `n` and `k` come from the
 * tensors; give one where a tensor's rows are wider than the matrix (padded logits), and the columns past it are neither
 * read nor written. bias holds [n], residual and preactivation are shaped as out.
 */
export function matmul(batch: CommandBatch, { a, b, out, layout, m, n, k, accumulate = false, epilogue }: {
  readonly a: Tensor; readonly b: Tensor; readonly out: Tensor; readonly layout: Layout;
  readonly m?: number; readonly n?: number; readonly k?: number;
  readonly accumulate?: boolean; readonly epilogue?: Epilogue;
}): void {
  const name = `matmul ${layout}`;
  const M = m ?? out.shape[0], N = n ?? out.shape[1], K = k ?? (layout === "tn" ? a.shape[0] : a.shape[1]);
  expectMatrix(name, "a", a, layout === "tn" ? [K, M] : [M, K], layout === "tn" ? m : k);
  expectMatrix(name, "b", b, layout === "nt" ? [N, K] : [K, N], layout === "nt" ? k : n);
  expectMatrix(name, "out", out, [M, N], n);
  if (epilogue) {
    if (accumulate) throw new Error(`${name}: cannot accumulate with an epilogue`);
    expectShape(name, "bias", epilogue.bias, [N], "columns of out");
    const like = epilogue.kind === "bias_gelu" ? epilogue.preactivation : epilogue.kind === "bias_residual" ? epilogue.residual : undefined;
    if (like) expectShape(name, epilogue.kind === "bias_gelu" ? "preactivation" : "residual", like, out.shape, "as out");
  }
  const { device } = batch;
  const rows = layout === "tn" ? rowWindows(device, out) : rowWindows(device, out, a);
  const columns = layout === "nt" ? rowWindows(device, b) : [{ start: 0, count: N }];
  const depth = layout === "nn" ? rowWindows(device, b) : layout === "tn" ? rowWindows(device, a, b) : [{ start: 0, count: K }];
  for (const row of rows) for (const column of columns) for (const part of depth) {
    const [aRows, aColumn] = layout === "tn" ? [part, row.start] : [row, part.start];
    const last = part.start + part.count === K;
    launch(batch, layout, {
      a: slice(a, aRows), aColumn, b: slice(b, layout === "nt" ? column : part), out: slice(out, row), outColumn: column.start,
      m: row.count, n: column.count, k: part.count, accumulate: accumulate || part.start > 0,
      after: last && epilogue ? after(epilogue, row) : { name: "none", bindings: {} },
    });
  }
}

const slice = (tensor: Tensor, { start, count }: Window) => sliceRows(tensor, start, count);

interface After { readonly name: EpilogueName; readonly bindings: Readonly<Record<string, Tensor>> }

/** The epilogue's file and its bindings for these rows of out. */
function after(epilogue: Epilogue, row: Window): After {
  const { kind, bias } = epilogue;
  switch (kind) {
    case "bias": return { name: kind, bindings: { bias } };
    case "bias_residual": return { name: kind, bindings: { bias, residual: slice(epilogue.residual, row) } };
    case "bias_gelu": return epilogue.preactivation
      ? { name: "bias_gelu_save", bindings: { bias, preactivation: slice(epilogue.preactivation, row) } }
      : { name: kind, bindings: { bias } };
    default: throw new Error(`matmul: unknown epilogue ${kind satisfies never}`);
  }
}

/** One launch over bindable windows: a from column `aColumn` on, out from column `outColumn` on. */
function launch(batch: CommandBatch, layout: Layout, { a, aColumn, b, out, outColumn, m, n, k, accumulate, after }: {
  readonly a: Tensor; readonly aColumn: number; readonly b: Tensor; readonly out: Tensor; readonly outColumn: number;
  readonly m: number; readonly n: number; readonly k: number; readonly accumulate: boolean; readonly after: After;
}): void {
  const [aStride, bStride, outStride] = [a, b, out].map(({ shape }) => shape[1]);
  const operands = [aStride, aColumn, bStride].every((size) => size % 4 === 0) ? "vec4" : "scalar";
  const { variant, constants, workgroups } = chooseVariant(batch.device, layout, operands, m, n);
  batch.dispatch(
    kernels[`${variant}/${operands}/${after.name}`],
    { A_TRANSPOSED: layout === "tn", B_TRANSPOSED: layout === "nt", ...constants } as never,
    { a, b, out, ...after.bindings },
    { m, n, k, a_stride: aStride, b_stride: bStride, out_stride: outStride, a_column: aColumn, out_column: outColumn, accumulate: Number(accumulate) },
    workgroups,
  );
}

interface Choice { readonly variant: VariantName; readonly constants: Record<string, number>; readonly workgroups: number | readonly [number, number] }

function chooseVariant(device: Device, layout: Layout, operands: "vec4" | "scalar", m: number, n: number): Choice {
  const { matmul: variant, matmulTile, matmulTileK, matvecRows } = tuningOf(device);
  if (variant === "subgroup") {
    const SG = device.subgroupSize, WG_SIZE = Math.max(32, SG);
    const ROWS = m <= matvecRows ? 4 : SG < 8 || operands === "scalar" ? 8 : 16;     // 16 rows of scalar loads take too long to compile
    const tiles = Math.ceil(m / ROWS) * Math.ceil(n / (4 * SG));
    return { variant, constants: { SG, WG_SIZE, ROWS }, workgroups: Math.ceil(tiles / (WG_SIZE / SG)) };
  }
  if (m <= matvecRows && layout !== "tn") {
    const ROWS = m === 1 ? 1 : 4;
    return { variant: "matvec", constants: { ROWS }, workgroups: [Math.ceil(n / 32), Math.ceil(m / ROWS)] };
  }
  return { variant, constants: { TILE: matmulTile, TILE_K: matmulTileK }, workgroups: [Math.ceil(n / matmulTile), Math.ceil(m / matmulTile)] };
}

/** The matrix [rows, columns] must be the tensor, or its first columns when their number was `given`. */
function expectMatrix(kernel: string, name: string, tensor: Tensor, [rows, columns]: readonly [number, number], given: number | undefined): void {
  const wide = given !== undefined && tensor.shape.length === 2 && tensor.shape[1] >= columns;
  expectShape(kernel, name, tensor, [rows, wide ? tensor.shape[1] : columns]);
}
