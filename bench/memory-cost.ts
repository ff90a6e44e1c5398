// What saving memory costs in time: training steps with everything kept, with --gradient_checkpointing, with
// --logits_chunk and with both, taken in turns on one model and one device. A busy machine slows all of them alike, so
// the ratios of one run are fair where its times are not. `npx tsx bench/memory-cost.ts`
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import { formatBytes } from "../src/cli/shared/format.ts";
import { runCli } from "../src/cli/shared/run.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { summarize } from "../src/profile/measure.ts";
import { Random } from "../src/random.ts";
import { memoryNeeds } from "../src/training/memory-needs.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { TrainingStep } from "../src/training/step.ts";
import { DEMO, GPT2, SMALL } from "./models.ts";

const MODELS = { demo: DEMO, small: SMALL, "124M": GPT2 };

const flags = defineFlags({
  model: { type: "choice", choices: ["demo", "small", "124M"], default: "small", group: "What", help: "The model." },
  batch: { type: "int", min: 1, defaultText: "the model's", group: "What", help: "Rows." },
  length: { type: "int", min: 2, defaultText: "the model's", group: "What", help: "Tokens in a row." },
  chunk: { type: "int", min: 1, default: 256, group: "What", help: "Rows of logits at a time." },
  rounds: { type: "int", min: 1, default: 7, group: "What", help: "How often each takes its turn." },
});

const VARIANTS = [
  { name: "everything kept", checkpointing: false, chunked: false },
  { name: "gradient_checkpointing", checkpointing: true, chunked: false },
  { name: "logits_chunk", checkpointing: false, chunked: true },
  { name: "both", checkpointing: true, chunked: true },
] as const;

await runCli(async ({ argv, signal }) => {
  const { values } = parseFlags(
    { command: "npx tsx bench/memory-cost.ts", summary: "Times what saving memory costs.", flags },
    argv,
  );
  const shape = MODELS[values.model];
  const { config } = shape;
  const { batch = shape.batch, length = shape.length, chunk: logitsChunk } = values;
  const device = await requestDevice();
  const model = GPT2LMHeadModel.fromConfig(device, config);
  const optimizer = new AdamW(model.trained);
  const settings = { maxGradNorm: 1 };
  const whole = new TrainingStep(model, optimizer, settings);
  const chunked = new TrainingStep(model, optimizer, { ...settings, logitsChunk });
  const random = new Random(1);
  const inputIds = Array.from({ length: batch }, () => Array.from({ length }, () => random.below(config.vocabSize)));
  const times = VARIANTS.map((): number[] => []);
  for (let round = 0; round <= values.rounds && !signal.aborted; round++)
    for (const [i, variant] of VARIANTS.entries()) {
      model.transformer.gradientCheckpointing = variant.checkpointing;
      const step = variant.chunked ? chunked : whole;
      const take = async (): Promise<void> => {
        const { result } = await step.run([{ inputIds, labels: inputIds }], 1e-4);
        await result;
      };
      await take(); // its buffers are not those of the variant before
      const started = performance.now();
      await take();
      if (round > 0) times[i].push(performance.now() - started); // the first round compiles
    }
  process.stdout.write(
    `${device.description}; ${shape.name}, ${batch} x ${length} tokens, chunks of ${logitsChunk} rows, ` +
      `${values.rounds} rounds\n\n| | median, ms | quartiles | of everything kept | memory at the peak |\n` +
      "|---|---:|---|---:|---:|\n",
  );
  const base = summarize(times[0]).median_ms;
  for (const [i, { name, checkpointing, chunked: byChunks }] of VARIANTS.entries()) {
    const { median_ms, spread } = summarize(times[i]);
    const saving = { gradientCheckpointing: checkpointing, ...(byChunks && { logitsChunk }) };
    const { peak } = await memoryNeeds(device, config, { batchSize: batch, length }, saving);
    process.stdout.write(
      `| ${name} | ${median_ms.toFixed(0)} | ${spread.q1.toFixed(0)} to ${spread.q3.toFixed(0)} | ` +
        `${(median_ms / base).toFixed(2)} | ${formatBytes(peak)} |\n`,
    );
  }
});
