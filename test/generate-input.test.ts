// What people's files and flags met: line ends, spaces and accents in every way of giving a gap, absurd numbers, texts
// without end, control characters, and candidates that only their cut-off ends told apart. With the demo model.
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { write } from "../src/cli/generate/candidates.ts";
import type { Writer, Written } from "../src/cli/generate/candidates.ts";
import { candidateJson, GapPrinter, prose, sameNote } from "../src/cli/generate/print.ts";
import { setUp } from "../src/cli/generate/setup.ts";
import type { Setup } from "../src/cli/generate/setup.ts";
import { UserError } from "../src/errors.ts";
import { openFolder } from "../src/files/open.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { DEFAULT_TEMPLATE } from "../src/infill/template.ts";
import { openDevice } from "./check-kernel.ts";

const demo = join(fileURLToPath(new URL("..", import.meta.url)), "weights/demo");
let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "input-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const setup = (...argv: string[]): Promise<Setup> => setUp(argv, demo);
const ids = async (...argv: string[]): Promise<readonly number[]> => (await setup(...argv)).plan.prompts[0].ids;
const fileOf = async (text: string, end = "txt"): Promise<string> => {
  const file = join(folder, `${files++}.${end}`);
  await writeFile(file, text);
  return file;
};

describe("the same paragraph has the same ids", () => {
  const paragraph =
    "« Attends ! » dit Kim ; puis elle rit, et le café de la gare du Nord, où ils étaient venus, se vida.";
  const odd = [
    "\uFEFF«\u00A0Attends\u202F!\u00A0» dit Kim\u202F; puis _elle_ rit, et le cafe\u0301 de la\r\n" +
      "gare du Nord, ou\u0300 ils e\u0301taient\u200B venus, se vi\u00ADda.\r\n",
    "« Attends ! » dit Kim ; puis *elle* rit, et le café de la\rgare du Nord, où ils étaient venus, se vida.\r",
    "« Attends !\u2009» dit Kim ;\tpuis elle rit, et le café de la\u2028gare du Nord, où ils étaient venus, se vida.",
  ];

  it("from flags, files, documents, JSON Lines", async () => {
    const wanted = await ids("--p1", paragraph, "--p3", "Fin.");
    for (const text of odd) {
      expect(await ids("--p1", text, "--p3", "Fin."), text).toEqual(wanted);
      expect(await ids("--p1_file", await fileOf(text), "--p3", "Fin."), text).toEqual(wanted);
      const document = await fileOf(`Un.\n\n${text}\n\n[[...]]\n\nFin.\n`);
      expect(await ids("--document", document), text).toEqual(wanted);
      const lines = await fileOf(JSON.stringify({ p1: text, p3: "Fin." }), "jsonl");
      expect(await ids("--input_file", lines), text).toEqual(wanted);
    }
  });

  it("of a prompt differs in line ends only, as plain text in training", async () => {
    const wanted = await ids("--prompt", "Once upon a time,\nJack");
    for (const text of ["Once upon a time,\r\nJack\r\n", "\uFEFFOnce upon a time,\rJack", "Once upon a time,\nJack\n"])
      expect(await ids("--input_file", await fileOf(text))).toEqual(wanted);
    expect(await ids("--prompt", "Once upon a time,\r\nJack")).toEqual(wanted);
    expect(await ids("--prompt", "Once\u00A0upon a time,\nJack")).not.toEqual(wanted);
  });
});

it("a document's gap takes the template's own fields, whatever their script", async () => {
  const model = join(folder, "model");
  await cp(demo, model, { recursive: true });
  const template = JSON.parse(await readFile(join(demo, "infill_template.json"), "utf8")) as object;
  const fields = { ...template, metadataFields: ["longueur", "thème", "point de vue"] };
  await writeFile(join(model, "infill_template.json"), JSON.stringify(fields));
  const gap = await ids(
    "--model",
    model,
    "--document",
    await fileOf("Un.\n\n[[thème=espoir; point de vue=elle]]\n\nFin."),
  );
  const flags = ["--meta", "the\u0300me=espoir", "--meta", "point de vue=elle"];
  expect(await ids("--model", model, "--p1", "Un.", "--p3", "Fin.", ...flags)).toEqual(gap);
  const unknown = await fileOf("Un.\n\n[[humeur=gaie]]\n\nFin.");
  await expect(setup("--model", model, "--document", unknown)).rejects.toThrow(
    /"humeur" is unknown, wanted one of longueur, thème, point de vue/,
  );
});

