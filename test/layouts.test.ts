// Layouts other than the default: presets, markers of metadata fields and values, the type of every position, and
// examples in reading order.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { TOKEN_TYPE } from "../src/examples/encoded-example.ts";
import { TokenCounter } from "../src/infill/books/measure.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { DEFAULT_TEMPLATE, parseTemplate, specialTokensToAdd, templateToJson } from "../src/infill/template.ts";
import type { InfillTemplate } from "../src/infill/template.ts";
import { ORIGIN_2020_TEMPLATE, TEMPLATE_PRESETS, templatePreset } from "../src/infill/template-presets.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

function prepared(template: InfillTemplate): { encoder: InfillEncoder; tokenizer: GPT2Tokenizer } {
  const tokenizer = GPT2Tokenizer.default();
  tokenizer.addSpecialTokens(specialTokensToAdd(template));
  return { tokenizer, encoder: new InfillEncoder(template, tokenizer) };
}

const origin = prepared(ORIGIN_2020_TEMPLATE);
const story = {
  p1: "Mia had a red kite.",
  p3: "They climbed the ladder.",
  p2: "It got stuck in a tree.",
  meta: {
    length: "M",
    genre: ["fantasy", "youth"],
    characters: ["Mia", "Tom"],
    organisations: "The Mill",
    places: ["Kyoto"],
    misc: "English",
    summary: "A kite is lost.",
  },
};
const ORIGIN_TEXT =
  "[P3] They climbed the ladder.[Sum] A kite is lost.[T] fantasy - youth[Per] Mia - Tom[Org] The Mill[Loc] Kyoto" +
  "[Misc] English[M][P1] Mia had a red kite.[P2] It got stuck in a tree.<|endoftext|>";

describe("origin_2020", () => {
  it("has that tool's markers, order and fields", () => {
    const { encoder, tokenizer } = origin;
    expect(encoder.render(story)).toBe(ORIGIN_TEXT);
    const { ids } = encoder.encodeExample(story, { blockSize: 1024 })!;
    expect(ids).toEqual(tokenizer.encode(ORIGIN_TEXT));
    expect(ids.at(-1)).toBe(50256);
  });

  it("leaves a field out together with its marker", () => {
    const { length: _, misc: __, summary: ___, ...meta } = story.meta;
    expect(origin.encoder.render({ ...story, meta })).not.toMatch(/\[(?:Sum|Misc|S|M|L)\]/);
    expect(origin.encoder.render({ p1: "a", p3: "", p2: "b" })).toBe("[P3][P1] a[P2] b<|endoftext|>");
  });

  it.each(["XL", "50", "s"])("refuses the size %s, which has no marker", (length) => {
    const encode = () => origin.encoder.encodeExample({ ...story, meta: { length } }, { blockSize: 1024 });
    expect(encode).toThrow(`metadata field "length" is "${length}", wanted one of S, M, L`);
    expect(encode).toThrow(UserError);
  });

  it("types every position by its section's marker, in training and in prompts", () => {
    const { encoder, tokenizer } = origin;
    const { ids, tokenTypeIds } = encoder.encodeExample(story, { blockSize: 1024 })!;
    const markers = new Set(
      "P3 Sum T Per Org Loc Misc M P1 P2".split(" ").map((name) => tokenizer.tokenToId(`[${name}]`)),
    );
    let section = -1;
    const want = ids.map((id) => (section = markers.has(id) ? id : section));
    expect(tokenTypeIds).toEqual(want);
    const prompts = encoder.generationInputs([story, { p1: "", p3: "" }], { maxLength: 100, prefix: "It" });
    expect(prompts.tokenTypeIds!.map((row) => row.length)).toEqual(prompts.inputIds.map((row) => row.length));
    expect(prompts.tokenTypeIds![0]).toEqual(want.slice(0, prompts.inputIds[0]!.length));
    expect(prompts.tokenTypeIds![1]!.at(-1)).toBe(encoder.ids.p2);
    expect(prompts.suppressTokens).toEqual(expect.arrayContaining([...markers]));
  });

  it("gives two thirds of the room to p1's end, one third to p3's beginning", () => {
    const long = (word: string) => Array.from({ length: 300 }, () => word).join(" ");
    const { ids, trimmed } = origin.encoder.encodeExample(
      { ...story, p1: long("wind"), p3: long("rain"), meta: { length: "S" } },
      { blockSize: 3 + 8 + 1 + 1 + 90 },
    )!;
    const text = origin.tokenizer.decode(ids);
    expect(trimmed).toBe(true);
    expect(ids.length).toBeLessThanOrEqual(103);
    expect(text.match(/wind/g)!.length / text.match(/rain/g)!.length).toBeCloseTo(2, 0);
    expect(text).toContain("[S]");
  });

  it("is counted as it is encoded", () => {
    const counter = new TokenCounter(ORIGIN_2020_TEMPLATE, origin.tokenizer);
    expect(counter.example(story)).toBe(origin.encoder.encodeExample(story, { blockSize: 1024 })!.ids.length);
  });

  it("keeps its markers out of p2, and lets colons be", () => {
    const { encoder, tokenizer } = origin;
    const after = (text: string, next: string): boolean => {
      const ids = [encoder.ids.p2, ...tokenizer.encode(text, { allowSpecial: false })];
      const token = tokenizer.encode(next, { allowSpecial: false })[0]!;
      return !encoder.noTemplateSyntax.edits({ ids }).some((edit) => edit.token === token);
    };
    expect(after(" He said [Per", "]")).toBe(false);
    expect(after(" He said [Loc", "]")).toBe(false);
    expect(after(" He said [Low", "]")).toBe(true);
    expect(after(" He said", ":")).toBe(true);
  });
});

