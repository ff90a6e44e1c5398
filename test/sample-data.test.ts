// The sample stories: the committed files are what the generator writes, whole, clean and split by story; their paragraphs
// really take one another up, which is what a model can learn from them.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMITTED, sampleFiles } from "../scripts/stories/sample.ts";
import { lengthClass, writeStory } from "../scripts/stories/story.ts";
import { paragraph, sentence } from "../scripts/stories/grammar.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { parseJsonl } from "../src/infill/example.ts";
import { DEFAULT_TEMPLATE, specialTokenList } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { Random } from "../src/training/random.ts";

const read = (file: string): string => readFileSync(new URL(`../data/sample/${file}`, import.meta.url), "utf8");
const train = parseJsonl(read("train.jsonl"), "train.jsonl");
const validation = parseJsonl(read("validation.jsonl"), "validation.jsonl");

describe("the committed files", () => {
  it("are exactly what the generator writes", () => {
    for (const [file, text] of sampleFiles(COMMITTED)) expect(read(file) === text, file).toBe(true);
  });

  it("change with the seed, and are extended by a larger count", () => {
    const small = { seed: 3, count: 20, validationCount: 5 };
    const a = sampleFiles(small), b = sampleFiles({ ...small, count: 40 }), c = sampleFiles({ ...small, seed: 4 });
    expect(b.get("train.jsonl")!.startsWith(a.get("train.jsonl")!)).toBe(true);
    expect(b.get("train.jsonl")!.length).toBeGreaterThan(a.get("train.jsonl")!.length);
    expect(c.get("train.jsonl")).not.toBe(a.get("train.jsonl"));
  });

  it("hold enough examples, each with all of its metadata, none shared between training and validation", () => {
    expect(train.length).toBe(3000);
    expect(validation.length).toBe(200);
    for (const { p2, meta } of [...train, ...validation]) {
      const { length, theme, characters } = meta as Record<string, string>;
      expect(length).toBe(lengthClass(p2));
      expect(theme).toMatch(/^(courage|kindness|patience|teamwork|honesty|sharing)$/);
      expect(characters).toMatch(/^[A-Z]/);
    }
    const seen = new Set(train.map(({ p2 }) => p2));
    expect(validation.filter(({ p2 }) => seen.has(p2))).toEqual([]);
    expect(seen.size).toBeGreaterThan(2900);
  });

  it("are clean English paragraphs of 2 to 12 sentences", () => {
    for (const { p1, p2, p3 } of [...train, ...validation]) {
      for (const text of [p1, p2, p3]) {
        expect(text).toMatch(/^["A-Z][^]*[.!?]"?$/);
        expect(text, "left-over markup, doubled spaces or punctuation").not.toMatch(/[{}$|[\]@]| {2}|[.,]{2}| [.,!?]|undefined/);
        expect(text, "wrong article or doubled word").not.toMatch(/\b[aA] [aeiou]|\b(\w+) \1\b/);
        expect(text.split('"').length % 2, "paired quotes").toBe(1);
        const sentences = text.replace(/Mrs?\./g, "").split(/[.!?]/).length - 1;
        expect(sentences).toBeGreaterThanOrEqual(2);
        expect(sentences).toBeLessThanOrEqual(12);
      }
    }
  });

  it("are not trimmed in a context of 288 GPT-2 tokens", () => {
    const tokenizer = GPT2Tokenizer.default();
    tokenizer.addSpecialTokens(specialTokenList(DEFAULT_TEMPLATE));
    const { trimmed, dropped } = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer).encodeAll(validation, { blockSize: 288 });
    expect([trimmed, dropped]).toEqual([0, 0]);
  });
});

describe("stories", () => {
  it("name in each paragraph what the one before it brought in", () => {
    const tools = /ladder|pole|rope|net|lamp|rake|sieve|broom|lantern|map|horn|compass|nails|glue|wire|saw|boat|board|raft|horse|bucket|hose|cart|spade|eggs|flour|butter|milk|basket|plank|blanket|hay|corn|key|candle|bar/g;
    for (let i = 0; i < 300; i++) {
      const { paragraphs, characters } = writeStory(5, i);
      const [, , , way, asking, mending] = paragraphs as [string, string, string, string, string, string, string];
      const helper = characters[2]!;
      expect(way).toContain(helper);
      expect(asking).toContain(helper);
      const shared = mending.match(tools)!.filter((tool) => asking.includes(tool));
      expect(shared.length, `${asking}\n${mending}`).toBeGreaterThan(0);
    }
  });

  it("are decided by their seed words", () => {
    expect(writeStory(1, 2, 3)).toEqual(writeStory(1, 2, 3));
    expect(writeStory(1, 2, 3)).not.toEqual(writeStory(1, 2, 4));
  });
});

describe("the story grammar", () => {
  const world = { entities: { hero: { name: "Mia", he: "she", treat: "{pie|pie}" } }, flags: new Set(["rain"]) };

  it("chooses, nests, fills in and capitalises", () => {
    expect(sentence("$hero.he {{has|has} $hero.treat| }{|} , {they|they} say.", world, new Random(4))).toMatch(/^She (has pie)?,? ?they say\.$|^She, they say\.$/);
    expect(sentence('"run!" said $hero. $hero.he ran.', world, new Random(1))).toBe('"Run!" said Mia. She ran.');
  });

  it("keeps steps by flag and fullness", () => {
    const steps = ["One.", "?Two.", "[rain]Wet.", "[!rain]Dry.", "[rain]?Drops."];
    expect(paragraph(steps, world, 0, new Random(1))).toBe("One. Wet.");
    expect(paragraph(steps, world, 1, new Random(1))).toBe("One. Two. Wet. Drops.");
    expect(paragraph(steps, { ...world, flags: new Set() }, 1, new Random(1))).toBe("One. Two. Dry.");
  });

  it("refuses a form that does not exist", () => {
    expect(() => sentence("$hero.wings", world, new Random(1))).toThrow(/\$hero\.wings/);
  });
});
