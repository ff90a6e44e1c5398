// From paragraphs to the files that training reads: triples, the split, measured lengths, ILM's masks, the preview, and
// src/prepare.ts as a whole, with what it refuses.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepare } from "../src/cli/prepare/run.ts";
import { histogram } from "../src/cli/prepare/report.ts";
import { TokenCounter } from "../src/infill/books/measure.ts";
import { sentenceSpans } from "../src/infill/books/sentence-spans.ts";
import { makeTriples } from "../src/infill/books/triples.ts";
import type { Paragraph } from "../src/infill/books/chapters.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { parseJsonl } from "../src/infill/example.ts";
import type { InfillExample } from "../src/infill/example.ts";
import { GRANULARITIES, maskDocument, splitDocuments } from "../src/infill/ilm.ts";
import { lengthClass } from "../src/infill/length-class.ts";
import { previewLines } from "../src/infill/preview.ts";
import { SPLITS, splitExamples } from "../src/infill/split.ts";
import type { PlacedExample } from "../src/infill/split.ts";
import { DEFAULT_TEMPLATE, parseTemplate, specialTokenList } from "../src/infill/template.ts";
import { ORIGIN_2020_TEMPLATE } from "../src/infill/template-presets.ts";
import { Random } from "../src/random.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { longPattern } from "./long-pattern.ts";

const tokenizer = GPT2Tokenizer.default();
tokenizer.addSpecialTokens(specialTokenList(DEFAULT_TEMPLATE));

describe("makeTriples", () => {
  const run = (...texts: string[]): Paragraph[] =>
    texts.map((text, index) => ({ text, line: 10 * index, index, chapter: 1 }));
  const words = (text: string): number => text.split(/\s+/).length;
  const options = { minP2: 1, maxP2: 1000, minTokens: 3, maxTokens: 6, minContextTokens: 1, strict: false };

  it("makes each paragraph between two others p2, if it is neither short nor long, and stays inside a run", () => {
    const { triples, tooShort, tooLong } = makeTriples(
      [run("a1", "b b b", "c", "d d d d d d d", "e"), run("x x x", "y y y")],
      words,
      options,
    );
    expect(triples).toEqual([{ p1: "a1", p2: "b b b", p3: "c", tokens: 3, line: 10, chapter: 1, first: 0, last: 2 }]);
    expect([tooShort, tooLong]).toEqual([1, 1]);
  });

  it("adds paragraphs to a short p1 and p3, as far as the run goes", () => {
    const { triples } = makeTriples([run("a", "b b", "c c", "d d d", "e", "f")], words, {
      ...options,
      minContextTokens: 4,
    });
    expect(triples).toEqual([
      { p1: "b b\nc c", p2: "d d d", p3: "e\nf", tokens: 3, line: 30, chapter: 1, first: 1, last: 5 },
    ]);
  });
});

