// Kernels that work element by element or by columns: sums, dropout, gelu and its derivative, scale, AdamW.
import { adamw } from "../src/kernels/adamw.ts";
import { add, addInto } from "../src/kernels/add.ts";
import { columnSum } from "../src/kernels/column-sum.ts";
import { dropout } from "../src/kernels/dropout.ts";
import { gelu, geluBackward } from "../src/kernels/gelu.ts";
import { scale } from "../src/kernels/scale.ts";
import { f32 } from "./cases.ts";
import type { KernelCase } from "./cases.ts";

/** The hidden layer of the demo's MLP, and of GPT-2 124M's. */
const SHAPES = [
  { N: 1920, C: 512 },
  { N: 1024, C: 3072 },
];

const shapedCases = SHAPES.flatMap((sizes): KernelCase[] => {
  const { N, C } = sizes;
  const shape = [N, C],
    elements = N * C;
  return [
    {
      name: "add",
      sizes,
      work: { bytes: f32(3 * elements) },
      prepare(workspace) {
        const a = workspace.normal(shape),
          b = workspace.normal(shape),
          y = workspace.zeros(shape);
        return { outputs: [y], launch: () => add(workspace.device.batch, { a, b, y }) };
      },
    },
    {
      name: "add_into",
      sizes,
      work: { bytes: f32(3 * elements) },
      prepare(workspace) {
        const x = workspace.normal(shape, 1e-3),
          y = workspace.normal(shape);
        return { outputs: [y], launch: () => addInto(workspace.device.batch, { x, y }) };
      },
    },
    {
      name: "dropout",
      sizes,
      work: { bytes: f32(2 * elements) },
      prepare(workspace) {
        const x = workspace.normal(shape),
          y = workspace.zeros(shape);
        const options = { probability: 0.1, seed: 1, step: 2, site: 3 };
        return {
          outputs: [y],
          launch: () => dropout(workspace.device.batch, { x, y, dropout: options, accumulate: false }),
        };
      },
    },
    {
      name: "gelu",
      sizes,
      work: { bytes: f32(2 * elements) },
      prepare(workspace) {
        const u = workspace.normal(shape),
          y = workspace.zeros(shape);
        return { outputs: [y], launch: () => gelu(workspace.device.batch, { u, y }) };
      },
    },
    {
      name: "scale",
      sizes,
      work: { bytes: f32(2 * elements) },
      prepare(workspace) {
        const x = workspace.normal(shape); // keeps its size however often it is launched
        return { outputs: [x], launch: () => scale(workspace.device.batch, { x, factor: -1 }) };
      },
    },
    {
      name: "gelu_backward",
      sizes,
      work: { bytes: f32(3 * elements) },
      prepare(workspace) {
        // Large u: the derivative is 1, and dy keeps its size however often it is launched.
        const u = workspace.zeros(shape),
          dy = workspace.normal(shape);
        workspace.device.batch.write(u, new Float32Array(elements).fill(6));
        return { outputs: [dy], launch: () => geluBackward(workspace.device.batch, { dy, u }) };
      },
    },
    {
      name: "column_sum",
      sizes,
      family: "rows",
      work: { bytes: f32(elements) },
      prepare(workspace) {
        const x = workspace.normal(shape),
          out = workspace.zeros([C]);
        return { outputs: [out], launch: () => columnSum(workspace.device.batch, { x, out }) };
      },
    },
  ];
});

const adamwCases = [2 ** 20, 2 ** 24].map((count): KernelCase => ({
  name: "adamw",
  sizes: { count },
  work: { bytes: f32(7 * count) },
  prepare(workspace) {
    const { batch } = workspace.device;
    const values = workspace.normal([count]),
      grads = workspace.normal([count]),
      m = workspace.zeros([count]),
      v = workspace.zeros([count]);
    const factors = workspace.zeros([4]);
    batch.write(factors, Float32Array.of(1, 1, 1, 1));
    const update = {
      form: "adamw_torch",
      learningRate: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.01,
    } as const;
    return { outputs: [values, m, v], launch: () => adamw(batch, { values, grads, m, v, factors, ...update }) };
  },
}));

export const elementwiseCases: readonly KernelCase[] = [...shapedCases, ...adamwCases];
