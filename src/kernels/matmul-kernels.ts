// The kernels of products of many rows: register tiles fed by subgroup broadcasts, or tiles in workgroup memory, whose
// reduction may be split into parts that a launch of its own adds up. Each is made for an epilogue when one first asks
// for it. A token or a training step is bound by what the host does for each launch, so objects are written out here.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel, join, joinedForms, listForms, read } from "../gpu/kernel.ts";
import type { Bindings, BindingsOf } from "../gpu/kernel.ts";
import type { SubgroupIds } from "../gpu/tuning.ts";
import { EPILOGUES, NO_EPILOGUE, SAVED_EPILOGUES } from "./epilogue.ts";
import type { EpiloguePart } from "./epilogue.ts";
import { partDepth, tileOf, TILES } from "./matmul-plan.ts";
import type { Tile } from "./matmul-plan.ts";
import { hasTail, kindsOf, OPERANDS, productPart, SAVED_OPERANDS, withF32Out } from "./product.ts";
import type { AnyOperands, Product } from "./product.ts";
import { readWriteSaved, savedAs, savedSource } from "./saved.ts";
import type { Saved } from "./saved.ts";
import { subgroupIds } from "./subgroup-ids.ts";

const SUM_SIZE = 256; // a workgroup of matmul_sum

function subgroupPart(ids: SubgroupIds) {
  return join(subgroupIds(ids), {
    source: ["lib/grid.wgsl", "matmul_subgroup.wgsl"],
    constants: { SG: "u32", WG_SIZE: "u32", ROWS: "u32", TAIL: "bool" } as const,
    example: { SG: 32, WG_SIZE: 32, ROWS: 16, TAIL: true },
  });
}

const subgroupForms = (ids: SubgroupIds, title: string) =>
  joinedForms(<B extends Bindings>(operands: AnyOperands, epilogue: EpiloguePart<B>) =>
    defineKernel({
      ...join(join(productPart(operands), subgroupPart(ids)), epilogue),
      name: "matmul",
      variant: `${title}, ${operands}, ${epilogue.name}`,
    }),
  );
const subgroupKernels = {
  builtin: subgroupForms("builtin", "subgroup"),
  computed: subgroupForms("computed", "subgroup, computed ids"),
};

const workgroupForms = (tile: Tile) =>
  joinedForms(<B extends Bindings>(operands: AnyOperands, epilogue: EpiloguePart<B>) => {
    const source = ["lib/product_tiles.wgsl", tile === 64 ? "matmul_workgroup.wgsl" : "matmul_workgroup_128.wgsl"];
    const tiles = { source, constants: { SPLIT: "bool" } as const, example: { SPLIT: false } };
    return defineKernel({
      ...join(join(productPart(operands), tiles), epilogue),
      name: "matmul",
      variant: `workgroup${tile === 64 ? "" : ` of ${tile}`}, ${operands}, ${epilogue.name}`,
    });
  });
const workgroupKernels = { 64: workgroupForms(64), 128: workgroupForms(128) };

const sumKernels = joinedForms(<B extends Bindings>(out: Saved, epilogue: EpiloguePart<B>) => {
  const sum = {
    source: ["lib/grid.wgsl", savedSource(out), "matmul_sum.wgsl"],
    bindings: { parts: read("f32", "[parts, m, n]"), out: readWriteSaved(out, "scalar", "[m, n]") },
    params: {
      m: "u32",
      n: "u32",
      parts: "u32",
      out_stride: "u32",
      out_column: "u32",
      accumulate: "u32",
      epilogue: "u32",
    } as const,
    constants: { WG_SIZE: "u32" } as const,
    example: { WG_SIZE: SUM_SIZE },
  };
  const variant = out === "f32" ? epilogue.name : `${out}, ${epilogue.name}`;
  return defineKernel({ ...join(sum, epilogue), name: "matmul_sum", variant });
});

