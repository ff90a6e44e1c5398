// LoRA on a model: gradients against the float64 oracle, PEFT's files, merging, memory, new tokens' rows, exact
// resuming.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryFolder } from "../src/files/folder.ts";
import type { FileData } from "../src/files/folder.ts";
import { safetensorsFiles } from "../src/files/safetensors-write.ts";
import { Safetensors } from "../src/files/safetensors.ts";
import { withBase } from "../src/gpt2/adapter-files.ts";
import { parameterShapes } from "../src/gpt2/checkpoint-files.ts";
import { LoraConfig } from "../src/gpt2/lora-config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { memoryNeeds } from "../src/training/memory-needs.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { TrainingStep } from "../src/training/step.ts";
import { Trainer } from "../src/training/trainer.ts";
import { expectClose, openDevice, randomNormal } from "./check-kernel.ts";
import { OracleGPT2 } from "./oracle/gpt2.ts";
import { example, MemoryStore, tinyArgs, tinyConfig, VOCAB } from "./training-runs.ts";

const ALL = { r: 3, loraAlpha: 6, targetModules: ["c_attn", "c_proj", "c_fc"] };
const rows = [
  [1, 5, 9, 13, 2, 30],
  [7, 36, 3, 36, 0, 4],
];
const name = (layer: number, module: string, matrix: "A" | "B"): string =>
  `base_model.model.transformer.h.${layer}.${module}.lora_${matrix}.weight`;
const TOKENS = "base_model.model.transformer.wte.token_adapter.trainable_tokens_delta";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const open = (seed = 1): GPT2LMHeadModel => GPT2LMHeadModel.fromConfig(device, tinyConfig, { seed, gradients: false });

/** Fills every B, which begins as zero, and moves the token rows. */
function stir(model: GPT2LMHeadModel): void {
  [...model.trained.all()].forEach(({ name, value }, i) => {
    if (name.includes("lora_A")) return;
    device.batch.write(value, randomNormal(value.shape, 50 + i, { scale: 0.2 }));
  });
}

async function valuesOf(model: GPT2LMHeadModel): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const { name, value } of [...model.parameters.all(), ...(model.adapter?.parameters.all() ?? [])])
    values.set(name, (await device.read(value)).slice());
  return values;
}

/** The base's parameters with the adapter's changes, in float64. */
function mergedOf(values: ReadonlyMap<string, Float32Array>, lora: LoraConfig): Map<string, Float64Array> {
  const merged = new Map<string, Float64Array>();
  for (const [parameter, shape] of parameterShapes(tinyConfig)) {
    const sum = Float64Array.from(values.get(parameter)!);
    const a = values.get(`base_model.model.${parameter.replace(".weight", ".lora_A.weight")}`);
    const b = values.get(`base_model.model.${parameter.replace(".weight", ".lora_B.weight")}`);
    if (a && b)
      for (let i = 0; i < shape[0]; i++)
        for (let o = 0; o < shape[1]; o++)
          for (let k = 0; k < lora.r; k++)
            sum[i * shape[1] + o] += lora.scaling * a[k * shape[0] + i] * b[o * lora.r + k];
    if (parameter === "transformer.wte.weight")
      lora.trainableTokenIndices.forEach((id, row) => {
        const C = shape[1];
        sum.set(values.get(TOKENS)!.subarray(row * C, (row + 1) * C), id * C);
      });
    merged.set(parameter, sum);
  }
  return merged;
}

