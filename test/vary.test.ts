// What training changes about its examples in each epoch: which metadata is left out, which examples stand in reading
// order; a pure function of seed, epoch and example, so that a resumed run goes on with the same bits.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EncodedExample } from "../src/examples/encoded-example.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { withKnownFields } from "../src/infill/known-fields.ts";
import { DEFAULT_TEMPLATE, specialTokensToAdd } from "../src/infill/template.ts";
import { ORIGIN_2020_TEMPLATE } from "../src/infill/template-presets.ts";
import { varyExamples } from "../src/infill/vary.ts";
import type { Variation } from "../src/infill/vary.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { Trainer } from "../src/training/trainer.ts";
import { openDevice } from "./check-kernel.ts";
import { MemoryStore, tinyArgs } from "./training-runs.ts";

const examples = Array.from({ length: 400 }, (_, i) => ({
  p1: `Before ${i}.`,
  p3: `After ${i}.`,
  p2: `Between ${i}.`,
  meta: { length: "S", theme: "hope", genre: "sea" },
}));
const tokenizer = GPT2Tokenizer.default().truncate(60);
tokenizer.addSpecialTokens(specialTokensToAdd(DEFAULT_TEMPLATE));
const encoder = new InfillEncoder({ ...DEFAULT_TEMPLATE, sectionTypes: true }, tokenizer);
const BLOCK = 160;
const encoded = encoder.encodeAll(examples, { blockSize: BLOCK }).examples;
const none: Variation = { metadataDropout: 0, metadataDropoutAll: 0, orderMix: 0, contextDropout: 0, seed: 5 };
const vary = (variation: Partial<Variation>) =>
  varyExamples(encoder, examples, encoded, BLOCK, { ...none, ...variation });

const texts = (variation: Partial<Variation>, epoch: number): string[] => {
  const of = vary(variation);
  return examples.map((_, i) => tokenizer.decode(of(i, epoch).ids));
};
const FIELDS = ["length: S", "theme: hope", "genre: sea"];
const present = (all: string[]): number[] => FIELDS.map((field) => all.filter((text) => text.includes(field)).length);

describe("variation", () => {
  it("changes nothing without a wish", () => {
    const of = vary({});
    encoded.forEach((example, i) => expect(of(i, 3)).toBe(example));
  });

  it("leaves out each field with its probability, and the others stay", () => {
    const all = texts({ metadataDropout: 0.25 }, 0);
    for (const count of present(all)) expect(Math.abs(count - 300)).toBeLessThan(35); // 4 standard deviations
    const pairs = all.filter((text) => text.includes(FIELDS[0]!) && !text.includes(FIELDS[1]!)).length;
    expect(Math.abs(pairs - 75)).toBeLessThan(35);
    expect(all.every((text) => /\[P1\] Before \d+\.\[P3\] After \d+\..*\[P2\] Between \d+\.\[EOS\]$/s.test(text))).toBe(
      true,
    );
  });

  it("leaves all of them out at once with another", () => {
    const all = texts({ metadataDropoutAll: 0.25 }, 0);
    const counts = present(all);
    expect(new Set(counts).size).toBe(1);
    expect(Math.abs(counts[0]! - 300)).toBeLessThan(35);
    expect(texts({ metadataDropoutAll: 1 }, 0).some((text) => text.includes(":"))).toBe(false);
  });

  it("puts a share into reading order", () => {
    const read = /^\[P1\] Before \d+\.\[P2\] Between \d+\.\[P3\] After \d+\.\[EOS\]$/;
    const count = texts({ orderMix: 0.25, metadataDropout: 0.5 }, 0).filter((text) => read.test(text)).length;
    expect(Math.abs(count - 100)).toBeLessThan(35);
    expect(texts({ orderMix: 1 }, 0).every((text) => read.test(text))).toBe(true);
  });

  it("is the same whenever it is asked for, and another in each epoch and under each seed", () => {
    const wish = { metadataDropout: 0.4, metadataDropoutAll: 0.1, orderMix: 0.3 };
    const first = texts(wish, 2);
    const of = vary(wish);
    for (const i of [399, 3, 200]) expect(tokenizer.decode(of(i, 2).ids)).toBe(first[i]);
    expect(texts(wish, 3)).not.toEqual(first);
    expect(texts({ ...wish, seed: 6 }, 2)).not.toEqual(first);
  });
});

describe("a run with variation", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  const config = new GPT2Config({
    vocabSize: tokenizer.vocabSize,
    nPositions: BLOCK,
    nEmbd: 16,
    nLayer: 1,
    nHead: 2,
    initializerRange: 0.1,
  });
  const train: EncodedExample[] = encoded.slice(0, 5);
  const varied = vary({ metadataDropout: 0.4, metadataDropoutAll: 0.2, orderMix: 0.3 });
  const args = { ...tinyArgs, maxSteps: 7, saveSteps: 4, loggingSteps: 2 };

  it("goes on with the same bits after a stop in mid-epoch, and is not the run without", async () => {
    const run = async (store: MemoryStore, from?: string, of = varied) => {
      const model = from
        ? await GPT2LMHeadModel.fromPretrained(device, store.folders.get(from)!, { gradients: true })
        : GPT2LMHeadModel.fromConfig(device, config, { seed: 1 });
      const trainer = new Trainer({ model, args, train, varied: of, padId: encoder.ids.pad, store });
      if (from) await trainer.resume(store.folders.get(from)!);
      const { logHistory } = await trainer.train();
      trainer.destroy();
      model.destroy();
      return { logHistory, weights: await store.weights("") };
    };
    const store = new MemoryStore();
    const whole = await run(store);
    expect(await run(store, "checkpoint-4")).toEqual(whole);
    const plain = await run(new MemoryStore(), undefined, (index) => train[index]!);
    expect(plain.logHistory).not.toEqual(whole.logHistory);
  });
});

describe("metadata under another template", () => {
  it("loses what that template lacks, which is counted; what nobody knows stays, to be refused", () => {
    const left = new Map<string, number>();
    const meta = { length: "S", theme: "hope", Author: "A", genre: "sea", mood: "x" };
    const example = withKnownFields(ORIGIN_2020_TEMPLATE, { p1: "", p3: "", meta }, left);
    expect(example.meta).toEqual({ length: "S", genre: "sea", Author: "A", mood: "x" });
    expect([...left]).toEqual([["theme", 1]]);
    withKnownFields(ORIGIN_2020_TEMPLATE, { p1: "", p3: "", meta: { theme: "x", title: "y" } }, left);
    expect([...left]).toEqual([
      ["theme", 2],
      ["title", 1],
    ]);
    const plain = { p1: "", p3: "", meta: "A sad story." };
    expect(withKnownFields(ORIGIN_2020_TEMPLATE, plain, left)).toBe(plain);
  });
});
