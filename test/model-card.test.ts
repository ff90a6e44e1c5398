// README.md beside a model: YAML that another reader takes as it was meant, Markdown that no title breaks, code that is
// code, and a person's own file left alone.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { exportHf } from "../src/cli/export/hf.ts";
import { baseOf, cardFile, cardUsage } from "../src/cli/shared/model-card.ts";
import type { Job } from "../src/cli/train/job.ts";
import { runCard } from "../src/cli/train/run-card.ts";
import { RunFolder } from "../src/cli/train/run-folder.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { openFolder } from "../src/files/open.ts";
import { writeAdapter } from "../src/gpt2/adapter-files.ts";
import { readConfig } from "../src/gpt2/checkpoint-files.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { adapterShapes, LoraConfig } from "../src/gpt2/lora-config.ts";
import * as engine from "../src/index.ts";
import * as infill from "../src/entries/infill.ts";
import { DEFAULT_TEMPLATE, specialTokensToAdd } from "../src/infill/template.ts";
import { ORIGIN_2020_TEMPLATE } from "../src/infill/template-presets.ts";
import type { InfillTemplate } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { DEFAULT_ARGUMENTS } from "../src/training/arguments.ts";
import { frontMatterTexts } from "../src/training/card-front-matter.ts";
import type { CardAbout } from "../src/training/card-front-matter.ts";
import type { LogEntry } from "../src/training/log-entry.ts";
import { CARD_MARKER, code, markdown, modelCard } from "../src/training/model-card.ts";

const root = mkdtempSync(join(tmpdir(), "model-card-"));
afterAll(() => rmSync(root, { recursive: true }));

const about: CardAbout = { name: "run-1", origin: "fresh weights", languages: [], fillsGaps: false };
const usage = { prompt: "Once upon a time", maxNewTokens: 20 };
const history: LogEntry[] = [
  { step: 1, epoch: 0.5, loss: 3.25 },
  { step: 2, epoch: 1, eval_loss: 1.5, eval_perplexity: Math.exp(1.5) },
  { step: 4, epoch: 2, loss: 1, learning_rate: 1e-4 },
  { step: 4, epoch: 2, eval_loss: 1.75, eval_perplexity: Math.exp(1.75) },
];
const training = {
  args: { ...DEFAULT_ARGUMENTS, gradientAccumulationSteps: 3 },
  blockSize: 128,
  trainable: [["freeze", "wte, h.*.ln_1"]],
  worldSize: 2,
  history,
  finalStep: 2,
  data: {
    file: "train.jsonl",
    examples: 30,
    tokens: 4000,
    titles: new Map([
      ["A", 10],
      ["B | <b>`x`", 20],
    ]),
  },
  evaluation: { file: "dev.jsonl", examples: 3, tokens: 400, titles: new Map<string, number>() },
  program: "gpt2-webgpu 0.2.0",
} as const;

const frontOf = (card: string): Record<string, unknown> => parse(card.split("---\n")[1]) as Record<string, unknown>;
const codeOf = (card: string, language: string): string =>
  new RegExp(`\`\`\`${language}\n(.*?)\n\`\`\``, "s").exec(card)![1];