describe("splitExamples", () => {
  /** Examples over `units` units, each of the unit between `reach` before and after it. */
  const chain = (units: number, reach: number, tag = ""): PlacedExample[] =>
    Array.from({ length: Math.max(0, units - 2 * reach) }, (_, i) => {
      const text = (from: number, to: number): string =>
        Array.from(
          { length: to - from + 1 },
          (_each, k) => `${tag}paragraph number ${from + k} of the book, long enough to count`,
        ).join("\n");
      const at = i + reach;
      return {
        example: { p1: text(at - reach, at - 1), p2: text(at, at), p3: text(at + 1, at + reach) },
        first: at - reach,
        last: at + reach,
        source: `${at}`,
        tokens: 9,
        total: 40,
      };
    });

  it("never puts a paragraph into two parts, and keeps the rest", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 200 }),
        fc.integer({ min: 1, max: 3 }),
        fc.double({ min: 0, max: 0.4, noNaN: true }),
        fc.double({ min: 0, max: 0.4, noNaN: true }),
        fc.integer(),
        (units, reach, validation, test, seed) => {
          const examples = chain(units, reach);
          const { parts, across, repeated } = splitExamples(
            [{ units, examples }],
            { validation, test },
            new Random(seed),
          );
          const seen = SPLITS.map(
            (split) =>
              new Set(
                parts[split].flatMap(({ example: { p1, p2, p3 } }) => [p1, p2, p3].flatMap((text) => text.split("\n"))),
              ),
          );
          for (const [i, a] of seen.entries())
            for (const b of seen.slice(i + 1)) expect([...a].filter((text) => b.has(text))).toEqual([]);
          expect(SPLITS.reduce((sum, split) => sum + parts[split].length, 0) + across).toBe(examples.length);
          expect(repeated).toBe(0);
          expect(across).toBeLessThanOrEqual(4 * 2 * reach);
        },
      ),
      { numRuns: 60, seed: 5 },
    );
  });

  it("holds out one region of each book, of its share, by the seed", () => {
    const sources = [
      { units: 400, examples: chain(400, 1, "A ") },
      { units: 200, examples: chain(200, 1, "B ") },
    ];
    const split = (seed: number) => splitExamples(sources, { validation: 0.1, test: 0.05 }, new Random(seed)).parts;
    const { validation, test } = split(1);
    expect([validation.length, test.length]).toEqual([400 * 0.1 - 2 + 200 * 0.1 - 2, 400 * 0.05 - 2 + 200 * 0.05 - 2]);
    const places = validation.filter(({ example }) => example.p2.startsWith("A ")).map(({ first }) => first);
    expect(places).toEqual(places.map((_, i) => places[0]! + i));
    expect(split(1)).toEqual(split(1));
    expect(split(2).validation[0]).not.toEqual(validation[0]);
  });

  it("drops from training what repeats held-out text, but not stock phrases", () => {
    const twice = [
      { units: 100, examples: chain(100, 1) },
      { units: 100, examples: chain(100, 1) },
    ];
    const { parts, repeated } = splitExamples(twice, { validation: 0.1, test: 0.1 }, new Random(3));
    const held = new Set([...parts.validation, ...parts.test].map(({ example }) => example.p2));
    expect(parts.train.some(({ example }) => held.has(example.p2))).toBe(false);
    expect(repeated).toBeGreaterThan(10);
    const stock = (i: number): PlacedExample => ({
      example: { p1: "Yes, sir.", p2: `Something different every time, number ${i}`, p3: "No." },
      first: i,
      last: i,
      source: "",
      tokens: 9,
      total: 20,
    });
    expect(
      splitExamples(
        [{ units: 20, examples: Array.from({ length: 20 }, (_, i) => stock(i)) }],
        { validation: 0.2, test: 0 },
        new Random(1),
      ).repeated,
    ).toBe(0);
  });
});

