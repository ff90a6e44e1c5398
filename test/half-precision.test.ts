// Models kept as f16: what they compute is what the f32 engine computes with the rounded weights, bit by bit; how far
// that is from Hugging Face's float64 numbers; half the memory, the same launches; and what cannot be is refused.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MemoryFolder } from "../src/files/folder.ts";
import { encodeSafetensors } from "../src/files/safetensors-write.ts";
import { Safetensors } from "../src/files/safetensors.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { generate } from "../src/generation/generate.ts";
import { parseGenerationConfig } from "../src/generation/options/config-file.ts";
import { parameterShapes } from "../src/gpt2/checkpoint-files.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { KVCache } from "../src/gpt2/kv-cache.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { evaluateLoss } from "../src/training/evaluate.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { slidingWindows } from "../src/training/sliding-windows.ts";
import { asKept, expectClose, openDevice } from "./check-kernel.ts";
import { compareForward, compareGenerated, compareNumber, TOLERANCE } from "./oracle/compare.ts";
import { listCases, loadModelCase } from "./oracle/fixtures.ts";

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** Rows of an odd number of weights, and heads of an odd size: nothing is aligned to words. */
const odd = new GPT2Config({
  vocabSize: 71,
  nPositions: 24,
  nEmbd: 15,
  nLayer: 2,
  nHead: 3,
  initializerRange: 0.3,
  eosTokenId: null,
});
const even = odd.with({ nEmbd: 24 });
const rows = [0, 1, 2].map((b) => Array.from({ length: 9 }, (_, t) => (b * 31 + t * 17) % 71));

/** A model drawn from the same seed: kept as f16, or as f32 with the matrices rounded to halves. */
const halfModel = (config: GPT2Config) =>
  GPT2LMHeadModel.fromConfig(device, config, { seed: 5, gradients: false, dtype: "f16" });
async function roundedModel(config: GPT2Config): Promise<GPT2LMHeadModel> {
  const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 5, gradients: false });
  for (const { name, value } of model.parameters.all())
    if (value.shape.length > 1) model.parameters.write(name, asKept(await model.parameters.read(name), "f16"));
  return model;
}

async function logitsOf(
  model: GPT2LMHeadModel,
  inputIds: readonly (readonly number[])[],
  cache?: KVCache,
): Promise<Float32Array> {
  const output = model.forward({ inputIds, pastKeyValues: cache });
  const logits = await output.logits!.read();
  output.dispose();
  return logits;
}

describe.each([
  ["rows of odd length", odd],
  ["rows read by fours", even],
])("a model kept as f16, %s", (_, config) => {
  test("computes what f32 does with its rounded weights, to the bit", async () => {
    const [half, rounded] = [halfModel(config), await roundedModel(config)];
    for (const length of [1, 9])
      for (const count of [1, 3]) {
        const inputIds = rows.slice(0, count).map((row) => row.slice(0, length));
        expect(await logitsOf(half, inputIds)).toEqual(await logitsOf(rounded, inputIds));
      }
    for (const each of [half, rounded]) each.destroy();
  });

  test("gives with a cache what it gives without, within the rounding of keys and values", async () => {
    const model = halfModel(config);
    const whole = await logitsOf(model, rows);
    const most = whole.reduce((sum, x) => Math.max(sum, Math.abs(x)), 0);
    const cache = new KVCache(device, config, 3, 9, model.dtype);
    const pieces: Float32Array[] = [];
    for (const [from, to] of [
      [0, 4],
      [4, 5],
      [5, 8],
      [8, 9],
    ])
      pieces.push(
        await logitsOf(
          model,
          rows.map((row) => row.slice(from, to)),
          cache,
        ),
      );
    let at = 0;
    for (const piece of pieces) {
      const length = piece.length / 3 / 71;
      const want = whole.filter((_, i) => Math.floor(i / 71) % 9 >= at && Math.floor(i / 71) % 9 < at + length);
      expectClose(`from ${at} on`, piece, want, [3, length, 71], { atol: 1e-3 * most, rtol: 0 });
      at += length;
    }
    cache.destroy();
    model.destroy();
  });

  test("writes of each prompt alone what it writes of all, and by beams, and creates nothing any more", async () => {
    const model = halfModel(config);
    const decoder = new GPT2Decoder(model);
    const write = (inputIds: number[][], numBeams = 1) =>
      generate(decoder, { inputIds, maxNewTokens: 8, doSample: false, numBeams });
    const { sequences } = await write(rows);
    for (const [b, row] of rows.entries()) expect((await write([row])).sequences).toEqual([sequences[b]]);
    const beams = await write(rows.slice(0, 1), 3);
    expect(beams.sequences[0]).toHaveLength(17);
    const before = { ...device.batch.counters, created: device.pool.created, live: device.pool.liveBytes };
    await write(rows.slice(0, 1), 3);
    const { pipelines, bindGroups } = device.batch.counters;
    expect({ pipelines, bindGroups, created: device.pool.created, live: device.pool.liveBytes }).toEqual({
      pipelines: before.pipelines,
      bindGroups: before.bindGroups,
      created: before.created,
      live: before.live,
    });
    decoder.dispose();
    model.destroy();
  });

  test("a vocabulary that grows keeps its rows", async () => {
    const model = halfModel(config);
    const before = await logitsOf(model, rows);
    await model.resizeTokenEmbeddings(80);
    expect(model.dtype).toBe("f16");
    const after = await logitsOf(model, rows);
    expect(after.filter((_, i) => i % 80 < 71)).toEqual(before);
    model.destroy();
  });
});

