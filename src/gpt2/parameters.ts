// A model's parameters by their Hugging Face names: allocated, drawn afresh, loaded, and shown as the attribute tree
// that the checkpoint's keys spell: wte, wpe, h[i].attn.c_attn.weight, ...
import { ParameterStore } from "../autograd/parameter.ts";
import type { Trainable } from "../autograd/parameter.ts";
import type { Parameter } from "../autograd/variable.ts";
import type { Device } from "../gpu/device.ts";
import { elementCount } from "../gpu/tensor.ts";
import type { Stored } from "../kernels/stored.ts";
import { Random } from "../random.ts";
import type { Adapter, AdapterLayer } from "./adapter.ts";
import { parameterShapes } from "./checkpoint-files.ts";
import type { Checkpoint } from "./checkpoint-files.ts";
import type { GPT2Config } from "./config.ts";
import type { LoraLayer } from "./lora-config.ts";

/** A layer norm or a Conv1D: weight [C] or [in, out], bias [C] or [out]. */
export interface Affine {
  readonly weight: Parameter;
  readonly bias: Parameter;
  /** What an adapter adds to it. */
  readonly lora?: AdapterLayer;
}

export interface Block {
  readonly ln_1: Affine;
  readonly attn: { readonly c_attn: Affine; readonly c_proj: Affine };
  readonly ln_2: Affine;
  readonly mlp: { readonly c_fc: Affine; readonly c_proj: Affine };
}

export interface Weights {
  readonly wte: Parameter;
  readonly wpe: Parameter;
  readonly h: readonly Block[];
  readonly ln_f: Affine;
}

/**
 * Memory for every parameter, all zero: matrices first, then layer norm weights, then biases, so that each set an
 * optimizer decays is one range of the flat buffer. Throws UserError for f16 with gradients, or no memory.
 */
export function allocate(device: Device, config: GPT2Config, gradients: Trainable, dtype?: Stored): ParameterStore {
  const rank = ([name, shape]: readonly [string, readonly number[]]): number =>
    shape.length > 1 ? 0 : name.endsWith(".weight") ? 1 : 2;
  const shapes = [...parameterShapes(config)].sort((a, b) => rank(a) - rank(b));
  return new ParameterStore(device, new Map(shapes), { gradients, dtype });
}

/** The attribute tree over a store, and an adapter's where there is one. */
export function weightsOf(store: ParameterStore, config: GPT2Config, adapter?: Adapter): Weights {
  const affine = (name: string, lora?: AdapterLayer): Affine => ({
    weight: store.get(`transformer.${name}.weight`),
    bias: store.get(`transformer.${name}.bias`),
    ...(lora && { lora }),
  });
  const layer = (block: number, name: LoraLayer): Affine => affine(`h.${block}.${name}`, adapter?.layer(block, name));
  return {
    wte: store.get("transformer.wte.weight"),
    wpe: store.get("transformer.wpe.weight"),
    h: Array.from({ length: config.nLayer }, (_, i) => ({
      ln_1: affine(`h.${i}.ln_1`),
      attn: { c_attn: layer(i, "attn.c_attn"), c_proj: layer(i, "attn.c_proj") },
      ln_2: affine(`h.${i}.ln_2`),
      mlp: { c_fc: layer(i, "mlp.c_fc"), c_proj: layer(i, "mlp.c_proj") },
    })),
    ln_f: affine("ln_f"),
  };
}

/**
 * Fresh weights as GPT2PreTrainedModel._init_weights draws them: N(0, initializerRange), the projections into the
 * residual stream (c_proj) divided by sqrt(2 * layers) (GPT-2 paper, section 2.3), layer norms 1 and 0, biases 0. The
 * same seed gives the same weights, though not those of torch.
 */
export function initialize(store: ParameterStore, config: GPT2Config, seed: number): void {
  const random = new Random(seed);
  for (const name of parameterShapes(config).keys()) {
    const { value } = store.get(name);
    const values = new Float32Array(elementCount(value.shape));
    if (value.shape.length > 1) {
      const std = config.initializerRange / (name.endsWith("c_proj.weight") ? Math.sqrt(2 * config.nLayer) : 1);
      for (let i = 0; i < values.length; i++) values[i] = std * random.normal();
    } else if (name.endsWith(".weight")) values.fill(1);
    store.write(name, values);
  }
}

/** Fills the store from a model folder's weights. Throws UserError as `Checkpoint.read` does. */
export async function load(store: ParameterStore, checkpoint: Checkpoint): Promise<void> {
  await checkpoint.read((name, values) => store.write(name, values));
}
