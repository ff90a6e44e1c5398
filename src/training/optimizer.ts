// AdamW over a parameter store: moments beside the values, global norm clipping decided on the GPU, a few range
// launches a step.
import type { ParameterStore } from "../autograd/parameter.ts";
import type { Parameter } from "../autograd/variable.ts";
import { UserError } from "../errors.ts";
import { expectFields } from "../fields.ts";
import type { FieldsOf } from "../fields.ts";
import { Scope } from "../gpu/scope.ts";
import { sliceRows } from "../gpu/tensor.ts";
import type { Shape, Tensor } from "../gpu/tensor.ts";
import { adamw } from "../kernels/adamw.ts";
import type { AdamWForm } from "../kernels/adamw.ts";
import { gradNorm, normOfBlocks } from "../kernels/grad-norm.ts";
import type { LossScale } from "../kernels/grad-norm.ts";
import { decayMatrices, decayRanges } from "./decay.ts";
import type { DecayRange } from "./decay.ts";
import type { LossScaleState } from "./loss-scale.ts";
import { Moments, overlap } from "./moments.ts";
import type { SavedMoments } from "./moments.ts";
import type { Shards } from "./shards.ts";

export type { AdamWForm } from "../kernels/adamw.ts";
export { decayAllButBiases, decayMatrices } from "./decay.ts";

export interface AdamWOptions {
  /** Used by step() when it is given none. */
  readonly learningRate?: number;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  readonly weightDecay?: number;
  readonly form?: AdamWForm;
  /** Which parameters decay; see decayMatrices and decayAllButBiases. */
  readonly decay?: (parameter: Parameter) => boolean;
  /** Of these parameters over ranks: moments of this rank's part alone, and stepTogether() in the place of step(). */
  readonly shards?: Shards;
  /** What the gradients were multiplied by, which each step adapts (MixedPrecision). Default: nothing. */
  readonly lossScale?: LossScale;
}

const OPTIONS: FieldsOf<AdamWOptions> = {
  learningRate: true,
  betas: true,
  eps: true,
  weightDecay: true,
  form: true,
  decay: true,
  shards: true,
  lossScale: true,
};

export interface StepOptions {
  /** Default 0: no clipping. */
  readonly maxGradNorm?: number;
  /** 1 / count where the gradients are of a sum. Default 1. */
  readonly gradientScale?: number;
  /** Skipped steps in a row after which none changes anything; default 0: no such end. */
  readonly maxSkipped?: number;
}
const STEP_OPTIONS: FieldsOf<StepOptions> = { maxGradNorm: true, gradientScale: true, maxSkipped: true };

/** Everything but the values that a resumed run needs. */
export interface OptimizerState {
  readonly stepCount: number;
  /** `exp_avg.NAME` and `exp_avg_sq.NAME` in the parameter's shape, torch's words for the two moments. */
  readonly moments: ReadonlyMap<string, Tensor>;
}

interface SavedSteps {
  readonly stepCount: number;
  readonly skipped?: number;
  readonly skippedInARow?: number;
  readonly lossScale?: LossScaleState;
}

export class AdamW {
  /** Calls of step(), those that were skipped included; `made` has the others. */
  stepCount = 0;
  private readonly store: ParameterStore;
  private readonly options: Required<Omit<AdamWOptions, "decay" | "shards" | "lossScale">>;
  private readonly ranges: readonly DecayRange[];
  private readonly shards: Shards | undefined;
  /** What gradients are divided by. */
  readonly lossScale: LossScale | undefined;
  private readonly moments: Moments;
  /** [4] and u32 [2], see kernels/grad-norm.ts. */
  private readonly factors: Tensor;
  private readonly updates: Tensor;
  private readonly scope: Scope;

