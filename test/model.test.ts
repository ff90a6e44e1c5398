// The model as a whole: every variant and small bindings give the same numbers, a step gives the same bits twice and
// creates nothing once it is warm, folders round-trip, and bad input is refused in words.
import { afterAll, describe, expect, test } from "vitest";
import { MemoryFolder } from "../src/files/folder.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { resizeEmbedding } from "../src/gpt2/resize-embeddings.ts";
import type { Device, DeviceOptions } from "../src/gpu/device.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { expectClose, openDevice, randomNormal } from "./check-kernel.ts";

const config = new GPT2Config({
  vocabSize: 301,
  nPositions: 40,
  nEmbd: 60,
  nLayer: 2,
  nHead: 3,
  embdPdrop: 0,
  attnPdrop: 0,
  residPdrop: 0,
  initializerRange: 0.1,
});
const inputIds = [0, 1, 2].map((b) => Array.from({ length: 33 }, (_, t) => (b * 101 + t * 37) % 301));
const attentionMask = inputIds.map((row, b) => row.map((_, t) => (b === 1 && t < 5 ? 0 : 1)));

const devices: Device[] = [];
async function open(options?: DeviceOptions): Promise<Device> {
  const device = await openDevice(options);
  devices.push(device);
  return device;
}
afterAll(() => devices.forEach((device) => device.destroy()));

async function lossAndGradients(device: Device, model: GPT2LMHeadModel): Promise<Map<string, Float32Array>> {
  model.parameters.zeroGrad();
  const output = model.forward({ inputIds, labels: inputIds, attentionMask });
  const results = new Map([
    ["logits", await output.logits!.read()],
    ["loss", await output.loss!.read()],
  ]);
  output.loss!.backward();
  output.dispose();
  for (const { name, grad } of model.parameters.all()) results.set(name, await device.read(grad!));
  return results;
}

describe("the same logits and gradients", () => {
  const plain = open().then((device) =>
    lossAndGradients(device, GPT2LMHeadModel.fromConfig(device, config, { seed: 3 })),
  );
  test.each<[string, DeviceOptions]>([
    [
      "subgroup variants",
      { tuning: { rows: "subgroup", matmul: "subgroup", attention: "subgroup", attentionDecode: "subgroup" } },
    ],
    [
      "workgroup variants",
      { tuning: { rows: "workgroup", matmul: "workgroup", attention: "workgroup", attentionDecode: "workgroup" } },
    ],
    ["bindings of 64 KiB, which wte, logits and activations exceed", { maxStorageBufferBindingSize: 65536 }],
  ])("%s", async (_, options) => {
    const device = await open(options);
    const got = await lossAndGradients(device, GPT2LMHeadModel.fromConfig(device, config, { seed: 3 }));
    for (const [name, want] of await plain) {
      const scale = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expectClose(name, got.get(name)!, want, [want.length], { atol: 1e-5 * scale + 1e-7, rtol: 1e-4 });
    }
    expect(got.get("transformer.wte.weight")!.byteLength).toBeGreaterThan(65536);
  });

  test("loss.backward() reaches every parameter, but for the key biases", async () => {
    for (const [name, values] of await plain)
      expect(
        values.some((value) => value !== 0),
        name,
      ).toBe(true);
  });
});

test("a training step gives the same bits twice, with dropout, and another dropout seed gives others", async () => {
  const device = await open();
  const run = async (dropoutSeed: number): Promise<Float32Array> => {
    const model = GPT2LMHeadModel.fromConfig(device, config.with({ embdPdrop: 0.1, attnPdrop: 0.1, residPdrop: 0.1 }), {
      seed: 5,
    });
    model.transformer.training = true;
    model.transformer.dropoutSeed = dropoutSeed;
    const optimizer = new AdamW(model.parameters, { weightDecay: 0.1 });
    for (let step = 0; step < 2; step++) {
      optimizer.zeroGrad();
      const output = model.forward({ inputIds, labels: inputIds, attentionMask, keepLogits: false });
      output.loss!.backward();
      output.dispose();
      optimizer.step(1e-2, { maxGradNorm: 1 });
    }
    const values = await device.read(model.transformer.wte.value);
    optimizer.destroy();
    model.destroy();
    return values;
  };
  const [first, again, other] = [await run(1), await run(1), await run(2)];
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});

test("a warm training step creates no buffer, bind group or pipeline and submits once", async () => {
  const device = await open();
  const model = GPT2LMHeadModel.fromConfig(device, config);
  const optimizer = new AdamW(model.parameters);
  const step = async () => {
    const output = model.forward({ inputIds, labels: inputIds, keepLogits: false });
    output.loss!.backward();
    output.dispose();
    optimizer.step(1e-3, { maxGradNorm: 1 });
    optimizer.zeroGrad();
    await device.finish();
    return { ...device.batch.counters, created: device.pool.created, live: device.pool.liveBytes };
  };
  await step();
  const warm = await step();
  for (let i = 1; i <= 3; i++) {
    const { pipelines, bindGroups, submits, created, live } = await step();
    expect({ pipelines, bindGroups, created, live }).toEqual({
      pipelines: warm.pipelines,
      bindGroups: warm.bindGroups,
      created: warm.created,
      live: warm.live,
    });
    expect(submits - warm.submits).toBe(i);
  }
});

