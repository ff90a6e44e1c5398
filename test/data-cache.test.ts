// Plain text out of the cache: the same sequences, summaries, fingerprints and trained weights as from memory; an entry
// is served only while it is whole and the file is the one that it was made from.
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import * as fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { EncodePool, encodeInOrder } from "../src/cli/train/data-cache/encode-pool.ts";
import { pieceEncoder } from "../src/cli/train/data-cache/encoder.ts";
import type { EncoderSetup } from "../src/cli/train/data-cache/encoder.ts";
import { defaultCacheDir } from "../src/cli/train/data-cache/token-cache.ts";
import { openExamples, readExamples } from "../src/cli/train/data.ts";
import type { CacheUse, DataLimits } from "../src/cli/train/data.ts";
import { UserError } from "../src/errors.ts";
import { eachOf, exampleSet } from "../src/examples/example-set.ts";
import type { Examples } from "../src/examples/example-set.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { plainToken } from "../src/tokenizer/added-tokens.ts";
import { PreTrainedTokenizer } from "../src/tokenizer/pretrained-tokenizer.ts";
import { Trainer } from "../src/training/trainer.ts";
import { MemoryStore, tinyArgs, tinyConfig } from "./training-runs.ts";

const folder = mkdtempSync(join(tmpdir(), "data-cache-"));
const dir = join(folder, "cache");
const file = join(folder, "text.txt");
const device = await requestDevice();
afterAll(() => {
  device.destroy();
  rmSync(folder, { recursive: true });
});
beforeEach(() => rmSync(dir, { recursive: true, force: true }));

const whole = GPT2Tokenizer.default();
const small = whole.truncate(100);
const smaller = whole.truncate(40);
const use: CacheUse = { dir, always: true, overwrite: false, threads: 0, readBytes: 11 };
const PROSE = "The miller walked to the mill.\r\n\r\nAnna  left, “early”. It's 1897!\n".repeat(30);

interface Choice extends DataLimits {
  readonly blockSize?: number;
  readonly lineByLine?: boolean;
  readonly tokenizer?: PreTrainedTokenizer;
}

const split = ({ blockSize = 8, lineByLine = false, tokenizer = small, ...limits }: Choice) => ({
  choice: { blockSize, lineByLine, tokenizer, template: undefined } as Parameters<typeof openExamples>[1],
  limits,
});

function fromCache(wanted: Choice = { limit: undefined }, more: Partial<CacheUse> = {}) {
  const { choice, limits } = split(wanted);
  return openExamples(file, choice, limits, { ...use, ...more });
}

function fromMemory(wanted: Choice = { limit: undefined }) {
  const { choice, limits } = split(wanted);
  return readExamples(file, choice, limits);
}

const listOf = (examples: Examples) => [...eachOf(exampleSet(examples))];
const entryFile = (ending: string): string =>
  join(
    dir,
    readdirSync(dir).find((name) => name.endsWith(ending))!,
  );
const writtenAt = (): bigint => statSync(entryFile(".ids"), { bigint: true }).ctimeNs;

