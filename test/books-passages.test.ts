// Passages: sizes, joined speeches, divided paragraphs, short runs; and src/prepare.ts with them.
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepare } from "../src/cli/prepare/run.ts";
import { passagesOf } from "../src/infill/books/passages.ts";
import { sentenceSpans } from "../src/infill/books/sentence-spans.ts";
import type { Paragraph } from "../src/infill/books/story.ts";
import { makeTriples } from "../src/infill/books/triples.ts";
import { parseJsonl } from "../src/infill/example.ts";
import { lengthClass, lengthThirds } from "../src/infill/length-class.ts";

const run = (texts: readonly string[]): Paragraph[] =>
  texts.map((text, index) => ({ text, line: 10 * index, index, chapter: 1 }));
const tokens = (text: string): number => Math.ceil(text.length / 4);
const sentence = (i: number, length: number): string => `Number ${i} ${"said ".repeat(Math.max(1, length / 5))}so.`;
const paragraphs = fc.array(
  fc
    .array(fc.integer({ min: 5, max: 200 }), { minLength: 1, maxLength: 12 })
    .map((lengths) => lengths.map((length, i) => sentence(i, length)).join(" ")),
  { minLength: 1, maxLength: 40 },
);
const bounds = { minP2: 600, maxP2: 900, maxTokens: 400 };

