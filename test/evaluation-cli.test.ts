// src/evaluate.ts: what it refuses before any work, how it writes texts, and one whole run of two tiny models of random
// weights.
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chooseExamples, chooseResultFolder, openInfillModel, readExampleFile } from "../src/cli/evaluate/data.ts";
import { EVALUATE } from "../src/cli/evaluate/flags.ts";
import { planTexts, realText, ruleFor, writeTexts } from "../src/cli/evaluate/write.ts";
import { helpText, parseFlags } from "../src/cli/shared/flags.ts";
import type { WrittenText } from "../src/evaluation/written-figures.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { openFolder } from "../src/files/open.ts";
import type { InfillExample } from "../src/infill/example.ts";
import { DEFAULT_TEMPLATE, TEMPLATE_FILE, templateToJson } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const examples: InfillExample[] = Array.from({ length: 6 }, (_, i) => ({
  p1: `Mia went to place ${i}.`,
  p3: `Then she came home ${"again ".repeat(i)}.`,
  p2: `She met Tom there ${"and there ".repeat(i)}.`,
  meta: { length: "SML"[i % 3], characters: "Mia, Tom" },
}));
let device: Device, folder: string, model: string, plain: string, testFile: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluate-"));
  [model, plain, testFile] = [at("model"), at("plain"), at("test.jsonl")];
  const tokenizer = GPT2Tokenizer.default().truncate(300);
  device = await requestDevice();
  const save = async (path: string, template: boolean): Promise<void> => {
    const config = new GPT2Config({
      vocabSize: tokenizer.vocabSize,
      nPositions: 128,
      nEmbd: 16,
      nLayer: 1,
      nHead: 2,
      initializerRange: 0.2,
      bosTokenId: null,
      eosTokenId: null,
    });
    const weights = GPT2LMHeadModel.fromConfig(device, config, { gradients: false });
    await weights.savePretrained(path);
    weights.destroy();
    await (
      await openFolder(path)
    ).write(
      new Map([...tokenizer.save(), ...(template ? [[TEMPLATE_FILE, templateToJson(DEFAULT_TEMPLATE)] as const] : [])]),
    );
  };
  await save(plain, false);
  tokenizer.addSpecialTokens({
    padToken: "[PAD]",
    eosToken: "[EOS]",
    additionalSpecialTokens: ["[P1]", "[P2]", "[P3]"],
  });
  await save(model, true);
  await writeFile(testFile, examples.map((example) => `${JSON.stringify(example)}\n`).join(""));
});
afterAll(async () => {
  device.destroy();
  await rm(folder, { recursive: true, force: true });
});

describe("refused before any work", () => {
  it("a model that was never shown a gap, and a folder that is none", async () => {
    await expect(openInfillModel(plain)).rejects.toThrow(
      /plain has no infill_template\.json: this model was not trained to fill gaps/,
    );
    await expect(openInfillModel(at("nowhere"))).rejects.toThrow(/nowhere/);
  });

  it("a file that cannot be read, or has a fault", async () => {
    await expect(readExampleFile(at("none.jsonl"))).rejects.toThrow(/there is no such file/);
    await writeFile(at("bad.jsonl"), '{"p1":"a","p3":"b","p2":"c"}\n{"p1":"a","p3":"b"}\n');
    await expect(readExampleFile(at("bad.jsonl"))).rejects.toThrow(/bad\.jsonl, line 2: field "p2" is missing/);
  });

  it("paragraphs that are all too long; some may be", async () => {
    const opened = await openInfillModel(model);
    const long = { p1: "", p3: "", p2: "word ".repeat(300) };
    const amounts = { scored: undefined, written: 1, seed: 1 };
    expect(chooseExamples({ path: "x", examples: [examples[0], long] }, [opened], amounts)).toMatchObject({
      pools: [[examples[0]]],
      scored: [0],
      written: [0],
      dropped: 1,
    });
    expect(() => chooseExamples({ path: "x.jsonl", examples: [long] }, [opened], amounts)).toThrow(
      /^x\.jsonl: p2 alone is longer than the model's context \(128 positions\) in all 1 examples/,
    );
  });

  it("a folder that holds results, unless told otherwise", async () => {
    await mkdir(at("results"));
    await writeFile(at("results/other.txt"), "");
    expect(await chooseResultFolder(at("results"), false)).toBe(at("results"));
    await writeFile(at("results/report.html"), "");
    await expect(chooseResultFolder(at("results"), false)).rejects.toThrow(
      /holds report\.html already.*--overwrite_output_dir/,
    );
    expect(await chooseResultFolder(at("results"), true)).toBe(at("results"));
    await expect(chooseResultFolder(testFile, false)).rejects.toThrow(/Cannot use/);
  });

  it("options that contradict each other, in terms of flags", async () => {
    await expect(planTexts(await openInfillModel(model), examples, { topK: 5 })).rejects.toThrow(
      /--top_k 5 has no effect without --do_sample/,
    );
  });
});

