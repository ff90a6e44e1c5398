// What a training run starts from: the vocabulary that is cut to the data.
import { afterAll, expect, it } from "vitest";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { TRAIN } from "../src/cli/train/flags.ts";
import { loadModel, readStart } from "../src/cli/train/setup.ts";
import { requestDevice } from "../src/gpu/device.ts";

const device = await requestDevice();
afterAll(() => device.destroy());

it("reads the data for as many positions as the fresh model will have", async () => {
  const { values } = parseFlags(TRAIN, [
    ..."--config_overrides n_positions=16,n_embd=16,n_layer=1,n_head=1 --vocab_from_data".split(" "),
    ..."--train_data_file lines.txt".split(" "),
  ]);
  const asked: number[] = [];
  const start = await readStart(values, ".", false, undefined, {}, async (whole, template, nPositions) => {
    expect(template).toBeUndefined();
    asked.push(nPositions);
    return whole.encode("the miller walked down to the river");
  });
  const { tokenizer } = start;
  const model = await loadModel(device, start, values);
  expect(asked).toEqual([16]);
  expect(model.config.nPositions).toBe(16);
  expect(model.config.vocabSize).toBe(tokenizer.vocabSize);
  model.destroy();
});
