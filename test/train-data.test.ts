// What src/train.ts reads: sequences in which nothing is predicted are left out, and said to be.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openExamples, readExamples } from "../src/cli/train/data.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const folder = mkdtempSync(join(tmpdir(), "train-data-"));
afterAll(() => rmSync(folder, { recursive: true }));
const tokenizer = GPT2Tokenizer.default();

function read(text: string, { lineByLine = true, blockSize = 32 } = {}, limit?: number) {
  const file = join(folder, "lines.txt");
  writeFileSync(file, text);
  return readExamples(file, { tokenizer, blockSize, template: undefined, lineByLine }, { limit });
}

describe("lines of a single token", () => {
  it("are left out, with a word on it", async () => {
    const { examples, summary } = await read("I\nThe miller walked.\nII\nAnna left.\n");
    expect(examples.map(({ ids }) => tokenizer.decode(ids))).toEqual(["The miller walked.", "Anna left."]);
    expect(summary).toMatch(/: 2 lines, \d+ tokens, 2 of a single token left out, in which nothing is predicted$/);
  });

  it("do not count towards a limit", async () => {
    const { examples } = await read("I\nThe miller walked.\nII\nAnna left.\n", {}, 1);
    expect(examples.map(({ ids }) => tokenizer.decode(ids))).toEqual(["The miller walked."]);
  });

  it("are not spoken of where there are none", async () => {
    const { summary } = await read("The miller walked.\nAnna left.\n");
    expect(summary).toMatch(/: 2 lines, \d+ tokens$/);
  });

  it.each([
    ["lines of one token", "I\nII\n", { lineByLine: true, blockSize: 32 }],
    ["lines cut after one token", "The miller walked.\n", { lineByLine: true, blockSize: 1 }],
    ["blocks of one token", "The miller walked.\n", { lineByLine: false, blockSize: 1 }],
  ])("nothing but %s is refused", async (_what, text, options) => {
    await expect(read(text, options)).rejects.toThrow(/each of its \d sequences has a single token/);
  });
});

describe("infilling examples as plain text", () => {
  const gap = JSON.stringify({ p1: "Anna left.", p2: "It rained.", p3: "She came back." });
  const refusal =
    /lines\.txt holds infilling examples .*; give it as --train_file .*--validation_file to evaluate on\.$/;

  it.each([gap, `\ufeff\n ${gap}\r\nmore`, `${gap}\n${gap}\n`])("are refused: %j", async (text) => {
    await expect(read(text)).rejects.toThrow(refusal);
    const choice = { tokenizer, blockSize: 4, template: undefined, lineByLine: false };
    const use = { dir: join(folder, "cache"), always: true, overwrite: true, threads: 0 };
    await expect(openExamples(join(folder, "lines.txt"), choice, { limit: undefined }, use)).rejects.toThrow(refusal);
  });

  it.each(["{", '{"p1": "a", "p3": "b"}', `Once ${gap}`, `[${gap}]`, '{"text": "p1 p2 p3"}'])(
    "are told from other texts: %j",
    async (text) => {
      expect(
        (await read(`${text} and more of it\n${text}\n`, { lineByLine: false, blockSize: 2 })).tokens,
      ).toBeGreaterThan(3);
    },
  );
});
