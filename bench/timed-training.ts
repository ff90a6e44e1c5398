// Training steps as the trainer takes them: forward, backward, clipping, update, one submit, the next step recorded
// while the GPU is at this one.
import type { Device } from "../src/gpu/device.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { summarize } from "../src/profile/measure.ts";
import type { Timing } from "../src/profile/measure.ts";
import { Random } from "../src/random.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { TrainingStep } from "../src/training/step.ts";
import type { MicroBatch, SentStep } from "../src/training/step.ts";
import type { BenchModel } from "./models.ts";

export class Training {
  readonly model: GPT2LMHeadModel;
  readonly optimizer: AdamW;
  private readonly update: TrainingStep;
  private readonly batch: MicroBatch;

  constructor(device: Device, { config, batch, length }: BenchModel) {
    const random = new Random(1);
    this.model = GPT2LMHeadModel.fromConfig(device, config);
    this.optimizer = new AdamW(this.model.parameters);
    this.update = new TrainingStep(this.model, this.optimizer, { maxGradNorm: 1 });
    const inputIds = Array.from({ length: batch }, () => Array.from({ length }, () => random.below(config.vocabSize)));
    this.batch = { inputIds, labels: inputIds };
  }

  /** Records and sends one step; what it returns waits for the GPU. */
  step(): Promise<SentStep> {
    return this.update.run([this.batch], 1e-4);
  }
}

export interface StepTimes {
  readonly timing: Timing;
  readonly details: Readonly<Record<string, number>>;
}

export async function timeSteps(device: Device, model: BenchModel, runs: number): Promise<StepTimes> {
  const training = new Training(device, model);
  const { batch, pool } = device;
  // The second step finds every buffer where the first left it. JavaScript takes longer to be compiled: in a program's
  // first ten steps recording a launch costs the host four times what it costs later, and where that exceeds the GPU's
  // time it would be timed.
  let underway: Promise<unknown> = Promise.resolve();
  for (let i = 0; i < (device.software ? 2 : 30); i++) {
    const { result } = await training.step();
    await underway;
    underway = result;
  }
  await underway;
  const objects = () => pool.created + batch.counters.bindGroups + batch.counters.pipelines;
  const before = { objects: objects(), submits: batch.counters.submits, dispatches: batch.counters.dispatches };
  const times: number[] = [];
  let encoding = 0;
  let last = performance.now();
  // One step is under way while the next is recorded: the first interval has nothing before it, and does not count.
  for (let i = 0; i < Math.max(7, runs) + 1; i++) {
    const start = performance.now();
    const { result } = await training.step();
    encoding += performance.now() - start;
    await underway;
    underway = result;
    const now = performance.now();
    if (i > 0) times.push(now - last);
    last = now;
  }
  await device.finish();
  const steps = times.length + 1;
  return {
    timing: summarize(times),
    details: {
      encode_ms: encoding / steps,
      dispatches: (batch.counters.dispatches - before.dispatches) / steps,
      submits: (batch.counters.submits - before.submits) / steps,
      new_objects: (objects() - before.objects) / steps,
      peak_mb: pool.peakBytes / 1e6,
    },
  };
}

/**
 * Products of a step: forward, and twice that backward; attention needs half its squares forward, and five products to
 * forward's two backward.
 */
export function stepFlops({
  batch,
  length,
  config: { nLayer: L, nEmbd: C, innerSize, vocabSize: V },
}: BenchModel): number {
  const rows = batch * length;
  const linear = 2 * rows * (L * (4 * C * C + 2 * C * innerSize) + C * V);
  const attention = L * 2 * rows * (length + 1) * C;
  return 3 * linear + 3.5 * attention;
}
