// Products of few rows, as decoding makes them: a token of each of a few sequences by a weight matrix. They are bound
// by reading the weights, so the kernels differ from those for many rows; and a launch costs as much as the product, so
// the layer norm before it is part of it: every workgroup normalises its rows again, which costs less than launching
// that once.
import type { CommandBatch } from "../gpu/batch.ts";
import { defineKernel, join, joinedForms, listForms, read } from "../gpu/kernel.ts";
import type { Bindings, BindingsOf, Part } from "../gpu/kernel.ts";
import type { Variant } from "../gpu/tuning.ts";
import { EPILOGUES } from "./epilogue.ts";
import type { EpiloguePart } from "./epilogue.ts";
import { FOURS, hasTail, OPERANDS, productPart } from "./product.ts";
import type { Fours, Operands, PlainProduct, ProductParams } from "./product.ts";

function matvecPart(operands: Operands, variant: Variant) {
  return join(productPart(operands), {
    source: ["lib/grid.wgsl", "matvec.wgsl", `matvec_${variant}.wgsl`],
    constants: { ROWS: "u32" } as const,
    example: { ROWS: 8 },
  });
}

const subgroupPart = (operands: Operands) =>
  join(matvecPart(operands, "subgroup"), {
    source: [],
    constants: { SG: "u32", TAIL: "bool" } as const,
    example: { SG: 32, TAIL: true },
    needs: ["subgroups"],
  });
const workgroupPart = (operands: Operands) =>
  join(matvecPart(operands, "workgroup"), { source: [], constants: { QUADS: "u32" } as const, example: { QUADS: 8 } });

/** What is done to the rows of A as they are read. */
const NO_PROLOGUE: Part = { source: ["prologue/none.wgsl"] };
const NORM_PROLOGUE = {
  source: ["prologue/norm.wgsl"],
  bindings: { norm_weight: read("vec4f", "[k]"), norm_bias: read("vec4f", "[k]") },
  constants: { EPS: "f32" },
  example: { EPS: 1e-5 },
} as const;

const name = "matvec";
const subgroupKernels = joinedForms(<B extends Bindings>(operands: Operands, epilogue: EpiloguePart<B>) =>
  defineKernel({
    ...join(join(subgroupPart(operands), NO_PROLOGUE), epilogue),
    name,
    variant: `subgroup, ${operands}, ${epilogue.name}`,
  }),
);
const subgroupNormKernels = joinedForms(<B extends Bindings>(operands: Fours, epilogue: EpiloguePart<B>) =>
  defineKernel({
    ...join(join(subgroupPart(operands), NORM_PROLOGUE), epilogue),
    name,
    variant: `subgroup, norm, ${operands}, ${epilogue.name}`,
  }),
);
const workgroupKernels = joinedForms(<B extends Bindings>(operands: Operands, epilogue: EpiloguePart<B>) =>
  defineKernel({
    ...join(join(workgroupPart(operands), NO_PROLOGUE), epilogue),
    name,
    variant: `workgroup, ${operands}, ${epilogue.name}`,
  }),
);
const workgroupNormKernels = joinedForms(<B extends Bindings>(operands: Fours, epilogue: EpiloguePart<B>) =>
  defineKernel({
    ...join(join(workgroupPart(operands), NORM_PROLOGUE), epilogue),
    name,
    variant: `workgroup, norm, ${operands}, ${epilogue.name}`,
  }),
);

listForms(() => {
  for (const epilogue of EPILOGUES) {
    for (const operands of OPERANDS) {
      subgroupKernels(operands, epilogue);
      workgroupKernels(operands, epilogue);
    }
    for (const operands of FOURS) {
      subgroupNormKernels(operands, epilogue);
      workgroupNormKernels(operands, epilogue);
    }
  }
});

/** A product of few rows, none transposed on the left; `more` is what the epilogue binds. */
export function launchMatvec<B extends Bindings>(
  batch: CommandBatch,
  product: PlainProduct,
  epilogue: EpiloguePart<B>,
  more: BindingsOf<B>,
): void {
  if (batch.device.tuning.matmul === "subgroup") launchSubgroups(batch, product, epilogue, more);
  else launchWorkgroups(batch, product, epilogue, more);
}

/** Rows that share a reading of the weights. */
const rowsAtOnce = (m: number): number => (m === 1 ? 1 : m <= 4 ? 4 : 8);

function launchSubgroups<B extends Bindings>(
  batch: CommandBatch,
  { a, b, out, layout, operands, norm, params }: PlainProduct,
  epilogue: EpiloguePart<B>,
  more: BindingsOf<B>,
): void {
  const SG = batch.device.subgroupSize;
  const ROWS = rowsAtOnce(params.m);
  const B_TRANSPOSED = layout === "nt";
  const TAIL = hasTail(layout, params.k);
  const workgroups = Math.ceil(params.m / ROWS) * Math.ceil(params.n / (4 * SG));
  if (!norm) {
    batch.dispatch(
      subgroupKernels(operands, epilogue),
      { A_TRANSPOSED: false, B_TRANSPOSED, ROWS, SG, TAIL },
      Object.assign({ a, b, out }, more),
      params,
      workgroups,
    );
    return;
  }
  batch.dispatch(
    subgroupNormKernels(operands as Fours, epilogue), // as normalizesInside() promises
    { A_TRANSPOSED: false, B_TRANSPOSED, ROWS, SG, TAIL, EPS: norm.epsilon },
    Object.assign({ a, b, out, norm_weight: norm.weight, norm_bias: norm.bias }, more),
    params,
    workgroups,
  );
}

/** Of a workgroup: see matvec_workgroup.wgsl. */
const THREADS = 256;
/** Workgroups that are wanted of a narrow product: one for each of a large GPU's multiprocessors. */
const ENOUGH = 128;

/** Fours of columns of a workgroup: fewer where there would be few, while each thread has a block of four k. */
function quads({ n, k }: ProductParams, down: number): number {
  let QUADS = 8;
  while (QUADS > 2 && down * Math.ceil(n / (4 * QUADS)) < ENOUGH && 4 * THREADS <= k * (QUADS / 2)) QUADS /= 2;
  return QUADS;
}

function launchWorkgroups<B extends Bindings>(
  batch: CommandBatch,
  { a, b, out, layout, operands, norm, params }: PlainProduct,
  epilogue: EpiloguePart<B>,
  more: BindingsOf<B>,
): void {
  const ROWS = rowsAtOnce(params.m);
  const down = Math.ceil(params.m / ROWS);
  const QUADS = quads(params, down);
  const B_TRANSPOSED = layout === "nt";
  const workgroups = [down, Math.ceil(params.n / (4 * QUADS))] as const;
  if (!norm) {
    batch.dispatch(
      workgroupKernels(operands, epilogue),
      { A_TRANSPOSED: false, B_TRANSPOSED, ROWS, QUADS },
      Object.assign({ a, b, out }, more),
      params,
      workgroups,
    );
    return;
  }
  batch.dispatch(
    workgroupNormKernels(operands as Fours, epilogue),
    { A_TRANSPOSED: false, B_TRANSPOSED, ROWS, QUADS, EPS: norm.epsilon },
    Object.assign({ a, b, out, norm_weight: norm.weight, norm_bias: norm.bias }, more),
    params,
    workgroups,
  );
}