describe("gradients", () => {
  it.each([
    ["all layers, rsLoRA", { ...ALL, useRslora: true }],
    ["c_attn of rank 1 with neighbouring and single token rows", { r: 1, trainableTokenIndices: [36, 2, 3, 13] }],
    ["mlp.c_proj and a token", { r: 2, loraAlpha: 1, targetModules: ["mlp.c_proj"], trainableTokenIndices: [0] }],
  ])("%s: the oracle's of the merged weights, through A and B", async (_what, options) => {
    const live = device.pool.liveBytes;
    const model = open();
    const lora = new LoraConfig(options);
    model.addAdapter(options);
    stir(model);
    const values = await valuesOf(model);
    const types = rows.map((row) => row.map((_, t) => (t % 2 ? 36 : 13)));
    const input = { inputIds: rows, tokenTypeIds: types };
    const output = model.forward({ ...input, labels: rows });
    const oracle = new OracleGPT2(tinyConfig, mergedOf(values, lora));
    const want = oracle.lossAndGradients(input, rows);
    expect(await output.loss.item()).toBeCloseTo(want.loss, 4);
    output.loss.backward();
    output.dispose();
    for (const { name: of, grad, value } of model.trained.all()) {
      const got = await device.read(grad!);
      const expected = new Float64Array(got.length);
      const [, module, matrix] = /^base_model\.model\.(.*)\.lora_(.)\.weight$/.exec(of) ?? [];
      if (module === undefined) {
        const dwte = want.gradients.get("transformer.wte.weight")!;
        const C = tinyConfig.nEmbd;
        lora.trainableTokenIndices.forEach((id, row) => expected.set(dwte.subarray(id * C, (id + 1) * C), row * C));
      } else {
        const dw = want.gradients.get(`${module}.weight`)!;
        const [inputs, outputs] = parameterShapes(tinyConfig).get(`${module}.weight`)!;
        const a = values.get(of.replace("lora_B", "lora_A"))!,
          b = values.get(of.replace("lora_A", "lora_B"))!;
        for (let k = 0; k < lora.r; k++)
          for (let i = 0; i < inputs; i++)
            for (let o = 0; o < outputs; o++) {
              const d = lora.scaling * dw[i * outputs + o];
              if (matrix === "A") expected[k * inputs + i] += d * b[o * lora.r + k];
              else expected[o * lora.r + k] += d * a[k * inputs + i];
            }
      }
      expectClose(of, got, expected, value.shape, { atol: 2e-6, rtol: 1e-4 });
    }
    for (const { grad } of model.parameters.all()) expect(grad).toBeUndefined();
    model.destroy();
    expect(device.pool.liveBytes).toBe(live);
  });

  it("a new adapter changes nothing, one with dropout only training, and decoding has it too", async () => {
    const model = open();
    const isWithin = async (layer: string, bound: number): Promise<void> => {
      const values = (await device.read(model.trained.get(name(0, layer, "A")).value)).map(Math.abs);
      expect(Math.max(...values)).toBeLessThanOrEqual(bound);
      expect(Math.max(...values)).toBeGreaterThan(0.8 * bound); // of 48 values and more
    };
    const logits = async (): Promise<Float32Array> => {
      const output = model.forward({ inputIds: rows, grad: false });
      const values = (await output.logits!.read()).slice();
      output.dispose();
      return values;
    };
    const base = await logits();
    model.addAdapter({ ...ALL, loraDropout: 0.5 });
    expectClose("logits", await logits(), base, [base.length], { atol: 1e-6, rtol: 1e-6 });
    await isWithin("attn.c_attn", 1 / Math.sqrt(16)); // kaiming_uniform_(a=sqrt(5)): 1 / sqrt(in)
    await isWithin("mlp.c_proj", 1 / Math.sqrt(64));
    stir(model);
    const changed = await logits();
    expect(changed).not.toEqual(base);
    const loss = async (): Promise<number> => {
      const output = model.forward({ inputIds: rows, labels: rows });
      const value = await output.loss.item();
      output.dispose();
      return value;
    };
    const still = await loss();
    expect(await loss()).toBe(still);
    model.transformer.training = true;
    expect(new Set([await loss(), await loss(), still]).size).toBe(3);
    model.transformer.training = false;
    const first = model.forward({ inputIds: rows.map((row) => row.slice(0, 5)), useCache: true });
    const cache = first.pastKeyValues!;
    const next = model.forward({ inputIds: rows.map((row) => row.slice(5)), pastKeyValues: cache });
    const last = await next.logits!.read();
    for (const b of [0, 1])
      expectClose(
        "decoded",
        last.subarray(b * VOCAB, (b + 1) * VOCAB),
        changed.subarray((b * 6 + 5) * VOCAB, (b * 6 + 6) * VOCAB),
        [VOCAB],
        { atol: 1e-5 },
      );
    for (const each of [first, next]) each.dispose();
    cache.destroy();
    model.destroy();
  });
});

