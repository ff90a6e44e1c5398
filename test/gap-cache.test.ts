// Infilling examples out of the cache: the same examples, variations, summaries, faults and trained weights as from
// memory.
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { EncodePool } from "../src/cli/train/data-cache/encode-pool.ts";
import { pieceEncoder } from "../src/cli/train/data-cache/encoder.ts";
import { jsonLineCutter } from "../src/cli/train/data-cache/cutters.ts";
import { textPieces } from "../src/cli/train/data-cache/text-pieces.ts";
import { openExamples, readExamples } from "../src/cli/train/data.ts";
import type { CacheUse, DataLimits, OpenedExamples } from "../src/cli/train/data.ts";
import { templateOfFile } from "../src/cli/train/template-of-file.ts";
import { UserError } from "../src/errors.ts";
import { eachOf, exampleSet } from "../src/examples/example-set.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { recordedLine } from "../src/infill/recorded-template.ts";
import { DEFAULT_TEMPLATE, specialTokensToAdd } from "../src/infill/template.ts";
import type { InfillTemplate } from "../src/infill/template.ts";
import { ORIGIN_2020_TEMPLATE } from "../src/infill/template-presets.ts";
import type { Variation } from "../src/infill/vary.ts";
import { PreTrainedTokenizer } from "../src/tokenizer/pretrained-tokenizer.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { Trainer } from "../src/training/trainer.ts";
import { MemoryStore, tinyArgs, tinyConfig } from "./training-runs.ts";

const folder = mkdtempSync(join(tmpdir(), "gap-cache-"));
const dir = join(folder, "cache");
const file = join(folder, "examples.jsonl");
const device = await requestDevice();
afterAll(() => {
  device.destroy();
  rmSync(folder, { recursive: true });
});
beforeEach(() => rmSync(dir, { recursive: true, force: true }));

const TYPED: InfillTemplate = { ...DEFAULT_TEMPLATE, sectionTypes: true, orderMix: 0.3 };
const tokenizer = GPT2Tokenizer.default().truncate(60);
for (const template of [DEFAULT_TEMPLATE, ORIGIN_2020_TEMPLATE])
  tokenizer.addSpecialTokens(specialTokensToAdd(template));

const use: CacheUse = { dir, always: true, overwrite: false, threads: 0, readBytes: 64 };
const variation: Variation = {
  metadataDropout: 0.4,
  metadataDropoutAll: 0.2,
  orderMix: 0.3,
  contextDropout: 0.7,
  seed: 5,
};

interface Choice extends DataLimits {
  readonly blockSize?: number;
  readonly template?: InfillTemplate;
  readonly tokenizer?: PreTrainedTokenizer;
}

const split = ({ blockSize = 40, template = TYPED, tokenizer: given = tokenizer, ...limits }: Choice) => ({
  choice: { blockSize, template, tokenizer: given, lineByLine: false } as Parameters<typeof openExamples>[1],
  limits: { variation, ...limits },
});

function fromCache(wanted: Choice = { limit: undefined }, more: Partial<CacheUse> = {}): Promise<OpenedExamples> {
  const { choice, limits } = split(wanted);
  return openExamples(file, choice, limits, { ...use, ...more });
}

function fromMemory(wanted: Choice = { limit: undefined }) {
  const { choice, limits } = split(wanted);
  return readExamples(file, choice, limits);
}

const entries = (): string[] => readdirSync(dir).filter((name) => name.endsWith(".json"));
const madeAt = (): bigint[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith(".ids"))
    .map((name) => statSync(join(dir, name), { bigint: true }).ctimeNs);

const gap = (i: number, more: object = {}) => ({
  p1: `Anna walked to the mill ${"again ".repeat(i % 7)}and saw ${i} boats.`,
  p2: `It was ${i}. ${"Rain. ".repeat(i % 3)}`,
  p3: `“Early”, said the miller.${" He left.".repeat(i % 5)}`,
  meta: { length: "S", theme: ["hope", i] },
  ...more,
});
const linesOf = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const GAPS = linesOf(Array.from({ length: 23 }, (_, i) => gap(i)));

