// Times training steps of several models, and says, on a device that takes timestamps, which share of the time is
// matrix products.
import { UserError } from "../src/errors.ts";
import type { Device } from "../src/gpu/device.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { DEMO, GPT2, SMALL } from "./models.ts";
import type { BenchModel } from "./models.ts";
import type { BenchRun } from "./options.ts";
import { rates, sizesText } from "./result.ts";
import { stepFlops, timeSteps, Training } from "./timed-training.ts";

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
