// Matrix products in the three layouts that a linear layer needs (see product.ts), with what precedes and follows them
// fused in: checks, windows, and which launch serves. Matrices beyond the device's binding limit go by windows of rows;
// a reduction that is cut this way accumulates.
import type { CommandBatch } from "../gpu/batch.ts";
import type { Bindings, BindingsOf } from "../gpu/kernel.ts";
import { Scope } from "../gpu/scope.ts";
import { byteLength, expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import {
  ANY_EPILOGUE,
  BIAS,
  BIAS_GELU,
  BIAS_GELU_SAVE,
  BIAS_GELU_SAVE_F16,
  BIAS_RESIDUAL,
  EPILOGUE_BITS,
  NO_EPILOGUE,
} from "./epilogue.ts";
import type { Epilogue, EpiloguePart } from "./epilogue.ts";
import { layerNormForward } from "./layernorm.ts";
import { launchMatmul } from "./matmul-kernels.ts";
import { hasFewRows, normalizesInside } from "./matmul-plan.ts";
import { launchMatvec } from "./matvec.ts";
import { isPlain, operandsOf } from "./product.ts";
import type { Layout, Normalization, Product } from "./product.ts";
import { rowWindows } from "./windows.ts";
import type { Window } from "./windows.ts";

export type { Epilogue } from "./epilogue.ts";
export type { Layout, Normalization } from "./product.ts";

/**
 * out = a b in the given layout, or out += a b when `accumulate` (which takes no epilogue). All f32, or b f16, or with
 * mixed precision those that SAVED_OPERANDS names; sums are f32. `m`, `n` and `k` come from the tensors; give one where
 * a tensor's rows are wider than the matrix (padded logits), and the columns past it are neither read nor written. bias
 * holds [n], residual and preactivation are shaped as out, the latter is kept as out. `norm` normalises the rows of a
 * before: on the way where that is cheaper (normalizesInside), else in a launch before. `aColumn`, of layout tn: a's
 * columns from there on are taken.
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
    aColumn = 0,
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
    readonly aColumn?: number;
    readonly accumulate?: boolean;
    readonly epilogue?: Epilogue;
    readonly norm?: Normalization;
  },
): void {
  const name = `matmul ${layout}`;
  const M = m ?? out.shape[0],
    N = n ?? out.shape[1],
    K = k ?? (layout === "tn" ? a.shape[0] : a.shape[1]);
  if (aColumn > 0 && (layout !== "tn" || m === undefined || aColumn + m > a.shape[1]))
    throw new Error(`${name}: cannot take ${M} columns of a [${a.shape}] from ${aColumn} on`);
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
  const whole = { a, aColumn, b, out, layout, m: M, n: N, k: K, accumulate, epilogue };
  if (!norm) {
    launchWindows(batch, whole, undefined);
    return;
  }
  if (layout === "tn") throw new Error(`${name}: cannot take a layer norm of the rows of a: they are its columns`);
  expectShape(name, "a", a, [M, K], "whole rows, for the layer norm");
  expectShape(name, "norm weight", norm.weight, [K], "columns of a");
  expectShape(name, "norm bias", norm.bias, [K], "columns of a");
  if (normalizesInside(batch.device, layout, M, b)) launchWindows(batch, whole, norm);
  else launchAfterNorm(batch, whole, norm);
}

/** What is asked for: sizes are settled, tensors may be larger than a binding. */
interface WholeProduct {
  readonly a: Tensor;
  readonly aColumn: number;
  readonly b: Tensor;
  readonly out: Tensor;
  readonly layout: Layout;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly accumulate: boolean;
  readonly epilogue: Epilogue | undefined;
}

function launchAfterNorm(batch: CommandBatch, whole: WholeProduct, norm: Normalization): void {
  const { a, b, out, layout, m, n, k, accumulate, epilogue } = whole;
  const { weight, bias, epsilon: eps } = norm;
  const scope = new Scope(batch.device.pool, "the normalised rows of a product");
  try {
    const y = scope.acquire([m, k]),
      stats = scope.acquire([m, 2]);
    layerNormForward(batch, { x: a, weight, bias, y, stats, eps });
    launchWindows(batch, { a: y, aColumn: 0, b, out, layout, m, n, k, accumulate, epilogue }, undefined);
  } finally {
    scope.end("it was made");
  }
}

function launchWindows(
  batch: CommandBatch,
  { a, aColumn: firstColumn, b, out, layout, m, n, k, accumulate, epilogue }: WholeProduct,
  norm: Normalization | undefined,
): void {
  const { device } = batch;
  const most = device.maxBindingBytes;
  if (byteLength(a) <= most && byteLength(b) <= most && byteLength(out) <= most) {
    const product = productOf({ a, aColumn: firstColumn, b, out, outColumn: 0, m, n, k, accumulate }, layout, norm);
    launchFor(batch, product, epilogue, 0);
    return;
  }
  const rows = layout === "tn" ? rowWindows(device, out) : rowWindows(device, out, a);
  const columns = layout === "nt" ? rowWindows(device, b) : [{ start: 0, count: n }];
  const depth =
    layout === "nn" ? rowWindows(device, b) : layout === "tn" ? rowWindows(device, a, b) : [{ start: 0, count: k }];
  for (const row of rows)
    for (const column of columns)
      for (const part of depth) {
        const [aRows, aColumn] = layout === "tn" ? [part, firstColumn + row.start] : [row, part.start];
        const window = {
          a: slice(a, aRows),
          aColumn,
          b: slice(b, layout === "nt" ? column : part),
          out: slice(out, row),
          outColumn: column.start,
          m: row.count,
          n: column.count,
          k: part.count,
          accumulate: accumulate || part.start > 0,
        };
        const last = part.start + part.count === k;
        launchFor(batch, productOf(window, layout, norm), last ? epilogue : undefined, row.start);
      }
}

const slice = (tensor: Tensor, { start, count }: Window) => sliceRows(tensor, start, count);

/** What one launch makes: a from column `aColumn` on, out from column `outColumn` on. */
interface ProductWindow {
  readonly a: Tensor;
  readonly aColumn: number;
  readonly b: Tensor;
  readonly out: Tensor;
  readonly outColumn: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly accumulate: boolean;
}

function productOf(
  { a, aColumn, b, out, outColumn, m, n, k, accumulate }: ProductWindow,
  layout: Layout,
  norm: Normalization | undefined,
): Product {
  const a_stride = a.shape[1],
    b_stride = b.shape[1];
  const params = {
    m,
    n,
    k,
    a_stride,
    b_stride,
    out_stride: out.shape[1],
    a_column: aColumn,
    out_column: outColumn,
    accumulate: accumulate ? 1 : 0,
    depth: k,
    epilogue: 0,
  };
  const operands = operandsOf(a, b, out, a_stride % 4 === 0 && aColumn % 4 === 0 && b_stride % 4 === 0);
  return { a, b, out, layout, operands, norm, params };
}

/** The launch with the epilogue, if there is one, for rows of out from `start` on. */
function launchFor(batch: CommandBatch, product: Product, epilogue: Epilogue | undefined, start: number): void {
  const saves = epilogue?.kind === "bias_gelu" && epilogue.preactivation !== undefined;
  if (batch.device.tuning.epilogue === "parameter" && !saves) {
    launchAny(batch, product, epilogue, start);
    return;
  }
  if (!epilogue) {
    launch(batch, product, NO_EPILOGUE, {});
    return;
  }
  const { kind, bias } = epilogue;
  const count = product.params.m;
  switch (kind) {
    case "bias":
      launch(batch, product, BIAS, { bias });
      return;
    case "bias_residual":
      launch(batch, product, BIAS_RESIDUAL, { bias, residual: sliceRows(epilogue.residual, start, count) });
      return;
    case "bias_gelu": {
      const { preactivation } = epilogue;
      if (!preactivation) launch(batch, product, BIAS_GELU, { bias });
      else {
        const part = preactivation.dtype === "f16" ? BIAS_GELU_SAVE_F16 : BIAS_GELU_SAVE;
        launch<Bindings>(batch, product, part, { bias, preactivation: sliceRows(preactivation, start, count) });
      }
      return;
    }
    default:
      throw new Error(`matmul: unknown epilogue ${kind satisfies never}`);
  }
}

/** By the one kernel that has any epilogue. */
function launchAny(batch: CommandBatch, product: Product, epilogue: Epilogue | undefined, start: number): void {
  const { a, params } = product;
  params.epilogue = EPILOGUE_BITS[epilogue?.kind ?? "none"];
  const nothing: Tensor = a.dtype === "f32" ? a : { ...a, dtype: "f32", shape: [1] }; // which nobody reads
  const residual = epilogue?.kind === "bias_residual" ? sliceRows(epilogue.residual, start, params.m) : nothing;
  launch(batch, product, ANY_EPILOGUE, { bias: epilogue?.bias ?? nothing, residual });
}

function launch<B extends Bindings>(
  batch: CommandBatch,
  product: Product,
  epilogue: EpiloguePart<B>,
  more: BindingsOf<B>,
): void {
  const few = hasFewRows(batch.device, product.layout, product.params.m);
  if (few && isPlain(product)) launchMatvec(batch, product, epilogue, more);
  else launchMatmul(batch, product, epilogue, more);
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
