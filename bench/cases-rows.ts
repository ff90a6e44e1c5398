// Kernels that work by rows: layer norm, embedding, cross-entropy, the norm of all gradients.
import { crossEntropyByRow } from "../src/kernels/cross-entropy.ts";
import { embeddingBackward, embeddingForward, gatherSegment, planGather } from "../src/kernels/embedding.ts";
import { gradNorm } from "../src/kernels/grad-norm.ts";
import { layerNormBackwardDparams, layerNormBackwardDx, layerNormForward } from "../src/kernels/layernorm.ts";
import { Random } from "../src/random.ts";
import { f32 } from "./cases.ts";
import type { KernelCase } from "./cases.ts";
import { logitsStride } from "./models.ts";
import type { Workspace } from "./workspace.ts";

/** Batches of the demo model and of GPT-2 124M. */
const BATCHES = [
  { N: 1920, C: 128, V: 2062 },
  { N: 1024, C: 768, V: 50257 },
];

function normed(workspace: Workspace, N: number, C: number) {
  const x = workspace.normal([N, C]),
    weight = workspace.normal([C]),
    bias = workspace.normal([C]),
    dy = workspace.normal([N, C]);
  const y = workspace.zeros([N, C]),
    stats = workspace.zeros([N, 2]);
  const forward = () => layerNormForward(workspace.device.batch, { x, weight, bias, y, stats, eps: 1e-5 });
  return { x, weight, dy, y, stats, forward };
}

const layerNormCases = BATCHES.flatMap(({ N, C }): KernelCase[] => {
  const common = { sizes: { N, C }, family: "rows" } as const;
  return [
    {
      ...common,
      name: "layernorm",
      work: { bytes: f32(2 * N * C) },
      prepare(workspace) {
        const { y, stats, forward } = normed(workspace, N, C);
        return { outputs: [y, stats], launch: forward };
      },
    },
    {
      ...common,
      name: "layernorm_backward_dx",
      work: { bytes: f32(3 * N * C) },
      prepare(workspace) {
        const { x, weight, dy, stats, forward } = normed(workspace, N, C);
        const dx = workspace.zeros([N, C]);
        forward();
        return {
          outputs: [dx],
          launch: () => layerNormBackwardDx(workspace.device.batch, { dy, x, weight, stats, dx, accumulate: false }),
        };
      },
    },
    {
      ...common,
      name: "layernorm_backward_dparams",
      work: { bytes: f32(2 * N * C) },
      prepare(workspace) {
        const { x, dy, stats, forward } = normed(workspace, N, C);
        const dweight = workspace.zeros([C]),
          dbias = workspace.zeros([C]);
        forward();
        return {
          outputs: [dweight, dbias],
          launch: () => layerNormBackwardDparams(workspace.device.batch, { dy, x, stats, dweight, dbias }),
        };
      },
    },
  ];
});

/** Ids as text has them: a few are frequent. */
function textIds(count: number, vocabSize: number): number[] {
  const random = new Random(2);
  return Array.from({ length: count }, () => Math.floor(vocabSize * random.float() ** 4));
}

const embeddingCases = BATCHES.flatMap(({ N, C, V }): KernelCase[] => {
  const T = 240,
    positions = Array.from({ length: N }, (_, n) => n % T);
  return [
    {
      name: "embedding",
      sizes: { N, C, V },
      family: "rows",
      work: { bytes: f32(3 * N * C) },
      prepare(workspace) {
        const wte = workspace.normal([V, C]),
          wpe = workspace.normal([T, C]),
          y = workspace.zeros([N, C]);
        const indices = workspace.integers([2, N], [...textIds(N, V), ...positions]);
        return { outputs: [y], launch: () => embeddingForward(workspace.device.batch, { indices, wte, wpe, y }) };
      },
    },
    {
      name: "embedding_backward",
      sizes: { N, C, V },
      family: "rows",
      work: { bytes: f32(2 * N * C) },
      prepare(workspace) {
        const words: number[] = [];
        const gather = planGather(textIds(N, V), words, gatherSegment(workspace.device));
        const plan = workspace.integers([words.length], words),
          dy = workspace.normal([N, C]),
          dtable = workspace.zeros([V, C]);
        return {
          outputs: [dtable],
          launch: () => embeddingBackward(workspace.device.batch, { dy, plan, gather, dtable }),
        };
      },
    },
  ];
});

const crossEntropyCases = BATCHES.flatMap(({ N, V }): KernelCase[] =>
  [undefined, 1 / N].map((gradientScale) => {
    const stride = logitsStride(V);
    return {
      name: gradientScale === undefined ? "cross_entropy" : "cross_entropy gradient",
      sizes: { N, V },
      family: "rows",
      work: { bytes: f32((gradientScale === undefined ? 1 : 3) * N * stride) },
      prepare(workspace) {
        const logits = workspace.normal([N, stride]),
          targets = workspace.integers([N], V),
          losses = workspace.zeros([N]);
        return {
          outputs: gradientScale === undefined ? [losses] : [losses, logits],
          launch: () =>
            crossEntropyByRow(workspace.device.batch, { logits, targets, losses, vocabSize: V, gradientScale }),
        };
      },
    };
  }),
);

const gradNormCases = [2 ** 20, 2 ** 24].map((count): KernelCase => ({
  name: "grad_norm",
  sizes: { count },
  family: "rows",
  work: { bytes: f32(count) },
  prepare(workspace) {
    const grads = workspace.normal([count]),
      result = workspace.zeros([4]),
      updates = workspace.integers([2], [0, 0]);
    return {
      outputs: [result],
      launch: () => gradNorm(workspace.device.batch, { grads: [grads], maxNorm: 1, result, updates }),
    };
  },
}));

export const rowCases: readonly KernelCase[] = [
  ...layerNormCases,
  ...embeddingCases,
  ...crossEntropyCases,
  ...gradNormCases,
];
