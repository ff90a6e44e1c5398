// src/evaluate.ts: what it refuses before any work, how it writes texts, and one whole run of two tiny models of random
// weights.
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  chooseExamples,
  chooseResultFolder,
  openInfillModel,
  openInfillModels,
  readExampleFile,
} from "../src/cli/evaluate/data.ts";
import { EVALUATE } from "../src/cli/evaluate/flags.ts";
import { loadWeights } from "../src/cli/evaluate/run-model.ts";
import { gapKey, readTheirTexts } from "../src/cli/evaluate/texts.ts";
import { planTexts, realText, ruleFor, writeGuarded, writeTexts } from "../src/cli/evaluate/write.ts";
import { wishesOf } from "../src/cli/generate/wishes.ts";
import { helpText, parseFlags } from "../src/cli/shared/flags.ts";
import type { WrittenText } from "../src/evaluation/written-figures.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import type { Device } from "../src/gpu/device.ts";
import { openFolder } from "../src/files/open.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
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

describe("untrained", () => {
  it("is the other model with fresh weights, under its own name where a folder has that name", async () => {
    const [fresh, trained] = await openInfillModels(["untrained", model]);
    expect([fresh.fresh, trained.fresh, fresh.history]).toEqual([true, undefined, `, untrained, as ${model} is built`]);
    expect(fresh.encoder.template).toEqual(trained.encoder.template);
    const weights = await loadWeights(device, fresh, 43);
    const saved = await loadWeights(device, trained, 42);
    const first = async (of: GPT2LMHeadModel) =>
      (await device.read(of.parameters.get("transformer.wpe.weight").value))[0];
    expect(await first(weights)).not.toBe(await first(saved));
    for (const each of [weights, saved]) each.destroy();
    await expect(openInfillModels(["untrained"])).rejects.toThrow(
      /^untrained is a model with fresh weights .* --compare/,
    );
  });
});

describe("texts of another system", () => {
  const lines = async (...rows: object[]): Promise<string> => {
    await writeFile(at("their.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
    return at("their.jsonl");
  };
  const [{ p1, p3 }, second] = examples;

  it("are found by the paragraphs around them, in the forms that programs write", async () => {
    const path = await lines(
      { p1: ` ${p1}\n`, p3, text: "One." },
      { p1: second.p1, p3: second.p3, candidates: [{ p2: "Two." }, { p2: "Three." }], p2: "not this" },
    );
    const { texts } = await readTheirTexts(path, examples);
    expect([gapKey(examples[0]), gapKey(second)].map((key) => texts.get(key))).toEqual(["One.", "Two."]);
  });

  it.each<[RegExp, object[]]>([
    [/line 1: the test file has no gap between "Elsewhere\." and/, [{ p1: "Elsewhere.", p3, text: "x" }]],
    [
      /line 2: .* has a text for this gap already/,
      [
        { p1, p3, text: "x" },
        { p1, p3, text: "y" },
      ],
    ],
    [/line 1: there is no text, wanted "text"/, [{ p1, p3, candidates: [] }]],
  ])("are refused in one sentence: %s", async (message, rows) => {
    await expect(readTheirTexts(await lines(...rows), examples)).rejects.toThrow(message);
  });
});

describe("draws", () => {
  it("are random, in order, the same for a seed, and only of gaps that can be judged", async () => {
    const opened = await openInfillModel(model);
    const many = { path: "x", examples: Array.from({ length: 60 }, (_, i) => ({ ...examples[0], p2: `Text ${i}.` })) };
    const draw = (seed: number) => chooseExamples(many, [opened], { scored: 20, written: 8, seed });
    const { scored, written } = draw(1);
    expect([scored.length, written.length]).toEqual([20, 8]);
    for (const list of [scored, written]) expect(list).toEqual([...list].sort((a, b) => a - b));
    expect(scored).not.toEqual(Array.from({ length: 20 }, (_, i) => i));
    for (const each of written) expect(scored).toContain(each);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(2).scored).not.toEqual(scored);
    const judged = chooseExamples(many, [opened], {
      scored: undefined,
      written: 50,
      seed: 1,
      judged: ({ p2 }) => p2.endsWith("7."),
    });
    expect(judged.written).toEqual([7, 17, 27, 37, 47, 57]);
  });

  it("leave out what the template has no field for, and say so", async () => {
    const opened = await openInfillModel(model);
    const template = { ...opened.encoder.template, metadataFields: ["length"] };
    const bare = { ...opened, encoder: new InfillEncoder(template, opened.tokenizer) };
    const { pools, notes } = chooseExamples({ path: "x", examples }, [opened, bare], {
      scored: undefined,
      written: 1,
      seed: 1,
    });
    expect(pools[0][0].meta).toEqual(examples[0].meta);
    expect(pools[1][0].meta).toEqual({ length: "S" });
    expect(notes).toEqual(["characters left out of 6 (the template has no such field)"]);
  });
});

describe("writing as src/generate.ts does", () => {
  it("brings in what must occur, says what it cost, and what could not be had", async () => {
    const opened = await openInfillModel(model);
    const weights = await loadWeights(device, opened, 1);
    const decoder = new GPT2Decoder(weights);
    const wish = (flags: string[]) => wishesOf(parseFlags(EVALUATE, flags).values);
    const writeWith = async (flags: string[]): Promise<WrittenText> => {
      const plan = await planTexts(opened, examples.slice(0, 1), { maxNewTokens: 14 }, wish(flags));
      const options = { signal: new AbortController().signal, onProgress: () => {} };
      return (await writeGuarded(opened, decoder, plan, examples.slice(0, 1), options))[0];
    };
    const forced = await writeWith(["--force_words", "Tom"]);
    expect(forced.text).toMatch(/\bTom\b/);
    expect([forced.held, typeof forced.cost, forced.specials]).toEqual([true, "number", 0]);
    const free = await writeWith([]);
    expect([free.held, free.cost, free.specials]).toEqual([undefined, undefined, 0]);
    decoder.dispose();
    await device.finish();
    weights.destroy();
  });
});

describe("a whole run", () => {
  it("puts two models side by side", { timeout: 300_000 }, async () => {
    const out = at("out");
    const theirs = examples.map(({ p1, p3 }, i) => JSON.stringify({ p1, p3, text: `Tom was at place ${i}.` }));
    await writeFile(at("theirs.jsonl"), theirs.join("\n"));
    const run = await start([
      "--texts",
      at("theirs.jsonl"),
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
    const {
      examples: count,
      models,
      other_texts: others,
    } = JSON.parse(await readFile(join(out, "evaluation.json"), "utf8"));
    expect([count, models.length, models[0].per_example.length, models[0].written.texts]).toEqual([6, 2, 6, 2]);
    expect(models[1]).toEqual(models[0]);
    expect(others[0]).toMatchObject({
      name: at("theirs.jsonl"),
      texts: [{ text: expect.stringMatching(/^Tom was at place/) }, {}],
    });
    expect(others[0].written.characters_present).toMatchObject({ value: 0.5, in_other_gaps: { value: 0.5 } });
    for (const { written } of [models[0], others[0]])
      expect(written.judged_log_prob_per_token.p3.after_text.value).toBeLessThan(0);
    expect(others[0].written.judged_log_prob_per_token.p3.after_real_p2).toEqual(
      models[0].written.judged_log_prob_per_token.p3.after_real_p2,
    );
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