describe("flags", () => {
  it("have the names of the other programs", () => {
    const { values } = parseFlags(EVALUATE, ["--model", "m", "--compare", "n", "--beam", "4", "--batch_size", "2"]);
    expect(values).toMatchObject({
      modelNameOrPath: "m",
      compare: "n",
      numBeams: "4",
      perDeviceEvalBatchSize: 2,
      candidates: 10,
      seed: 42,
      maxExamples: 50,
    });
    expect(helpText(EVALUATE)).toContain("--length_penalty");
  });
});

describe("writing", () => {
  const write = async (options: GenerationOptions): Promise<WrittenText[]> => {
    const opened = await openInfillModel(model);
    const weights = await GPT2LMHeadModel.fromPretrained(device, opened.folder);
    const plan = await planTexts(opened, examples.slice(0, 3), options);
    const decoder = new GPT2Decoder(weights);
    const written = await writeTexts(opened, decoder, plan, examples.slice(0, 3), {
      batchSize: 2,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    decoder.dispose();
    await device.finish();
    weights.destroy();
    return written;
  };

  it("knows the end, counts special tokens and leaves them out of the text", async () => {
    const { encoder } = await openInfillModel(model);
    const always = (id: number): GenerationOptions => ({ maxNewTokens: 4, sequenceBias: [[[id], 1e4]] });
    for (const each of await write(always(encoder.ids.eos)))
      expect(each).toMatchObject({ ended: true, tokens: 0, specials: 0, text: "" });
    for (const each of await write(always(encoder.ids.p1)))
      expect(each).toMatchObject({ ended: false, tokens: 4, specials: 4, text: "" });
    const plainToken = (await openInfillModel(model)).tokenizer.encode("a")[0];
    for (const each of await write(always(plainToken)))
      expect(each).toMatchObject({ ended: false, tokens: 4, specials: 0, text: "aaaa" });
  });

  it("takes the classes from the template or from the real texts", async () => {
    const opened = await openInfillModel(model);
    expect(realText(opened, examples[0]).tokens).toBe(opened.tokenizer.encode(" She met Tom there .").length);
    expect(ruleFor(opened, examples)?.source).toBe("examples");
  });
});

describe("a whole run", () => {
  it("puts two models side by side", { timeout: 300_000 }, async () => {
    const out = at("out");
    const run = await start([
      "--model",
      model,
      "--compare",
      model,
      "--test_file",
      testFile,
      "--train_file",
      testFile,
      "--max_examples",
      "2",
      "--max_new_tokens",
      "5",
      "--candidates",
      "3",
      "--output_dir",
      out,
    ]);
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toContain("| true p3 found among 3 (chance 33.3%) |");
    expect(run.stdout).toMatch(/^ {2}p3: (used|not used|misleading|cannot tell); /m);
    expect(run.stderr).toContain("Saved");
    expect((await readdir(out)).sort()).toEqual(["evaluation.json", "report.html"]);
    const { examples: count, models } = JSON.parse(await readFile(join(out, "evaluation.json"), "utf8"));
    expect([count, models.length, models[0].per_example.length, models[0].written.texts]).toEqual([6, 2, 6, 2]);
    expect(models[1]).toEqual(models[0]);
    expect(models[0].written.real.copied_from_training.value).toBe(1);
    expect(await readFile(join(out, "report.html"), "utf8")).toContain("</html>");
  });

  it("says one sentence when it cannot", async () => {
    const run = await start(["--model", plain, "--test_file", testFile, "--output_dir", at("never")]);
    expect([run.code, run.stdout]).toEqual([1, ""]);
    expect(run.stderr.trim().split("\n")).toHaveLength(1);
    expect(run.stderr).toMatch(/^Error: .*has no infill_template\.json/);
  });
});

function start(args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, ["--import", "tsx", join(root, "src/evaluate.ts"), ...args], { cwd: root });
    let stdout = "",
      stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    child.on("close", (code) => done({ code, stdout, stderr }));
  });
}