describe("TokenCounter", () => {
  const counter = new TokenCounter(DEFAULT_TEMPLATE, tokenizer),
    encoder = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer);

  it("counts as the encoder does", () => {
    const text = fc
      .array(fc.constantFrom("a", "L’été", "déjà vu.", "--", "\n", "!", "kite", "ß", " ", "7"))
      .map((words) => words.join(" ").trim());
    const example: fc.Arbitrary<InfillExample> = fc.record({
      p1: text,
      p2: text.map((each) => each || "x"),
      p3: text,
      meta: fc.option(
        fc.record({ length: fc.constantFrom("S", "M", "L", " "), title: text, characters: text }, { requiredKeys: [] }),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(example, (each) => {
        expect(counter.example(each)).toBe(encoder.encodeExample(each, { blockSize: 9999 })!.ids.length);
      }),
      { numRuns: 200, seed: 6 },
    );
  });

  it("refuses a special token in a text and an unknown field, naming the place", () => {
    expect(() => counter.example({ p1: "", p2: "a [P2] b", p3: "", where: "b.txt, line 3" })).toThrow(
      /^b\.txt, line 3: the text contains \[P2\]/,
    );
    expect(() => counter.example({ p1: "", p2: "a", p3: "", meta: { mood: "sad" }, where: "x.jsonl, line 2" })).toThrow(
      /^x\.jsonl, line 2: metadata field "mood" is unknown/,
    );
  });
});

describe("ILM's documents", () => {
  const DOCUMENT = "The storm\nMr. Hale slept. “Wake up!” cried Martha. He did not.\n\nThe sea rose, and rose again.";

  it("are separated by three newlines", () => {
    expect(splitDocuments(`\n${DOCUMENT}\n\n\n\nTwo\n\n\n \n\n\nThree\n`)).toEqual([DOCUMENT, "Two", "Three"]);
  });

  it("have sentences", () => {
    expect(
      sentenceSpans(DOCUMENT.split("\n")[1]!).map(([from, to]) => DOCUMENT.split("\n")[1]!.slice(from, to)),
    ).toEqual(["Mr. Hale slept.", "“Wake up!” cried Martha.", "He did not."]);
    expect(sentenceSpans("« Ah ! » dit-il. -- Oui. Et 3 p. Non").length).toBe(3);
    expect(sentenceSpans("  ")).toEqual([]);
  });

  it.each([
    ["document", 1, ["The storm"]],
    ["paragraph", 3, ["The storm", "Mr. Hale slept.", "The sea"]],
    ["sentence", 5, ["The storm", "Mr. Hale slept.", "“Wake up!”", "He did not.", "The sea"]],
    ["word", 18, ["The", "storm", "Mr.", "Hale"]],
  ] as const)("are masked whole at probability 1: %s", (granularity, count, starts) => {
    const gaps = maskDocument(DOCUMENT, { granularities: [granularity], probability: 1, passes: 2 }, new Random(1));
    expect(gaps.length).toBe(count);
    for (const [i, start] of starts.entries()) expect(gaps[i]!.p2.startsWith(start)).toBe(true);
  });

  it("give back their text from any gap, and mask about as often as they are told to", () => {
    const squeeze = (text: string): string => text.replace(/\s+/g, " ").trim();
    const document = Array.from(
      { length: 40 },
      (_, i) => `Sentence ${i} has some words. And ${i} more words follow here.`,
    ).join("\n");
    const gaps = maskDocument(document, { granularities: GRANULARITIES, probability: 0.03, passes: 40 }, new Random(7));
    for (const { p1, p2, p3 } of gaps) expect(squeeze(`${p1} ${p2} ${p3}`)).toBe(squeeze(document));
    const count = (name: string): number => gaps.filter(({ granularity }) => granularity === name).length;
    expect(count("document")).toBe(1); // the same span is not taken twice
    expect(count("paragraph")).toBeGreaterThan(20); // of 40, each tried about 39 times at 0.03
    expect(count("ngram")).toBeGreaterThan(count("word"));
    const grams = gaps.filter(({ granularity }) => granularity === "ngram").map(({ p2 }) => p2.split(" ").length);
    expect([Math.min(...grams), Math.max(...grams)]).toEqual([1, 8].map((each) => Math.min(each, 6)));
  });
});

describe("previewLines", () => {
  const encoded = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer).encodeExample(
    { p1: "Hi you", p3: "", p2: "déjà", meta: { length: "S" } },
    { blockSize: 99 },
  )!;
  const lines = (lossOn: "all" | "target", color = false, width = 200) =>
    previewLines(encoded, { tokenizer, lossOn, color, width });

  it("shows every token, the specials and the loss", () => {
    expect(lines("target")).toEqual([
      "13 tokens: 6 context, 3 markers, 3 p2, 1 end; 4 in the loss (--loss_on target)",
      "│⟦[P1]⟧│ Hi│ you│⟦[P3]⟧│⏎│length│:│ S│⟦[P2]⟧█ dé█j█à█⟦[EOS]⟧",
    ]);
    expect(lines("all")[1]).not.toContain("│");
    expect(lines("all")[0]).toMatch(/13 in the loss \(--loss_on all\)$/);
  });

  it("shows bytes of half a character in the byte alphabet", () => {
    const emoji = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer).encodeExample(
      { p1: "", p3: "", p2: "🪁" },
      { blockSize: 99 },
    )!;
    expect(previewLines(emoji, { tokenizer, lossOn: "all", color: false, width: 200 })[1]).toMatch(
      /^█⟦\[P1\]⟧█⟦\[P3\]⟧█⟦\[P2\]⟧(?:█<[^ <>]+>)+█⟦\[EOS\]⟧$/,
    );
  });

  it("keeps to the width, and in colour adds nothing but colours", () => {
    for (const line of lines("all", false, 24).slice(1)) expect([...line].length).toBeLessThanOrEqual(24);
    // oxlint-disable-next-line no-control-regex -- the escape of terminal colours
    expect(lines("target", true).map((line) => line.replace(/\x1b\[[\d;]*m/g, ""))).toEqual(lines("target"));
    expect(lines("target", true).join("")).toContain("\x1b[32m");
  });
});