describe.each(listCases("model"))("Hugging Face's numbers: %s", (name) => {
  test("logits, perplexity, and texts without beams", async () => {
    const fixture = await loadModelCase(name);
    const { reference } = fixture;
    const model = await GPT2LMHeadModel.fromPretrained(device, fixture.folder, { dtype: "f16" });
    for (const entry of reference.forward) {
      const got = await logitsOf(model, entry.input_ids);
      expect(compareForward(fixture, entry, got, TOLERANCE.logitsOfHalves), entry.name).toBeNull();
    }
    const { input_ids: ids, max_length: length, stride, ppl_exact: exact } = reference.perplexity;
    const windows = slidingWindows(ids, { length, stride });
    const { perplexity } = await evaluateLoss(model, windows, { batchSize: 4, padId: 0, lossOn: "target" });
    expect(compareNumber(perplexity, exact, TOLERANCE.perplexityOfHalves)).toBeNull();
    const decoder = new GPT2Decoder(model);
    // Beams that are nearly level change places: 5, 1 and 0 of all 84 texts differ, every greedy one is equal.
    const alone = reference.generate.filter(({ kwargs }) => !(Number(kwargs.num_beams ?? 1) > 1));
    const greedy = alone.filter((_, i) => i % 3 === 0);
    expect(greedy.length).toBeGreaterThan(10);
    for (const entry of greedy) {
      const { input_ids: inputIds, attention_mask: attentionMask } = entry;
      const options = parseGenerationConfig(entry.kwargs, entry.name);
      const { sequences } = await generate(decoder, { inputIds, attentionMask, ...options });
      expect(compareGenerated(entry, sequences, undefined), entry.name).toBeNull();
    }
    decoder.dispose();
    model.destroy();
  });
});

describe("memory", () => {
  // as wide as what parameters are aligned to: narrower biases would count with the gaps behind them
  const config = new GPT2Config({ vocabSize: 503, nPositions: 64, nEmbd: 128, nLayer: 3, nHead: 4 });

  test("of a model is half, of a cache half", () => {
    // as asked for: a buffer that is free already may be larger
    const held = (): number => device.pool.held().reduce((sum, { bytes }) => sum + bytes, 0);
    const taken = (make: () => { destroy(): void }): number => {
      const before = held();
      const made = make();
      const bytes = held() - before;
      made.destroy();
      expect(held()).toBe(before);
      return bytes;
    };
    const model = (dtype: "f32" | "f16") => () =>
      GPT2LMHeadModel.fromConfig(device, config, { gradients: false, dtype });
    const cache = (dtype: "f32" | "f16") => () => new KVCache(device, config, 4, 256, dtype);
    expect(taken(model("f16")) / taken(model("f32"))).toBeLessThan(0.51);
    expect(taken(cache("f16")) / taken(cache("f32"))).toBeLessThan(0.52); // its tables stay as they are
    expect(taken(model("f32"))).toBe(taken(() => GPT2LMHeadModel.fromConfig(device, config, { gradients: false })));
  });
});

