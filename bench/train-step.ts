// Times training steps as the trainer takes them: forward, backward, clipping, update, one submit, the next step
// recorded while the GPU is at this one. Then, on a device that takes timestamps, which share of the time is matrix
// products.
import { UserError } from "../src/errors.ts";
import type { Device } from "../src/gpu/device.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { Random } from "../src/random.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { TrainingStep } from "../src/training/step.ts";
import type { MicroBatch, SentStep } from "../src/training/step.ts";
import { summarize } from "../src/profile/measure.ts";
import { DEMO, GPT2, SMALL } from "./models.ts";
import type { BenchModel } from "./models.ts";
import type { BenchRun } from "./options.ts";
import { rates, sizesText } from "./result.ts";

export async function benchTraining({ options, ceiling, report, note }: BenchRun): Promise<void> {
  for (const shape of [DEMO, SMALL, GPT2, ...FULL_ROWS]) {
    const model = options.quick ? { ...shape, batch: Math.min(shape.batch, 2) } : shape;
    const sizes = { model: model.name, B: model.batch, T: model.length };
    if (!`train step ${sizesText(sizes)}`.includes(options.filter)) continue;
    const device = await requestDevice();
    const adapter = device.adapterKey;
    const why = leftOut(shape, device, options);
    const steps = why === undefined ? await timeSteps(device, model, options.runs).catch(tooLarge) : why;
    device.destroy();
    if (typeof steps === "string") {
      note(`train step ${sizesText(sizes)}: ${steps}`);
      continue;
    }
    const work = { flops: stepFlops(model) };
    report({
      name: "train step",
      sizes,
      adapter,
      ...steps.timing,
      ...rates(work, steps.timing, ceiling),
      details: {
        tokens_per_s: (1000 * model.batch * model.length) / steps.timing.median_ms,
        ...steps.details,
        ...(await matmulShare(model)),
      },
    });
  }
}

/** As much as is trained at once on a GPU; hours on a software adapter. */
const FULL_ROWS = [4, 8, 16].map((batch): BenchModel => ({ ...GPT2, batch, length: 1024 }));

/** Why it is not timed. */
function leftOut(shape: BenchModel, { software }: Device, { large, quick }: BenchRun["options"]): string | undefined {
  if (FULL_ROWS.includes(shape) && (software || quick)) return "it is for GPUs, and not for --quick.";
  if (shape === GPT2 && software && !large) return "it takes long on a software adapter; --large times it too.";
  return undefined;
}

function tooLarge(error: unknown): string {
  if (!(error instanceof UserError)) throw error;
  return error.message;
}

class Training {
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

async function timeSteps(device: Device, model: BenchModel, runs: number) {
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

/** Share of the GPU's time that matrix products take, dispatch by dispatch. */
async function matmulShare(model: BenchModel): Promise<Record<string, number>> {
  const device = await requestDevice({ profile: true });
  if (!device.profiler!.timed) {
    device.destroy();
    return {};
  }
  const training = new Training(device, model);
  await training.step();
  await device.profiler!.report();
  for (let i = 0; i < 3; i++) {
    const { result } = await training.step();
    await result;
  }
  const { kernels: rows } = await device.profiler!.report();
  device.destroy();
  const sum = (wanted: (name: string) => boolean): number =>
    rows.reduce((total, { name, milliseconds }) => total + (wanted(name) ? milliseconds : 0), 0);
  return { matmul_share: sum((name) => name.startsWith("mat")) / sum(() => true) };
}

/**
 * Products of a step: forward, and twice that backward; attention needs half its squares forward, and five products to
 * forward's two backward.
 */
function stepFlops({ batch, length, config: { nLayer: L, nEmbd: C, innerSize, vocabSize: V } }: BenchModel): number {
  const rows = batch * length;
  const linear = 2 * rows * (L * (4 * C * C + 2 * C * innerSize) + C * V);
  const attention = L * 2 * rows * (length + 1) * C;
  return 3 * linear + 3.5 * attention;
}
