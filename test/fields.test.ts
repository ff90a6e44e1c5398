// Every object of options that the library takes refuses a field that nobody reads, at once and by its name; before
// that TypeScript saw only those written out in the call. `as object` below is what JavaScript does.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collate } from "../src/examples/collate.ts";
import { DataLoader } from "../src/examples/data-loader.ts";
import { explain } from "../src/explain/explain.ts";
import { UserError } from "../src/errors.ts";
import { expectFields, nearestName } from "../src/fields.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { generate } from "../src/generation/generate.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel, GPT2Model } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { TextConstraints } from "../src/infill/constraints/text-constraints.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { DEFAULT_TEMPLATE, parseTemplate, specialTokensToAdd } from "../src/infill/template.ts";
import { candidateTerms } from "../src/rerank/terms.ts";
import { Reranker } from "../src/rerank/reranker.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { DEFAULT_ARGUMENTS } from "../src/training/arguments.ts";
import { learningRateAt } from "../src/training/lr-schedule.ts";
import { AdamW } from "../src/training/optimizer.ts";
import { TrainingStep } from "../src/training/step.ts";
import { Trainer } from "../src/training/trainer.ts";
import { openDevice } from "./check-kernel.ts";

let device: Device;
let model: GPT2LMHeadModel;
let tokenizer: GPT2Tokenizer;
let encoder: InfillEncoder;
beforeAll(async () => {
  device = await openDevice();
  tokenizer = GPT2Tokenizer.default().truncate(0);
  tokenizer.addSpecialTokens(specialTokensToAdd(DEFAULT_TEMPLATE));
  encoder = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer);
  const sizes = { nPositions: 32, nEmbd: 8, nLayer: 1, nHead: 2, vocabSize: tokenizer.vocabSize };
  model = GPT2LMHeadModel.fromConfig(device, new GPT2Config(sizes));
});
afterAll(() => {
  model.destroy();
  device.destroy();
});

const example = { ids: [1, 2, 3], types: new Uint8Array(3).fill(3) };
const gap = { p1: "a", p2: "b", p3: "c" };
/** `known` with a field that nobody reads, untyped. */
const spoilt = <T extends object>(known: T, field = "nobodyReadsThis"): T => ({ ...known, [field]: 1 });
const optimizer = (): AdamW => new AdamW(model.parameters);

/** What the message names -> the call with one field too many. */
const CALLS: Record<string, () => unknown> = {
  "requestDevice()": () => requestDevice(spoilt({})),
  GPT2Config: () => new GPT2Config(spoilt({ nLayer: 1 })),
  "GPT2Config ": () => model.config.with(spoilt({ nLayer: 1 })),
  "GPT2LMHeadModel.fromConfig()": () => GPT2LMHeadModel.fromConfig(device, model.config, spoilt({ seed: 1 })),
  "GPT2LMHeadModel.fromPretrained()": () =>
    GPT2LMHeadModel.fromPretrained(device, new MemoryFolder("m"), spoilt({ gradients: true })),
  "GPT2Model.fromPretrained()": () => GPT2Model.fromPretrained(device, new MemoryFolder("m"), spoilt({})),
  "savePretrained()": () => model.savePretrained(new MemoryFolder("m"), spoilt({ dtype: "F16" as const })),
  "resizeTokenEmbeddings()": () => model.resizeTokenEmbeddings(300, spoilt({ seed: 3 })),
  "updateConfig()": () => model.updateConfig(spoilt({ padTokenId: 3 })),
  "forward()": () => model.forward(spoilt({ inputIds: [[1]] })),
  "forward() ": () => model.transformer.forward(spoilt({ inputIds: [[1]] })),
  "encode()": () => tokenizer.encode("a", spoilt({ allowSpecial: false })),
  "tokenize()": () => tokenizer.tokenize("a", spoilt({ allowSpecial: false })),
  "decode()": () => tokenizer.decode([1], spoilt({ skipSpecialTokens: true })),
  "decode() ": () => tokenizer.createDecodeStream(spoilt({})),
  "convertIdsToTokens()": () => tokenizer.convertIdsToTokens([1], spoilt({})),
  "A token to add": () => tokenizer.addTokens([spoilt({ content: "x" })]),
  AdamW: () => new AdamW(model.parameters, spoilt({ eps: 1e-8 })),
  "AdamW.step()": () => optimizer().step(1, spoilt({ maxGradNorm: 1 })),
  TrainingStep: () => new TrainingStep(model, optimizer(), spoilt({})),
  "TrainingStep.run()": () =>
    new TrainingStep(model, optimizer()).run([spoilt({ inputIds: [[1, 2]], labels: [[1, 2]] })], 1),
  Trainer: () => new Trainer(spoilt({ model, args: DEFAULT_ARGUMENTS, train: [example], padId: 0 })),
  "Trainer's args": () => new Trainer({ model, args: spoilt(DEFAULT_ARGUMENTS), train: [example], padId: 0 }),
  DataLoader: () => new DataLoader([1], spoilt({ batchSize: 1, seed: 1 })),
  "collate()": () => collate([example], spoilt({ padId: 0, lossOn: "all" as const })),
  "learningRateAt()": () =>
    learningRateAt(spoilt({ schedule: "linear" as const, learningRate: 1, warmupSteps: 0, totalSteps: 1 }), 0),
  "encodeExample()": () => encoder.encodeExample(gap, spoilt({ blockSize: 32 })),
  "encodeExample() ": () => encoder.encodeAll([gap], spoilt({ blockSize: 32 })),
  "encodeReadingOrder()": () => encoder.encodeReadingOrder(gap, spoilt({ blockSize: 32 })),
  "encodePrompt()": () => encoder.encodePrompt(gap, spoilt({ maxLength: 32 })),
  TextConstraints: () => new TextConstraints(spoilt({ words: "3" }), { tokenizer, eosTokenId: 1 }),
  "TextConstraints ": () => new TextConstraints({ words: "3" }, spoilt({ tokenizer, eosTokenId: 1 })),
  "m.json": () => parseTemplate(spoilt(DEFAULT_TEMPLATE), "m.json"),
  "candidateTerms()": () => candidateTerms(model, encoder, gap, ["b"], spoilt({ batchSize: 1 })),
  "candidateTerms() ": () => new Reranker(model, encoder).rank(gap, ["b"], spoilt({ batchSize: 1 })),
  "explain()": () => explain(model, tokenizer, { inputIds: [[1]] }, spoilt({ name: "m" })),
};