describe("infilling examples from the cache", () => {
  const text = fc
    .array(fc.constantFrom("The ", "miller", "\n", "\u2028", "é", "🙂", "[P 1]", "  ", '"', "\ud800", "1897 "))
    .map((parts) => `${parts.join("")}x`);
  const value = fc.oneof(text, fc.integer(), fc.array(text, { maxLength: 2 }));
  const row = fc.record(
    {
      p1: text,
      p2: text,
      p3: text,
      meta: fc.oneof(
        text,
        fc.record({ length: fc.constant("S"), theme: value, Author: value }, { requiredKeys: [] }),
        fc.constant({ genre: "endless" }), // a number that JSON reads as Infinity, below
      ),
      source: fc.constantFrom("book.txt:7", "x"),
      aliases: fc.constant({ Anna: ["Miss A."] }),
    },
    { requiredKeys: ["p1", "p2", "p3"] },
  );
  const ends = fc.constantFrom("\n", "\r\n", "\r", "\n\n", "\n \t\n");
  const files = fc
    .array(fc.tuple(row, ends), { minLength: 1, maxLength: 9 })
    .map((rows) => rows.map(([each, end]) => JSON.stringify(each).replace('"endless"', "1e999") + end).join(""));

  it("are those from memory in every epoch, to the last word of the summary and the fingerprint", async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.record({
          blockSize: fc.integer({ min: 12, max: 60 }),
          template: fc.constantFrom(TYPED, DEFAULT_TEMPLATE, ORIGIN_2020_TEMPLATE),
          limit: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
          drawSeed: fc.option(fc.nat(5), { nil: undefined }),
          knownFieldsOnly: fc.constant(true),
        }),
        fc.integer({ min: 1, max: 200 }),
        async (content, wanted, readBytes) => {
          writeFileSync(file, content);
          const memory = await fromMemory(wanted).catch((error: Error) => error);
          if (memory instanceof Error) {
            await expect(fromCache(wanted, { readBytes })).rejects.toThrow(new UserError(memory.message));
            return;
          }
          for (const overwrite of [false, false, true]) {
            const cached = await fromCache(wanted, { readBytes, overwrite });
            const set = exampleSet(cached.examples);
            expect([...eachOf(set)]).toEqual(memory.examples);
            expect([...(set.lengths as Uint32Array)]).toEqual(memory.examples.map(({ ids }) => ids.length));
            expect(cached.summary).toBe(`${memory.summary}, from ${dir}`);
            expect(cached).toMatchObject({ tokens: memory.tokens, source: memory.source, file });
            expect(await set.digest()).toBe(await exampleSet(memory.examples).digest());
            for (let i = 0; i < set.length; i++) {
              const { place: _, ...texts } = memory.gaps!.at(i)!;
              const infinite = (of: object): string => JSON.stringify(of).replace('"Infinity"', "null");
              expect(infinite(cached.gaps!.at(i)!)).toBe(infinite({ ...cached.gaps!.at(i), ...texts }));
              for (const epoch of [0, 1, 2])
                expect(cached.varied!(i, epoch)).toEqual({ ...memory.varied!(i, epoch), trimmed: expect.any(Boolean) });
            }
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it("have 32 bits where the vocabulary needs them", async () => {
    writeFileSync(file, GAPS);
    const parts = tokenizer.currentParts();
    const addedTokens = parts.addedTokens.map((token) => ({ ...token, id: token.id + 70_000 }));
    const large = new PreTrainedTokenizer({ ...parts, addedTokens });
    const wanted = { limit: undefined, tokenizer: large };
    const cached = await fromCache(wanted);
    const memory = await fromMemory(wanted);
    expect(memory.examples[0].ids[0]).toBeGreaterThan(70_000);
    expect([...eachOf(exampleSet(cached.examples))]).toEqual(memory.examples);
  });

  it("say what was left out of all of them", async () => {
    writeFileSync(file, GAPS);
    const wanted = { limit: 20, template: ORIGIN_2020_TEMPLATE, knownFieldsOnly: true };
    const { summary } = await fromCache(wanted);
    expect(summary).toMatch(/theme left out of 20 \(the template has no such field\)/);
    expect(summary).toBe(`${(await fromMemory(wanted)).summary}, from ${dir}`);
  });

  const other = { ...DEFAULT_TEMPLATE, lengthBounds: [1, 2] as const };
  it.each<[string, string, Choice, RegExp]>([
    ["no examples", " \n\n", { limit: undefined }, /no examples found/],
    ["a torn line", `${GAPS}{"p1": "x`, { limit: undefined }, /examples\.jsonl, line 24: not valid JSON/],
    ["a line behind the limit", `${GAPS}\n[1]\n`, { limit: 2 }, /line 25: found a list, wanted an object/],
    ["a line without p2", `${GAPS}{"p1":"","p3":""}`, { limit: undefined }, /line 24: field "p2" is missing/],
    [
      "a marker in a text",
      GAPS.replace("saw 9 boats", "saw [P1]"),
      { limit: undefined },
      /line 10: field "p1" contains \[P1\]/,
    ],
    ["an unknown field", GAPS.replaceAll("theme", "mood"), { limit: undefined }, /line 1: .*mood/],
    ["p2 that never fits", GAPS, { limit: 3, blockSize: 4 }, /p2 alone is longer than 4 tokens in all 3 examples/],
    [
      "lines of two templates",
      GAPS + recordedLine(gap(1), "a:1", DEFAULT_TEMPLATE) + GAPS + recordedLine(gap(1), "a:1", other),
      { limit: undefined },
      /line 24 and .*line 48 contradict each other: lengthBounds is missing in the first and \[1,2\]/,
    ],
    [
      "another template's lengths",
      recordedLine(gap(1), "a:1", other),
      { limit: undefined, template: { ...DEFAULT_TEMPLATE, lengthBounds: [7, 9] } },
      /examples\.jsonl and the template of this run contradict each other/,
    ],
  ])("%s is refused as from memory, and nothing is left half written", async (_, content, wanted, message) => {
    writeFileSync(file, content);
    const said = await fromMemory(wanted).catch((error: Error) => error.message);
    expect(said).toMatch(message);
    await expect(fromCache(wanted)).rejects.toThrow(new UserError(said as string));
  });

  it("are refused in one sentence where the file is one endless line", async () => {
    writeFileSync(file, `[${"[1], ".repeat(200)}1]\n`);
    const pieces = textPieces(file, {
      cutter: jsonLineCutter,
      name: "examples.jsonl",
      readBytes: 100,
      longestUncut: 300,
    });
    await expect(pieces.next()).rejects.toThrow(/hold no place to cut them at, wanted one JSON object a line/);
  });
});

describe("the cache of infilling examples", () => {
  it("knows file, tokenizer, template, block size and limit, and serves no damaged entry", async () => {
    writeFileSync(file, GAPS);
    await fromCache();
    const made = madeAt();
    await fromCache({ limit: undefined, variation: { ...variation, seed: 6 } });
    expect(madeAt()).toEqual(made);
    truncateSync(join(dir, entries()[0].replace(".json", ".ids")), 100);
    const { examples } = await fromMemory();
    expect([...eachOf(exampleSet((await fromCache()).examples))]).toEqual(examples);

    writeFileSync(file, GAPS.replace("miller", "MILLER"));
    await fromCache();
    await fromCache({ limit: undefined, template: DEFAULT_TEMPLATE });
    await fromCache({ limit: undefined, blockSize: 30 });
    await fromCache({ limit: 5 });
    await fromCache({ limit: 5, drawSeed: 1 });
    const more = GPT2Tokenizer.default().truncate(61);
    more.addSpecialTokens(specialTokensToAdd(DEFAULT_TEMPLATE));
    await fromCache({ limit: undefined, tokenizer: more });
    expect(entries()).toHaveLength(7);
  });

  it("is made by threads as by one", async () => {
    const name = "examples.jsonl";
    const parts = tokenizer.currentParts();
    const setup = { kind: "gaps", parts, template: TYPED, blockSize: 40, knownFieldsOnly: false, name } as const;
    const pool = new EncodePool(setup, 2);
    const piece = { text: GAPS, firstLine: 4, wanted: [1, 5, 22] };
    try {
      const [first, second] = await Promise.all([pool.encode(piece), pool.encode(piece)]);
      const own = pieceEncoder(setup)(piece);
      expect(own.index).toHaveLength(12);
      expect(first).toEqual(own);
      expect(second).toEqual(own);
    } finally {
      await pool.close();
    }
  });
});

describe("the template that a file records", () => {
  it("is found in its first lines, whatever follows, and anywhere else where those have none", async () => {
    const recorded = recordedLine(gap(1), "a:1", TYPED);
    writeFileSync(file, Buffer.concat([Buffer.from(recorded + GAPS.repeat(200)), Buffer.from([0xff])]));
    expect(statSync(file).size).toBeGreaterThan(2 ** 19); // past what is read for a piece
    expect(await templateOfFile(file)).toEqual({ template: TYPED, name: file });
    writeFileSync(file, GAPS.repeat(200) + recorded);
    expect(await templateOfFile(file)).toEqual({ template: TYPED, name: file });
    writeFileSync(file, GAPS.repeat(200) + recorded.replace('"version":1', '"version":7'));
    await expect(templateOfFile(file)).rejects.toThrow(/examples\.jsonl, line 4601, infill_template: .*version/);
    writeFileSync(file, GAPS);
    expect(await templateOfFile(file)).toBeUndefined();
    await expect(templateOfFile(join(folder, "none.jsonl"))).rejects.toThrow(/there is no such file/);
  });
});

describe("a run on examples from the cache", () => {
  const config = tinyConfig.with({ vocabSize: tokenizer.vocabSize, nPositions: 40 });

  async function train({ examples, varied }: OpenedExamples, store: MemoryStore, from?: string) {
    const model = from
      ? await GPT2LMHeadModel.fromPretrained(device, await store.open(from), { gradients: true })
      : GPT2LMHeadModel.fromConfig(device, config, { seed: 1 });
    const args = { ...tinyArgs, maxSteps: 14, saveSteps: 8, groupByLength: true };
    const trainer = new Trainer({ model, args, train: examples, varied, evaluation: examples, padId: 0, store });
    try {
      if (from) await trainer.resume(await store.open(from));
      const { logHistory } = await trainer.train();
      return { logHistory, weights: await store.weights(""), fingerprint: await trainer.fingerprint() };
    } finally {
      trainer.destroy();
      model.destroy();
    }
  }

  it("has the losses, weights and fingerprint of one on examples in memory, also gone on with", async () => {
    writeFileSync(file, GAPS);
    const memory = await train(await fromMemory(), new MemoryStore());
    const store = new MemoryStore();
    expect(await train(await fromCache(), store)).toEqual(memory);
    expect(await train(await fromCache(), store, "checkpoint-8")).toEqual(memory);
    const plain = await train({ ...(await fromCache()), varied: undefined }, new MemoryStore());
    expect(plain.logHistory).not.toEqual(memory.logHistory);
  });
});