  /**
   * Takes twice the trained values' memory for moments (zero), or that of this rank's part, until destroy(). Throws
   * UserError, having taken nothing, when an option is out of range or not known, or there is not the memory.
   */
  constructor(store: ParameterStore, options: AdamWOptions = {}) {
    expectFields("AdamW", options, OPTIONS);
    const {
      learningRate = 5e-5,
      betas = [0.9, 0.999],
      eps = 1e-8,
      weightDecay = 0,
      form = "adamw_torch",
      decay = decayMatrices,
      shards,
      lossScale,
    } = options;
    for (const beta of betas)
      if (!(beta >= 0 && beta < 1)) throw new UserError(`AdamW: a beta is ${beta}, expected 0 <= beta < 1.`);
    if (!(eps > 0)) throw new UserError(`AdamW: eps is ${eps}, expected a positive number.`);
    if (!(weightDecay >= 0)) throw new UserError(`AdamW: weight decay is ${weightDecay}, expected 0 or more.`);
    if (!store.hasGradients)
      throw new UserError(
        "AdamW: the model was made without gradients; give fromPretrained() or fromConfig() gradients: true.",
      );
    store.expectOpen();
    this.store = store;
    this.options = { learningRate, betas, eps, weightDecay, form };
    this.ranges = decayRanges(store.trainable(), decay);
    const { device } = store;
    const { pool } = device;
    this.scope = new Scope(pool, "This optimizer's memory");
    const zeros = (elements: number): Tensor => this.scope.adopt(pool.reserve(elements));
    this.shards = shards;
    this.lossScale = lossScale;
    [this.moments, this.factors, this.updates] = pool.attempt(() => [
      new Moments(store, shards, zeros),
      this.scope.acquire([4]),
      this.scope.adopt(device.tensor(new Uint32Array(2), [2])),
    ]);
  }

  /** Ranks share its moments, see stepTogether(). */
  get isShared(): boolean {
    return this.shards !== undefined;
  }

  /**
   * [2], norm of the last step's gradients before clipping, and the factor they were multiplied by; 0: the step was
   * skipped.
   */
  get gradNorm(): Tensor {
    this.scope.expectOpen();
    return { ...this.factors, shape: [2] };
  }

  /** u32 [1]: how many of the last steps in a row were skipped because their gradients were not finite. */
  get skipped(): Tensor {
    this.scope.expectOpen();
    return { ...this.updates, shape: [1] };
  }

  /**
   * u32 [1]: how many steps were made, the t of the bias corrections. Skipped ones are not, as where torch's GradScaler
   * leaves them out; which those were the GPU alone knows until it is waited for.
   */
  get made(): Tensor {
    this.scope.expectOpen();
    return { ...this.updates, byteOffset: this.updates.byteOffset + 4, shape: [1] };
  }

  /**
   * One update of every trained parameter from its gradient times `gradientScale` (1 / count where the gradients are of
   * a sum), scaled down further when the norm of all exceeds `maxGradNorm` (absent or 0: no clipping). When that norm
   * is not finite, values and moments stay as they are, gradNorm says so and `skipped` counts it; after `maxSkipped` of
   * those in a row no step changes anything any more (absent or 0: no such end). Reads nothing back. Throws Error when
   * the optimizer or the weights it was made for are gone: after a resize, make another.
   */
  step(learningRate: number = this.options.learningRate, options: StepOptions = {}): void {
    this.expectReady(learningRate, options, "step");
    if (this.shards) throw new Error("AdamW.step(): its moments are shared by ranks; call stepTogether().");
    this.store.device.pool.attempt(() => {
      const { trainableChunks, device } = this.store;
      gradNorm(device.batch, { grads: trainableChunks.map(({ grads }) => grads), ...this.normSettings(options) });
      this.update(learningRate);
    });
    this.stepCount++;
  }

  /**
   * step() of all ranks together, whose gradients `shards` has added up: each updates its part, and gives it to all.
   * The norm is that of one process, to the bit.
   */
  async stepTogether(learningRate: number = this.options.learningRate, options: StepOptions = {}): Promise<void> {
    this.expectReady(learningRate, options, "stepTogether");
    if (!this.shards) throw new Error("AdamW.stepTogether(): it was made without shards; call step().");
    const { pool, batch } = this.store.device;
    const partial = await this.shards.squares();
    try {
      this.scope.expectOpen();
      normOfBlocks(batch, { partial, ...this.normSettings(options) });
      this.update(learningRate);
    } finally {
      pool.release(partial);
    }
    this.stepCount++;
    await this.shards.gatherValues();
    this.store.copyHalves();
  }

