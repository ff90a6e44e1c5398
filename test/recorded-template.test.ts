// The template in the lines of a JSONL file: written by prepare, found again wherever the file is copied to, and never
// contradicted in silence.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boundsNote, openInfillModel, readTestFile } from "../src/cli/evaluate/data.ts";
import { prepare } from "../src/cli/prepare/run.ts";
import { parseFlags } from "../src/cli/shared/flags.ts";
import { DEMO_MODEL } from "../src/cli/shared/project-path.ts";
import { readExamples } from "../src/cli/train/data.ts";
import { TRAIN } from "../src/cli/train/flags.ts";
import { readStart } from "../src/cli/train/setup.ts";
import { parseJsonl } from "../src/infill/example.ts";
import { lengthClass } from "../src/infill/length-class.ts";
import { recordedLine, recordedTemplate } from "../src/infill/recorded-template.ts";
import { DEFAULT_TEMPLATE, parseTemplate, SUFFIX_FIRST_TEMPLATE, TEMPLATE_FILE } from "../src/infill/template.ts";
import type { InfillTemplate } from "../src/infill/template.ts";
import { ORIGIN_2020_TEMPLATE } from "../src/infill/template-presets.ts";
import { ruleFor } from "../src/cli/evaluate/write.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const EXAMPLE = { p1: "Before.", p2: "Between.", p3: "After.", meta: { length: "S" } };
const line = (template: InfillTemplate): string => recordedLine(EXAMPLE, "book.txt:1", template);
const plain = `${JSON.stringify(EXAMPLE)}\n`;

let folder: string;
const at = (...path: string[]): string => join(folder, ...path);
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "recorded-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("recordedTemplate", () => {
  it.each([
    ["the default", { ...DEFAULT_TEMPLATE, lengthBounds: [120, 180] as const }],
    ["one with everything", { ...ORIGIN_2020_TEMPLATE, lengthBounds: [7, 8] as const, orderMix: 0.25 }],
  ])("finds %s again, in any order of lines and beside lines without it", (_, template) => {
    const text = plain + line(template) + plain + line(template);
    expect(recordedTemplate(text, "t.jsonl")?.template).toEqual(template);
    expect(parseJsonl(text, "t.jsonl").map(({ p2 }) => p2)).toEqual(Array(4).fill("Between."));
  });

  it("finds none where none is", () => {
    expect(recordedTemplate(plain, "t.jsonl")).toBeUndefined();
    expect(recordedTemplate(plain.replace("Between", 'about \\"infill_template\\"'), "t.jsonl")).toBeUndefined();
  });

  it("takes what programs that keep tables make of it: keys in another order, null for what is missing", () => {
    const record = Object.fromEntries(Object.entries({ ...DEFAULT_TEMPLATE, orderMix: null }).reverse());
    const text = line(DEFAULT_TEMPLATE) + JSON.stringify({ ...EXAMPLE, infill_template: record });
    expect(recordedTemplate(text, "t.jsonl")?.template).toEqual(DEFAULT_TEMPLATE);
    expect(recordedTemplate(JSON.stringify({ ...EXAMPLE, infill_template: null }), "t.jsonl")).toBeUndefined();
  });

  it("refuses lines that contradict each other, and what is no template", () => {
    const other = { ...DEFAULT_TEMPLATE, lengthBounds: [1, 2] as const };
    expect(() => recordedTemplate(line(DEFAULT_TEMPLATE) + line(other), "t.jsonl")).toThrow(
      /^t\.jsonl, line 1 and t\.jsonl, line 2 contradict each other: lengthBounds is missing in the first and \[1,2\]/,
    );
    expect(() => recordedTemplate(JSON.stringify({ ...EXAMPLE, infill_template: 7 }), "t.jsonl")).toThrow(
      /^t\.jsonl, line 1, infill_template: field "\(top\)" is wrong, wanted an object/,
    );
  });
});

