// Frozen parameters: what a pattern means, that the rest is trained as if all were, and that they cost no memory.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Trainable } from "../src/autograd/parameter.ts";
import { trainableBy, trainableSettings } from "../src/cli/train/trainable.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { frozenParameters } from "../src/gpt2/freeze.ts";
import { parameterShapes } from "../src/gpt2/checkpoint-files.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { memoryNeeds } from "../src/training/memory-needs.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { TrainingStep } from "../src/training/step.ts";
import { expectClose, openDevice } from "./check-kernel.ts";
import { tinyConfig } from "./training-runs.ts";

const NAMES = [...parameterShapes(tinyConfig).keys()];

describe("patterns", () => {
  it.each<[string, (name: string) => boolean]>([
    ["wte", (name) => name === "transformer.wte.weight"],
    ["transformer.wte.weight", (name) => name === "transformer.wte.weight"],
    ["h.0", (name) => name.startsWith("transformer.h.0.")],
    ["h.*", (name) => name.includes(".h.")],
    ["h.[0-5].ln_*", (name) => /\.h\.[0-5]\.ln_/.test(name)],
    ["h.[!0]", (name) => /\.h\.1\./.test(name)],
    ["ln_?", (name) => /\.ln_[12f]\./.test(name)],
    ["attn.c_proj", (name) => name.includes(".attn.c_proj.")],
    ["*.bias", (name) => name.endsWith(".bias")],
    ["bias", (name) => name.endsWith(".bias")],
  ])("%s", (pattern, means) => {
    expect([...frozenParameters([pattern], NAMES)]).toEqual(NAMES.filter(means));
  });

  it("a part of a word, a misspelt name and what is no pattern are refused, and nothing left to train", () => {
    const inWords = ["w", "c_", "te", "n_1", "ln.1", "layer"];
    for (const pattern of [...inWords, "wpe.wte", "h.2", "", "h.(0|1)", "h\\.0", "h.[1-0]", "ln 1"])
      expect(() => frozenParameters([pattern], NAMES), pattern).toThrow(/^freeze: .*wanted/);
    expect(() => frozenParameters(["*"], NAMES)).toThrow("nothing would be left to train");
    expect(() => frozenParameters(["weight", "bias"], NAMES)).toThrow("all 28 parameters");
  });

  it("the flag takes commas and repetition, and is part of what a run is", async () => {
    const none = { freeze: [], loraR: undefined, loraAlpha: undefined, loraDropout: undefined, loraTarget: [] };
    const flags = { ...none, freeze: ["wte, wpe", "h.0"] };
    const trained = trainableBy(flags, tinyConfig) as (name: string) => boolean;
    expect(NAMES.filter((name) => !trained(name)).length).toBe(14);
    const folder = new MemoryFolder("none");
    expect(await trainableSettings(flags, undefined, folder)).toEqual({ freeze: "h.0,wpe,wte" });
    expect(await trainableSettings(none, undefined, folder)).toEqual({});
    expect(trainableBy(none, tinyConfig)).toBe(true);
  });
});

describe("training", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  const rows = [
    [1, 5, 9, 13, 2, 30],
    [7, 7, 3, 36, 0, 4],
  ];

  /** One update; gradients before it by name, values before and after. */
  async function update(gradients: Trainable) {
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig, { gradients });
    const optimizer = new AdamW(model.parameters);
    const step = new TrainingStep(model, optimizer);
    await step.sum([{ inputIds: rows, labels: rows }]);
    const seen = new Map<string, { before: Float32Array; after: Float32Array; grad: Float32Array | undefined }>();
    for (const { name, value, grad } of model.parameters.all()) {
      const before = (await device.read(value)).slice();
      seen.set(name, { before, after: before, grad: grad && (await device.read(grad)).slice() });
    }
    optimizer.step(1e-2);
    for (const { name, value } of model.parameters.all()) seen.get(name)!.after = await device.read(value);
    const moments = optimizer.state().moments.size;
    const { bytes, trainingBytes } = model.parameters;
    for (const each of [step, optimizer, model]) each.destroy();
    return { seen, moments, bytes, trainingBytes };
  }

  it.each([
    ["embeddings and the first block", ["wte", "wpe", "h.0"]],
    ["weights of norms without their biases", ["ln_1.weight", "ln_f.bias"]],
    ["all but one bias in the middle", ["wte", "wpe", "ln_?", "weight", "h.1", "c_attn", "c_proj"]],
  ])("%s: the others have the gradients that they have without", async (_what, patterns) => {
    const frozen = frozenParameters(patterns, NAMES);
    const live = device.pool.liveBytes;
    const whole = await update(true);
    const part = await update((name) => !frozen.has(name));
    expect(part.moments).toBe(2 * (NAMES.length - frozen.size));
    expect(part.bytes).toBeLessThan(whole.bytes);
    expect(part.trainingBytes).toBeLessThan(whole.trainingBytes);
    for (const [name, { before, after, grad }] of part.seen) {
      expect(before).toEqual(whole.seen.get(name)!.before);
      expect(grad === undefined, name).toBe(frozen.has(name));
      if (grad) expectClose(name, grad, whole.seen.get(name)!.grad!, [grad.length], { atol: 1e-7, rtol: 1e-6 });
      // of attention's key bias alone the gradient is zero in exact arithmetic
      expect(Buffer.from(after.buffer).equals(Buffer.from(before.buffer)), name).toBe(frozen.has(name));
    }
    expect(device.pool.liveBytes).toBe(live);
  });

  it("takes no memory for what is frozen, as memoryNeeds() says", async () => {
    const shape = { batchSize: 1, length: 8 };
    const frozen = frozenParameters(["h.*"], NAMES);
    const whole = await memoryNeeds(device, tinyConfig, shape);
    const part = await memoryNeeds(device, tinyConfig, shape, { trainable: (name) => !frozen.has(name) });
    expect(part.parameters).toBe(whole.parameters);
    expect(part.gradients).toBeLessThan(0.3 * whole.gradients);
    expect(part.moments - 2 * part.gradients).toBe(whole.moments - 2 * whole.gradients);
    expect(part.peak).toBeLessThan(whole.peak - 2 * (whole.gradients - part.gradients));
  });

  it("a resized model trains the same parameters", async () => {
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig, { gradients: (name) => name.includes("wte") });
    await model.resizeTokenEmbeddings(40);
    expect(model.parameters.trainable().map(({ name }) => name)).toEqual(["transformer.wte.weight"]);
    model.destroy();
  });
});
