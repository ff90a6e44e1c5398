// --dry_run: what it prints, and that each change it offers makes the run fit.
import { afterAll, expect, it } from "vitest";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { dryRun } from "../src/cli/train/dry-run.ts";
import { TRAIN } from "../src/cli/train/flags.ts";
import type { MemoryQuestion } from "../src/cli/train/memory-advice.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { memoryNeeds } from "../src/training/memory-needs.ts";

const device = await requestDevice();
afterAll(() => device.destroy());

const question: MemoryQuestion = {
  config: new GPT2Config({ vocabSize: 600, nPositions: 256, nLayer: 4, nHead: 2, nEmbd: 64 }),
  shape: { batchSize: 8, length: 256 },
  evaluation: undefined,
  gradientAccumulationSteps: 2,
  ranks: 1,
  limit: undefined,
  fresh: true,
};

it("adds up, and says that the GPU's memory is not known", async () => {
  const { text, fits } = await dryRun(device, question);
  expect(fits).toBe(true);
  expect(text).toContain("--memory_limit 8GB says it");
  const megabytes = (part: string): number => {
    const [, number, unit] = new RegExp(`${part} +([\\d.]+) (kB|MB|GB)`).exec(text)!;
    return Number(number) * { kB: 1e-3, MB: 1, GB: 1e3 }[unit]!;
  };
  const parts = ["parameters", "gradients", "moments", "activations", "logits", "staging"];
  expect(parts.reduce((sum, part) => sum + megabytes(part), 0) / megabytes("peak")).toBeCloseTo(1, 1);
});

it("offers three changes, with each of which it fits", async () => {
  const limit = 30e6;
  const { text, fits } = await dryRun(device, { ...question, limit });
  expect(fits).toBe(false);
  const offered = text.split("\n").filter((line) => line.startsWith("  --"));
  expect(offered).toHaveLength(3);
  for (const line of offered) {
    const { values } = parseFlags(TRAIN, line.slice(2, line.indexOf(":")).split(" "));
    const batchSize = /batch_size/.test(line) ? values.perDeviceTrainBatchSize : question.shape.batchSize;
    const steps = /accumulation/.test(line) ? values.gradientAccumulationSteps : question.gradientAccumulationSteps;
    expect(batchSize * steps).toBe(16);
    const nLayer = Number(values.configOverrides.get("n_layer") ?? question.config.nLayer);
    const length = values.blockSize ?? question.shape.length;
    const { gradientCheckpointing, logitsChunk } = values;
    const changed = { gradientCheckpointing, logitsChunk };
    const { peak } = await memoryNeeds(device, question.config.with({ nLayer }), { batchSize, length }, changed);
    expect([line, peak <= limit]).toEqual([line, true]);
  }
});

it("says where nothing helps, and where a single buffer is too large", async () => {
  const { text } = await dryRun(device, { ...question, limit: 1e6 });
  expect(text).toMatch(/none of a smaller batch, a shorter block or fewer layers: take a smaller model$/);
  const config = question.config.with({ vocabSize: 2 ** 24, nEmbd: 128 });
  expect((await dryRun(device, { ...question, config, fresh: false })).text).toMatch(/its largest buffer is \d+/);
});
