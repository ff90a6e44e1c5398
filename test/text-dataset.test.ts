// Plain text as sequences: the same blocks and lines that the 2020 script fed to its model.
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collate } from "../src/examples/collate.ts";
import { TOKEN_TYPE } from "../src/examples/encoded-example.ts";
import { cutBlocks, textBlocks, textLines } from "../src/training/text-dataset.ts";

const characters = { encode: (text: string): number[] => Array.from(text, (c) => c.codePointAt(0)!) };
const textOf = (ids: readonly number[]): string => String.fromCodePoint(...ids);

describe("textBlocks", () => {
  it("cuts consecutive whole blocks and drops the rest", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500), { maxLength: 300 }), fc.integer({ min: 1, max: 40 }), (ids, size) => {
        const blocks = cutBlocks(ids, size);
        expect(blocks.length).toBe(Math.floor(ids.length / size));
        expect(blocks.every((block) => block.length === size)).toBe(true);
        expect(blocks.flat()).toEqual(ids.slice(0, blocks.length * size));
      }),
      { seed: 1 },
    );
  });

  it("makes the blocks of the reference run", () => {
    const {
      train_ids: train,
      eval_ids: evaluation,
      runs: { blocks: run },
    } = reference();
    const key = (block: readonly number[]): string => block.join(" ");
    const cut = new Set(cutBlocks(train, 32).map(key));
    const fed = new Set(run.train_forward.flatMap((forward) => forward.input_ids.map(key)));
    expect(fed).toEqual(cut);
    // Evaluation takes them in order; the last pass is the final one.
    const expected = cutBlocks(evaluation, 32);
    const last = run.eval_forward.flatMap((forward) => forward.input_ids).slice(-expected.length);
    expect(last).toEqual(expected);
  });

  it("reads as Python does: universal newlines, no byte-order mark; and all is target", () => {
    const [block] = textBlocks("\uFEFFa\r\nb\rc", characters, 5, "x.txt");
    expect(textOf(block!.ids)).toBe("a\nb\nc");
    expect([...block!.types]).toEqual(new Array(5).fill(TOKEN_TYPE.target));
  });

  it("refuses an empty file and one shorter than a block", () => {
    for (const text of ["", " \n\t\r\n", "\uFEFF"])
      expect(() => textBlocks(text, characters, 4, "x.txt")).toThrow(/x\.txt: the file holds no text/);
    expect(() => textBlocks("abc", characters, 4, "x.txt")).toThrow(
      /x\.txt: the text has 3 tokens, fewer than one block of 4/,
    );
  });
});

describe("textLines", () => {
  const lines = (text: string, size = 100): string[] =>
    textLines(text, characters, size, "x.txt").map(({ ids }) => textOf(ids));

  it("ends lines where str.splitlines does and skips blank ones", () => {
    expect(lines("a\n\n b \r\n \t\nc\rd\ve\ff\x1cg\x1dh\x1ei\x85j\u2028k\u2029l\x1fm")).toEqual([
      "a",
      " b ",
      "c",
      "d",
      "e",
      "f",
      "g",
      "h",
      "i",
      "j",
      "k",
      "l\x1fm",
    ]);
    expect(lines("a\n\u00a0\u3000\n\x1f\nb")).toEqual(["a", "b"]);
    expect(lines("a\n\uFEFF\nb")).toEqual(["a", "\uFEFF", "b"]); // U+FEFF is no space in Python
  });

  it("cuts a line after block_size ids, whatever their number", () => {
    expect(lines("abcdef\nab", 4)).toEqual(["abcd", "ab"]);
  });

  it("pads in the batch without counting pads in the loss", () => {
    const batch = collate(textLines("abc\nd", characters, 9, "x.txt"), { padId: 7, lossOn: "all" });
    expect(batch.inputIds).toEqual([
      [97, 98, 99],
      [100, 7, 7],
    ]);
    expect(batch.attentionMask).toEqual([
      [1, 1, 1],
      [1, 0, 0],
    ]);
    expect(batch.labels).toEqual([
      [97, 98, 99],
      [100, -100, -100],
    ]);
  });
});

interface Reference {
  readonly train_ids: number[];
  readonly eval_ids: number[];
  readonly runs: Readonly<
    Record<"blocks", Readonly<Record<"train_forward" | "eval_forward", { readonly input_ids: number[][] }[]>>>
  >;
}

function reference(): Reference {
  return JSON.parse(readFileSync(new URL("./fixtures/reference/e2e_2020/reference.json", import.meta.url), "utf8"));
}