listForms(() => {
  const each = <B extends Bindings>(operands: AnyOperands, epilogue: EpiloguePart<B>): void => {
    subgroupKernels.builtin(operands, epilogue);
    subgroupKernels.computed(operands, epilogue);
    for (const tile of TILES) workgroupKernels[tile](operands, epilogue);
  };
  for (const epilogue of EPILOGUES) {
    for (const operands of OPERANDS) each(operands, epilogue);
    sumKernels("f32", epilogue);
  }
  for (const operands of SAVED_OPERANDS)
    for (const epilogue of SAVED_EPILOGUES[kindsOf(operands).out]) each<Bindings>(operands, epilogue);
  for (const epilogue of SAVED_EPILOGUES.f16) sumKernels<Bindings>("f16", epilogue);
});

/** A product of any number of rows; `more` is what the epilogue binds. */
export function launchMatmul<B extends Bindings>(
  batch: CommandBatch,
  product: Product,
  epilogue: EpiloguePart<B>,
  more: BindingsOf<B>,
): void {
  if (batch.device.tuning.matmul === "subgroup") launchSubgroups(batch, product, epilogue, more);
  else launchWorkgroups(batch, product, epilogue, more);
}

function launchSubgroups<B extends Bindings>(
  batch: CommandBatch,
  { a, b, out, layout, operands, params }: Product,
  epilogue: EpiloguePart<B>,
  more: BindingsOf<B>,
): void {
  const { tuning, subgroupSize: SG } = batch.device;
  const { m, n, k } = params;
  const WG_SIZE = Math.max(32, SG);
  // 16 rows of scalar loads take too long to compile
  const ROWS = m <= tuning.matvecRows ? 4 : SG < 8 || operands.startsWith("scalar") ? 8 : 16;
  const tiles = Math.ceil(m / ROWS) * Math.ceil(n / (4 * SG));
  batch.dispatch(
    subgroupKernels[tuning.subgroupIds](operands, epilogue),
    { A_TRANSPOSED: layout === "tn", B_TRANSPOSED: layout === "nt", SG, WG_SIZE, ROWS, TAIL: hasTail(layout, k) },
    Object.assign({ a, b, out }, more),
    params,
    Math.ceil(tiles / (WG_SIZE / SG)),
  );
}

function launchWorkgroups<B extends Bindings>(
  batch: CommandBatch,
  { a, b, out, layout, operands, params }: Product,
  epilogue: EpiloguePart<B>,
  more: BindingsOf<B>,
): void {
  const { device } = batch;
  const { m, n, k, out_stride, out_column, accumulate } = params;
  const tile = tileOf(device, m, n);
  const across = Math.ceil(n / tile),
    down = Math.ceil(m / tile);
  const A_TRANSPOSED = layout === "tn",
    B_TRANSPOSED = layout === "nt";
  const depth = partDepth(device, tile, m, n, k);
  const parts = Math.ceil(k / depth);
  if (parts === 1) {
    batch.dispatch(
      workgroupKernels[tile](operands, epilogue),
      { A_TRANSPOSED, B_TRANSPOSED, SPLIT: false },
      Object.assign({ a, b, out }, more),
      params,
      [across, down],
    );
    return;
  }
  const sums = device.pool.acquire([parts, m, n]);
  try {
    batch.dispatch(
      workgroupKernels[tile](withF32Out(operands), NO_EPILOGUE),
      { A_TRANSPOSED, B_TRANSPOSED, SPLIT: true },
      { a, b, out: sums },
      { ...params, out_stride: n, out_column: 0, accumulate: 0, depth },
      [across, down, parts],
    );
    batch.dispatch(
      sumKernels(savedAs(out), epilogue),
      { WG_SIZE: SUM_SIZE },
      Object.assign({ parts: sums, out }, more),
      { m, n, parts, out_stride, out_column, accumulate, epilogue: params.epilogue },
      Math.ceil((m * n) / SUM_SIZE),
    );
  } finally {
    device.pool.release(sums);
  }
}
