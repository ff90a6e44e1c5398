// AdamW (Loshchilov and Hutter 2019) over flat ranges. Both forms in use are one formula on the GPU; what differs is
// computed here, in float64.
import type { CommandBatch } from "../gpu/batch.ts";
import { join, read, readWrite } from "../gpu/kernel.ts";
import { expectShape, sliceRows } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { defineElementKernel } from "./elements.ts";
import { savedSource } from "./saved.ts";
import { rowWindows } from "./windows.ts";

const part = {
  source: ["adamw.wgsl"],
  bindings: {
    grads: read("vec4f", "[count4]"),
    factors: read("f32", "[4]", "norm, clip coefficient, 1 / c1, 1 / sqrt(c2)"),
    values: readWrite("vec4f", "[count4]"),
    m: readWrite("vec4f", "[count4]"),
    v: readWrite("vec4f", "[count4]"),
  },
  params: {
    count4: "u32",
    beta1: "f32",
    beta2: "f32",
    one_minus_beta1: "f32",
    one_minus_beta2: "f32",
    eps: "f32",
    eps2020: "f32",
    step: "f32",
    decay: "f32",
  },
} as const;

const kernel = defineElementKernel({
  ...join({ source: ["lib/half_copies_none.wgsl"] }, part),
  name: "adamw",
  work: ({ count4 }) => ({ bytes: 7 * 16 * count4 }),
});

const kernelWithHalves = defineElementKernel({
  ...join(part, {
    source: [savedSource("f16"), "lib/half_copies_kept.wgsl"],
    bindings: { halves: readWrite("vec4h", "[count4]", "the values once more") },
  }),
  name: "adamw",
  variant: "f16 copies",
  work: ({ count4 }) => ({ bytes: (7 * 16 + 8) * count4 }),
});

/**
 * "adamw_torch": torch.optim.AdamW. "hf_adamw_2020": the AdamW of transformers 2.x, eps outside the bias correction,
 * decay last.
 */
export type AdamWForm = "adamw_torch" | "hf_adamw_2020";

export interface AdamWStep {
  readonly form: AdamWForm;
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}

/**
 * Updates values, m and v (flat f32 [n], n a multiple of 4) by grads times the coefficient in factors [4], which hold
 * the bias corrections, too (see gradNorm). halves f16 [n], where there are any, become the new values, rounded.
 */
export function adamw(
  batch: CommandBatch,
  {
    values,
    grads,
    m,
    v,
    halves,
    factors,
    ...update
  }: {
    readonly values: Tensor;
    readonly grads: Tensor;
    readonly m: Tensor;
    readonly v: Tensor;
    readonly halves?: Tensor;
    readonly factors: Tensor;
  } & AdamWStep,
): void {
  const { shape } = values;
  if (shape.length !== 1 || shape[0] % 4 !== 0)
    throw new Error(`adamw: cannot bind values: shape is [${shape}], expected one dimension, a multiple of 4`);
  for (const [name, tensor] of Object.entries({ grads, m, v, ...(halves && { halves }) }))
    expectShape("adamw", name, tensor, shape, "as values");
  expectShape("adamw", "factors", factors, [4]);
  const [beta1, beta2] = update.betas;
  const shared = { beta1, beta2, one_minus_beta1: 1 - beta1, one_minus_beta2: 1 - beta2, ...coefficients(update) };
  for (const { start, count } of rowWindows(batch.device, values, ...(halves ? [halves] : []))) {
    const slice = (tensor: Tensor): Tensor => sliceRows(tensor, start, count);
    const count4 = count / 4;
    const bound = { grads: slice(grads), factors, values: slice(values), m: slice(m), v: slice(v) };
    if (halves) kernelWithHalves(batch, {}, { ...bound, halves: slice(halves) }, { count4, ...shared }, count4);
    else kernel(batch, {}, bound, { count4, ...shared }, count4);
  }
}

// With c1 = 1 - beta1^t, c2 = 1 - beta2^t, d = learningRate * weightDecay:
//   torch: p = (1 - d) p, then p -= learningRate / c1 * m / (sqrt(v) / sqrt(c2) + eps)
//   2020:  p -= learningRate * sqrt(c2) / c1 * m / (sqrt(v) + eps), which is torch's with eps / sqrt(c2); then
//          p = (1 - d) p, so its step shrinks by 1 - d too
function coefficients({ form, learningRate, eps, weightDecay }: AdamWStep): {
  eps: number;
  eps2020: number;
  step: number;
  decay: number;
} {
  const decay = learningRate * weightDecay;
  switch (form) {
    case "adamw_torch":
      return { eps, eps2020: 0, step: learningRate, decay };
    case "hf_adamw_2020":
      return { eps: 0, eps2020: eps, step: learningRate * (1 - decay), decay };
    default:
      throw new Error(`adamw: unknown form ${form satisfies never}`);
  }
}