test("disposing outputs returns all memory, with and without backward", async () => {
  const device = await open();
  const model = GPT2LMHeadModel.fromConfig(device, config);
  const before = device.pool.liveBytes;
  for (const grad of [true, false]) {
    const output = model.forward({
      inputIds,
      labels: inputIds,
      grad,
      outputHiddenStates: true,
      outputAttentions: true,
    });
    output.dispose();
    output.dispose();
    expect(device.pool.liveBytes).toBe(before);
  }
  model.forward({ inputIds, lastOnly: true }).dispose();
  model.transformer.forward({ inputIds, outputHiddenStates: true }).dispose();
  const cached = model.forward({ inputIds, useCache: true });
  cached.dispose();
  cached.pastKeyValues!.destroy();
  expect(device.pool.liveBytes).toBe(before);
});

describe("folders", () => {
  test("saved in F32 and loaded, the weights are the same bits; in F16, within half a unit", async () => {
    const device = await open();
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 9 });
    const wte = await device.read(model.transformer.wte.value);
    for (const dtype of ["F32", "F16"] as const) {
      const folder = new MemoryFolder("saved");
      await model.savePretrained(folder, { dtype, generationConfig: { eos_token_id: 1 } });
      expect(await folder.list()).toEqual(["config.json", "generation_config.json", "model.safetensors"]);
      const loaded = await GPT2LMHeadModel.fromPretrained(device, folder);
      const again = await device.read(loaded.transformer.wte.value);
      if (dtype === "F32") expect(again).toEqual(wte);
      else expectClose("wte", again, wte, [wte.length], { atol: 1e-6, rtol: 2 ** -11 });
      expect(loaded.config.toJson()).toMatchObject({ n_embd: 60, n_layer: 2 });
    }
  });

  test("a failed load frees what it took", async () => {
    const device = await open();
    const folder = new MemoryFolder("saved");
    await GPT2LMHeadModel.fromConfig(device, config).savePretrained(folder);
    await folder.write(new Map([["config.json", JSON.stringify({ ...config.toJson(), n_layer: 3 })]]));
    await expect(GPT2LMHeadModel.fromPretrained(device, folder)).rejects.toThrow(/missing transformer\.h\.2/);
  });
});

describe("resizing the vocabulary", () => {
  test("old rows stay, new rows lie around the mean of the old, the seed decides them", async () => {
    const V = 400,
      C = 8;
    const wte = randomNormal([V, C], 1, { mean: 0.5 });
    const grown = resizeEmbedding(wte, C, V + 2000, 7);
    expect(grown.subarray(0, V * C)).toEqual(wte);
    expect(resizeEmbedding(wte, C, V + 2000, 7)).toEqual(grown);
    expect(resizeEmbedding(wte, C, V + 2000, 8)).not.toEqual(grown);
    expect(resizeEmbedding(wte, C, 10, 7)).toEqual(wte.subarray(0, 10 * C));
    const mean = Array.from({ length: C }, (_, c) =>
      wte.reduce((sum, value, i) => sum + (i % C === c ? value / V : 0), 0),
    );
    for (let c = 0; c < C; c++) {
      const variance = wte.reduce((sum, value, i) => sum + (i % C === c ? (value - mean[c]) ** 2 / V : 0), 0);
      const column = Array.from({ length: 2000 }, (_, row) => grown[(V + row) * C + c] - mean[c]);
      const drawn = column.reduce((sum, d) => sum + (d * d) / 2000, 0);
      expect(Math.abs(drawn / (1e-9 * variance) - 1)).toBeLessThan(0.2); // 2000 draws: a standard error of 3%
    }
  });

  test("the model grows, keeps its other logits, and trains", async () => {
    const device = await open();
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 4 });
    const read = async () => {
      const output = model.forward({ inputIds });
      const logits = await output.logits!.read();
      output.dispose();
      return logits;
    };
    const before = await read();
    await model.resizeTokenEmbeddings(306);
    expect(model.config.vocabSize).toBe(306);
    const after = await read();
    const kept = after.filter((_, i) => i % 306 < 301);
    expectClose("kept logits", kept, before, [before.length], { atol: 1e-6, rtol: 1e-5 });
    const output = model.forward({ inputIds: [[305, 1, 2]], labels: [[305, 1, 2]] });
    output.loss!.backward();
    output.dispose();
    await expect(model.resizeTokenEmbeddings(0)).rejects.toThrow("size is 0");
  });
});

describe("bad input", () => {
  test.each<[string, Parameters<GPT2LMHeadModel["forward"]>[0], RegExp]>([
    ["no rows", { inputIds: [] }, /inputIds is empty/],
    ["an empty row", { inputIds: [[]] }, /inputIds is empty/],
    ["ragged rows", { inputIds: [[1, 2], [3]] }, /inputIds\[1\] has 1 entries, wanted 2/],
    [
      "an id outside the vocabulary",
      { inputIds: [[1, 301]] },
      /inputIds\[0\]\[1\] is 301, wanted a token id from 0 to 300/,
    ],
    ["a fraction", { inputIds: [[0.5]] }, /is 0.5/],
    ["too long", { inputIds: [Array<number>(41).fill(1)] }, /41 tokens long, the model has 40 positions/],
    ["a mask of another shape", { inputIds: [[1, 2]], attentionMask: [[1]] }, /attentionMask\[0\] has 1 entries/],
    ["a label outside the vocabulary", { inputIds: [[1, 2]], labels: [[1, -1]] }, /labels\[0\]\[1\] is -1/],
    ["nothing to learn", { inputIds: [[1, 2]], labels: [[1, -100]] }, /No label counts/],
  ])("%s", async (_, input, message) => {
    const device = devices[0];
    const model = GPT2LMHeadModel.fromConfig(device, config);
    expect(() => model.forward(input)).toThrow(message);
    model.destroy();
  });
});
