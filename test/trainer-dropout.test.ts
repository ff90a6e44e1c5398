// Dropout as the run has it: drawn from its seed, on again after an evaluation, another mask in each layer. "Resumed is
// the same as uninterrupted" proves none of these.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import type { TrainingArguments } from "../src/training/arguments.ts";
import { Trainer } from "../src/training/trainer.ts";
import { openDevice } from "./check-kernel.ts";
import { example, tinyArgs, tinyConfig } from "./training-runs.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

type Rates = Partial<Record<"embdPdrop" | "attnPdrop" | "residPdrop", number>>;

/** Losses of a few updates on one example, so that the seed decides nothing but dropout. */
async function losses(rates: Rates, args: Partial<TrainingArguments>, evaluate = false): Promise<number[]> {
  const model = GPT2LMHeadModel.fromConfig(device, tinyConfig.with(rates), { seed: 1 });
  const train = [example(12, 1)];
  const evaluation = evaluate ? [example(9, 2)] : undefined;
  const trainer = new Trainer({ model, args: { ...tinyArgs, ...args }, train, evaluation, padId: 0 });
  const { logHistory } = await trainer.train();
  trainer.destroy();
  model.destroy();
  return logHistory.filter((entry) => "loss" in entry).map(({ loss }) => loss);
}

const RATES: Rates = { embdPdrop: 0.3, attnPdrop: 0.3, residPdrop: 0.3 };

test("is drawn from the run's seed", async () => {
  const [three, again, four] = [await losses(RATES, {}), await losses(RATES, {}), await losses(RATES, { seed: 4 })];
  expect(again).toEqual(three);
  expect(four[0]).not.toBe(three[0]);
  expect((await losses({}, { seed: 4 }))[0]).toBe((await losses({}, {}))[0]);
});

test("is on after an evaluation in mid-run, and draws what it would have drawn", async () => {
  const without = await losses(RATES, {});
  expect(await losses(RATES, { evalSteps: 1 }, true)).toEqual(without);
  // The control: it is on, and another mask each time.
  const frozen = { learningRate: 0, maxSteps: 4 };
  expect(new Set(await losses(RATES, frozen)).size).toBe(4);
  expect(new Set(await losses({}, frozen)).size).toBe(1);
});

describe("each layer draws a mask of its own", () => {
  /**
   * The loss of a forward in which only one part of layer `active`, with seed 1's weights of layer 0, adds to the
   * stream.
   */
  async function lossWith(active: number, adds: "attn" | "mlp", rates: Rates, training: boolean): Promise<number> {
    const model = GPT2LMHeadModel.fromConfig(device, tinyConfig.with(rates), { seed: 1 });
    const layer = (name: string, of: number): string => `transformer.h.${of}.${name}`;
    for (const { name } of model.parameters.all()) {
      const part = /^transformer\.h\.0\.(.*)$/.exec(name)?.[1];
      if (part === undefined) continue;
      const values = await device.read(model.parameters.get(layer(part, 0)).value);
      device.batch.write(model.parameters.get(layer(part, active)).value, values);
      const idle = ["attn.c_proj.", "mlp.c_proj."].filter((each) => part.startsWith(each));
      for (const of of idle.length > 0 ? (part.startsWith(adds) ? [1 - active] : [0, 1]) : [])
        device.batch.write(model.parameters.get(layer(part, of)).value, new Float32Array(values.length));
    }
    model.transformer.training = training;
    model.transformer.dropoutSeed = 5;
    const { ids } = example(12, 1);
    const output = model.forward({ inputIds: [ids], labels: [ids], grad: true });
    const loss = await output.loss!.item();
    output.dispose();
    model.destroy();
    return loss;
  }

  test.each([
    { rate: "attnPdrop", adds: "attn" },
    { rate: "residPdrop", adds: "attn" },
    { rate: "residPdrop", adds: "mlp" },
  ] as const)("$rate, $adds", async ({ rate, adds }) => {
    const rates = { [rate]: 0.5 };
    const [first, second] = [await lossWith(0, adds, rates, true), await lossWith(1, adds, rates, true)];
    expect(Math.abs(first - second)).toBeGreaterThan(1e-3);
    // The controls: without dropout it is all one which of the layers is the active one, and dropout does something.
    const plain = await lossWith(0, adds, rates, false);
    expect(await lossWith(1, adds, rates, false)).toBeCloseTo(plain, 5);
    expect(Math.abs(first - plain)).toBeGreaterThan(1e-3);
  });
});