describe("a file that prepare wrote, copied alone", () => {
  const copy = async (name: string): Promise<string> => {
    await mkdir(at(name), { recursive: true });
    const file = at(name, "examples.jsonl");
    await writeFile(file, await readFile(at("out", "train.jsonl")));
    return file;
  };
  const start = (trainFile: string, ...argv: string[]) => {
    const { values } = parseFlags(TRAIN, ["--train_file", trainFile, ...argv]);
    return readStart(values, DEMO_MODEL, false, trainFile, {}, async () => []);
  };
  let written: InfillTemplate;
  const print = (): void => undefined;
  const terminal = { print, color: false, width: 80 };

  beforeAll(async () => {
    const paragraph = (i: number): string =>
      `Boat ${i} lay in the bay for ${i} days${" and a night".repeat(i % 9)}, and nobody went near it until it left.`;
    const book = Array.from({ length: 120 }, (_, i) => paragraph(i)).join("\n\n");
    await writeFile(at("book.txt"), book);
    await prepare([at("book.txt"), "--min_p2", "1", "--template", "suffix_first", "--output_dir", at("out")], terminal);
    written = parseTemplate(JSON.parse(await readFile(at("out", TEMPLATE_FILE), "utf8")), "t");
  });

  it("is trained on with the same layout and bounds, whatever the model's", async () => {
    expect(written.lengthBounds).toBeDefined();
    const { template } = await start(await copy("alone"));
    expect(template).toEqual(written);
  });

  it("brings its bounds to another layout", async () => {
    const { template } = await start(await copy("preset"), "--template", "default");
    expect(template).toEqual({ ...DEFAULT_TEMPLATE, lengthBounds: written.lengthBounds });
    await writeFile(at("own.json"), JSON.stringify(DEFAULT_TEMPLATE));
    const own = await start(await copy("preset"), "--template", at("own.json"));
    expect(own.template).toEqual({ ...DEFAULT_TEMPLATE, lengthBounds: written.lengthBounds });
    await writeFile(at("wrong.json"), JSON.stringify({ ...DEFAULT_TEMPLATE, lengthBounds: [1, 2] }));
    await expect(start(await copy("preset"), "--template", at("wrong.json"))).rejects.toThrow(
      /preset.examples\.jsonl and .*wrong\.json contradict each other: lengthBounds is \[\d+,\d+\] .* and \[1,2\]/,
    );
  });

  it("must not be contradicted by the folder that it lies in, unless a flag says which is right", async () => {
    const file = await copy("contradicted");
    await writeFile(at("contradicted", TEMPLATE_FILE), JSON.stringify({ ...written, p1Share: 0.25 }));
    await expect(start(file)).rejects.toThrow(
      /examples\.jsonl and .*infill_template\.json contradict each other: p1Share is 0\.5 .*0\.25 .*--template/,
    );
    const { template } = await start(file, "--template", at("contradicted", TEMPLATE_FILE));
    expect(template).toEqual({ ...written, p1Share: 0.25 });
  });

  it("is not validated by lengths that mean something else", async () => {
    const file = await copy("validation");
    const tokenizer = GPT2Tokenizer.default();
    const { template } = await start(file);
    tokenizer.addSpecialTokens({
      padToken: "[PAD]",
      eosToken: "[EOS]",
      additionalSpecialTokens: ["[P1]", "[P2]", "[P3]"],
    });
    const choice = { tokenizer, blockSize: 256, template: template!, lineByLine: false };
    expect((await readExamples(file, choice, { limit: 5 })).examples).toHaveLength(5);
    const others = { ...choice, template: { ...template!, lengthBounds: [2, 3] as const } };
    await expect(readExamples(file, others, { limit: 5 })).rejects.toThrow(
      /the template of this run contradict each other: lengthBounds/,
    );
  });

  it("is evaluated by its own bounds where the model has none, and a difference is said", async () => {
    const file = await readTestFile(await copy("evaluation"));
    expect(file.lengthBounds).toEqual(written.lengthBounds);
    const model = await openInfillModel(DEMO_MODEL);
    expect(model.encoder.template.lengthBounds).toBeUndefined();
    expect(boundsNote(file, model)).toBeUndefined();
    const rule = ruleFor(model, [], file.lengthBounds);
    expect(rule).toMatchObject({ unit: "tokens", bounds: written.lengthBounds });
    const template = { ...model.encoder.template, lengthBounds: [1, 2] as const };
    const taught = { ...model, encoder: Object.assign(Object.create(model.encoder), { template }) };
    expect(ruleFor(taught, [], file.lengthBounds)?.bounds).toEqual([1, 2]);
    expect(boundsNote(file, taught)).toMatch(/names lengths S and M up to \d+ and \d+ tokens .* learned up to 1 and 2/);
  });

  it("is prepared again with the same layout and bounds, or named anew by others", async () => {
    const file = await copy("again");
    const notLong = (await readFile(file, "utf8")).split("\n").filter((text) => !text.includes('"length":"L"'));
    await writeFile(file, notLong.join("\n")); // whose thirds would be others
    await prepare([file, "--output_dir", at("same"), "--test_share", "0"], terminal);
    expect(JSON.parse(await readFile(at("same", TEMPLATE_FILE), "utf8"))).toEqual(written);
    const before = parseJsonl(await readFile(file, "utf8"), "t").map(({ p2, meta }) => JSON.stringify([p2, meta]));
    const after = parseJsonl(await readFile(at("same", "train.jsonl"), "utf8"), "t");
    expect(after.length).toBeGreaterThan(30);
    for (const { p2, meta } of after) expect(before).toContain(JSON.stringify([p2, meta]));

    await prepare([file, "--output_dir", at("anew"), "--length_bounds", "30,40"], terminal);
    const anew = await readFile(at("anew", "train.jsonl"), "utf8");
    expect(recordedTemplate(anew, "t")?.template).toEqual({ ...written, lengthBounds: [30, 40] });
    const tokenizer = GPT2Tokenizer.default();
    for (const { p2, meta } of parseJsonl(anew, "t"))
      expect(meta).toMatchObject({ length: lengthClass(tokenizer.encode(` ${p2}`).length, [30, 40]) });
  });

  it("is joined with another run's only where a flag chooses the layout", async () => {
    const other = at("other.jsonl");
    const template = { ...DEFAULT_TEMPLATE, lengthBounds: [3, 4] as const };
    await writeFile(
      other,
      Array.from({ length: 40 }, (_, i) => line(template).replace("Between", `Between ${i}`)).join(""),
    );
    const both = [await copy("both"), other, "--output_dir"];
    await expect(prepare([...both, at("joined")], terminal)).rejects.toThrow(/order is .*pass --template/);
    await prepare([...both, at("joined"), "--template", "suffix_first"], terminal);
    const joined = recordedTemplate(await readFile(at("joined", "train.jsonl"), "utf8"), "t")!.template;
    expect(joined).toEqual({ ...SUFFIX_FIRST_TEMPLATE, lengthBounds: joined.lengthBounds });
    expect(joined.lengthBounds).not.toEqual([3, 4]);
  });
});