describe("front matter", () => {
  it("is what the Hub wants of a fine-tuned model", () => {
    const base = { baseModel: "openai-community/gpt2", license: "mit", languages: ["en", "no"], fillsGaps: true };
    expect(frontOf(modelCard({ about: { ...about, ...base }, size: "1M", usage, training }))).toEqual({
      library_name: "transformers",
      pipeline_tag: "text-generation",
      base_model: "openai-community/gpt2",
      license: "mit",
      language: ["en", "no"], // which YAML would take for false
      tags: ["gpt2", "generated_from_trainer", "gpt2-webgpu", "infilling"],
      "model-index": [
        {
          name: "run-1",
          results: [
            {
              task: { type: "text-generation", name: "Causal Language Modeling" },
              dataset: { name: "dev.jsonl", type: "text" },
              metrics: [
                { type: "loss", name: "Loss", value: 1.5 }, // of step 2, whose weights it has
                { type: "perplexity", name: "Perplexity", value: 4.4817 },
              ],
            },
          ],
        },
      ],
    });
  });

  it("of an adapter names PEFT and its base, and of what is not known says nothing", () => {
    const front = frontOf(modelCard({ about: { ...about, baseModel: "gpt2", adapter: "lora" }, size: "1M", usage }));
    expect(front).toMatchObject({ library_name: "peft", base_model: "gpt2" });
    expect(front.tags).toEqual(expect.arrayContaining(["lora", "base_model:adapter:gpt2"]));
    expect(Object.keys(frontOf(modelCard({ about, size: "1M", usage })))).toEqual([
      "library_name",
      "pipeline_tag",
      "tags",
    ]);
  });

  it("keeps any text as it is (property)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
        const front = frontOf(
          modelCard({ about: { ...about, license: text, name: text }, size: "1M", usage, training }),
        );
        expect([front.license, (front["model-index"] as { name: string }[])[0].name]).toEqual([text, text]);
      }),
      { examples: [["yes"], ["1.0"], ["a: b"], ["- x"], ["null"], ['"'], ["---\n"], ["#"], ["é\u2028"]] },
    );
  });

  it.each([
    ["a: 1\nlicense: mit\n", ["mit"]],
    ["license:\n- mit\n- 'x y'\n", ["mit", "x y"]],
    ['license: ["mit", x]\n', ["mit", "x"]],
    ["other: mit\n", []],
    ["license:\nother:\n- mit\n", []],
  ])("is read: %j", (yaml, want) => {
    expect(frontMatterTexts(`---\n${yaml}---\nlicense: no\n`, "license")).toEqual(want);
    expect(frontMatterTexts(`---\n${yaml}---\n`.replaceAll("\n", "\r\n"), "license")).toEqual(want);
    expect(frontMatterTexts(yaml, "license")).toEqual([]);
  });
});

describe("the text", () => {
  const card = modelCard({ about, size: "1M parameters", usage, training });

  it("has data by title, settings and results as the Trainer names them", () => {
    expect(card).toContain(CARD_MARKER);
    expect(card).toContain("# run-1\n\nA GPT-2 of 1M parameters, trained from fresh weights.");
    expect(card).toContain("- Loss: 1.5000\n- Perplexity: 4.482\n");
    expect(card).toContain("Training: `train.jsonl`, 30 examples, 4000 tokens.");
    expect(card).toContain("| B \\| \\<b\\>\\`x\\` | 20 |\n| A | 10 |\n");
    for (const line of ["train_batch_size: 8", "total_train_batch_size: 48", "num_devices: 2", "training_steps: 4"])
      expect(card).toContain(`\n- ${line}\n`);
    expect(card).toContain(
      "| **3.2500** | **1.00** | **2** | **1.5000** | **4.482** |\n| 1.0000 | 2.00 | 4 | 1.7500 |",
    );
  });

  it("escapes what would be Markdown or HTML, on one line", () => {
    expect(markdown("a\n# b <i> [x](y) *z*\u001b")).toBe("a \\# b \\<i\\> \\[x\\](y) \\*z\\*");
    expect([code("a b.txt"), code("a`b")]).toEqual(["`a b.txt`", "a\\`b"]);
  });

  it("of a run without evaluation gives the last loss", () => {
    const bare = modelCard({ about, size: "1M", usage, training: { ...training, history: history.slice(0, 1) } });
    expect(bare).toContain("Training loss at the end: 3.2500.");
    expect(bare).not.toContain("model-index");
  });
});

describe("how to use it", () => {
  const tokenizerOf = (template: InfillTemplate | undefined): GPT2Tokenizer => {
    const tokenizer = GPT2Tokenizer.default();
    if (template) tokenizer.addSpecialTokens(specialTokensToAdd(template));
    return tokenizer;
  };
  const config = new GPT2Config({ nPositions: 64 });
  const hasPython = spawnSync("python3", ["--version"]).status === 0;

  it.each([
    ["plain text", undefined],
    ["gaps", DEFAULT_TEMPLATE],
    ["typed sections", ORIGIN_2020_TEMPLATE],
  ] as const)("of a model of %s is code, with its own prompt", (_, template) => {
    const tokenizer = tokenizerOf(template);
    const name = `odd "name's\\`;
    const made = cardUsage(config, tokenizer, template);
    const card = modelCard({ about: { ...about, name }, size: "1M", usage: made });
    const js = codeOf(card, "js");
    const imported = /import \{ (.*) \} from "(.*)"/.exec(js)!;
    const from = imported[2] === "gpt2-webgpu" ? engine : infill;
    for (const each of imported[1].split(", ")) expect(Object.keys(from)).toContain(each);
    expect(js).toContain(JSON.stringify(name));
    if (template) expect(tokenizer.encode(made.prompt).at(-1)).toBe(tokenizer.tokenToId("[P2]"));
    expect(codeOf(card, "python").includes("token_type_ids")).toBe(template?.sectionTypes === true);
    if (!hasPython) return;
    const check = spawnSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], {
      input: codeOf(card, "python"),
      encoding: "utf8",
    });
    expect(check.stderr).toBe("");
  });

  it("shows a whole example of the template, and its fields", () => {
    const card = modelCard({
      about,
      size: "1M",
      usage: cardUsage(config, tokenizerOf(DEFAULT_TEMPLATE), DEFAULT_TEMPLATE),
    });
    expect(codeOf(card, "text")).toBe(
      "[P1] The paragraph before.[P3] The paragraph after.\nlength: M[P2] The paragraph between.[EOS]",
    );
    expect(card).toContain("`theme`, `characters`");
  });
});