describe("a template's JSON", () => {
  it("keeps every preset, and what was added to it", () => {
    for (const template of [...Object.values(TEMPLATE_PRESETS), { ...DEFAULT_TEMPLATE, orderMix: 0.25 }])
      expect(parseTemplate(JSON.parse(templateToJson(template)), "t.json")).toEqual(template);
  });

  it.each([
    [{ fieldMarkers: { mood: "[Mood]" } }, "fieldMarkers"],
    [{ fieldMarkers: { genre: "" } }, "fieldMarkers"],
    [{ fieldMarkers: { genre: "[T ]" } }, "fieldMarkers"],
    [{ fieldMarkers: ["[T]"] }, "fieldMarkers"],
    [{ fieldMarkers: { genre: "[P1]" } }, "specialTokens"],
    [{ fieldMarkers: { genre: "[T]", summary: "[T]" } }, "specialTokens"],
    [{ valueMarkers: { length: {} } }, "valueMarkers"],
    [{ valueMarkers: { length: { S: 1 } } }, "valueMarkers"],
    [{ fieldMarkers: { length: "[Len]" }, valueMarkers: { length: { S: "[S]" } } }, "valueMarkers"],
    [{ listSeparator: 3 }, "listSeparator"],
    [{ sectionTypes: "yes" }, "sectionTypes"],
    [{ lossOn: "p2" }, "lossOn"],
    [{ orderMix: 1.5 }, "orderMix"],
  ])("refuses %j", (change, field) => {
    expect(() => parseTemplate({ ...DEFAULT_TEMPLATE, ...change }, "t.json")).toThrow(`t.json: field "${field}"`);
  });

  it("has presets by name; what looks like a file is none", () => {
    expect(templatePreset("suffix_first")!.order).toEqual(["p3", "p1", "metadata", "p2"]);
    expect(templatePreset("a/b.json")).toBeUndefined();
    expect(() => templatePreset("origin2020")).toThrow(/wanted one of default, suffix_first, origin_2020/);
    expect(() => templatePreset("toString")).toThrow(UserError);
  });
});

