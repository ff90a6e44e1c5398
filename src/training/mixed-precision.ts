// Mixed precision (Micikevicius et al. 2018): weights, moments, gradients of weights, the residual stream, layer norms,
// softmax, logits and all sums stay f32; what products read is f16: a copy of the weights, which the optimizer writes
// with them, activations kept for backward, and activations' gradients. Those would lose what is below 6e-8, so the
// loss is scaled up, by as much as overflows nothing; that is found out, and kept, on the GPU.
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import type { Device } from "../gpu/device.ts";
import { Scope } from "../gpu/scope.ts";
import type { LossScale } from "../kernels/grad-norm.ts";
import { isLossScale } from "./loss-scale.ts";
import type { Precision } from "./precision.ts";

export interface MixedPrecisionOptions {
  /**
   * A power of two. It multiplies the loss as it is summed over labels. Default 256: of 256 labels that is what torch's
   * and apex's 65536 is of their mean, and more would have every run begin with updates that are skipped.
   */
  readonly initialScale?: number;
  /** Updates in a row without an overflow after which it is doubled; default 2000. */
  readonly growthInterval?: number;
}

const INITIAL_SCALE = 2 ** 8;

/** Throws UserError where the adapter has no f16. */
export function expectHalfPrecision({ gpu, adapterKey }: Pick<Device, "gpu" | "adapterKey">): void {
  if (gpu.features.has("shader-f16")) return;
  throw new UserError(
    `Mixed precision needs an adapter with the feature shader-f16, which ${adapterKey} lacks; train with precision ` +
      "f32, or on another adapter.",
  );
}

export class MixedPrecision implements Precision {
  readonly name = "mixed";
  readonly lossScale = 1;
  readonly dynamic: LossScale;
  private readonly model: GPT2LMHeadModel;
  private readonly scope: Scope;
  private ended = false;

  /**
   * Takes an f16 copy of the model's weights, half their memory, until destroy(). Throws UserError, having taken
   * nothing, where the adapter has no f16, the model an adapter, for a scale that is none, and without the memory.
   */
  constructor(model: GPT2LMHeadModel, options: MixedPrecisionOptions = {}) {
    expectFields("MixedPrecision", options, { initialScale: true, growthInterval: true });
    const { initialScale = INITIAL_SCALE, growthInterval = 2000 } = options;
    if (!isLossScale(initialScale))
      throw new UserError(
        `Mixed precision: the loss scale is ${initialScale}, wanted a power of 2 from 2^-24 to 2^24.`,
      );
    if (!Number.isInteger(growthInterval) || growthInterval < 1)
      throw new UserError(`Mixed precision: the growth interval is ${growthInterval}, wanted at least 1 update.`);
    const { device } = model;
    expectHalfPrecision(device);
    if (model.adapter)
      throw new UserError(
        "Mixed precision trains a model's own weights, and this one has a LoRA adapter; train that with precision f32.",
      );
    this.model = model;
    this.scope = new Scope(device.pool, "The loss scale");
    const scaling = device.pool.attempt(() => {
      const tensor = this.scope.adopt(device.tensor(Float32Array.of(initialScale, 0), [2]));
      model.parameters.keepHalves();
      return tensor;
    });
    this.dynamic = { scaling, growthInterval };
  }

  /** Frees the copies and the scale, once. */
  destroy(): void {
    if (this.ended) return;
    this.ended = true;
    this.model.parameters.dropHalves();
    this.scope.end("the mixed precision was destroyed");
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}