  private expectReady(learningRate: number, options: StepOptions, method: string): void {
    expectFields(`AdamW.${method}()`, options, STEP_OPTIONS);
    if (!(learningRate >= 0)) throw new UserError(`AdamW: learning rate is ${learningRate}, expected 0 or more.`);
    this.scope.expectOpen();
    this.store.expectOpen();
  }

  private normSettings({ maxGradNorm = 0, gradientScale = 1, maxSkipped = 0 }: StepOptions) {
    const { betas } = this.options;
    const { factors: result, updates, lossScale } = this;
    return { maxNorm: maxGradNorm, scale: gradientScale, limit: maxSkipped, betas, result, updates, lossScale };
  }

  private update(learningRate: number): void {
    const { trainableChunks: chunks, device } = this.store;
    const { form, betas, eps, weightDecay } = this.options;
    for (const range of this.ranges) {
      for (const slice of this.moments.slices) {
        const [start, end] = overlap(range, slice);
        if (slice.chunk !== range.chunk || start >= end) continue;
        const { values, grads } = chunks[range.chunk];
        // Of ranks' values they are copied once all have come together.
        const halves = this.shards ? undefined : this.store.halvesOf(range.chunk);
        adamw(device.batch, {
          values: sliceRows(values, start, end - start),
          grads: sliceRows(grads, start, end - start),
          m: sliceRows(slice.m, start - slice.start, end - start),
          v: sliceRows(slice.v, start - slice.start, end - start),
          ...(halves && { halves: sliceRows(halves, start, end - start) }),
          factors: this.factors,
          form,
          learningRate,
          betas,
          eps,
          weightDecay: range.decays ? weightDecay : 0,
        });
      }
    }
  }

  /** Sets every gradient to zero: once a step, before the first micro-batch. */
  zeroGrad(): void {
    this.store.zeroGrad();
  }

  /**
   * The moments where they lie on the GPU (read them before the next step), for a checkpoint. Throws Error where ranks
   * share them: see momentShapes() and readMoment().
   */
  state(): OptimizerState {
    this.scope.expectOpen();
    if (this.shards) throw new Error("AdamW.state(): its moments are shared by ranks; call readMoment().");
    return { stepCount: this.stepCount, moments: this.moments.tensors() };
  }

  /** By the names of state(), in its order. */
  momentShapes(): Map<string, Shape> {
    return this.moments.shapes();
  }

  /**
   * A moment's values by its name in state(). Where ranks share it each calls this, and rank 0 gets the whole, the
   * others their part.
   */
  async readMoment(name: string): Promise<Float32Array> {
    this.scope.expectOpen();
    return this.moments.read(name);
  }

  /**
   * Restores what state() gave: checks every shape, then takes the moments one by one from `read`. Throws UserError
   * when a moment is missing, of another shape or too many, having changed nothing; and when one holds values that no
   * optimizer has. Of the steps `skipped` were skipped, the last `skippedInARow` of them in a row.
   */
  async load(state: SavedSteps & SavedMoments): Promise<void> {
    const { stepCount, skipped = 0, skippedInARow = 0, lossScale, ...saved } = state;
    if (!Number.isInteger(stepCount) || stepCount < 0)
      throw new UserError(`The optimizer state has step count ${stepCount}, expected 0 or more.`);
    if (!Number.isInteger(skipped) || skipped < 0 || skipped > stepCount)
      throw new UserError(`The optimizer state has ${skipped} skipped steps, expected 0 to ${stepCount}.`);
    this.scope.expectOpen();
    await this.moments.load(saved);
    this.store.device.batch.write(this.updates, Uint32Array.of(skippedInARow, stepCount - skipped));
    if (this.lossScale && lossScale)
      this.store.device.batch.write(this.lossScale.scaling, Float32Array.of(lossScale.scale, lossScale.goodUpdates));
    this.stepCount = stepCount;
  }

  /** What the loss is scaled by now, where it is; after all recorded work. */
  async readLossScale(): Promise<LossScaleState | undefined> {
    if (!this.lossScale) return undefined;
    const [scale, goodUpdates] = await this.store.device.read(this.lossScale.scaling);
    return { scale, goodUpdates };
  }

  /** Frees the moments, once, after what is recorded was sent. */
  destroy(): void {
    this.scope.end("the optimizer was destroyed");
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}
