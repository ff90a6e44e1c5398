// An evaluation divided among jobs: whatever of them is stopped and started again, the shards put together are the
// evaluation that one job makes, figure for figure.
import { spawn } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EVALUATE } from "../src/cli/evaluate/flags.ts";
import { Parts } from "../src/cli/evaluate/parts.ts";
import { measureModel, resultOf, shareOfAll } from "../src/cli/evaluate/run-model.ts";
import type { ModelResult } from "../src/cli/evaluate/run-model.ts";
import { setUpEvaluation } from "../src/cli/evaluate/setup.ts";
import { mergedShards, openShard, shareOf } from "../src/cli/evaluate/shards.ts";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { parseShard } from "../src/cli/shared/shard.ts";
import { openFolder } from "../src/files/open.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { DEFAULT_TEMPLATE, TEMPLATE_FILE, templateToJson } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "evaluate-shards-"));
const at = (name: string): string => join(folder, name);
let device: Device;

beforeAll(async () => {
  const examples = Array.from({ length: 7 }, (_, i) => ({
    p1: `Mia went to place ${i}.`,
    p2: `She met Tom there ${"and there ".repeat(i % 4)}.`,
    p3: `Then she came home ${"again ".repeat(i)}.`,
    meta: { length: "SML"[i % 3], characters: "Mia, Tom" },
  }));
  writeFileSync(at("test.jsonl"), examples.map((example) => `${JSON.stringify(example)}\n`).join(""));
  const tokenizer = GPT2Tokenizer.default().truncate(300);
  tokenizer.addSpecialTokens({
    padToken: "[PAD]",
    eosToken: "[EOS]",
    additionalSpecialTokens: ["[P1]", "[P2]", "[P3]"],
  });
  device = await requestDevice();
  const sizes = { nPositions: 128, nEmbd: 16, nLayer: 1, nHead: 2, initializerRange: 0.2 };
  const config = new GPT2Config({ ...sizes, vocabSize: tokenizer.vocabSize, bosTokenId: null, eosTokenId: null });
  for (const [seed, name] of ["model", "other"].entries()) {
    const weights = GPT2LMHeadModel.fromConfig(device, config, { gradients: false, seed });
    await weights.savePretrained(at(name));
    weights.destroy();
    const files = new Map<string, string>([...tokenizer.save(), [TEMPLATE_FILE, templateToJson(DEFAULT_TEMPLATE)]]);
    await (await openFolder(at(name))).write(files);
  }
});
afterAll(() => {
  device.destroy();
  rmSync(folder, { recursive: true });
});

const FLAGS = "--max_examples 5 --max_new_tokens 6 --candidates 3 --rerank --batch_size 2".split(" ");
const argumentsOf = (out: string, more: readonly string[]): string[] => [
  ...FLAGS.concat("--model", at("model"), "--test_file", at("test.jsonl"), "--output_dir", at(out)),
  ...more,
];

async function setUp(out: string, more: readonly string[]) {
  const { values, given } = parseFlags(EVALUATE, argumentsOf(out, more));
  return setUpEvaluation(values, given);
}

const running = new AbortController().signal;