describe("files", () => {
  const base = new MemoryFolder("base");
  const folder = new MemoryFolder("adapter");
  const options = { ...ALL, trainableTokenIndices: [37, 38], baseModelNameOrPath: "base" };
  const opened = () => withBase(folder, async () => base);
  let values: Map<string, Float32Array>;
  let merged: Map<string, Float32Array>;

  beforeAll(async () => {
    const model = open();
    await model.savePretrained(base);
    await model.resizeTokenEmbeddings(39);
    model.addAdapter(options);
    stir(model);
    values = await valuesOf(model);
    await model.savePretrained(folder);
    await model.mergeAdapter();
    merged = await valuesOf(model);
    model.destroy();
  });

  it("are PEFT's", async () => {
    expect(await folder.list()).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
    const json = JSON.parse(new TextDecoder().decode(await folder.read("adapter_config.json")));
    expect(json).toMatchObject({
      peft_type: "LORA",
      task_type: "CAUSAL_LM",
      base_model_name_or_path: "base",
      r: 3,
      lora_alpha: 6,
      lora_dropout: 0,
      target_modules: ["c_attn", "c_proj", "c_fc"],
      fan_in_fan_out: true,
      bias: "none",
      modules_to_save: null,
      trainable_token_indices: [37, 38],
    });
    const weights = await Safetensors.open(folder, "adapter_model.safetensors");
    const modules = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"];
    const names = [0, 1].flatMap((i) => modules.flatMap((module) => [name(i, module, "A"), name(i, module, "B")]));
    expect([...weights.tensors.keys()]).toEqual([...names, TOKENS]);
    expect(weights.tensors.get(name(0, "attn.c_attn", "A"))!.shape).toEqual([3, 16]);
    expect(weights.tensors.get(name(0, "attn.c_attn", "B"))!.shape).toEqual([48, 3]);
    expect(weights.tensors.get(name(1, "mlp.c_proj", "A"))!.shape).toEqual([3, 64]);
    expect(weights.tensors.get(TOKENS)!.shape).toEqual([2, 16]);
    expect(weights.metadata.get("format")).toBe("pt");
  });

  it("merged are the base plus the change, in memory and from the folder alike", async () => {
    expect([...merged.keys()].filter((name) => name.startsWith("base_model"))).toEqual([]);
    const want = mergedOf(values, new LoraConfig(options));
    for (const [parameter, sum] of want) {
      if (parameter.includes("wte")) expect(merged.get(parameter)).toEqual(Float32Array.from(sum));
      else expectClose(parameter, merged.get(parameter)!, sum, [sum.length], { atol: 1e-7, rtol: 1e-7 });
    }
    const model = await GPT2LMHeadModel.fromPretrained(device, await opened());
    expect(model.config.vocabSize).toBe(39);
    for (const [parameter, got] of await valuesOf(model)) expect(got, parameter).toEqual(merged.get(parameter));
    model.destroy();
  });

  it("are loaded onto a model, to go on with", async () => {
    const model = await GPT2LMHeadModel.fromPretrained(device, base);
    await expect(model.loadAdapter(folder)).rejects.toThrow("resizeTokenEmbeddings(39) first");
    await model.resizeTokenEmbeddings(39);
    await model.loadAdapter(folder, { trainable: true });
    for (const [parameter, got] of await valuesOf(model))
      if (!parameter.includes("wte.weight")) expect(got, parameter).toEqual(values.get(parameter));
    expect(model.trained.hasGradients).toBe(true);
    await expect(model.loadAdapter(folder)).rejects.toThrow("has an adapter already");
    await expect(model.resizeTokenEmbeddings(40)).rejects.toThrow("merge");
    model.destroy();
    const trained = GPT2LMHeadModel.fromConfig(device, tinyConfig);
    expect(() => trained.addAdapter()).toThrow("gradients: false");
    trained.destroy();
  });

  it("of what this engine does not compute, or does not fit, are refused", async () => {
    const config = JSON.parse(new TextDecoder().decode(await folder.read("adapter_config.json")));
    const weights = await folder.read("adapter_model.safetensors");
    const changed = async (changes: object, about: RegExp): Promise<void> => {
      const files = new Map<string, string | Uint8Array>([
        ["adapter_config.json", JSON.stringify({ ...config, ...changes })],
        ["adapter_model.safetensors", weights],
      ]);
      const other = await withBase(new MemoryFolder("other", files), async () => base).catch((error: Error) => error);
      const result =
        other instanceof Error
          ? other
          : await GPT2LMHeadModel.fromPretrained(device, other).then(
              (model) => model.destroy(),
              (error: Error) => error,
            );
      expect(result, JSON.stringify(changes)).toBeInstanceOf(Error);
      expect((result as Error).message).toMatch(about);
    };
    for (const [key, value] of Object.entries({
      peft_type: "IA3",
      use_dora: true,
      bias: "all",
      modules_to_save: ["lm_head"],
      rank_pattern: { c_attn: 4 },
      alpha_pattern: { c_attn: 4 },
      init_lora_weights: "pissa",
      lora_bias: true,
      layer_replication: [[0, 2]],
    }))
      await changed({ [key]: value }, new RegExp(key));
    await changed({ r: 4 }, /lora_A.weight is \[3,16\], wanted \[4,16\]/);
    await changed({ target_modules: ["c_attn"] }, /unexpected base_model/);
    await changed({ target_modules: ["lm_head"] }, /no layer is named "lm_head"/);
    await changed({ trainable_token_indices: [37] }, /trainable_tokens_delta is \[2,16\], wanted \[1,16\]/);
    await changed({ base_model_name_or_path: null }, /does not say of which model/);
    await changed({ trainable_token_indices: { lm_head: [37, 38] } }, /wanted token ids of wte/);
  });

  it("of token rows in any order keep it, as PEFT's do", async () => {
    const config = JSON.parse(new TextDecoder().decode(await folder.read("adapter_config.json")));
    const file = await Safetensors.open(folder, "adapter_model.safetensors");
    const read = async (name: string): Promise<Float32Array> => {
      const values = (await file.read(name)).slice();
      if (name !== TOKENS) return values;
      const C = tinyConfig.nEmbd;
      return Float32Array.from([...values.subarray(C), ...values.subarray(0, C)]);
    };
    const shapes = new Map([...file.tensors].map(([name, { shape }]) => [name, shape]));
    const other = new MemoryFolder("other");
    await other.write(
      new Map<string, FileData>([
        ["adapter_config.json", JSON.stringify({ ...config, trainable_token_indices: [38, 37] })],
        ...safetensorsFiles("adapter_model", shapes, read),
      ]),
    );
    const model = await GPT2LMHeadModel.fromPretrained(device, await withBase(other, async () => base));
    const wte = "transformer.wte.weight";
    expect(await device.read(model.parameters.get(wte).value)).toEqual(merged.get(wte));
    model.destroy();
    const again = await GPT2LMHeadModel.fromPretrained(device, base);
    await again.resizeTokenEmbeddings(39);
    await again.loadAdapter(other, { trainable: true });
    const copy = new MemoryFolder("copy");
    await again.savePretrained(copy);
    for (const name of await other.list())
      if (name.endsWith("safetensors")) expect(await copy.read(name)).toEqual(await other.read(name));
    again.destroy();
  });

  it("with the whole table, as PEFT saves them where the vocabulary was resized, are read as a model", async () => {
    const json = JSON.parse(new TextDecoder().decode(await folder.read("adapter_config.json")));
    const file = await Safetensors.open(folder, "adapter_model.safetensors");
    const prefix = "base_model.model.";
    const C = tinyConfig.nEmbd;
    const full = randomNormal([39, C], 9);
    const expected = (indices: readonly number[]): Float32Array => {
      const rows = merged.get("transformer.wte.weight")!;
      const want = full.slice();
      for (const id of indices) want.set(rows.subarray(id * C, (id + 1) * C), id * C);
      return want;
    };
    /** An adapter with these tensors besides, and its trained rows or none. */
    const write = async (names: readonly string[], indices: readonly number[], head = full): Promise<MemoryFolder> => {
      const shapes = new Map<string, readonly number[]>();
      for (const [name, { shape }] of file.tensors) if (name !== TOKENS || indices.length > 0) shapes.set(name, shape);
      for (const name of names) shapes.set(prefix + name, [39, C]);
      const read = (name: string): Float32Array | Promise<Float32Array> =>
        file.tensors.has(name) ? file.read(name) : name.includes("lm_head") ? head : full;
      const other = new MemoryFolder("other");
      const config = { ...json, trainable_token_indices: indices.length > 0 ? indices : null };
      const weights = safetensorsFiles("adapter_model", shapes, read);
      await other.write(new Map<string, FileData>([["adapter_config.json", JSON.stringify(config)], ...weights]));
      return other;
    };
    const [plain, wrapped] = ["weight", "token_adapter.base_layer.weight"].map((end) =>
      ["transformer.wte", "lm_head"].map((layer) => `${layer}.${end}`),
    );
    for (const [names, indices] of [
      [plain, []],
      [plain.slice(0, 1), []],
      [wrapped, [37, 38]],
    ] as const) {
      const other = await write(names, indices);
      const model = await GPT2LMHeadModel.fromPretrained(device, await withBase(other, async () => base));
      expect(await device.read(model.parameters.get("transformer.wte.weight").value)).toEqual(expected(indices));
      expect(await device.read(model.transformer.h[1].mlp.c_proj.weight.value)).toEqual(
        merged.get("transformer.h.1.mlp.c_proj.weight"),
      );
      model.destroy();
    }
    const untied = await withBase(await write(plain, [], randomNormal([39, C], 10)), async () => base);
    await expect(GPT2LMHeadModel.fromPretrained(device, untied)).rejects.toThrow(/lm_head.weight is not .*wte.*tied/);
    const missing = await write([], []);
    const said = JSON.stringify({ ...json, trainable_token_indices: [37, 38] });
    await missing.write(new Map([["adapter_config.json", said]]));
    await expect(GPT2LMHeadModel.fromPretrained(device, await withBase(missing, async () => base))).rejects.toThrow(
      /missing .*trainable_tokens_delta/,
    );
    const beyond = await withBase(await write(wrapped, [37, 40]), async () => base);
    await expect(GPT2LMHeadModel.fromPretrained(device, beyond)).rejects.toThrow(/is \[39,16\], wanted \[41,16\]/);
    const model = await GPT2LMHeadModel.fromPretrained(device, base);
    await model.resizeTokenEmbeddings(39);
    await expect(model.loadAdapter(await write(plain, []))).rejects.toThrow(/holds all rows of wte.*--merge/);
    model.destroy();
  });

  it("PEFT's other ways to say the same are read", async () => {
    const weights = await folder.read("adapter_model.safetensors");
    const config = JSON.parse(new TextDecoder().decode(await folder.read("adapter_config.json")));
    for (const targets of [
      "all-linear",
      ".*\\.(c_attn|c_proj|c_fc)",
      ["attn.c_attn", "transformer.h.0.attn.c_proj", "mlp.c_proj", "c_fc"],
    ]) {
      const json = {
        ...config,
        target_modules: targets,
        trainable_token_indices: { wte: [37, 38] },
        fan_in_fan_out: false,
      };
      const other = new MemoryFolder(
        "other",
        new Map<string, string | Uint8Array>([
          ["adapter_config.json", JSON.stringify(json)],
          ["adapter_model.safetensors", weights],
        ]),
      );
      const model = await GPT2LMHeadModel.fromPretrained(device, await withBase(other, async () => base));
      expect(await device.read(model.transformer.h[1].mlp.c_proj.weight.value)).toEqual(
        merged.get("transformer.h.1.mlp.c_proj.weight"),
      );
      model.destroy();
    }
  });
});

