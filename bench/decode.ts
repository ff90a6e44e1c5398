// Times generation token by token: through generate(), as a program uses it; the GPU's share of a token, the same
// launches without a host in the way; and the matrix-vector products of a token alone, which bound it from below.
import { requestDevice } from "../src/gpu/device.ts";
import { generate } from "../src/generation/generate.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { STORED } from "../src/kernels/stored.ts";
import type { Stored } from "../src/kernels/stored.ts";
import { Random } from "../src/random.ts";
import { measure, summarize } from "../src/profile/measure.ts";
import type { Timing } from "../src/profile/measure.ts";
import { DEMO, GPT2, SMALL } from "./models.ts";
import type { BenchModel } from "./models.ts";
import type { BenchRun } from "./options.ts";
import { sizesText } from "./result.ts";
import { StepClock } from "./step-clock.ts";
import { productLaunch, tokenLaunch, WAYS } from "./token-launch.ts";
import type { Way } from "./token-launch.ts";
import { Workspace } from "./workspace.ts";

interface Setting {
  readonly context: number;
  readonly batch: number;
  readonly way: Way;
  /** How weights, keys and values are kept. */
  readonly dtype: Stored;
}

const CONTEXTS = [16, 256, 1000],
  BATCHES = [1, 8, 32];
const OPTIONS: Readonly<Record<Way, GenerationOptions>> = {
  greedy: {},
  sampling: { doSample: true, seed: 1 },
  "beam 4": { numBeams: 4 },
};

/** Every context, batch and way by itself, or all together. */
function settings({ all, quick }: BenchRun["options"]): Setting[] {
  if (all)
    return STORED.flatMap((dtype) =>
      CONTEXTS.flatMap((context) => BATCHES.flatMap((batch) => WAYS.map((way) => ({ context, batch, way, dtype })))),
    );
  const settings: Setting[] = [
    ...CONTEXTS.map((context): Setting => ({ context, batch: 1, way: "greedy", dtype: "f32" })),
    ...WAYS.slice(1).map((way): Setting => ({ context: 256, batch: 1, way, dtype: "f32" })),
    ...BATCHES.slice(1).map((batch): Setting => ({ context: 16, batch, way: "greedy", dtype: "f32" })),
    ...([1, 32] as const).map((batch): Setting => ({ context: 256, batch, way: "greedy", dtype: "f16" })),
  ];
  return quick ? settings.filter(({ context, batch }) => context <= 256 && batch <= 8) : settings;
}

export async function benchDecoding(run: BenchRun): Promise<void> {
  const { options, note } = run;
  for (const shape of [DEMO, SMALL, GPT2]) {
    const chosen = settings(options).filter((setting) =>
      `decode ${sizesText(sizesOf(shape, setting))}`.includes(options.filter),
    );
    if (chosen.length === 0) continue;
    const device = await requestDevice();
    if (shape === GPT2 && device.software && !options.large)
      note("Decoding with GPT-2 124M takes long on a software adapter; --large times it too.");
    else
      for (const dtype of STORED) {
        const settings = chosen.filter((setting) => setting.dtype === dtype);
        if (settings.length === 0) continue;
        using model = GPT2LMHeadModel.fromConfig(device, shape.config, { gradients: false, dtype });
        for (const setting of settings) await benchSetting(run, shape, model, setting);
      }
    device.destroy();
  }
}

const sizesOf = ({ name }: BenchModel, { context, batch, way, dtype }: Setting) => ({
  model: name,
  context,
  batch,
  way,
  ...(dtype === "f16" && { dtype }), // lines of f32 are called as they were before there was another
});

async function benchSetting(
  { options, report }: BenchRun,
  shape: BenchModel,
  model: GPT2LMHeadModel,
  setting: Setting,
): Promise<void> {
  const { device } = model;
  const { context, batch, way } = setting;
  const { timing, ...host } = await timeTokens(model, setting, options.runs);
  device.pool.trim();

  const workspace = new Workspace(device);
  const rows = way === "beam 4" ? 4 * batch : batch;
  const token = await measure(device, tokenLaunch(workspace, model, { rows, context, way }), options);
  const products = await measure(device, productLaunch(workspace, model, rows), options);
  workspace.release();
  const [total, gpu, bound] = [timing, token, products].map((each: Timing) => each.median_ms);
  report({
    name: "decode",
    sizes: sizesOf(shape, setting),
    adapter: device.adapterKey,
    ...timing,
    details: {
      tokens_per_s: (1000 * batch) / total,
      gpu_ms: gpu,
      encode_ms: host.encode_ms,
      wait_ms: Math.max(0, total - gpu - host.encode_ms),
      host_over_gpu: (total - gpu) / gpu,
      products_ms: bound,
      gpu_over_products: gpu / bound,
      new_objects: host.new_objects,
    },
  });
}

/** Milliseconds a token of every row, each run over several tokens, the prompt not counted. */
async function timeTokens(
  model: GPT2LMHeadModel,
  { context, batch, way }: Setting,
  runs: number,
): Promise<{ timing: Timing; encode_ms: number; new_objects: number }> {
  const { config, device } = model;
  const random = new Random(3);
  const inputIds = Array.from({ length: batch }, () =>
    Array.from({ length: context }, () => random.below(config.vocabSize)),
  );
  const decoder = new GPT2Decoder(model);
  const clock = new StepClock(
    decoder,
    () => device.pool.created + device.batch.counters.bindGroups + device.batch.counters.pipelines,
  );
  const { warmUp, each } = device.software ? SLOW : FAST;
  const windows = Math.max(7, Math.min(runs, Math.floor((config.nPositions - context - warmUp) / each)));
  const maxNewTokens = warmUp + windows * each;
  await generate(clock.decoder, { inputIds, maxNewTokens, ...OPTIONS[way] });
  decoder.dispose();
  const { steps } = clock;
  if (steps.length !== maxNewTokens)
    throw new Error(`decode: ${steps.length} steps were seen, ${maxNewTokens} tokens were asked for`);
  const measured = steps.slice(warmUp - 1); // the first is where the first run starts
  const last = measured.at(-1)!,
    [first] = measured;
  const times = Array.from({ length: windows }, (_, i) => (measured[(i + 1) * each].at - measured[i * each].at) / each);
  return {
    timing: summarize(times),
    encode_ms: (last.encoding - first.encoding) / (windows * each),
    new_objects: (last.objects - first.objects) / (windows * each),
  };
}

/**
 * Tokens before the first run, which compile, fill the caches of bind groups and make JavaScript fast; and tokens of a
 * run. A fast device gets up to eight at once (see multi-step.ts), which come together: a run holds several such
 * groups.
 */
const FAST = { warmUp: 72, each: 16 },
  SLOW = { warmUp: 8, each: 8 };