describe("a field that nobody reads is refused", () => {
  test.each(Object.keys(CALLS))("by %s", async (what) => {
    const { liveBytes } = device.pool;
    const before = tokenizer.vocabSize;
    const refused = (async () => CALLS[what]())();
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(`${what.trim()}: unknown field "nobodyReadsThis"; known are `);
    expect(tokenizer.vocabSize).toBe(before);
    if (!/^(AdamW\.|TrainingStep)/.test(what)) expect(device.pool.liveBytes).toBe(liveBytes); // those make an optimizer
  });

  test("by generate(), as an option", async () => {
    const decoder = new GPT2Decoder(model);
    await expect(generate(decoder, spoilt({ inputIds: [[1]] }))).rejects.toThrow(/^Unknown option nobodyReadsThis; /);
  });

  test.each(["headMask", "inputsEmbeds", "encoderHiddenStates"])("forward() has no %s", (field) => {
    for (const each of [model, model.transformer])
      expect(() => each.forward(spoilt({ inputIds: [[1]] }, field))).toThrow(`forward(): unknown field "${field}"`);
  });

  test("and the one that was meant is named", () => {
    expect(() => model.forward(spoilt({ inputIds: [[1]] }, "attention_mask"))).toThrow(
      'forward(): unknown field "attention_mask"; did you mean attentionMask?',
    );
    expect(() => model.transformer.forward(spoilt({ inputIds: [[1]] }, "labels"))).toThrow(/known are inputIds/);
  });
});

describe("expectFields", () => {
  test("an undefined field is absent, null is not", () => {
    expect(() => expectFields("f", { a: 1, b: undefined }, { a: true })).not.toThrow();
    expect(() => expectFields("f", { a: 1, b: null }, { a: true })).toThrow('f: unknown field "b"; known are a.');
  });

  test("names of every object are no fields, and control characters do not reach the terminal", () => {
    expect(() => expectFields("f", { toString: 1 }, { a: true })).toThrow('unknown field "toString"');
    expect(() => expectFields("f", { "\u001b[2J": 1 }, { a: true })).toThrow('unknown field "\\u001b[2J"');
    expect(() => expectFields("f", { "a\u202eb": 1 }, { a: true })).toThrow('unknown field "a\\u202eb"');
    expect(() => expectFields("f", { ["x".repeat(999)]: 1 }, { a: true })).toThrow(/^f: unknown field "x{60}"; /);
  });
});

test("nearestName looks past case, dashes and a letter or two, and no further", () => {
  const known = ["numBeams", "topP", "labels"];
  expect(["num_beams", "numBeans", "TOP-P", "label", "banana"].map((name) => nearestName(name, known))).toEqual([
    "numBeams",
    "numBeams",
    "topP",
    "labels",
    undefined,
  ]);
});