describe("training", () => {
  const lora = { ...ALL, loraDropout: 0.2, trainableTokenIndices: [36] };
  const train = Array.from({ length: 6 }, (_, i) => example(4 + (i % 4), i));

  it("takes no memory for the base's gradients and moments, as the pool and memoryNeeds() say", async () => {
    const config = tinyConfig.with({ nEmbd: 64, nLayer: 3, vocabSize: 400 });
    const shape = { batchSize: 2, length: 10 };
    const full = await memoryNeeds(device, config, shape);
    const needs = await memoryNeeds(device, config, shape, { lora });
    expect(needs.gradients).toBeLessThan(full.gradients / 5);
    expect(needs.moments).toBeLessThan(full.moments / 5);
    const own = await openDevice();
    const model = GPT2LMHeadModel.fromConfig(own, config, { gradients: false });
    model.addAdapter(lora);
    model.transformer.training = true;
    const optimizer = new AdamW(model.trained);
    const step = new TrainingStep(model, optimizer, { maxGradNorm: 1 });
    const inputIds = Array.from({ length: 2 }, (_, b) => Array.from({ length: 10 }, (_, t) => b * 10 + t));
    const counters: string[] = [];
    for (let i = 0; i < 4; i++) {
      const attentionMask = inputIds.map((row, b) => row.map((_, t) => (b === 0 && t === 9 ? 0 : 1)));
      await (
        await step.run([{ inputIds, labels: inputIds, attentionMask }], 1e-3)
      ).result;
      const { pipelines, bindGroups } = own.batch.counters;
      counters.push([own.pool.created, pipelines, bindGroups].join());
    }
    const real = own.pool.peakAllocatedBytes + own.batch.ownBytes;
    expect(needs.peak / real).toBeGreaterThan(0.95);
    expect(needs.peak / real).toBeLessThan(1.05);
    expect(counters[3], "no WebGPU object in steady state").toBe(counters[2]);
    own.destroy();
  });

  it("stopped and gone on with is the run that was not", async () => {
    const base = new MemoryFolder("base");
    const first = open();
    await first.savePretrained(base);
    const before = await valuesOf(first);
    first.destroy();
    const args = { ...tinyArgs, maxSteps: 4, saveSteps: 2, weightDecay: 0.1 };
    const run = async (store: MemoryStore, maxSteps: number, from?: string): Promise<void> => {
      const model = await GPT2LMHeadModel.fromPretrained(device, base);
      if (from === undefined) model.addAdapter(lora, { seed: 5 });
      else await model.loadAdapter(await store.open(from), { trainable: true });
      const trainer = new Trainer({ model, args: { ...args, maxSteps }, train, padId: 0, store });
      if (from !== undefined) await trainer.resume(await store.open(from));
      await trainer.train();
      for (const [name, values] of await valuesOf(model))
        if (before.has(name) && !name.includes("wte")) expect(values, name).toEqual(before.get(name));
      trainer.destroy();
      model.destroy();
    };
    const whole = new MemoryStore();
    await run(whole, 4);
    const parts = new MemoryStore();
    await run(parts, 4);
    parts.folders.delete("");
    parts.folders.delete("checkpoint-4");
    await run(parts, 4, "checkpoint-2");
    for (const folder of ["checkpoint-4", ""])
      for (const file of await (await whole.open(folder)).list())
        expect(await (await parts.open(folder)).read(file), `${folder}/${file}`).toEqual(
          await (await whole.open(folder)).read(file),
        );
    expect(await (await whole.open("")).list()).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
      "trainer_state.json",
    ]);
    const file = await Safetensors.open(await whole.open(""), "adapter_model.safetensors");
    const C = tinyConfig.nEmbd;
    const row = await file.read(TOKENS);
    expect(row).not.toEqual(before.get("transformer.wte.weight")!.subarray(36 * C, 37 * C));
  });
});
