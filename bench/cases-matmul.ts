// Matrix products: squares, and those of the models' layers: in training (a batch of rows) and in decoding (one to 32
// rows).
import { matmul } from "../src/kernels/matmul.ts";
import type { Epilogue, Layout } from "../src/kernels/matmul.ts";
import { f32 } from "./cases.ts";
import type { KernelCase } from "./cases.ts";
import { DEMO, GPT2, logitsStride, SMALL } from "./models.ts";
import type { BenchModel } from "./models.ts";
import type { Workspace } from "./workspace.ts";

interface Product {
  readonly name: string;
  readonly layout: Layout;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Columns of out, where they are more than n. */
  readonly stride?: number;
  readonly epilogue?: "bias" | "bias_gelu" | "bias_residual";
  /** bias_gelu: keep what gelu was applied to, as training does. */
  readonly save?: boolean;
  /** A layer norm of the rows of a before, in the same launch or in its own, whichever the model runs. */
  readonly norm?: boolean;
}

function productCase({ name, layout, m, n, k, stride = n, epilogue, save = false, norm = false }: Product): KernelCase {
  const vector = m <= 32;
  return {
    name: [name, layout, norm && "norm", epilogue].filter(Boolean).join(" "),
    sizes: { m, n, k },
    work: vector ? { bytes: f32(m * k + k * n + m * n) } : { flops: 2 * m * n * k },
    family: "matmul",
    prepare(workspace) {
      const a = workspace.normal(layout === "tn" ? [k, m] : [m, k]),
        b = workspace.normal(layout === "nt" ? [n, k] : [k, n], k ** -0.5);
      const out = workspace.zeros([m, stride]);
      const after = epilogue && makeEpilogue(workspace, epilogue, m, n, save);
      const { batch } = workspace.device;
      const before = norm ? { weight: workspace.normal([k]), bias: workspace.normal([k]), epsilon: 1e-5 } : undefined;
      return { outputs: [out], launch: () => matmul(batch, { a, b, out, layout, n, epilogue: after, norm: before }) };
    },
  };
}

function makeEpilogue(workspace: Workspace, kind: Epilogue["kind"], m: number, n: number, save: boolean): Epilogue {
  const bias = workspace.normal([n]);
  switch (kind) {
    case "bias":
      return { kind, bias };
    case "bias_gelu":
      return save ? { kind, bias, preactivation: workspace.zeros([m, n]) } : { kind, bias };
    case "bias_residual":
      return { kind, bias, residual: workspace.normal([m, n]) };
    default:
      throw new Error(`makeEpilogue: unknown ${kind satisfies never}`);
  }
}

const LAYOUTS: readonly Layout[] = ["nn", "nt", "tn"];

const squares = [256, 512, 1024, 2048, 4096].flatMap((size) =>
  LAYOUTS.map((layout): Product => ({ name: "matmul", layout, m: size, n: size, k: size })),
);

/** The products of a training step: forward with what is fused into it, backward by input and by weight, the head. */
function trainingProducts({ batch, length, config: { nEmbd: C, vocabSize: V } }: BenchModel): Product[] {
  const rows = batch * length,
    name = "matmul";
  return [
    { name, layout: "nn", m: rows, n: 3 * C, k: C, epilogue: "bias" },
    { name, layout: "nn", m: rows, n: 4 * C, k: C, epilogue: "bias_gelu", save: true },
    { name, layout: "nn", m: rows, n: C, k: 4 * C, epilogue: "bias_residual" },
    { name, layout: "nt", m: rows, n: C, k: 4 * C },
    { name, layout: "tn", m: C, n: 4 * C, k: rows },
    { name, layout: "nt", m: rows, n: V, k: C, stride: logitsStride(V) },
  ];
}

/** The products of a decoding step of `rows` rows: by themselves, and those that a layer norm precedes with it. */
function decodingProducts({ config: { nEmbd: C, vocabSize: V } }: BenchModel, rows: number): Product[] {
  const name = "matvec";
  const normed: Product[] = [
    { name, layout: "nn", m: rows, n: 3 * C, k: C, epilogue: "bias" },
    { name, layout: "nn", m: rows, n: 4 * C, k: C, epilogue: "bias_gelu" },
    { name, layout: "nt", m: rows, n: V, k: C, stride: logitsStride(V) },
  ];
  return [
    ...normed,
    { name, layout: "nn", m: rows, n: C, k: 4 * C, epilogue: "bias_residual" },
    ...normed.map((each) => ({ ...each, norm: true })),
  ];
}

export const matmulCases: readonly KernelCase[] = [
  ...squares,
  ...[DEMO, SMALL, { ...GPT2, batch: 4 }].flatMap(trainingProducts),
  ...[DEMO, SMALL, GPT2].flatMap((model) => [1, 8, 32].flatMap((rows) => decodingProducts(model, rows))),
].map(productCase);