describe("examples from the cache", () => {
  const texts = fc
    .array(
      fc.constantFrom(
        "The ",
        "miller",
        "\n",
        "\r\n",
        "  ",
        "\u2028",
        "é",
        "🙂",
        "<|endoftext|>",
        "1897",
        "'s ",
        "\n\n",
      ),
    )
    .map((parts) => `${parts.join("")}The end of it.`);

  it("are those from memory, to the last word of the summary and the fingerprint", async () => {
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.record({
          blockSize: fc.integer({ min: 2, max: 9 }),
          lineByLine: fc.boolean(),
          limit: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
          drawSeed: fc.option(fc.nat(5), { nil: undefined }),
          tokenizer: fc.constantFrom(small, smaller),
        }),
        fc.integer({ min: 1, max: 30 }),
        async (text, wanted, readBytes) => {
          writeFileSync(file, text);
          const memory = await fromMemory(wanted);
          for (const overwrite of [false, false, true]) {
            const cached = await fromCache(wanted, { readBytes, overwrite });
            expect(listOf(cached.examples)).toEqual(memory.examples);
            expect([...((cached.examples as { lengths: ArrayLike<number> }).lengths as Uint32Array)]).toEqual(
              memory.examples.map(({ ids }) => ids.length),
            );
            expect(cached.summary).toBe(`${memory.summary}, from ${dir}`);
            expect(cached).toMatchObject({ tokens: memory.tokens, source: memory.source, file });
            const digests = [cached, memory].map(({ examples }) => exampleSet(examples).digest());
            expect(await digests[0]).toBe(await digests[1]);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it("have 32 bits where the vocabulary needs them", async () => {
    writeFileSync(file, PROSE);
    const large = new PreTrainedTokenizer({
      ...small.currentParts(),
      addedTokens: [plainToken(70_000, "miller", false)],
    });
    const { examples } = await fromCache({ limit: undefined, tokenizer: large });
    const ids = listOf(examples).flatMap((example) => example.ids);
    expect(ids).toContain(70_000);
    expect(ids).toEqual(large.encode(PROSE.replaceAll("\r\n", "\n")).slice(0, ids.length));
    expect(statSync(entryFile(".ids")).size).toBe(4 * large.encode(PROSE.replaceAll("\r\n", "\n")).length);
  });

  it.each([
    ["no text", " \n\n", {}, /the file holds no text/],
    ["less than a block", "The end.", { blockSize: 100 }, /the text has \d tokens, fewer than one block of 100/],
    ["lines of one token", "I\nI\n", { lineByLine: true }, /each of its 2 sequences has a single token/],
    ["bytes that are no text", Buffer.from([0x61, 0x20, 0xff]), {}, /not valid UTF-8 \(first bad byte at offset 2\)/],
  ])(
    "of %s are refused as they are from memory, and nothing is left half written",
    async (_, content, more, message) => {
      writeFileSync(file, content);
      const wanted = { limit: undefined, ...more };
      const said = await fromMemory(wanted).catch((error: Error) => error.message);
      expect(said).toMatch(message);
      await expect(fromCache(wanted)).rejects.toThrow(new UserError(said as string));
      expect(readdirSync(dir).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    },
  );
});

describe("an entry", () => {
  it("is made once, and again for another text or tokenizer, or when it is asked for", async () => {
    writeFileSync(file, PROSE);
    await fromCache();
    const made = writtenAt();
    await fromCache({ limit: 3, blockSize: 5 }); // the same tokens
    expect(writtenAt()).toBe(made);
    await fromCache(undefined, { overwrite: true });
    expect(writtenAt()).not.toBe(made);

    const { mtime, atime } = statSync(file);
    writeFileSync(file, PROSE.replace("miller", "MILLER"));
    utimesSync(file, atime, mtime); // nobody can tell by the date
    expect(listOf((await fromCache()).examples)).toEqual((await fromMemory()).examples);
    const other = whole.truncate(90);
    expect(listOf((await fromCache({ limit: undefined, tokenizer: other })).examples)).toEqual(
      (await fromMemory({ limit: undefined, tokenizer: other })).examples,
    );
    other.addTokens(["mill"]);
    await fromCache({ limit: undefined, tokenizer: other });
    expect(readdirSync(dir).filter((name) => name.endsWith(".json"))).toHaveLength(4);
  });

  it.each<[string, () => void]>([
    ["cut short", () => truncateSync(entryFile(".ids"), 100)],
    [
      "changed by a bit",
      () =>
        writeFileSync(
          entryFile(".ids"),
          readFileSync(entryFile(".ids")).map((b, i) => b ^ +(i === 7)),
        ),
    ],
    ["without its records", () => rmSync(entryFile(".ids"))],
    ["without its index", () => rmSync(entryFile(".index"))],
    ["without its description", () => rmSync(entryFile(".json"))],
    ["with half a description", () => truncateSync(entryFile(".json"), 40)],
    ["with a description of nothing", () => writeFileSync(entryFile(".json"), "{}")],
    ["with a description of no files", () => writeFileSync(entryFile(".json"), `{"files":{},"notes":{"tokens":8}}`)],
  ])("%s is not served, but made again", async (_, damage) => {
    writeFileSync(file, PROSE);
    const { examples } = await fromMemory();
    await fromCache();
    damage();
    expect(listOf((await fromCache()).examples)).toEqual(examples);
    const made = writtenAt();
    expect(listOf((await fromCache()).examples)).toEqual(examples);
    expect(writtenAt()).toBe(made);
  });

  it("is read on while another takes its place", async () => {
    writeFileSync(file, PROSE);
    const { examples } = await fromCache();
    const before = listOf(examples);
    rmSync(dir, { recursive: true });
    expect(listOf(examples)).toEqual(before);
  });

  it("leaves alone what another process is writing, and removes what one left a day ago", async () => {
    writeFileSync(file, PROSE);
    await fromCache();
    const [old, young] = ["old.tmp", "young.tmp"].map((name) => join(dir, name));
    for (const path of [old, young]) writeFileSync(path, "x");
    utimesSync(old, new Date(0), new Date(0));
    await fromCache(undefined, { overwrite: true });
    expect(readdirSync(dir)).toContain("young.tmp");
    expect(readdirSync(dir)).not.toContain("old.tmp");
  });

  it("is not made where the folder cannot be, which is said", async () => {
    writeFileSync(file, PROSE);
    await expect(fromCache(undefined, { dir: join(file, "cache") })).rejects.toThrow(/Cannot write .*text\.txt.cache/);
  });

  it("is made of large files alone, unless a folder is named; a pipe is read at once", async () => {
    writeFileSync(file, PROSE);
    const { examples } = await fromCache(undefined, { always: false });
    expect(Array.isArray(examples)).toBe(true);
    expect(() => readdirSync(dir)).toThrow();
  });

  it("lies by default where the system keeps caches", () => {
    expect(defaultCacheDir({ XDG_CACHE_HOME: "/x" })).toBe(join("/x", "gpt2-webgpu", "datasets"));
    expect(defaultCacheDir({})).toMatch(/\.cache.gpt2-webgpu.datasets$/);
  });
});

describe("threads that encode", () => {
  const setup: EncoderSetup = { parts: small.currentParts(), kind: "lines" };
  const pieces = Array.from({ length: 12 }, (_, i) => ({
    text: `${"The miller. ".repeat(1 + ((i * 7) % 12))}\nx${i}\n`,
  }));
  const own = pieceEncoder(setup);
  const wanted = pieces.map((piece) => own(piece));

  async function encoded(pool: EncodePool, from = pieces) {
    const results = [];
    const each = async function* () {
      yield* from;
    };
    try {
      for await (const { encoded } of encodeInOrder(pool, each())) results.push(encoded);
    } finally {
      await pool.close();
    }
    return results;
  }

  it("give what one gives, in the order of the pieces, and say what is wrong with one", async () => {
    const pool = new EncodePool(setup, 2);
    expect(await encoded(pool)).toEqual(wanted);
    expect(pool.threadsHeard).toBe(2);
    const parts = { ...setup.parts, vocab: new Map([...setup.parts.vocab].filter(([piece]) => piece !== "z")) };
    const failing = new EncodePool({ ...setup, parts }, 1);
    await expect(encoded(failing, [...pieces, { text: "zz" }])).rejects.toThrow(/vocabulary lacks its byte 0x7a/);
  });

  it.each<[string, () => Worker]>([
    [
      "cannot be had",
      () => {
        throw new Error("no threads here");
      },
    ],
    ["cannot load what they run", () => new Worker("throw new Error('cannot load')", { eval: true })],
    ["end before they begin", () => new Worker("process.exit(3)", { eval: true })],
  ])("that %s leave the work to this one", async (_, start) => {
    expect(await encoded(new EncodePool(setup, 2, start))).toEqual(wanted);
  });

  it("are noticed when they die at work", async () => {
    const code = `const { parentPort } = require("node:worker_threads");
      parentPort.postMessage({ ready: true });
      parentPort.on("message", () => setTimeout(() => process.exit(4), 50));`;
    const pool = new EncodePool(setup, 1, () => new Worker(code, { eval: true }));
    await new Promise((ready) => setTimeout(ready, 300));
    await expect(encoded(pool)).rejects.toThrow(/A tokenising thread ended with code 4/);
  });
});

describe("a run on text from the cache", () => {
  const config = tinyConfig.with({ vocabSize: small.vocabSize });

  async function train(examples: Examples, store: MemoryStore, { maxSteps = 4, from = "" } = {}) {
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 1 });
    const saved = from === "" ? undefined : await store.open(from);
    const started = saved ? await GPT2LMHeadModel.fromPretrained(device, saved, { gradients: true }) : model;
    const args = { ...tinyArgs, maxSteps, saveSteps: 2 };
    const trainer = new Trainer({ model: started, args, train: examples, evaluation: examples, padId: 0, store });
    try {
      if (saved) await trainer.resume(saved);
      const { logHistory } = await trainer.train();
      return { logHistory, weights: await store.weights(""), fingerprint: await trainer.fingerprint() };
    } finally {
      trainer.destroy();
      for (const each of new Set([model, started])) each.destroy();
    }
  }

  it("has the losses, weights and fingerprint of one on text in memory, also gone on with", async () => {
    writeFileSync(file, PROSE);
    const memory = await train((await fromMemory()).examples, new MemoryStore());
    const store = new MemoryStore();
    const cached = await train((await fromCache()).examples, store);
    expect(cached).toEqual(memory);
    expect(cached.logHistory.filter((entry) => "loss" in entry)).toHaveLength(4);
    const resumed = await train((await fromCache()).examples, store, { from: "checkpoint-2" });
    expect(resumed).toEqual(memory);
  });
});