describe("section types of the default layout", () => {
  const { encoder, tokenizer } = prepared({ ...DEFAULT_TEMPLATE, sectionTypes: true });

  it("count metadata, which has no marker, to the section before it", () => {
    const example = { p1: "One.", p3: "Three.", p2: "Two.", meta: { length: "S" } };
    const { ids, tokenTypeIds } = encoder.encodeExample(example, { blockSize: 64 })!;
    const { p1, p2, p3 } = encoder.ids;
    const lengths = ["[P1] One.", "[P3] Three.\nlength: S", "[P2] Two.[EOS]"].map(
      (text) => tokenizer.encode(text).length,
    );
    expect(tokenTypeIds).toEqual([p1, p3, p2].flatMap((type, i) => Array<number>(lengths[i]!).fill(type)));
    expect(tokenTypeIds!.length).toBe(ids.length);
  });

  it("and to the first one where nothing stands before it", () => {
    const first = prepared({ ...DEFAULT_TEMPLATE, sectionTypes: true, order: ["metadata", "p1", "p3", "p2"] }).encoder;
    const { tokenTypeIds } = first.encodeExample(
      { p1: "a", p3: "b", p2: "c", meta: { length: "S" } },
      { blockSize: 64 },
    )!;
    expect(tokenTypeIds![0]).toBe(first.ids.p1);
  });

  it("are absent without the field", () => {
    const plain = prepared(DEFAULT_TEMPLATE).encoder;
    expect(plain.encodeExample(story.meta && { ...story, meta: {} }, { blockSize: 64 })).not.toHaveProperty(
      "tokenTypeIds",
    );
    expect(plain.generationInputs([{ p1: "a", p3: "b" }], { maxLength: 9 })).not.toHaveProperty("tokenTypeIds");
  });
});

describe("reading order", () => {
  const { encoder, tokenizer } = prepared({ ...DEFAULT_TEMPLATE, sectionTypes: true });

  it("is p1, p2, p3 with their markers and without metadata, p3 the target", () => {
    const example = encoder.encodeReadingOrder(story, { blockSize: 64 })!;
    expect(example.ids).toEqual(tokenizer.encode(`[P1] ${story.p1}[P2] ${story.p2}[P3] ${story.p3}[EOS]`));
    const { start, end } = example.p3;
    expect(tokenizer.decode(example.ids.slice(start, end))).toBe(` ${story.p3}`);
    expect(example.ids[start - 1]).toBe(encoder.ids.p3);
    expect(example.ids[end]).toBe(encoder.ids.eos);
    example.types.forEach((type, t) => expect(type === TOKEN_TYPE.target).toBe(t >= start && t < end));
    expect(example.tokenTypeIds!.slice(start - 1)).toEqual(example.ids.slice(start - 1).map(() => encoder.ids.p3));
    expect(example.trimmed).toBe(false);
  });

  it("cuts p1's beginning and p3's end, never p2, and a p3 that was cut has no end", () => {
    const words = fc
      .array(fc.constantFrom("sea", "wind", "a", "lighthouse"), { maxLength: 60 })
      .map((list) => list.join(" "));
    fc.assert(
      fc.property(words, words, fc.integer({ min: 12, max: 80 }), (p1, p3, blockSize) => {
        const example = encoder.encodeReadingOrder({ ...story, p1, p3 }, { blockSize })!;
        const { start, end } = example.p3;
        const kept = tokenizer.decode(example.ids.slice(start, end)).trim();
        expect(example.ids.length).toBeLessThanOrEqual(blockSize);
        expect(tokenizer.decode(example.ids)).toContain(`[P2] ${story.p2}[P3]`);
        expect(p3.startsWith(kept)).toBe(true);
        expect(example.ids.at(-1) === encoder.ids.eos).toBe(kept === p3);
        expect(example.ids.length).toBe(kept === p3 ? end + 1 : end);
      }),
    );
    expect(encoder.encodeReadingOrder(story, { blockSize: 10 })).toBeUndefined();
  });
});
