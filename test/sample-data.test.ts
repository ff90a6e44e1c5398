// The sample stories: the committed files are what the generator writes, whole, clean and split by story; their
// paragraphs really take one another up, which is what a model can learn from them.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMITTED, sampleFiles } from "../scripts/stories/sample.ts";
import { lengthClass, writeStory } from "../scripts/stories/story.ts";
import { paragraph, sentence } from "../scripts/stories/grammar.ts";
import { THEMES } from "../scripts/stories/themes.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { parseJsonl } from "../src/infill/example.ts";
import { DEFAULT_TEMPLATE, specialTokenList } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { Random } from "../src/random.ts";
import { longPattern } from "./long-pattern.ts";

const read = (file: string): string => readFileSync(new URL(`../data/sample/${file}`, import.meta.url), "utf8");
const train = parseJsonl(read("train.jsonl"), "train.jsonl");
const validation = parseJsonl(read("validation.jsonl"), "validation.jsonl");

describe("the committed files", () => {
  it("are exactly what the generator writes", () => {
    const differing = [...sampleFiles(COMMITTED)].filter(([file, text]) => read(file) !== text).map(([file]) => file);
    expect(differing).toEqual([]);
  });

  it("change with the seed, and are extended by a larger count", () => {
    const small = { seed: 3, count: 20, validationCount: 5 };
    const a = sampleFiles(small),
      b = sampleFiles({ ...small, count: 40 }),
      c = sampleFiles({ ...small, seed: 4 });
    expect(b.get("train.jsonl")!.startsWith(a.get("train.jsonl")!)).toBe(true);
    expect(b.get("train.jsonl")!.length).toBeGreaterThan(a.get("train.jsonl")!.length);
    expect(c.get("train.jsonl")).not.toBe(a.get("train.jsonl"));
  });

  it("hold enough examples, each with all of its metadata, none shared between training and validation", () => {
    expect(train.length).toBe(3000);
    expect(validation.length).toBe(200);
    const wrong = [...train, ...validation].filter(({ p2, meta }) => {
      const { length, theme, characters } = meta as Record<string, string>;
      return length !== lengthClass(p2) || !Object.hasOwn(THEMES, theme!) || !/^[A-Z]/.test(characters!);
    });
    expect(wrong).toEqual([]);
    const seen = new Set(train.map(({ p2 }) => p2));
    expect(validation.filter(({ p2 }) => seen.has(p2))).toEqual([]);
    expect(seen.size).toBeGreaterThan(2900);
  });

  it("are clean English paragraphs of 2 to 12 sentences", () => {
    const faults: [fault: string, found: RegExp][] = [
      ["no capital at the start, or no stop at the end", /^(?!["A-Z][^]*[.!?]"?$)/],
      ["left-over markup, doubled spaces or punctuation", /[{}$|[\]@]| {2}|[.,]{2}| [.,!?]|undefined/],
      ["wrong article or doubled word", /\b[aA] [aeiou]|\b(\w+) \1\b/],
      ["unpaired quote", /^[^"]*("[^"]*"[^"]*)*"[^"]*$/],
    ];
    const sentences = (text: string): number => text.replace(/Mrs?\./g, "").split(/[.!?]/).length - 1;
    const texts = [...train, ...validation].flatMap(({ p1, p2, p3 }) => [p1, p2, p3]);
    for (const [fault, found] of faults) expect([fault, texts.filter((text) => found.test(text))]).toEqual([fault, []]);
    expect(texts.filter((text) => sentences(text) < 2 || sentences(text) > 12)).toEqual([]);
    const spoiled = ["no capital.", "No end", "Two  spaces.", "A apple.", "It was the the end.", 'A "quote.'];
    expect(spoiled.filter((text) => faults.some(([, found]) => found.test(text)))).toEqual(spoiled);
  });

  it("are not trimmed in a context of 288 GPT-2 tokens", () => {
    const tokenizer = GPT2Tokenizer.default();
    tokenizer.addSpecialTokens(specialTokenList(DEFAULT_TEMPLATE));
    const { trimmed, dropped } = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer).encodeAll(validation, {
      blockSize: 288,
    });
    expect([trimmed, dropped]).toEqual([0, 0]);
  });
});

describe("stories", () => {
  it("name in each paragraph what the one before it brought in", () => {
    const tools = longPattern(
      /ladder|pole|rope|net|lamp|rake|sieve|broom|lantern|map|horn|compass|nails|glue|wire|saw|boat|board|raft|horse|/,
      /bucket|hose|cart|spade|eggs|flour|butter|milk|basket|plank|blanket|hay|corn|key|candle|bar/g,
    );
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
    expect(sentence("$hero.he {{has|has} $hero.treat| }{|} , {they|they} say.", world, new Random(4))).toMatch(
      /^She (has pie)?,? ?they say\.$|^She, they say\.$/,
    );
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
