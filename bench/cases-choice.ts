// What follows the logits of a decoding step: the best tokens, the choice of the next, edits.
import { sampleGreedy, sampleMultinomial } from "../src/kernels/sample.ts";
import { editLogits, packEdits } from "../src/kernels/edit-logits.ts";
import { logSumExp } from "../src/kernels/log-sum-exp.ts";
import { packTokens, excludeTokens } from "../src/kernels/top-k-exclude.ts";
import { argmax, topK } from "../src/kernels/top-k.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import type { CommandBatch } from "../src/gpu/batch.ts";
import { f32 } from "./cases.ts";
import type { KernelCase } from "./cases.ts";
import { logitsStride } from "./models.ts";
import type { Workspace } from "./workspace.ts";

interface Logits {
  readonly R: number;
  readonly V: number;
}

const SIZES: readonly Logits[] = [
  { R: 1, V: 2062 },
  { R: 1, V: 50257 },
  { R: 8, V: 50257 },
];
const K = 8;
const FEW = 64; // tokens of a row that are edited, or excluded

const ofFewTokens = (each: KernelCase): KernelCase => ({
  ...each,
  work: { bytes: f32(2 * FEW * Number(each.sizes.R)) },
});

/** `prepare` is given the logits [R, stride], of which a launch reads every column. */
function choiceCases(
  name: string,
  prepare: (
    logits: Tensor,
    batch: CommandBatch,
    workspace: Workspace,
    sizes: Logits,
  ) => { launch(): void; outputs: readonly Tensor[] },
): KernelCase[] {
  return SIZES.map((sizes): KernelCase => ({
    name,
    sizes: { ...sizes },
    family: "rows",
    work: { bytes: f32(sizes.R * sizes.V) },
    prepare: (workspace) =>
      prepare(workspace.normal([sizes.R, logitsStride(sizes.V)]), workspace.device.batch, workspace, sizes),
  }));
}

export const nextTokenCases: readonly KernelCase[] = [
  ...choiceCases("top_k", (logits, batch, workspace, { R, V }) => {
    const values = workspace.zeros([R, K]),
      ids = workspace.integers([R, K], 1);
    return { outputs: [values, ids], launch: () => topK(batch, { logits, columns: V, k: K, values, ids }) };
  }),
  ...choiceCases("argmax", (logits, batch, workspace, { R, V }) => {
    const ids = workspace.integers([R], 1);
    return { outputs: [ids], launch: () => argmax(batch, { logits, columns: V, ids }) };
  }),
  ...choiceCases("log_sum_exp", (logits, batch, workspace, { R, V }) => {
    const lse = workspace.zeros([R]);
    return { outputs: [lse], launch: () => logSumExp(batch, { logits, columns: V, lse }) };
  }),
  ...choiceCases("sample_greedy", (logits, batch, workspace, { R, V }) => {
    const inputs = workspace.integers([2, R], 1);
    return { outputs: [inputs], launch: () => sampleGreedy(batch, { logits, columns: V, inputs, lastPosition: 1 }) };
  }),
  ...choiceCases("sample_multinomial", (logits, batch, workspace, { R, V }) => {
    const inputs = workspace.integers([2, R], 1),
      streams = workspace.integers([R, 2], 2 ** 32);
    const options = { expand: 1, step: 1, temperature: 0.8, topK: 50, topP: 0.95, minP: 0 };
    return {
      outputs: [inputs],
      launch: () => sampleMultinomial(batch, { logits, columns: V, inputs, lastPosition: 1, streams, ...options }),
    };
  }),
  ...choiceCases("edit_logits", (logits, batch, workspace, { R, V }) => {
    const words = packEdits(
      Array.from({ length: R }, () =>
        Array.from({ length: FEW }, (_, i) => ({ kind: "set", token: (31 * i) % V, value: 0 })),
      ),
    );
    const edits = workspace.integers([words.length], words),
      base = workspace.zeros([R]);
    return { outputs: [logits], launch: () => editLogits(batch, { edits, base, logits, columns: V }) };
  }).map(ofFewTokens),
  ...choiceCases("top_k_exclude", (logits, batch, workspace, { R, V }) => {
    const words = [...packTokens(Array.from({ length: R }, () => Array.from({ length: FEW }, (_, i) => (31 * i) % V)))];
    const tokens = workspace.integers([words.length], words),
      excluded = workspace.zeros([words.length]);
    return { outputs: [logits], launch: () => excludeTokens(batch, { tokens, logits, excluded }) };
  }).map(ofFewTokens),
];