describe("length classes", () => {
  it("are S and M up to their bounds, and L beyond", () => {
    expect([1, 32, 33, 70, 71].map((tokens) => lengthClass(tokens, [32, 70]))).toEqual(["S", "S", "M", "M", "L"]);
  });

  it("travel in the template, checked", () => {
    expect(parseTemplate({ ...DEFAULT_TEMPLATE, lengthBounds: [3, 9] }, "t")).toEqual({
      ...DEFAULT_TEMPLATE,
      lengthBounds: [3, 9],
    });
    expect(parseTemplate(DEFAULT_TEMPLATE, "t")).not.toHaveProperty("lengthBounds");
    for (const lengthBounds of [null, 3, [3], [9, 3], [3, 3], [0, 3], [1.5, 3], ["3", "9"]]) {
      expect(() => parseTemplate({ ...DEFAULT_TEMPLATE, lengthBounds }, "m/t.json")).toThrow(
        /^m\/t\.json: field "lengthBounds" is wrong/,
      );
    }
  });
});

describe("histogram", () => {
  it("counts every length once", () => {
    const rows = histogram([1, 2, 3, 40, 41, 5000], "an example")
      .slice(1)
      .map((row) => Number(/(\d+)$/.exec(row)![1]));
    expect(rows.reduce((a, b) => a + b)).toBe(6);
    expect(histogram([5], "an example")).toEqual([
      "Tokens   an example: 5 to 5, median 5",
      `          0-7  ${"█".repeat(40)} 1`,
    ]);
  });
});

