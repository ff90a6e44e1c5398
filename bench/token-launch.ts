// The GPU's work of one token, as launches that can be repeated and timed: all of it, and its matrix-vector products
// alone.
import { KVCache } from "../src/gpt2/kv-cache.ts";
import type { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Parameter } from "../src/autograd/variable.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { sampleGreedy, sampleMultinomial } from "../src/kernels/sample.ts";
import { matmul } from "../src/kernels/matmul.ts";
import type { Epilogue } from "../src/kernels/matmul.ts";
import { logSumExp } from "../src/kernels/log-sum-exp.ts";
import { topK } from "../src/kernels/top-k.ts";
import { logitsStride } from "./models.ts";
import type { Workspace } from "./workspace.ts";

export const WAYS = ["greedy", "sampling", "beam 4"] as const;
/** How the next token is chosen. */
export type Way = (typeof WAYS)[number];

/** One decoding step of `rows` rows after `context` tokens, and the choice of the next; the cache holds zeros. */
export function tokenLaunch(
  workspace: Workspace,
  model: GPT2LMHeadModel,
  { rows, context, way }: { readonly rows: number; readonly context: number; readonly way: Way },
): () => void {
  const { device, config, dtype } = model;
  const cache = new KVCache(device, config, rows, context + 1, dtype);
  workspace.onRelease(() => cache.destroy());
  const inputs = workspace.integers(
    [2, rows],
    Array.from({ length: 2 * rows }, (_, i) => (i < rows ? 1 : context)),
  );
  const choose = choiceLaunch(workspace, model, inputs, rows, way);
  device.pool.release(model.decode(inputs, cache)); // fills the cache's tables
  return () => {
    cache.length = context;
    const logits = model.decode(inputs, cache);
    choose(logits);
    device.pool.release(logits);
  };
}

function choiceLaunch(
  workspace: Workspace,
  { device: { batch }, config }: GPT2LMHeadModel,
  inputs: Tensor,
  rows: number,
  way: Way,
): (logits: Tensor) => void {
  const columns = config.vocabSize,
    lastPosition = config.nPositions - 1;
  switch (way) {
    case "greedy":
      return (logits) => sampleGreedy(batch, { logits, columns, inputs, lastPosition });
    case "sampling": {
      const streams = workspace.integers([rows, 2], 2 ** 32);
      return (logits) =>
        sampleMultinomial(batch, {
          logits,
          columns,
          inputs,
          lastPosition,
          streams,
          expand: 1,
          step: 1,
          temperature: 1,
          topK: 50,
          topP: 1,
          minP: 0,
        });
    }
    case "beam 4": {
      const k = 8,
        values = workspace.zeros([rows, k]),
        ids = workspace.integers([rows, k], 1),
        lse = workspace.zeros([rows]);
      return (logits) => {
        logSumExp(batch, { logits, columns, lse });
        topK(batch, { logits, columns, k, values, ids });
      };
    }
    default:
      throw new Error(`choiceLaunch: unknown way ${way satisfies never}`);
  }
}

/** The products of one token, with the model's own weights and what is fused into them. */
export function productLaunch(workspace: Workspace, model: GPT2LMHeadModel, rows: number): () => void {
  const {
    device: { batch },
    config: { nEmbd: C, innerSize, vocabSize: V },
    transformer: { h, wte },
  } = model;
  const x = workspace.normal([rows, C]),
    residual = workspace.normal([rows, C]),
    hidden = workspace.normal([rows, innerSize]);
  const qkv = workspace.zeros([rows, 3 * C]),
    inner = workspace.zeros([rows, innerSize]),
    out = workspace.zeros([rows, C]);
  const logits = workspace.zeros([rows, logitsStride(V)]);
  const product = (a: Tensor, b: Parameter, to: Tensor, epilogue: Epilogue): void =>
    matmul(batch, { a, b: b.value, out: to, layout: "nn", epilogue });
  return () => {
    for (const { attn, mlp } of h) {
      product(x, attn.c_attn.weight, qkv, { kind: "bias", bias: attn.c_attn.bias.value });
      product(x, attn.c_proj.weight, out, { kind: "bias_residual", bias: attn.c_proj.bias.value, residual });
      product(x, mlp.c_fc.weight, inner, { kind: "bias_gelu", bias: mlp.c_fc.bias.value });
      product(hidden, mlp.c_proj.weight, out, { kind: "bias_residual", bias: mlp.c_proj.bias.value, residual });
    }
    matmul(batch, { a: x, b: wte.value, out: logits, layout: "nt", n: V });
  };
}
