// Infiller, the whole way from two paragraphs to the one between, on the demo model: against generate() by hand, and
// what a user may do wrong.
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { openFolder } from "../src/files/open.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import type { Folder } from "../src/files/folder.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { generate } from "../src/generation/generate.ts";
import type { Device } from "../src/gpu/device.ts";
import { PreTrainedTokenizer } from "../src/tokenizer/pretrained-tokenizer.ts";
import { Infiller } from "../src/writing/infiller.ts";
import { textStreamer } from "../src/writing/text-streamer.ts";
import { openDevice } from "./check-kernel.ts";

const demo = fileURLToPath(new URL("../weights/demo", import.meta.url));
const gap = { p1: "Kim sat by the brook.", p3: "Then it rained." };
const SHORT = { maxNewTokens: 8 };
const allOf = async (folder: Folder) =>
  new Map(await Promise.all((await folder.list()).map(async (file) => [file, await folder.read(file)] as const)));

describe("Infiller", () => {
  let device: Device, infiller: Infiller;
  beforeAll(async () => {
    device = await openDevice();
    infiller = await Infiller.load(demo, { device });
  });
  afterAll(() => device.destroy());

  it("writes what generate() does with the same template, and says how probable it is", async () => {
    const { encoder, tokenizer, model } = infiller;
    const inputs = encoder.generationInputs([gap], { maxLength: 300 });
    using decoder = new GPT2Decoder(model);
    const { generated } = await generate(decoder, { ...inputs, numBeams: 2, maxNewTokens: 8 });
    const { text, candidates, contextCut } = await infiller.fill({
      ...gap,
      trim: false,
      options: { numBeams: 2, ...SHORT },
    });
    expect(text).toBe(tokenizer.decode(generated[0], { skipSpecialTokens: true }).trim());
    expect(text.split(" ").length).toBeGreaterThan(3);
    expect([candidates[0].text, candidates.length, contextCut]).toEqual([text, 1, false]);
    expect(candidates[0].logProb).toBeLessThan(0);
  });

  it("tells the text as it grows, and at last as it is returned; p2 begins as asked", async () => {
    const told: string[] = [];
    const beginsWith = "Ella ran";
    const onText = (text: string) => void told.push(text);
    const { text } = await infiller.fill({ ...gap, beginsWith, options: SHORT, onText });
    const growing = told.slice(0, -1);
    expect(growing.length).toBeGreaterThan(3);
    growing.forEach((each, i) => expect(each.startsWith(growing[i - 1] ?? beginsWith)).toBe(true));
    expect(told.at(-1)).toBe(text);
  });

  it("tells the texts of all candidates as they grow, and which became which", async () => {
    const told: (readonly string[])[] = [];
    const { candidates, sequences } = await infiller.fill({
      ...gap,
      candidates: 3,
      trim: false,
      beginsWith: "Ella",
      options: { ...SHORT, seed: 7 },
      onTexts: (texts) => void told.push(texts),
    });
    expect(candidates).toHaveLength(3);
    expect([...sequences].sort()).toEqual([0, 1, 2]);
    expect(told.length).toBeGreaterThan(12);
    for (const texts of told) for (const text of texts) expect(text.startsWith("Ella")).toBe(true);
    expect(candidates.map(({ text }) => text)).toEqual(sequences.map((sequence) => told.at(-1)![sequence]));
    // They grow side by side, not one after the other.
    const begun = told.findIndex((texts) => texts.every((text) => text.length > "Ella".length));
    expect(begun).toBeLessThan(told.length / 2);
  });

  it("tells nothing of a search over beams before it has chosen", async () => {
    const told: unknown[] = [];
    const options = { ...SHORT, numBeams: 2 };
    const { sequences } = await infiller.fill({ ...gap, candidates: 2, options, onTexts: () => void told.push(0) });
    expect([told, sequences.length]).toEqual([[], 2]);
  });

  it("ranks anybody's texts as those of its own", async () => {
    const { candidates } = await infiller.fill({ ...gap, rerank: true, candidates: 3, options: { ...SHORT, seed: 2 } });
    const texts = candidates.map(({ text }) => text);
    const ranked = await infiller.rank(gap, [...texts].reverse());
    expect(ranked.map(({ text }) => text)).toEqual(texts);
    ranked.forEach(({ score }, i) => expect(score).toBeCloseTo(candidates[i].ranked!.score, 4));
    expect(ranked.map(({ index }) => index)).toEqual(texts.map((_, i) => texts.length - 1 - i));
    await expect(infiller.rank({ p1: "", p3: "" }, ["A fox."])).rejects.toThrow(/both empty/);
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(infiller.rank(gap, texts, { signal: controller.signal })).rejects.toThrow("enough");
  });

  it("names the words that may come next, by what the model gives their beginnings", async () => {
    const words = await infiller.nextWords(gap, "Kim ran to the", { count: 6 });
    expect(words.length).toBeGreaterThan(2);
    for (const { text } of words) expect(text).toMatch(/^ ?(?:[\p{L}\p{M}\p{N}'’-]+|[^\s\p{L}]+)$/u);
    const probabilities = words.map(({ probability }) => probability);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
    expect(probabilities.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(1 + 1e-6);
    // The first is what greedy search writes.
    const { text } = await infiller.fill({ ...gap, beginsWith: "Kim ran to the", options: SHORT });
    expect(text.startsWith(`Kim ran to the${words[0].text}`)).toBe(true);
    await expect(infiller.nextWords(gap, "", { count: 0 })).rejects.toThrow(/count is 0/);
    expect((await infiller.nextWords(gap, "", { count: 2 })).length).toBeGreaterThan(0);
  });

  it("gives several different candidates, likeliest first", async () => {
    const { candidates } = await infiller.fill({ ...gap, candidates: 3, options: { ...SHORT, seed: 5 } });
    const texts = candidates.map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts.length).toBeGreaterThan(1);
    const logProbs = candidates.map(({ logProb }) => logProb!);
    expect(logProbs).toEqual([...logProbs].sort((a, b) => b - a));
  });

  it("brings in words, and tells no text before it has chosen one", async () => {
    const told: string[] = [];
    const { text } = await infiller.fill({
      ...gap,
      forceWords: ["boat"],
      options: { numBeams: 3, maxNewTokens: 16 },
      onText: (each) => void told.push(each),
    });
    expect(text).toMatch(/\bboat\b/i);
    expect(told).toEqual([text]);
  });

  it("ends with a whole sentence where that is asked for, in fewer tokens than there may be", async () => {
    const { candidates } = await infiller.fill({ ...gap, wholeSentences: true, options: { maxNewTokens: 20 } });
    expect(candidates[0]).toMatchObject({ unfinished: false, trimmed: false });
    expect(candidates[0].text).toMatch(/[.!?]["']?$/);
    const free = await infiller.fill({ ...gap, trim: false, options: { maxNewTokens: candidates[0].tokens - 1 } });
    expect(free.candidates[0].unfinished).toBe(true); // it would not end there by itself
  });

  it("takes any form of a character's name", async () => {
    const ask = { ...gap, meta: { characters: "Kim" }, requireCharacters: true, badWords: ["Kim"] };
    const search = { options: { numBeams: 4, maxNewTokens: 16 } };
    const { text } = await infiller.fill({ ...ask, ...search, aliases: { Kim: ["Ella"] } });
    expect(text).toMatch(/\bElla\b/);
    await expect(infiller.fill({ ...ask, ...search })).rejects.toThrow(/must occur and/);
  });

  it("writes one after the other what is asked for at once, and stops what is aborted", async () => {
    const fill = (signal?: AbortSignal) => infiller.fill({ ...gap, options: SHORT, signal });
    const alone = await fill();
    const stop = new AbortController();
    const endless = { minNewTokens: 200, maxNewTokens: 200 };
    const onText = () => stop.abort(new Error("enough"));
    const [slow, after, never] = await Promise.allSettled([
      infiller.fill({ ...gap, options: endless, signal: stop.signal, onText }),
      fill(),
      fill(AbortSignal.abort(new Error("never"))),
    ]);
    expect(slow).toMatchObject({ status: "rejected", reason: { message: "enough" } });
    expect(after).toMatchObject({ status: "fulfilled", value: { text: alone.text } });
    expect(never).toMatchObject({ status: "rejected", reason: { message: "never" } });
  });

  it.each([
    ["two empty paragraphs", { p1: " ", p3: "" }, /both empty; give p1 or p3/],
    ["a paragraph that is none", { p1: 5 as unknown as string, p3: "x" }, /^p1 is number, wanted a text/],
    ["no candidate", { ...gap, candidates: 0 }, /^candidates is 0, wanted a whole number from 1/],
    ["two numbers of them", { ...gap, candidates: 2, options: { numReturnSequences: 3 } }, /the same thing twice/],
    ["an unknown field of metadata", { ...gap, meta: { colour: "red" } }, /colour/],
    ["words that contradict each other", { ...gap, forceWords: ["boat"], badWords: ["boat"] }, /must occur and/],
    ["drawn words", { ...gap, forceWords: ["boat"], options: { doSample: true } }, /^forceWords works by beam search/],
    ["characters that are not named", { ...gap, requireCharacters: true }, /names no characters/],
    ["one candidate to rank", { ...gap, candidates: 1, rerank: true }, /^rerank chooses among candidates/],
    ["a field that nobody reads", { ...gap, candidate: 2 }, /unknown field "candidate"; did you mean candidates\?/],
    ["more than the context", { ...gap, options: { maxNewTokens: 1000 } }, /context/],
  ])("refuses %s in one sentence", async (_name, request, message) => {
    const error = await infiller.fill(request).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(message);
  });

  it("refuses a model that was not trained to fill gaps, and loads nothing once it is aborted", async () => {
    const before = device.pool.liveBytes;
    const from = await openFolder(demo);
    const files = await allOf(from);
    files.delete("infill_template.json");
    await expect(Infiller.load(new MemoryFolder("plain", files), { device })).rejects.toThrow(/^plain has no infill_/);
    const signal = AbortSignal.abort(new Error("early"));
    await expect(Infiller.load(demo, { device, signal })).rejects.toThrow("early");
    const late = new AbortController();
    let reads = 0;
    const slow: Folder = Object.assign(new MemoryFolder("slow", await allOf(from)), {
      read: async (file: string, range?: { offset: number; length: number }) => {
        if (file === "model.safetensors" && ++reads === 9) late.abort(new Error("late"));
        return from.read(file, range);
      },
    });
    await expect(Infiller.load(slow, { device, signal: late.signal })).rejects.toThrow("late");
    expect([reads, device.pool.liveBytes]).toEqual([9, before]);
  });

  it("cannot be used after dispose(), and leaves the device that it was given, which holds nothing", async () => {
    infiller.dispose();
    infiller.dispose();
    await expect(infiller.fill(gap)).rejects.toThrow(/disposed of/);
    expect([device.pool.liveBytes, device.pool.readBackBytes]).toEqual([0, 0]);
    const [one] = await device.read(device.tensor(Float32Array.of(1), [1]));
    expect(one).toBe(1);
  });
});

describe("textStreamer", () => {
  let tokenizer: PreTrainedTokenizer;
  beforeAll(async () => void (tokenizer = await PreTrainedTokenizer.fromPretrained(await openFolder(demo))));

  it("splits no character, and tells all of the text", () =>
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (text) => {
        const ids = tokenizer.encode(text, { allowSpecial: false });
        const told: string[] = [];
        const stream = textStreamer(tokenizer, (each) => void told.push(each), { end: [tokenizer.eosTokenId] });
        for (const id of [...ids, tokenizer.eosTokenId]) void stream(0, id);
        expect(told).toHaveLength(ids.length);
        expect(told.at(-1)).toBe(text);
        // Whole code points, each a prefix of the next.
        told.forEach((each, i) => {
          expect(text.startsWith(each) && each.startsWith(told[i - 1] ?? "")).toBe(true);
          expect(each).not.toMatch(/\p{Surrogate}/u);
        });
      }),
    ));
});
