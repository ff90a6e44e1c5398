// One spelling for every door: characters, spaces, line ends, marks and wrapped lines, each kind by several members;
// and the property that counts, that a paragraph of a book has the ids of the same paragraph given to generation.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bookSource } from "../src/infill/books/book-source.ts";
import { decodeBook } from "../src/infill/books/decode.ts";
import { TokenCounter } from "../src/infill/books/measure.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { parseJsonl } from "../src/infill/example.ts";
import { DEFAULT_TEMPLATE, specialTokenList } from "../src/infill/template.ts";
import { normalizeCharacters, normalizeLine, normalizeLineEnds, normalizeText } from "../src/text/normalize.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

describe("characters", () => {
  it.each([
    ["a byte-order mark, a word joiner, a zero-width space", "\uFEFFOne\u2060 two\u200B.", "One two."],
    ["no-break spaces", "1\u00A0000 Attends\u202F!\u00A0», dit", "1 000 Attends ! », dit"],
    ["thin, hair, ideographic and other spaces", "a\u2009b\u200Ac\u3000d\u2003e\u205Ff", "a b c d e f"],
    ["accents after their letters", "cafe\u0301 Vie\u0323\u0302t", "café Việt"],
    ["Hangul in parts", "\u1112\u1161\u11AB\u1100\u1173\u11AF", "한글"],
    ["an accent behind a soft hyphen", "e\u00AD\u0301", "é"],
    ["soft hyphens", "mag\u00ADni\u00ADfi\u00ADcent", "magnificent"],
    ["a soft hyphen at a line's end", "the mag\u00AD\nnificent mill\nturned", "the magnificent\nmill\nturned"],
    ["CR, CRLF, mixed", "a\r\nb\rc\nd", "a\nb\nc\nd"],
    ["other line ends", "a\u2028b\x85c\vd\fe", "a\nb\nc\nd\ne"],
    ["a paragraph separator", "a\u2029b", "a\n\nb"],
  ])("%s", (_, text, wanted) => expect(normalizeCharacters(text)).toBe(wanted));

  it("keeps joiners that join, marks of direction and variation selectors", () => {
    const kept = [
      "می\u200Cخواهم",
      "👨\u200D👩\u200D👧",
      "🏳\uFE0F\u200D🌈",
      "👩🏽\u200D🚀",
      "ক্\u200D ",
      "\u200Fשלום\u200E a",
      "❤\uFE0F",
    ];
    for (const text of kept) expect(normalizeCharacters(text)).toBe(text);
    expect(normalizeCharacters("\u200Dword \u200C, end\u200D")).toBe("word , end");
  });

  it("of plain text mode are all but line ends and a byte-order mark", () => {
    expect(normalizeLineEnds("\uFEFFa\r\nb\rc\u00A0\u2028\uFEFF")).toBe("a\nb\nc\u00A0\u2028\uFEFF");
  });
});

describe("marks of emphasis", () => {
  it.each([
    ["_I_ said *no*, and **twice** no.", "I said no, and twice no."],
    ["un_believ_able, _un_fortunate", "unbelievable, unfortunate"],
    ["_open in this paragraph", "open in this paragraph"],
    ["closed here_, she said", "closed here, she said"],
    ["snake_case stays, ____ stays, 3 * 4 * 5 stays", "snake_case stays, ____ stays, 3 * 4 * 5 stays"],
    ["a footnote* stays", "a footnote* stays"],
  ])("%s", (text, wanted) => expect(normalizeText(text)).toBe(wanted));
});

describe("lines", () => {
  it.each([
    ["hard wraps", "The miller walked down to the river before\ndawn, and the mist lay thick.\n", 1],
    ["a wrap before a capital", "The two of them had come by the road that leads from\nParis to the sea.", 1],
    [
      "a wrap at a sentence's end",
      "He sat down by the wall and said no word.\nThe rain fell, and nobody in the house\nspoke.",
      1,
    ],
    ["dialogue", "“Yes,” he said.\n“No.”\n“And then we shall go,” she said.", 3],
    ["paragraphs of wrapped lines", "He sat by the brook\nall day.\n\nThe rain fell and\nfell.", 2],
    ["a paragraph across a page", "He walked down the long road that led\nto the\n\nsea and wept.", 1],
    ["verse", "Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand or eye,\nCould frame", 4],
    [
      "a song",
      "I walk a lonely road\nthe only one that I have ever known\ndo not know where it goes\nbut it is home",
      4,
    ],
    ["long lines", `${"word ".repeat(30)}\nand ${"word ".repeat(30)}`, 2],
  ])("%s", (_, text, lines) => expect(normalizeText(text).split("\n")).toHaveLength(lines));

  it("joins without a space inside a word, at a dash, and in Chinese", () => {
    expect(normalizeText("the bright sun-\nbeam came--\nand went")).toBe("the bright sun-beam came--and went");
    expect(normalizeText("从前有一个磨坊主住在\n河边的村子里")).toBe("从前有一个磨坊主住在河边的村子里");
    expect(normalizeLine(" hope\n and\u00A0 _love_ ")).toBe("hope and love");
  });
});