describe("src/prepare.ts", () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "prepare-"));
    await mkdir(at("books"));
    await writeFile(at("books/one.txt"), book("Ann", "CHAPTER"));
    await writeFile(
      at("books/deux.txt"),
      Uint8Array.from(book("Hélène", "CHAPITRE"), (char) => char.charCodeAt(0)),
    );
    await writeFile(
      at("books.json"),
      JSON.stringify([
        { file: "books/one.txt", title: "One", genre: "sea" },
        { file: "books/deux.txt", title: "Deux", language: "fr" },
      ]),
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** 4 chapters of 30 paragraphs, each different from all others. */
  function book(name: string, chapter: string): string {
    const paragraph = (i: number): string =>
      `${name} said that the boat number ${i} lay in the bay of ${name} for ${i} days, and nobody\nwent near ` +
      `it until number ${i + 1} had come in with the tide. "Let us go," said ${name}.`;
    return [1, 2, 3, 4]
      .map((c) => `\n\n${chapter} ${c}\n\n${Array.from({ length: 30 }, (_, i) => paragraph(100 * c + i)).join("\n\n")}`)
      .join("\n\n");
  }

  async function run(...argv: string[]): Promise<string[]> {
    const lines: string[] = [];
    await prepare(argv, { print: (line) => lines.push(line), color: false, width: 100 });
    return lines;
  }
  const read = async (out: string, split: string): Promise<InfillExample[]> =>
    parseJsonl(await readFile(join(out, `${split}.jsonl`), "utf8"), `${split}.jsonl`);

  it("makes the examples of another template, and says which fields that lacks", async () => {
    const out = at("origin");
    const lines = await run(
      "--manifest",
      at("books.json"),
      "--output_dir",
      out,
      "--template",
      "origin_2020",
      "--min_p2",
      "1",
    );
    const template = parseTemplate(JSON.parse(await readFile(join(out, "infill_template.json"), "utf8")), "t.json");
    expect({ ...template, lengthBounds: undefined }).toEqual({ ...ORIGIN_2020_TEMPLATE, lengthBounds: undefined });
    expect(template.lengthBounds).toHaveLength(2);
    const examples = await read(out, "train");
    expect(examples.every(({ meta }) => !Object.hasOwn(meta as object, "title"))).toBe(true);
    expect(lines.join("\n")).toMatch(/title left out of \d+ \(the template has no such field\)/);
    const typed = at("typed");
    await run(
      at("books/one.txt"),
      "--output_dir",
      typed,
      "--template",
      "suffix_first",
      "--section_types",
      "--min_p2",
      "1",
    );
    const other: unknown = JSON.parse(await readFile(join(typed, "infill_template.json"), "utf8"));
    expect(other).toMatchObject({ order: ["p3", "p1", "metadata", "p2"], sectionTypes: true });
  });

  it.each([
    [["--template", "origin2020"], /wanted one of default, suffix_first, origin_2020, or a file\.json/],
    [["--template", "origin_2020", "--layout", "p3_first"], /--layout and --template exclude each other/],
  ])("refuses %j", async (flags, message) => {
    await expect(run(at("books/one.txt"), "--output_dir", at("no"), ...flags)).rejects.toThrow(message);
  });

  it("turns a manifest of books into three files and a template", async () => {
    const out = at("out");
    const lines = await run(
      "--manifest",
      at("books.json"),
      "--output_dir",
      out,
      "--length_bounds",
      "50,60",
      "--layout",
      "p3_first",
      "--min_p2",
      "1",
      "--preview",
      "2",
    );
    const parts = Object.fromEntries(
      await Promise.all(SPLITS.map(async (split) => [split, await read(out, split)] as const)),
    );
    const examples = Object.values(parts).flat();
    expect(parts["train"]!.length).toBeGreaterThan(150);
    expect(parts["validation"]!.length).toBeGreaterThan(4);
    for (const { p1, p2, p3, meta, place } of examples) {
      const fields = meta as Record<string, unknown>;
      expect([p1, p2, p3].join("\n")).not.toMatch(/CHAP|\n\n/);
      expect(fields["length"]).toBe(lengthClass(tokenizer.encode(` ${p2}`).length, [50, 60]));
      expect(fields["characters"]).toEqual([fields["title"] === "One" ? "Ann" : "Hélène"]);
      expect(Object.keys(fields)).toEqual(
        fields["title"] === "One"
          ? ["length", "genre", "characters", "title"]
          : ["length", "characters", "title", "language"],
      );
      // Numbers of neighbouring paragraphs, of one chapter.
      const [before, own, after] = [p1, p2, p3].map((text) => Number(/number (\d+)/.exec(text)![1]));
      expect([before, after]).toEqual([own! - 1, own! + 1]);
      expect(place).toEqual({ book: expect.stringMatching(/^(one|deux)\.txt$/), chapter: Math.floor(own! / 100) });
    }
    const template = parseTemplate(JSON.parse(await readFile(join(out, "infill_template.json"), "utf8")), "t");
    expect(template).toMatchObject({ order: ["p3", "p1", "metadata", "p2"], lengthBounds: [50, 60] });
    expect(lines.join("\n")).toMatch(
      longPattern(
        /one\.txt: 4 chapters, 120 paragraphs: 112 examples from 120 passages .*; as p2 0 too short[^]*/,
        /Length {3}S up to 50[^]*Block[^]*Preview[^]*│|█/,
      ),
    );
    expect(lines.at(-1)).toContain(`--train_file ${join(out, "train.jsonl")}`);
  });

  it("repeats itself with the same seed, and only then", async () => {
    await run(at("books"), "--output_dir", at("a"));
    await run(at("books"), "--output_dir", at("b"));
    await run(at("books"), "--output_dir", at("c"), "--seed", "7");
    const text = (out: string): Promise<string> => readFile(join(at(out), "validation.jsonl"), "utf8");
    expect(await text("b")).toBe(await text("a"));
    expect(await text("c")).not.toBe(await text("a"));
  });

  it("takes ready examples, fills in what they lack and keeps what they have", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({
      p1: `Before ${i} there was something to tell about the sea.`,
      p2: `Middle ${i} has a text.`,
      p3: `After ${i} nothing else was said about it again.`,
      ...(i % 2 ? { meta: { length: "L", summary: `s${i}` } } : {}),
    }));
    await writeFile(at("own.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
    await run(at("own.jsonl"), "--output_dir", at("own"), "--genre", "sea");
    const train = await read(at("own"), "train");
    expect(train.length).toBe(36);
    expect(
      train.find(({ p2 }) => p2.startsWith("Middle 1 "))?.meta ??
        train.find(({ p2 }) => p2.startsWith("Middle 3 "))!.meta,
    ).toMatchObject({ length: "L", genre: "sea" });
    expect(train.filter(({ meta }) => (meta as Record<string, string>)["length"] === "S").length).toBeGreaterThan(10);
  });

  it("takes ILM's documents, with the kind of gap as metadata that the template knows", async () => {
    await writeFile(
      at("ilm.txt"),
      Array.from(
        { length: 60 },
        (_, i) => `Story ${i}\nIt was day ${i}. The boat ${i} came. It left on day ${i + 1}.`,
      ).join("\n\n\n"),
    );
    await run(
      at("ilm.txt"),
      "--input_format",
      "ilm",
      "--output_dir",
      at("ilm"),
      "--ilm_granularity",
      "sentence",
      "--ilm_granularity",
      "word",
      "--ilm_probability",
      "0.2",
    );
    const train = await read(at("ilm"), "train");
    expect(new Set(train.map(({ meta }) => (meta as Record<string, string>)["gap"]))).toEqual(
      new Set(["sentence", "word"]),
    );
    const template = parseTemplate(JSON.parse(await readFile(join(at("ilm"), "infill_template.json"), "utf8")), "t");
    expect(new InfillEncoder(template, tokenizer).encodeAll(train, { blockSize: 512 }).examples.length).toBe(
      train.length,
    );
  });

  describe("refuses, with nothing written,", () => {
    const files: Readonly<Record<string, string | Uint8Array>> = {
      "zip.txt": Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0),
      "list.txt": "A list\n\nof words\n\nand no prose",
      "missing.json": '[{"file":"books/none.txt"}]',
      "unknown.json": '[{"file":"books/one.txt","mood":"sad"}]',
      "computed.json": '[{"file":"books/one.txt","length":"S"}]',
      "types.json": '[{"file":"books/one.txt","genre":{}}]',
      "notlist.json": '{"file":"x"}',
      "nojson.json": "[",
      "nofile.json": '[{"title":"x"}]',
      "twice.json": '[{"file":"books/one.txt"},{"file":"books/one.txt"}]',
      "other.json": '[{"file":"books/deux.txt"}]',
      "bad.jsonl": '{"p1":"a","p2":"b","p3":"c"}\n{"p1":"a","p2":3,"p3":"c"}',
      "key.jsonl": '{"p1":"a","p2":"b","p3":"c","meta":{"mood":"x"}}',
      "few.jsonl": '{"p1":"a","p2":"b","p3":"c"}',
      "marker.txt": Array.from(
        { length: 40 },
        (_, i) => `Paragraph ${i} speaks of [EOS] and of the sea, and of nothing else at all today, my friends.`,
      ).join("\n\n"),
    };
    beforeAll(async () => {
      for (const [name, data] of Object.entries(files)) await writeFile(at(name), data);
      await mkdir(at("empty"));
    });

    it.each([
      [["zip.txt"], /^zip\.txt: not a readable text/],
      [["list.txt"], /^list\.txt: no usable triple of paragraphs/],
      [["none.txt"], /Cannot read .*none\.txt: there is no such file/],
      [["empty"], /empty holds no \.txt files/],
      [[], /No books are given/],
      [["books/one.txt", "books/one.txt"], /one\.txt is given twice/],
      [["--manifest", "missing.json"], /missing\.json, entry 1: there is no file .*none\.txt/],
      [
        ["--manifest", "unknown.json"],
        /unknown\.json, entry 1: metadata field "mood" is unknown for a book, wanted one of genre/,
      ],
      [["--manifest", "computed.json"], /field "length" is unknown for a book/],
      [["--manifest", "types.json"], /types\.json, entry 1: field "genre" is \{\}/],
      [["--manifest", "notlist.json"], /notlist\.json: found \{"file":"x"\}, wanted a list/],
      [["--manifest", "nojson.json"], /nojson\.json: not valid JSON/],
      [["--manifest", "nofile.json"], /entry 1: field "file" is missing/],
      [["--manifest", "twice.json"], /entry 2: books\/one\.txt stands in the manifest twice/],
      [["books/one.txt", "--manifest", "other.json"], /one\.txt is not in .*other\.json/],
      [["bad.jsonl"], /^bad\.jsonl, line 2: field "p2" is the number 3/],
      [["key.jsonl"], /^key\.jsonl, line 1: metadata field "mood" is unknown/],
      [["few.jsonl"], /gives 1 examples and none for validation\.jsonl/],
      [["marker.txt"], /^marker\.txt, line \d+: the text contains \[EOS\]/],
      [["books/one.txt", "--length_bounds", "9,9"], /--length_bounds is 9,9/],
      [["books/one.txt", "--min_tokens", "9", "--max_tokens", "8"], /--min_tokens is 9 and --max_tokens 8/],
      [
        ["few.jsonl", "--input_format", "ilm", "--ilm_granularity", "line"],
        /--ilm_granularity is "line", expected one of document/,
      ],
      [["books/one.txt", "--validation_share", "0.5", "--test_share", "0.5"], /leave nothing for training/],
    ])("%j", async (argv, message) => {
      const paths = argv.map((arg, i) =>
        (/\.(?:txt|json|jsonl)$|^empty$/.test(arg) && !arg.startsWith("--")) || argv[i - 1] === "--manifest"
          ? at(arg)
          : arg,
      );
      await expect(run(...paths, "--output_dir", at("refused"))).rejects.toThrow(message);
      expect(await readdir(folder)).not.toContain("refused");
    });

    it("an output folder that holds examples already, unless told to replace them", async () => {
      await run(at("books"), "--output_dir", at("kept"));
      const before = await readFile(join(at("kept"), "train.jsonl"), "utf8");
      await expect(run(at("books"), "--output_dir", at("kept"), "--seed", "9")).rejects.toThrow(
        /kept already holds train\.jsonl; choose another --output_dir, or pass --overwrite_output_dir/,
      );
      expect(await readFile(join(at("kept"), "train.jsonl"), "utf8")).toBe(before);
      await run(at("books"), "--output_dir", at("kept"), "--seed", "9", "--overwrite_output_dir");
      expect(await readFile(join(at("kept"), "train.jsonl"), "utf8")).not.toBe(before);
      await expect(run(at("books"))).rejects.toThrow(/--output_dir is not given/);
    });
  });
});
