// A text that is cut where TextCutter allows it has the same ids as the whole, whatever is in it and however it is
// read.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { lineCutter } from "../src/cli/train/data-cache/cutters.ts";
import { textPieces } from "../src/cli/train/data-cache/text-pieces.ts";
import type { TextPiecesOptions } from "../src/cli/train/data-cache/text-pieces.ts";
import { normalizeLineEnds } from "../src/text/normalize.ts";
import { PreTrainedTokenizer } from "../src/tokenizer/pretrained-tokenizer.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { textLinesOf } from "../src/training/text-dataset.ts";

const folder = mkdtempSync(join(tmpdir(), "text-cut-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Words, marks and white space of every kind, in any order: what the pattern and the added tokens look at. */
const AWKWARD = [
  ..." \n\t\r\v\f\u0085\u00a0\u2028\u3000\ufeff\u200d'",
  ..."aé9½—.!漢字",
  "\r\n",
  "    ",
  "\n\n\n",
  "'s",
  "'ll ",
  "don't",
  "the",
  " the",
  "🙂",
  "👩‍👩‍👧",
  "e\u0301",
  "<|endoftext|>",
  "[P1]",
  "[P2]",
  "[P3]",
  "a b",
  " x",
  "x ",
  "tail",
];
const texts = fc.array(fc.constantFrom(...AWKWARD), { maxLength: 40, size: "max" }).map((parts) => parts.join(""));
const small = GPT2Tokenizer.default().truncate(500);

/** Added tokens with every rule, with white space at each place of them, and which tokenizers have which. */
const TOKENS = [
  { content: "[P1]", lstrip: true },
  { content: "[P2]", rstrip: true },
  { content: "[P3]", lstrip: true, rstrip: true, singleWord: true },
  { content: "a b" },
  { content: " x", singleWord: true },
  { content: "x ", rstrip: true },
  { content: "tail", singleWord: true },
  { content: "\n\n" },
  { content: "the\n  the" },
];
const tokenizers = fc
  .record({ tokens: fc.subarray(TOKENS), special: fc.boolean(), addPrefixSpace: fc.boolean() })
  .map(({ tokens, special, addPrefixSpace }) => {
    const tokenizer = new PreTrainedTokenizer({ ...small.currentParts(), addPrefixSpace });
    if (special) tokenizer.addSpecialTokens(tokens);
    else tokenizer.addTokens(tokens);
    return tokenizer;
  });

async function piecesOf(text: string, options: Omit<TextPiecesOptions, "name">): Promise<string[]> {
  const file = join(folder, "text.txt");
  writeFileSync(file, text);
  const pieces: string[] = [];
  for await (const { text: piece } of textPieces(file, { name: "text.txt", ...options })) pieces.push(piece);
  return pieces;
}

describe("a cut text", () => {
  it("has the ids of the whole, at each place that is allowed", () => {
    let cuts = 0;
    fc.assert(
      fc.property(texts, tokenizers, (text, tokenizer) => {
        const cutter = tokenizer.textCutter();
        const whole = tokenizer.encode(text);
        for (let end = text.length; end > 0;) {
          const at = cutter.lastCut(text.slice(0, end)); // as if the rest were not read yet
          if (at === undefined) break;
          cuts++;
          expect([...tokenizer.encode(text.slice(0, at)), ...tokenizer.encode(text.slice(at))]).toEqual(whole);
          end = at;
        }
      }),
      { numRuns: 400 },
    );
    expect(cuts).toBeGreaterThan(400);
  });

  it("is read from a file in pieces of any size with the same ids", async () => {
    await fc.assert(
      fc.asyncProperty(texts, tokenizers, fc.integer({ min: 1, max: 20 }), async (text, tokenizer, readBytes) => {
        const plain = normalizeLineEnds(text);
        const pieces = await piecesOf(text, { cutter: tokenizer.textCutter(), readBytes });
        expect(pieces.join("")).toBe(plain);
        expect(pieces.flatMap((piece) => tokenizer.encode(piece))).toEqual(tokenizer.encode(plain));
      }),
      { numRuns: 150 },
    );
  });

  it("has the lines of the whole where it is cut at their ends", async () => {
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 20 }), async (text, readBytes) => {
        const pieces = await piecesOf(text, { cutter: lineCutter, readBytes });
        expect(pieces.flatMap(textLinesOf)).toEqual(textLinesOf(normalizeLineEnds(text)));
      }),
      { numRuns: 100 },
    );
  });

  it("is cut in English after every few words", async () => {
    const pieces = await piecesOf("The miller walked to the mill. ".repeat(100), {
      cutter: small.textCutter(),
      readBytes: 40,
    });
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(60);
  });
});

describe("a file", () => {
  const cutter = small.textCutter();

  it.each([
    ["in the middle", Buffer.from([0x61, 0x20, 0xc3, 0x28, 0x20, 0x61]), 2],
    ["cut short", Buffer.from([0x61, 0x20, 0xe6, 0xbc]), 2],
    ["of no character at all", Buffer.from([0x61, 0x62, 0xff, 0x20]), 2],
  ])("that is no UTF-8 %s is refused with the place, however it is read", async (_, bytes, place) => {
    const file = join(folder, "bad.txt");
    writeFileSync(file, bytes);
    for (const readBytes of [1, 2, 3, 100]) {
      const read = async (): Promise<void> => {
        for await (const _piece of textPieces(file, { cutter, name: "bad.txt", readBytes })) continue;
      };
      await expect(read()).rejects.toThrow(`bad.txt: not valid UTF-8 (first bad byte at offset ${place})`);
    }
  });

  it("without white space is refused before it fills the memory", async () => {
    await expect(piecesOf("x".repeat(500), { cutter, readBytes: 10, longestUncut: 300 })).rejects.toThrow(
      /text\.txt: 310 characters before byte 310 hold no place to cut them at, wanted text with white space/,
    );
  });
});