const strange = fc
  .array(
    fc.constantFrom(
      ..."aeIT é.!?,“”’-—_*\n\t",
      ..."\r\u00A0\u202F\u00AD\u200B\u200C\u200D\uFEFF\u0301\u2028\u2029\x85猫ক্👩ا",
      "\r\n",
      " and ",
      "\n\n",
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));

it("leaves what it made as it is (property)", () => {
  for (const normalize of [normalizeCharacters, normalizeLine])
    fc.assert(fc.property(strange, (text) => normalize(normalize(text)) === normalize(text)));
});

it("cuts runs of combining marks at 30, as the Stream-Safe Text Format does, and no shorter ones", () => {
  const run = (marks: number): string => `x${"\u0301".repeat(marks)}`;
  expect(normalizeCharacters(run(30))).toBe(run(30));
  expect(normalizeCharacters(run(61))).toBe(`${run(30)}\u034f${"\u0301".repeat(30)}\u034f\u0301`);
  const decomposed = normalizeCharacters(`x${"\u0344".repeat(40)}`);
  expect(normalizeCharacters(decomposed)).toBe(decomposed);
});

it("takes time in proportion to the text", () => {
  const started = performance.now();
  for (const unit of [
    " ",
    "\n",
    "_",
    "*",
    "* a",
    "\u00AD ",
    "\u200D",
    "a_a",
    "e\u0301",
    "x\n",
    "\u00A0\t",
    "\u0301\u0323",
  ])
    normalizeText(`a${unit.repeat(100_000)}b`);
  expect(performance.now() - started).toBeLessThan(10_000);
});

describe("a paragraph has the same ids everywhere", () => {
  const tokenizer = GPT2Tokenizer.default();
  tokenizer.addSpecialTokens(specialTokenList(DEFAULT_TEMPLATE));
  const encoder = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer);
  const bytes = new TextEncoder();
  const word = fc.constantFrom(
    "the",
    "miller",
    "café",
    "walked",
    "und",
    "l’eau",
    "«\u00A0oui\u202F!\u00A0»",
    "_never_",
  );
  const sentence = fc
    .array(word, { minLength: 8, maxLength: 30 })
    .map((words) => `The ${words.join(" ")}, and so it was.`);
  const paragraphs = fc.array(fc.array(sentence, { minLength: 1, maxLength: 3 }), { minLength: 3, maxLength: 3 });
  const wrap = (text: string, width: number, end: string): string =>
    text.split(" ").reduce((page, each) => {
      const line = page.slice(page.lastIndexOf(end) + (page.includes(end) ? end.length : 0));
      return page === "" ? each : page + (line.length + 1 + each.length > width ? end : " ") + each;
    }, "");

  it("from a book, from JSON Lines, and from a prompt (property)", () => {
    fc.assert(
      fc.property(
        paragraphs,
        fc.integer({ min: 44, max: 76 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.constantFrom("NFC", "NFD"),
        (texts, width, end, form) => {
          const raw = texts.map((sentences) => wrap(sentences.join(" ").normalize(form), width, end));
          const { drafts } = bookSource(decodeBook(bytes.encode(raw.join(end + end)), "b"), "b", {}, {
            counter: new TokenCounter(DEFAULT_TEMPLATE, tokenizer),
            triples: { minP2: 1, maxP2: 10_000, minTokens: 1, maxTokens: 10_000, minContextTokens: 1, strict: true },
            characters: false,
            form: "prose",
          } as unknown as Parameters<typeof bookSource>[3]);
          const { p1, p2, p3, meta } = drafts[0]!.example;
          const prepared = encoder.encodeExample({ p1, p2, p3, meta }, { blockSize: 4096 })!.ids;
          const prompt = encoder.encodePrompt({ p1: raw[0]!, p3: raw[2]!, meta }, { maxLength: 4096 }).ids;
          expect(prepared.slice(0, prompt.length)).toEqual(prompt);
          const line = JSON.stringify({ p1: raw[0], p2: raw[1], p3: raw[2], meta });
          expect(encoder.encodeExample(parseJsonl(line, "t.jsonl")[0]!, { blockSize: 4096 })!.ids).toEqual(prepared);
        },
      ),
      { numRuns: 100 },
    );
  });
});