describe("files", () => {
  const folderOf = async (values: (name: string, count: number) => Float32Array): Promise<MemoryFolder> => {
    const shapes = parameterShapes(even);
    const pieces: Uint8Array[] = [];
    const read = (name: string) =>
      values(
        name,
        shapes.get(name)!.reduce((a, b) => a * b),
      );
    for await (const piece of encodeSafetensors(shapes, read)) pieces.push(piece.slice());
    return new MemoryFolder(
      "given",
      new Map<string, Uint8Array>([
        ["config.json", new TextEncoder().encode(JSON.stringify(even.toJson()))],
        ["model.safetensors", Buffer.concat(pieces)],
      ]),
    );
  };

  test("a model is saved as it is kept, and comes back to the bit; f32 where that is asked for", async () => {
    const model = halfModel(even);
    const want = await logitsOf(model, rows);
    for (const dtype of [undefined, "F32"] as const) {
      const folder = new MemoryFolder("saved");
      await model.savePretrained(folder, dtype ? { dtype } : {});
      const file = await Safetensors.open(folder, "model.safetensors");
      expect(new Set([...file.tensors.values()].map((each) => each.dtype))).toEqual(new Set([dtype ?? "F16"]));
      const json = JSON.parse(new TextDecoder().decode(await folder.read("config.json"))) as { torch_dtype: string };
      expect(json.torch_dtype).toBe(dtype === "F32" ? "float32" : "float16");
      const again = await GPT2LMHeadModel.fromPretrained(device, folder, { dtype: "f16" });
      expect(await logitsOf(again, rows)).toEqual(want);
      again.destroy();
    }
    model.destroy();
  });

  test("a weight that no half holds is refused by name, having taken nothing", async () => {
    const name = "transformer.h.1.mlp.c_fc.weight";
    const folder = await folderOf((each, count) => new Float32Array(count).fill(each === name ? 65520 : 0.1));
    const before = device.pool.liveBytes;
    await expect(GPT2LMHeadModel.fromPretrained(device, folder, { dtype: "f16" })).rejects.toThrow(
      `Tensor ${name} holds 65520, but f16 ends at 65504; load the model with dtype f32.`,
    );
    expect(device.pool.liveBytes).toBe(before);
    (await GPT2LMHeadModel.fromPretrained(device, folder)).destroy();
    const most = await folderOf((_, count) => new Float32Array(count).fill(65504));
    (await GPT2LMHeadModel.fromPretrained(device, most, { dtype: "f16" })).destroy();
    const inVector = await folderOf((each, count) => new Float32Array(count).fill(each.endsWith("bias") ? 1e6 : 0.1));
    (await GPT2LMHeadModel.fromPretrained(device, inVector, { dtype: "f16" })).destroy(); // biases are f32
  });
});

describe("what cannot be", () => {
  test("training is refused, however it is asked for", async () => {
    const why = "A model of dtype f16 is for generation and evaluation";
    for (const gradients of [true, undefined, (name: string) => name.endsWith("bias")])
      expect(() => GPT2LMHeadModel.fromConfig(device, even, { dtype: "f16", gradients })).toThrow(why);
    const model = halfModel(even);
    expect(() => new AdamW(model.parameters)).toThrow("made without gradients");
    expect(() => model.forward({ inputIds: rows, labels: rows, grad: true })).toThrow("without gradients");
    expect(() => model.addAdapter()).toThrow("this one is kept as f16");
    await expect(model.loadAdapter(new MemoryFolder("none"))).rejects.toThrow("this one is kept as f16");
    model.destroy();
  });

  test("another dtype is refused", async () => {
    for (const dtype of ["float16", "F16", 16, null] as never[]) {
      expect(() => GPT2LMHeadModel.fromConfig(device, even, { dtype, gradients: false })).toThrow("dtype is");
      await expect(GPT2LMHeadModel.fromPretrained(device, new MemoryFolder("none"), { dtype })).rejects.toThrow(
        'wanted "f32" or "f16"',
      );
    }
    const model = halfModel(even);
    await expect(model.savePretrained(new MemoryFolder("none"), { dtype: "float16" as never })).rejects.toThrow(
      'savePretrained: dtype is "float16", wanted "F32" or "F16".',
    );
    model.destroy();
  });
});