describe("passagesOf", () => {
  it("keeps every word in its order, cuts no sentence, and keeps to the sizes (property)", () => {
    fc.assert(
      fc.property(paragraphs, (texts) => {
        const passages = passagesOf(run(texts), tokens, bounds, { shorter: false });
        expect(
          passages
            .map(({ text }) => text)
            .join(" ")
            .replaceAll("\n", " "),
        ).toBe(texts.join(" "));
        for (const { text } of passages) expect(text).toMatch(/^Number [^]*so\.$/);
        for (const { text } of passages.slice(0, -1)) {
          expect(text.length).toBeLessThanOrEqual(900);
          expect(text.length).toBeGreaterThanOrEqual(600);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("joins speeches, a line each, and stops at the first paragraph's end that is far enough", () => {
    const speech = (i: number): string => `“Speech ${i} has some sixty characters, and no more than that.”`;
    const [first] = passagesOf(run(Array.from({ length: 40 }, (_, i) => speech(i))), tokens, bounds, {
      shorter: false,
    });
    expect(first!.text.split("\n")).toEqual(Array.from({ length: 10 }, (_, i) => speech(i)));
    expect(first).toMatchObject({ paragraphs: 10, isPart: false });
  });

  it("divides a long paragraph between its sentences", () => {
    const long = Array.from({ length: 20 }, (_, i) => sentence(i, 150)).join(" ");
    const passages = passagesOf(run([long]), tokens, bounds, { shorter: false });
    expect(passages.length).toBeGreaterThan(3);
    expect(passages.every(({ isPart, text }) => isPart && sentenceSpans(text).length > 2)).toBe(true);
  });

  it("counts tokens where characters say little, and knows sentences without spaces", () => {
    const text = "第一句话说的是水。".repeat(200);
    const passages = passagesOf(run([text, text]), (each) => 2 * each.length, bounds, { shorter: false });
    expect(passages.every((each) => 2 * each.text.length <= 420 && each.text.endsWith("。"))).toBe(true);
    expect(
      passages
        .map((each) => each.text)
        .join("")
        .replaceAll("\n", ""),
    ).toBe(text + text);
  });

  it("does not end with what announces a speech", () => {
    const texts = [sentence(1, 400), `${sentence(2, 220).slice(0, -1)} and cried:`, "“Wake up!”", sentence(3, 700)];
    for (const end of [":", ",", ":--", ",—", "--", "—"]) {
      const announced = texts.map((text) => text.replace(/:$/, end));
      const { text } = passagesOf(run(announced), tokens, bounds, { shorter: false })[0]!;
      expect(text.endsWith(`cried${end}\n“Wake up!”`)).toBe(true);
    }
    const broken = texts.map((text) => text.replace(/:$/, "--").replace(/[“”]/g, ""));
    expect(passagesOf(run(broken), tokens, bounds, { shorter: false })[0]!.text).toMatch(/cried--$/);
  });

  it.each([
    ["“", "”"],
    ['"', '"'],
    ["‘", "’"],
    ["«\u00A0", "\u00A0»"],
    ["— ", ""],
    ["--", ""],
  ])("cuts no speech in two that fits: %s %s", (opening, closing) => {
    const said = [sentence(2, 220), sentence(3, 200), sentence(4, 200)].join(" ");
    const speech = `${opening}${said}${closing}`;
    const texts = [sentence(0, 350), speech, sentence(5, 620), sentence(6, 620)];
    const passages = passagesOf(run(texts), tokens, bounds, { shorter: true }).map((each) => each.text);
    expect(passages.slice(0, 2)).toEqual([texts[0], texts[1]]);
    // where no passage may be shorter, between its sentences
    const strict = passagesOf(run(texts), tokens, bounds, { shorter: false }).map((each) => each.text);
    expect(strict[0]!.length).toBeGreaterThanOrEqual(600);
    expect(strict[0]).toContain("Number 2");
    // and what is no speech is divided as ever
    const told = passagesOf(run([texts[0]!, said, ...texts.slice(2), texts[2]!]), tokens, bounds, { shorter: true });
    expect(told[0]!.text.length).toBeGreaterThanOrEqual(600);
  });

  it("divides a paragraph behind a speech in it rather than inside one", () => {
    const between = `${sentence(2, 200)} ${sentence(3, 160)}`;
    const long = `“${sentence(1, 300)}” ${between} “${sentence(4, 150)} ${sentence(5, 300)}”`;
    const [first] = passagesOf(run([long, sentence(6, 700)]), tokens, bounds, { shorter: false });
    expect(first!.text).toMatch(/^“Number 1 .*Number 3 [^“]*so\.$/);
  });

  it("joins nothing where 1 character is enough", () => {
    const texts = Array.from({ length: 6 }, (_, i) => sentence(i, 60));
    expect(passagesOf(run(texts), tokens, { ...bounds, minP2: 1 }, { shorter: false }).map((p) => p.text)).toEqual(
      texts,
    );
  });

  it("makes three of a run that is too short for three, where that is wanted", () => {
    for (const count of [3, 4, 5, 7]) {
      const texts = run(Array.from({ length: count }, (_, i) => sentence(i, 150)));
      expect(passagesOf(texts, tokens, bounds, { shorter: true }).length).toBeGreaterThanOrEqual(3);
      expect(passagesOf(texts, tokens, bounds, { shorter: false }).length).toBeLessThan(3);
    }
  });
});

describe("makeTriples", () => {
  it("puts a passage between its neighbours, and counts what it leaves out", () => {
    const long = `${"word ".repeat(300)}end.`;
    const texts = [sentence(0, 700), sentence(1, 650), long, sentence(2, 700), sentence(3, 800)];
    const options = { ...bounds, minTokens: 1, minContextTokens: 1, strict: false };
    const set = makeTriples([run(texts), run(["Alone."])], tokens, options);
    expect(set.triples.map(({ p1, p2, p3, first, last }) => [p1, p2, p3, first, last])).toEqual([
      [texts[0], texts[1], long, 0, 2],
      [long, texts[3], texts[4], 2, 4],
    ]);
    expect(set).toMatchObject({ passages: 6, tooLong: 1, tooShort: 0, alone: 1 });
  });
});

/** As long as its sentences: a paragraph of `count` of them, all said by somebody. */
const speech = (count: number, [opening, closing]: readonly [string, string], first = 0): string =>
  `${opening}${Array.from({ length: count }, (_, i) => sentence(first + i, 150)).join(" ")}${closing}`;

describe("makeTriples and speeches that no p2 has room for", () => {
  const options = { ...bounds, minTokens: 1, minContextTokens: 1, strict: false };
  const told = (i: number): string => [sentence(i, 300), sentence(i + 1, 350)].join(" ");
  const styles: readonly (readonly [string, string])[] = [
    ["“", "”"],
    ['"', '"'],
    ["‘", "’"],
    ["'", "'"],
    ["«\u00A0", "\u00A0»"],
    ["«", "»"],
    ["— ", ""],
    ["-- ", " »"],
    ["„", "“"],
    ["»", "«"],
  ];

  it.each(styles)("leaves out each p2 that begins or ends inside of %s...%s, and counts them", (...marks) => {
    const texts = [told(0), told(10), speech(12, marks, 20), told(40), told(50), told(60)];
    const set = makeTriples([run(texts)], tokens, options);
    expect(set.triples.map(({ p2 }) => p2)).toEqual([texts[1], texts[3], texts[4]]);
    expect(set.triples[0]!.p3).toMatch(/Number 20 .*so\.$/);
    expect(set.triples[1]!.p1.endsWith(`so.${marks[1]}`)).toBe(true);
    expect(set.torn).toBeGreaterThanOrEqual(3);
    expect(set.triples.length + set.torn + 2).toBe(set.passages);
    // what is said by nobody is divided as ever
    expect(makeTriples([run(texts.with(2, speech(12, ["", ""], 20)))], tokens, options).torn).toBe(0);
  });

  it("ends no p2 between paragraphs of a speech that do not open again", () => {
    const story = Array.from({ length: 4 }, (_, i) => speech(4, [i === 0 ? "“" : "", i === 3 ? "”" : ""], 10 * i));
    const short = ["“Well, I went there.", "I saw it.", `I came back.” ${sentence(70, 570)}`];
    const texts = [told(90), ...story, told(95), ...short, told(97), told(98), told(99)];
    const set = makeTriples([run(texts)], tokens, options);
    expect(set.triples.map(({ p2 }) => p2.slice(0, 10))).toEqual([
      "Number 95 ",
      "“Well, I w",
      "Number 97 ",
      "Number 98 ",
    ]);
    expect(set.triples[1]!.p2).toContain("came back.” Number 70");
    expect(set.torn).toBe(4);
  });

  it("divides a paragraph of several speeches between them, and loses nothing", () => {
    const parts = Array.from({ length: 8 }, (_, i) => `${speech(2, ["“", "”"], 2 * i)} He nodded.`);
    const set = makeTriples([run([told(30), parts.join(" "), told(40), told(50)])], tokens, options);
    expect(set.torn).toBe(0);
    for (const { p2 } of set.triples) expect(p2.match(/“/g)?.length).toBe(p2.match(/”/g)?.length);
  });

  it("takes whole paragraphs of a speech of many, each of which opens again", () => {
    const story = Array.from({ length: 6 }, (_, i) => speech(5, ["“", i === 5 ? "”" : ""], 10 * i));
    const set = makeTriples([run([told(90), ...story, told(95)])], tokens, options);
    expect(set).toMatchObject({ torn: 0, frame: undefined });
    expect(set.triples.map(({ p2 }) => p2)).toEqual(story);
  });

  it.each<readonly [opening: string, closing: string, inner: readonly [string, string]]>([
    ["“", "", ["‘", "’"]],
    ["“", "”", ["‘", "’"]],
    ['"', "", ["'", "'"]],
    ["‘", "", ["“", "”"]],
    ["«\u00A0", "\u00A0»", ["“", "”"]],
    ["— ", "", ["“", "”"]],
  ])(
    "keeps a book that is told inside of %s...%s, but not what is cut in a speech told there",
    (opening, end, inner) => {
      const paragraph = (i: number): string => speech(12, [opening, end], 20 * i);
      const texts = Array.from({ length: 8 }, (_, i) => paragraph(i));
      const set = makeTriples([run(texts)], tokens, options);
      expect(set.torn).toBe(0);
      expect(set.triples.length).toBe(set.passages - 2);
      const quoting = `${opening}He spoke. ${speech(12, inner, 300)} He nodded.${end}`;
      const withSpeech = makeTriples([run(texts.with(4, quoting))], tokens, options);
      if (inner[0] === "'") return; // a straight mark inside a paragraph may be an apostrophe
      expect(withSpeech.torn).toBeGreaterThanOrEqual(2);
      expect(withSpeech.triples.length).toBeGreaterThan(10);
    },
  );

  it("gives no p2 that is torn (property)", () => {
    const kinds = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 9 })), { minLength: 8, maxLength: 30 });
    fc.assert(
      fc.property(kinds, (paragraphs) => {
        const texts = paragraphs.map(([said, count], i) => speech(count, said ? ["“", "”"] : ["", ""], 20 * i));
        const set = makeTriples([run(texts)], tokens, options);
        fc.pre(set.frame === undefined);
        for (const { p1, p2, p3 } of set.triples) {
          const open = (text: string): number => text.split("“").length - text.split("”").length;
          expect(open(p2)).toBe(0);
          // nothing open before it, as far as its neighbours tell
          expect(p1.lastIndexOf("“")).toBeLessThanOrEqual(p1.lastIndexOf("”"));
          if (p3.includes("”")) expect(p3.indexOf("“")).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe("length classes by default", () => {
  it("hold a third of the texts each", () => {
    for (const lengths of [Array.from({ length: 300 }, (_, i) => 100 + ((i * 7) % 90)), [5], [4, 4, 4]]) {
      const [small, medium] = lengthThirds(lengths);
      expect(small).toBeLessThan(medium);
      if (lengths.length < 10) continue;
      for (const name of ["S", "M", "L"]) {
        const share = lengths.filter((each) => lengthClass(each, [small, medium]) === name).length / lengths.length;
        expect(Math.abs(share - 1 / 3)).toBeLessThan(0.05);
      }
    }
  });
});

describe("src/prepare.ts with passages", () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  const text = Array.from(
    { length: 120 },
    (_, i) => `“Day ${i} has come,” said Mr. Hall, and O’Molloy nodded. “We leave at ${i}.”`,
  ).join("\n\n");
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "passages-"));
    await writeFile(at("story.txt"), `PREFACE\n\n${text.slice(0, 600)}\n\n\nCHAPTER I\n\n${text}`);
    await writeFile(at("book.epub"), "PK\x03\x04....mimetypeapplication/epub+zip");
    await writeFile(at("huge.txt"), "x");
    await truncate(at("huge.txt"), 600 * 2 ** 20); // sparse: takes no room
    await mkdir(at("folder"));
    await writeFile(at("folder/one.md"), `# One\n\n${text}`);
    await writeFile(at("folder/README.md"), "# Read me\n\nThis is no book.");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  async function run(...argv: string[]): Promise<string> {
    const lines: string[] = [];
    await prepare([...argv, "--validation_share", "0", "--test_share", "0"], {
      print: (line) => lines.push(line),
      color: false,
      width: 100,
    });
    return lines.join("\n");
  }
  const examples = async (out: string) => parseJsonl(await readFile(join(out, "train.jsonl"), "utf8"), "t");

  it("joins speeches into passages and says what it joined and left out", async () => {
    const report = await run(at("story.txt"), "--output_dir", at("out"));
    expect(report).toMatch(/1 chapter, 120 paragraphs: \d+ examples from \d+ passages \(\d+ of several paragraphs/);
    expect(report).toMatch(/\n {9}left out [\d.]+% of the text: \d+ preface or introduction \(\d+ characters\)/);
    for (const { p2, meta } of await examples(at("out"))) {
      expect(p2.length).toBeGreaterThanOrEqual(600);
      expect(p2.split("\n").length).toBeGreaterThan(5);
      const { characters } = meta as { characters: string[] };
      expect(characters).toEqual(["Mr. Hall", "O’Molloy"]);
      for (const name of characters) expect(p2).toContain(name);
    }
  });
  it.each([
    [["--min_p2", "200", "--max_p2", "400"], 200, 400],
    [["--min_p2", "1000"], 1000, 1500],
    [["--max_p2", "300"], 200, 300],
  ])("keeps to %j", async (flags, least, most) => {
    await run(at("story.txt"), "--output_dir", at("sized"), "--overwrite_output_dir", ...flags);
    for (const { p2 } of await examples(at("sized"))) {
      expect(p2.length).toBeGreaterThanOrEqual(least);
      expect(p2.length).toBeLessThanOrEqual(most);
    }
  });
  it("says how many it left out for a p2 that begins or ends in a speech, and what a book is told in", async () => {
    const said = (i: number, length: number): string => `“${sentence(i, length)} ${sentence(i + 1, length)}”`;
    const long = Array.from({ length: 30 }, (_, i) => (i % 10 === 5 ? said(i, 700) : `${sentence(i, 640)}`));
    await writeFile(at("speeches.txt"), `CHAPTER I\n\n${long.join("\n\n")}`);
    const report = await run(at("speeches.txt"), "--output_dir", at("speeches"));
    expect(report).toMatch(/0 too long, 6 cut inside a speech, 0 without neighbours/);
    for (const { p2 } of await examples(at("speeches"))) expect(p2).not.toMatch(/[“”]/);
    await writeFile(at("told.txt"), `CHAPTER I\n\n${long.map((_, i) => said(2 * i, 700)).join("\n\n")}`);
    expect(await run(at("told.txt"), "--output_dir", at("told"))).toMatch(
      /0 cut inside a speech \(the book is told in “\), 0 without/,
    );
  });
  it("takes the Markdown files of a folder, and no README", async () => {
    expect(await run(at("folder"), "--output_dir", at("md"))).toMatch(/^Read .*one\.md: 1 chapter, 120 paragraphs/);
  });
  it.each([
    [["book.epub"], /^book\.epub: damaged or cut short/],
    [["book.epub", "--input_format", "jsonl"], /^book\.epub: not a readable text but an EPUB book/],
    [["huge.txt"], /huge\.txt has 600 MiB, and one file may have \d+; split it/],
    [["story.txt", "--min_p2", "900", "--max_p2", "800"], /--min_p2 is 900 and --max_p2 800/],
  ])("refuses %j", async ([file, ...flags], message) => {
    await expect(run(at(file!), "--output_dir", at("none"), ...flags)).rejects.toThrow(message);
  });
});
