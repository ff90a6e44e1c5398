// Matrix products in the three forms that a linear layer needs, with what follows them fused in:
//   nn  out[m, n] = a[m, k] b[k, n]      forward, weights [in, out] as stored
//   nt  out[m, n] = a[m, k] b[n, k]^T    gradient by the input; logits from wte [V, C]
//   tn  out[m, n] = a[k, m]^T b[k, n]    gradient by the weight
// Matrices beyond the device's binding limit go by windows of rows; a reduction that is cut this way accumulates.
import type { CommandBatch } from "../gpu/batch.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Access, Kernel } from "../gpu/kernel.ts";
import { byteLength, expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { after, CORE, EPILOGUES, withEpilogue } from "./epilogue.ts";
import type { After, Epilogue, EpilogueName } from "./epilogue.ts";
import { isMatvec, launchMatvec, PRODUCT_PARAMS } from "./matvec.ts";
import type { Normalization, Operands } from "./matvec.ts";
import { tuningOf } from "./tuning.ts";
import { rowWindows } from "./windows.ts";
import type { Window } from "./windows.ts";

export type { Epilogue } from "./epilogue.ts";
export type Layout = "nn" | "nt" | "tn";

const WG_SIZE = 256;

// Each variant's files and constants besides A_TRANSPOSED and B_TRANSPOSED.
const VARIANTS = {
  subgroup: {
    source: ["lib/grid.wgsl", "matmul_subgroup.wgsl"],
    constants: { SG: "u32", WG_SIZE: "u32", ROWS: "u32" },
  },
  workgroup: { source: ["matmul_workgroup.wgsl"], constants: { SPLIT: "bool" } },
} as const;
type VariantName = keyof typeof VARIANTS;

function define(
  variant: VariantName,
  operands: Operands,
  epilogue: EpilogueName,
): Kernel<Record<string, Access>, typeof PRODUCT_PARAMS> {
  const { source, constants } = VARIANTS[variant];
  return defineKernel({
    name: "matmul",
    source: [`matmul_${operands}.wgsl`, "matmul.wgsl", ...source, ...EPILOGUES[epilogue].source],
    bindings: EPILOGUES[epilogue].bindings as Record<string, Access>,
    params: PRODUCT_PARAMS,
    constants: { A_TRANSPOSED: "bool", B_TRANSPOSED: "bool", ...constants } as Record<string, "bool" | "u32">,
  });
}

// Ends a product whose reduction was split. `b` is bound for its place only: epilogues count their bindings after a, b
// and out.
const sumKernels = Object.fromEntries(
  (Object.keys(EPILOGUES) as EpilogueName[]).map((epilogue) => [
    epilogue,
    defineKernel({
      name: "matmul_sum",
      source: ["lib/grid.wgsl", "matmul_sum.wgsl", ...EPILOGUES[epilogue].source],
      bindings: { parts: "read", b: "read", out: "read_write", ...omitCore(EPILOGUES[epilogue].bindings) } as Record<
        string,
        Access
      >,
      params: { m: "u32", n: "u32", parts: "u32", out_stride: "u32", out_column: "u32", accumulate: "u32" },
      constants: { WG_SIZE: "u32" },
    }),
  ]),
);

function omitCore(bindings: Record<string, Access>): Record<string, Access> {
  return Object.fromEntries(Object.entries(bindings).filter(([name]) => !(name in CORE)));
}

const names = <T extends object>(record: T) => Object.keys(record) as (keyof T & string)[];
const byEpilogue = (variant: VariantName, operands: Operands) =>
  Object.fromEntries(names(EPILOGUES).map((epilogue) => [epilogue, define(variant, operands, epilogue)]));
const kernels = Object.fromEntries(
  names(VARIANTS).map((variant) => [
    variant,
    { vec4: byEpilogue(variant, "vec4"), scalar: byEpilogue(variant, "scalar") },
  ]),
);

/**
 * out = a b in the given layout, or out += a b when `accumulate` (which takes no epilogue). All f32. `m`, `n` and `k`
 * come from the tensors; give one where a tensor's rows are wider than the matrix (padded logits), and the columns past
 * it are neither read nor written. bias holds [n], residual and preactivation are shaped as out. `norm` normalises the
 * rows of a before, where takesNorm says that it can.
 */
export function matmul(
  batch: CommandBatch,
  {
    a,
    b,
    out,
    layout,
    m,
    n,
    k,
    accumulate = false,
    epilogue,
    norm,
  }: {
    readonly a: Tensor;
    readonly b: Tensor;
    readonly out: Tensor;
    readonly layout: Layout;
    readonly m?: number;
    readonly n?: number;
    readonly k?: number;
    readonly accumulate?: boolean;
    readonly epilogue?: Epilogue;
    readonly norm?: Normalization;
  },
): void {
  const name = `matmul ${layout}`;
  const M = m ?? out.shape[0],
    N = n ?? out.shape[1],
    K = k ?? (layout === "tn" ? a.shape[0] : a.shape[1]);
  expectMatrix(name, "a", a, layout === "tn" ? [K, M] : [M, K], layout === "tn" ? m : k);
  expectMatrix(name, "b", b, layout === "nt" ? [N, K] : [K, N], layout === "nt" ? k : n);
  expectMatrix(name, "out", out, [M, N], n);
  if (epilogue) {
    if (accumulate) throw new Error(`${name}: cannot accumulate with an epilogue`);
    expectShape(name, "bias", epilogue.bias, [N], "columns of out");
    const like =
      epilogue.kind === "bias_gelu"
        ? epilogue.preactivation
        : epilogue.kind === "bias_residual"
          ? epilogue.residual
          : undefined;
    if (like)
      expectShape(name, epilogue.kind === "bias_gelu" ? "preactivation" : "residual", like, out.shape, "as out");
  }
  const { device } = batch;
  if (norm) {
    if (!takesNorm(device, layout, M, b))
      throw new Error(`${name}: cannot take a layer norm of [${a.shape}] before [${b.shape}]`);
    for (const each of ["weight", "bias"] as const) expectShape(name, `norm ${each}`, norm[each], [K], "columns of a");
  }
  const most = device.maxBindingBytes;
  if (byteLength(a) <= most && byteLength(b) <= most && byteLength(out) <= most) {
    launch(batch, layout, {
      a,
      aColumn: 0,
      b,
      out,
      outColumn: 0,
      m: M,
      n: N,
      k: K,
      accumulate,
      after: after(epilogue, 0, M),
      norm,
    });
    return;
  }
  const rows = layout === "tn" ? rowWindows(device, out) : rowWindows(device, out, a);
  const columns = layout === "nt" ? rowWindows(device, b) : [{ start: 0, count: N }];
  const depth =
    layout === "nn" ? rowWindows(device, b) : layout === "tn" ? rowWindows(device, a, b) : [{ start: 0, count: K }];
  for (const row of rows)
    for (const column of columns)
      for (const part of depth) {
        const [aRows, aColumn] = layout === "tn" ? [part, row.start] : [row, part.start];
        const last = part.start + part.count === K;
        launch(batch, layout, {
          a: slice(a, aRows),
          aColumn,
          b: slice(b, layout === "nt" ? column : part),
          out: slice(out, row),
          outColumn: column.start,
          m: row.count,
          n: column.count,
          k: part.count,
          accumulate: accumulate || part.start > 0,
          after: after(last ? epilogue : undefined, row.start, row.count),
          norm,
        });
      }
}

/**
 * Whether matmul takes a layer norm of `m` rows before their product with `b`: few rows, read by fours, each whole in
 * one launch.
 */
export function takesNorm(device: DeviceContext, layout: Layout, m: number, b: Tensor): boolean {
  const [rows, columns] = b.shape;
  const whole = layout === "nt" || (layout === "nn" && rows % 4 === 0 && byteLength(b) <= device.maxBindingBytes);
  return isMatvec(device, m) && whole && columns % 4 === 0;
}

const slice = (tensor: Tensor, { start, count }: Window) => sliceRows(tensor, start, count);

interface Launch {
  readonly a: Tensor;
  readonly aColumn: number;
  readonly b: Tensor;
  readonly out: Tensor;
  readonly outColumn: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly accumulate: boolean;
  readonly after: After;
  readonly norm: Normalization | undefined;
}

/**
 * One product over bindable windows: a from column `aColumn` on, out from column `outColumn` on. A token or a training
 * step is bound by what the host does for each launch, so objects are written out here, without spreading one into
 * another.
 */
function launch(
  batch: CommandBatch,
  layout: Layout,
  { a, aColumn, b, out, outColumn, m, n, k, accumulate, after, norm }: Launch,
): void {
  const { device } = batch;
  const aStride = a.shape[1],
    bStride = b.shape[1];
  const operands = aStride % 4 === 0 && aColumn % 4 === 0 && bStride % 4 === 0 ? "vec4" : "scalar";
  const params = {
    m,
    n,
    k,
    a_stride: aStride,
    b_stride: bStride,
    out_stride: out.shape[1],
    a_column: aColumn,
    out_column: outColumn,
    accumulate: accumulate ? 1 : 0,
    depth: k,
  };
  if (layout !== "tn" && isMatvec(device, m)) {
    launchMatvec(batch, { a, b, out, transposed: layout === "nt", operands, norm, after }, params);
    return;
  }
  const { variant, workgroups, parts, depth, constants } = chooseVariant(device, layout, operands, m, n, k);
  const kernel = kernels[variant][operands];
  if (parts === 1) {
    batch.dispatch(kernel[after.name], constants as never, withEpilogue({ a, b, out }, after), params, workgroups);
    return;
  }
  const sums = device.pool.acquire([parts, m, n]);
  batch.dispatch(
    kernel.none,
    constants as never,
    { a, b, out: sums },
    { ...params, out_stride: n, out_column: 0, accumulate: 0, depth },
    workgroups,
  );
  const { out_stride, out_column } = params;
  batch.dispatch(
    sumKernels[after.name],
    { WG_SIZE },
    withEpilogue({ parts: sums, b, out }, after),
    { m, n, parts, out_stride, out_column, accumulate: params.accumulate },
    Math.ceil((m * n) / WG_SIZE),
  );
  device.pool.release(sums);
}

interface Choice {
  readonly variant: VariantName;
  readonly constants: Record<string, number | boolean>;
  readonly workgroups: number | readonly [number, number] | readonly [number, number, number];
  /** The reduction is done in this many parts of `depth`, which are summed by a launch of their own. */
  readonly parts: number;
  readonly depth: number;
}

function chooseVariant(
  device: DeviceContext,
  layout: Layout,
  operands: Operands,
  m: number,
  n: number,
  k: number,
): Choice {
  const tuning = tuningOf(device);
  const A_TRANSPOSED = layout === "tn",
    B_TRANSPOSED = layout === "nt";
  if (tuning.matmul === "subgroup") {
    const SG = device.subgroupSize,
      WG_SIZE = Math.max(32, SG);
    // 16 rows of scalar loads take too long to compile
    const ROWS = m <= tuning.matvecRows ? 4 : SG < 8 || operands === "scalar" ? 8 : 16;
    const tiles = Math.ceil(m / ROWS) * Math.ceil(n / (4 * SG));
    return {
      variant: "subgroup",
      constants: { A_TRANSPOSED, B_TRANSPOSED, SG, WG_SIZE, ROWS },
      workgroups: Math.ceil(tiles / (WG_SIZE / SG)),
      parts: 1,
      depth: k,
    };
  }
  const across = Math.ceil(n / TILE),
    down = Math.ceil(m / TILE);
  const { parts, depth } = splitReduction(tuning.matmulWorkgroups, across * down, m, n, k);
  return {
    variant: "workgroup",
    constants: { A_TRANSPOSED, B_TRANSPOSED, SPLIT: parts > 1 },
    workgroups: [across, down, parts],
    parts,
    depth,
  };
}

const TILE = 64,
  TILE_K = 32; // of matmul_workgroup.wgsl
/** Fewest slices of a part: below, summing the parts costs more than it saves. */
const LEAST_SLICES = 4;
/** Most memory for the parts of one product. */
const PARTS_BYTES = 2 ** 26;

/** Parts of the reduction where there are too few tiles for all the workgroups that the GPU runs at once. */
function splitReduction(
  workgroups: number,
  tiles: number,
  m: number,
  n: number,
  k: number,
): { parts: number; depth: number } {
  const slices = Math.ceil(k / TILE_K);
  const wanted = Math.min(workgroups / tiles, slices / LEAST_SLICES, PARTS_BYTES / (4 * m * n));
  const depth = wanted < 2 ? k : Math.ceil(slices / Math.floor(wanted)) * TILE_K;
  return { parts: Math.ceil(k / depth), depth };
}

/** The matrix [rows, columns] must be the tensor, or its first columns when their number was `given`. */
function expectMatrix(
  kernel: string,
  name: string,
  tensor: Tensor,
  [rows, columns]: readonly [number, number],
  given: number | undefined,
): void {
  const wide = given !== undefined && tensor.shape.length === 2 && tensor.shape[1] >= columns;
  expectShape(kernel, name, tensor, [rows, wide ? tensor.shape[1] : columns]);
}