describe("absurd input ends in a sentence, soon", () => {
  const GAP = ["--p1", "Mia ran.", "--p3", "She slept."];
  it.each([
    [[...GAP, "--do_sample", "--num_return_sequences", "1e9"], /--num_return_sequences 1000000000 for 1 prompt/],
    [[...GAP, "--beam", "1e9"], /--beams? 1000000000|--num_beams 1000000000 for 1 prompt/],
    [[...GAP, "--max_new_tokens", "1e9"], /320 positions/],
    [[...GAP, "--min_new_tokens", "1e9"], /320 positions/],
    [[...GAP, "--do_sample", "--top_p", "NaN"], /--top_p is "NaN", expected a number above 0/],
    [["--prompt", "x ".repeat(500_000)], /1000000 characters/],
  ])("%#", async (argv, message) => {
    const error = await setup(...argv).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toMatch(/\n|^.{400}/s);
  });

  it("and a long context is cut in seconds", async () => {
    const started = performance.now();
    await ids("--p1_file", await fileOf("The miller walked down to the river. ".repeat(300_000)), "--p3", "x");
    await ids("--p1_file", await fileOf(`a${" ".repeat(300_000)}b`), "--p3_file", await fileOf("字".repeat(300_000)));
    await ids(...GAP, "--meta", `summary=${"word ".repeat(20_000)}`);
    expect(performance.now() - started).toBeLessThan(30_000);
  });
});

describe("what is written", () => {
  let device: Device;
  let decoder: GPT2Decoder;
  beforeAll(async () => {
    device = await openDevice();
    decoder = new GPT2Decoder(await GPT2LMHeadModel.fromPretrained(device, await openFolder(demo)));
  });
  afterAll(() => device.destroy());
  const written = async (...argv: string[]): Promise<Written> => {
    const { model, plan, values } = await setup(...argv);
    const writer: Writer = { decoder, tokenizer: model.tokenizer, plan, trim: values.trim };
    return write(writer);
  };
  const BEAMS = ["--prompt", "The miller", "--beam", "5", "--num_return_sequences", "5", "--do_sample", "--seed", "2"];

  it("shows texts that trimming made equal once, and says so", async () => {
    const { candidates, rows, output } = await written(...BEAMS, "--max_new_tokens", "20");
    const texts = candidates[0].map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts.length).toBeLessThan(5);
    const named = candidates[0].flatMap(({ sequences }, i) => sequences ?? [rows[0][i]]);
    expect(named.sort()).toEqual([0, 1, 2, 3, 4]);
    expect(output.generated).toHaveLength(5);
    expect(sameNote(candidates[0])).toMatch(/^The 5 sequences came to .* shown once, .*--no_trim/);
    const merged = candidates[0].find(({ sequences }) => sequences)!;
    expect(candidateJson(merged, "p2")).toMatchObject({ p2: merged.text, sequences: merged.sequences });
    const all = await written(...BEAMS, "--max_new_tokens", "20", "--no_trim");
    expect([all.candidates[0].length, sameNote(all.candidates[0])]).toEqual([5, undefined]);
  });

  it("at a temperature near 0 is the most probable, not an error", async () => {
    const greedy = await written("--prompt", "The miller", "--max_new_tokens", "12", "--no_trim");
    for (const more of [
      ["--num_return_sequences", "2"],
      ["--typical_p", "0.99"],
    ]) {
      const cold = ["--do_sample", "--temperature", "1e-310", "--max_new_tokens", "12", "--no_trim", ...more];
      const { candidates } = await written("--prompt", "The miller", ...cold);
      for (const { text } of candidates[0]) expect(text).toBe(greedy.candidates[0][0].text);
    }
  });
});

it("control characters are shown, not obeyed", () => {
  const text = "a\u001b[31mred\u009b0m \u202Eevil\u0007\r\nnext\tcell";
  const screen = { write: () => true, isTTY: false } as unknown as NodeJS.WriteStream;
  const candidate = { text, tokens: 1, reason: "eos", unfinished: false, trimmed: false } as const;
  const page = new GapPrinter(screen, { p1: text, p3: text, meta: { theme: text } }, DEFAULT_TEMPLATE);
  for (const shown of [page.before(), page.after(), page.candidates([candidate]), prose(screen, [candidate])]) {
    // oxlint-disable-next-line no-control-regex -- that there is none
    expect(shown).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
    expect(shown).toContain("\\u001b[31mred");
  }
  expect(candidateJson(candidate, "text")).toMatchObject({ text });
});