describe("the file", () => {
  const quiet = (): void => void vi.spyOn(process.stderr, "write").mockReturnValue(true);

  it("of a person stays, one of this program's is written anew", async () => {
    quiet();
    const folder = new MemoryFolder("m");
    const write = async (): Promise<string[]> => [...(await cardFile(folder, "m", "card")).keys()];
    expect(await write()).toEqual(["README.md"]);
    await folder.write(new Map([["README.md", `---\n---\n${CARD_MARKER}\nold`]]));
    expect(await write()).toEqual(["README.md"]);
    await folder.write(new Map([["README.md", "# Mine"]]));
    expect(await write()).toEqual([]);
    expect(process.stderr.write).toHaveBeenCalledWith(expect.stringContaining("stays as it is"));
    vi.restoreAllMocks();
  });

  it.each([
    ["# Mine", "# Mine"],
    [CARD_MARKER, undefined],
  ])("%j of an earlier run", async (before, after) => {
    const path = mkdtempSync(join(root, "over-"));
    await writeFile(join(path, "README.md"), before);
    await new RunFolder(path).startOver();
    expect(await readFile(join(path, "README.md"), "utf8").catch(() => undefined)).toBe(after);
  });

  it("says of its base what that folder's card says, and what is known of OpenAI's", async () => {
    expect(await baseOf("gpt2-xl")).toEqual({ origin: "gpt2-xl", baseModel: "gpt2-xl", license: "mit" });
    expect(await baseOf("someone/model")).toEqual({ origin: "someone/model", baseModel: "someone/model" });
    const path = mkdtempSync(join(root, "base-"));
    expect(await baseOf(path)).toEqual({ origin: path.slice(root.length + 1) });
    await writeFile(join(path, "README.md"), "---\nbase_model: a/b\nlicense: apache-2.0\n---\n# x\n");
    expect(await baseOf(path)).toMatchObject({ baseModel: "a/b", license: "apache-2.0" });
  });

  it("of a run counts titles, takes languages that are codes, and names no folder of this machine", async () => {
    const metas = [
      { title: "Emma", author: "Jane Austen", language: "en" },
      { title: "Emma", author: "Jane Austen", language: "English" },
      { title: "Germinal", language: "fr-FR" },
      undefined,
    ];
    const gaps = metas.map((meta, i) => ({ p1: "", p2: "x", p3: "", meta, place: { book: `/disk/me/${i}.txt` } }));
    const data = { examples: gaps, gaps, tokens: 9, file: "/disk/me/train.jsonl", summary: "", source: "" };
    // Of a run that is gone on with: its weights are a checkpoint's by now.
    const start = { config: new GPT2Config(), fresh: false, tokenizer: GPT2Tokenizer.default() };
    const flags = { configOverrides: new Map([["n_layer", 2]]), freeze: [" wte,h.[0-5]", "ln_*"] };
    const job = { flags, args: DEFAULT_ARGUMENTS, blockSize: 9, start, train: data } as unknown as Job;
    const run = new RunFolder(join(root, "novels"));
    const end = { history, from: 0, started: 0, finalStep: 4, worldSize: 1, size: "1M" };
    const card = await runCard(run, job, end);
    expect(card).toContain("# novels\n");
    expect(card).toContain("trained from fresh weights");
    expect(card).toContain("| Emma, by Jane Austen | 2 |\n| 3.txt | 1 |\n| Germinal | 1 |\n");
    expect(frontOf(card).language).toEqual(["en", "fr"]);
    expect(card).not.toMatch(/\/disk|\/me/);
    expect(card).toContain("\n- freeze: wte, h.\\[0-5\\], ln\\_\\*\n");
    const lora = new LoraConfig({
      r: 4,
      loraDropout: 0.1,
      targetModules: ["c_proj", "c_attn"],
      useRslora: true,
      trainableTokenIndices: [50259, 50257, 50258, 50262],
    });
    const ofAdapter = { ...job, flags: { ...flags, freeze: [] }, start: { ...start, lora } } as unknown as Job;
    expect(await runCard(run, ofAdapter, end)).toContain(
      "\n- lora_r: 4\n- lora_alpha: 8\n- lora_dropout: 0.1\n" +
        "- lora_target: attn.c\\_attn, attn.c\\_proj, mlp.c\\_proj\n" +
        "- use_rslora: true\n- trainable_token_indices: 50257 to 50259, 50262\n- ",
    );
    const ofAll = { ...job, flags: { ...flags, freeze: [] } } as unknown as Job;
    expect(await runCard(run, ofAll, end)).not.toMatch(/freeze|lora/);
  });

  it("of a merged adapter is a whole model's, with the adapter's training and its base", async () => {
    quiet();
    const [base, adapter] = ["base", "tuned"].map((name) => join(root, "merging", name));
    const demo = await openFolder("weights/demo");
    const files = new Map<string, Uint8Array>();
    for (const file of await demo.list()) if (file !== "README.md") files.set(file, await demo.read(file));
    await (await openFolder(base)).write(files);
    await writeFile(join(base, "README.md"), "---\nbase_model: someone/base\nlicense: apache-2.0\n---\n");
    const lora = new LoraConfig({ r: 1, baseModelNameOrPath: base });
    const shapes = adapterShapes(lora, await readConfig(demo));
    const zeros = (name: string): Float32Array => new Float32Array(shapes.get(name)!.reduce((a, b) => a * b));
    const ofAdapter: CardAbout = { ...about, name: "tuned", languages: ["fr"], adapter: "lora" };
    const own = modelCard({ about: ofAdapter, size: "1M", usage, training });
    const written = writeAdapter(lora, await readConfig(demo), zeros);
    await (await openFolder(adapter)).write(new Map([...written, ["README.md", own]]));

    const merge = async (outputDir: string): Promise<string> => {
      const settings = { outputDir, dtype: "F32", maxShardBytes: 5e9, overwrite: true } as const;
      await exportHf({ path: adapter, ...settings, signal: new AbortController().signal });
      return readFile(join(outputDir, "README.md"), "utf8");
    };
    const card = await merge(join(root, "merging", "whole"));
    expect(frontOf(card)).toMatchObject({
      library_name: "transformers",
      base_model: "someone/base",
      license: "apache-2.0",
      language: ["fr"],
      tags: ["gpt2", "generated_from_trainer", "gpt2-webgpu", "infilling"],
    });
    expect(card).toContain("# whole\n");
    expect(card).not.toMatch(/peft|adapter/i);
    // The program's own words on the training stay.
    expect(card).toContain(own.slice(own.indexOf("\n## Training")));
    expect(own.indexOf("\n## Training")).toBeGreaterThan(0);

    await writeFile(join(adapter, "README.md"), "---\nlibrary_name: peft\nlicense: mit\n---\n# Mine, an adapter\n");
    const other = await merge(join(root, "merging", "other"));
    expect(frontOf(other)).toMatchObject({ library_name: "transformers", license: "mit", base_model: "someone/base" });
    expect(process.stderr.write).toHaveBeenCalledWith(
      expect.stringContaining("the merged model has a card of its own"),
    );
    vi.restoreAllMocks();
  });

  it("comes with an export, in the place of none but its own kind", async () => {
    quiet();
    const outputDir = join(root, "exported");
    const settings = { outputDir, dtype: "F16", maxShardBytes: 5e9, overwrite: true } as const;
    const write = (): Promise<string> =>
      exportHf({ path: "weights/demo", ...settings, signal: new AbortController().signal });
    await write();
    const readme = join(outputDir, "README.md");
    const card = await readFile(readme, "utf8");
    expect(card).toContain("# exported\n");
    expect(card).toContain("infill_template.json");
    await writeFile(readme, "# Mine\n");
    await write();
    expect(await readFile(readme, "utf8")).toBe("# Mine\n");
    await writeFile(readme, `${CARD_MARKER}\nold`);
    await write();
    expect(await readFile(readme, "utf8")).toBe(card);
    vi.restoreAllMocks();
  });
});