/** Measures a shard; after so many parts the job is stopped. Returns how many were there before. */
async function measure(
  out: string,
  shard: string,
  more: readonly string[] = [],
  stopAfter = Infinity,
): Promise<number> {
  const setup = await setUp(out, [...more, "--shard", shard]);
  const { parts, release } = await openShard(setup, parseShard(shard));
  const stop = new AbortController();
  const keep = parts.keep.bind(parts);
  let kept = 0;
  parts.keep = async (...part) => {
    await keep(...part);
    if (++kept >= stopAfter) stop.abort();
  };
  const before = parts.size;
  try {
    for (const [m, task] of setup.tasks.entries()) {
      const options = { values: setup.values, parts, signal: stop.signal };
      await measureModel(device, m, task, shareOf(task, parseShard(shard)), options);
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  release();
  return before;
}

async function results(out: string, more: readonly string[], merged: boolean): Promise<ModelResult[]> {
  const setup = await setUp(out, more);
  const parts = merged ? await mergedShards(setup) : new Parts();
  const all: ModelResult[] = [];
  for (const [m, task] of setup.tasks.entries()) {
    if (!merged)
      await measureModel(device, m, task, shareOfAll(task), { values: setup.values, parts, signal: running });
    all.push(await resultOf(m, task, { ...setup, parts }));
  }
  return all;
}

describe("shards of an evaluation", () => {
  const two = ["--compare", at("other")];

  it("put together are the whole, of both models, wherever a job was stopped", async () => {
    expect(await measure("out", "1/3", two, 3)).toBe(0);
    expect(await measure("out", "1/3", two)).toBeGreaterThanOrEqual(3);
    await measure("out", "2/3", two, 9);
    await measure("out", "2/3", two);
    await measure("out", "3/3", two);
    const merged = await results("out", [...two, "--merge_shards"], true);
    const whole = await results("whole", two, false);
    expect(JSON.parse(JSON.stringify(merged))).toEqual(JSON.parse(JSON.stringify(whole)));
    expect(merged.map(({ scored, texts }) => [scored.length, texts.length])).toEqual([
      [7, 5],
      [7, 5],
    ]);
  });

  it("measure nothing twice, and half a line again", async () => {
    await measure("torn", "1/1");
    const file = join(at("torn"), "shards/1-of-1/parts.jsonl");
    const before = readFileSync(file, "utf8");
    expect(await measure("torn", "1/1")).toBe(before.split("\n").length - 1);
    truncateSync(file, before.length - 5);
    await measure("torn", "1/1");
    expect(readFileSync(file, "utf8").split("\n").sort()).toEqual(before.split("\n").sort());
  });

  it.each<[string, readonly string[], RegExp]>([
    ["5/4", ["--shard", "5/4"], /^--shard is "5\/4", expected which of how many/],
    ["both", ["--shard", "1/2", "--merge_shards"], /give one of them/],
    ["none there", ["--merge_shards"], /empty.shards holds no shards; measure them first/],
  ])("are refused: %s", async (_name, more, message) => {
    await expect(setUp("empty", more).then(mergedShards)).rejects.toThrow(message);
  });

  it("need a folder", async () => {
    const { values, given } = parseFlags(EVALUATE, ["--model", at("model"), "--shard", "1/2"]);
    await expect(setUpEvaluation(values, given)).rejects.toThrow(/--shard needs the folder that all shards share/);
  });

  it("are put together only if all are there, whole, and of this evaluation", async () => {
    for (const shard of ["1/2", "2/2"]) await measure("parts", shard);
    const merge = (more: readonly string[] = []): Promise<unknown> =>
      results("parts", [...more, "--merge_shards"], true);
    await merge();
    await expect(merge(["--beam", "2"])).rejects.toThrow(/1-of-2 was begun without --num_beams \(it is 2 now\); go/);
    await expect(measure("parts", "1/2", ["--seed", "3"])).rejects.toThrow(/with --seed 42 \(it is 3 now\); go on/);
    const other = at("test.jsonl");
    cpSync(other, at("kept.jsonl"));
    appendFileSync(other, readFileSync(other, "utf8").split("\n")[0].replace("Mia", "Ann") + "\n");
    await expect(merge()).rejects.toThrow(/begun with another --test_file/);
    renameSync(at("kept.jsonl"), other);

    const file = join(at("parts"), "shards/2-of-2/parts.jsonl");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.slice(0, -20));
    await expect(merge()).rejects.toThrow(/Of the 2 shards in .* one is not finished: 2\/2; run --shard 2\/2 again/);
    expect(readFileSync(file, "utf8")).toBe(text.slice(0, -20));
    rmSync(join(at("parts"), "shards/2-of-2"), { recursive: true });
    await expect(merge()).rejects.toThrow(/one is not finished: 2\/2/);
    await measure("parts", "1/3");
    await expect(merge()).rejects.toThrow(/holds shards of 2 and of 3|holds shards of 3 and of 2/);
  });

  it("are measured and merged by the program", async () => {
    const run = (more: readonly string[]): Promise<{ code: number | null; out: string; err: string }> => {
      const program = ["--import", "tsx", join(root, "src/evaluate.ts"), ...argumentsOf("program", more)];
      const child = spawn(process.execPath, program, { cwd: root });
      let [out, err] = ["", ""];
      child.stdout.on("data", (data) => (out += String(data)));
      child.stderr.on("data", (data) => (err += String(data)));
      return new Promise((done) => child.on("close", (code) => done({ code, out, err })));
    };
    const measured = await run(["--shard", "1/1"]);
    expect(measured.code, measured.err).toBe(0);
    expect(measured.err).toMatch(
      /^Done {5}shard 1\/1: 7 examples, 5 gaps in .*1-of-1, .* parts\/s\); when all 1 are done/m,
    );
    const merged = await run(["--merge_shards"]);
    expect(merged.code, merged.err).toBe(0);
    expect(merged.out).toContain("p2's text alone");
    expect(JSON.parse(readFileSync(join(at("program"), "evaluation.json"), "utf8"))).toMatchObject({ examples: 7 });
  });
});
