// Outputs as the tuples that transformers 2.x returned: what there is, in its order, and nothing in place of what is
// not.
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserError } from "../src/errors.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel, GPT2Model } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { openDevice } from "./check-kernel.ts";

const config = new GPT2Config({ vocabSize: 11, nPositions: 16, nEmbd: 8, nLayer: 2, nHead: 2 });
const inputIds = [[1, 2, 3]];

let device: Device;
let model: GPT2LMHeadModel;
beforeAll(async () => {
  device = await openDevice();
  model = GPT2LMHeadModel.fromConfig(device, config, { gradients: true });
});
afterAll(() => {
  model.destroy();
  device.destroy();
});

test("with labels the loss comes first, then the logits", async () => {
  using output = model.forward({ inputIds, labels: inputIds });
  expect(output.at(0)).toBe(output.loss);
  expect(output.at(1)).toBe(output.logits);
  expect(output.toTuple()).toHaveLength(2);
  const [loss, logits] = output;
  expect([loss, logits]).toEqual([output.loss, output.logits]);
  expect(await output.at(0).item()).toBeGreaterThan(0);
  output.at(0).backward(); // as loss = outputs[0]; loss.backward()
});

test("without labels the logits do; what else was asked for follows in transformers' order", () => {
  using plain = model.forward({ inputIds });
  expect(plain.toTuple()).toEqual([plain.logits]);
  using all = model.forward({ inputIds, useCache: true, outputHiddenStates: true, outputAttentions: true });
  expect([...all]).toEqual([all.logits, all.pastKeyValues, all.hiddenStates, all.attentions]);
  expect(all.at(-1)).toBe(all.attentions);
  all.pastKeyValues!.destroy();
  using losses = model.forward({ inputIds, labels: inputIds, keepLogits: false, outputAttentions: true });
  expect(losses.toTuple()).toEqual([losses.loss, losses.attentions]);
});

test("the transformer's begin with its last hidden state", () => {
  using all = model.transformer.forward({ inputIds, useCache: true, outputHiddenStates: true, outputAttentions: true });
  expect([...all]).toEqual([all.lastHiddenState, all.pastKeyValues, all.hiddenStates, all.attentions]);
  expect((all.at(2) as typeof all.hiddenStates)!.at(-1)).toBe(all.at(0));
  all.pastKeyValues!.destroy();
});

test("what is not there is said to be none", () => {
  using output = model.forward({ inputIds });
  for (const index of [1, -2, 0.5, NaN]) expect(() => output.at(index)).toThrow(UserError);
  expect(() => output.at(1)).toThrow("This output has 1 element, and at(1) is none of them");
});

test("GPT2Model.fromPretrained loads a language model's folder, and gives back all that it took", async () => {
  const folder = new MemoryFolder("m");
  await model.savePretrained(folder);
  const { liveBytes } = device.pool;
  {
    using raw = await GPT2Model.fromPretrained(device, folder);
    using got = raw.forward({ inputIds });
    using want = model.transformer.forward({ inputIds });
    expect(await got.lastHiddenState.read()).toEqual(await want.lastHiddenState.read());
    expect(raw.parameters.hasGradients).toBe(false);
  }
  expect(device.pool.liveBytes).toBe(liveBytes);
  using trained = await GPT2Model.fromPretrained(device, folder, { gradients: true });
  expect(trained.parameters.hasGradients).toBe(true);
  await expect(GPT2Model.fromPretrained(device, new MemoryFolder("empty"))).rejects.toThrow("empty: no config.json");
});
