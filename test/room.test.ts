// Room for p2: what a training example shows before p2 is what a prompt shows, and says nothing of p2's length but its
// class.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InfillEncoder } from "../src/infill/encode.ts";
import { lengthClass } from "../src/infill/length-class.ts";
import type { LengthBounds } from "../src/infill/length-class.ts";
import { classBounds, roomForP2 } from "../src/infill/room.ts";
import { DEFAULT_TEMPLATE, specialTokensToAdd } from "../src/infill/template.ts";
import { varyExamples } from "../src/infill/vary.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const tokenizer = GPT2Tokenizer.default().truncate(300);
tokenizer.addSpecialTokens(specialTokensToAdd(DEFAULT_TEMPLATE));
const BOUNDS: LengthBounds = [12, 24];
const template = { ...DEFAULT_TEMPLATE, lengthBounds: BOUNDS };
const encoder = new InfillEncoder(template, tokenizer);
/** One token each. */
const tokens = (count: number, word = "a"): string => Array.from({ length: count }, () => word).join(" ");
const long = { p1: tokens(90, "he"), p3: tokens(90, "it") };
const meta = (length?: string) => (length === undefined ? {} : { meta: { length } });

describe("room for p2", () => {
  it.each([
    ["S", 12 + 1],
    ["M", 24 + 1],
    ["L", 32 + 1], // a quarter more than 25
    [undefined, 32 + 1],
  ])("of class %s is %i tokens, its end included, and at most half of the positions", (length, room) => {
    expect(roomForP2(meta(length), template, 100)).toBe(room);
    expect(roomForP2(meta(length), template, 20)).toBe(10);
    expect(roomForP2(meta(length), {}, 100)).toBe(0);
  });

  it("is as much as each class may have, which the bounds say", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), (size) => {
        const [least, most] = classBounds(meta(lengthClass(size, BOUNDS)), template)!;
        expect(least <= size && size <= most).toBe(true);
      }),
    );
    expect(classBounds({}, template)).toBeUndefined();
    expect(classBounds(meta("S"), {})).toBeUndefined();
  });

  it("is what a training example leaves: its prompt is that of generation, whatever p2's length", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("S", "M", "L", undefined),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 80, max: 160 }),
        fc.integer({ min: 0, max: 90 }),
        (length, size, blockSize, before) => {
          const gap = { ...long, p1: tokens(before, "he"), ...meta(length) };
          const room = roomForP2(gap, template, blockSize);
          const prompt = encoder.encodePrompt(gap, { maxLength: blockSize - Math.max(room, size + 1) });
          const { ids, trimmed } = encoder.encodeExample({ ...gap, p2: tokens(size) }, { blockSize })!;
          expect(ids.slice(0, prompt.ids.length)).toEqual(prompt.ids);
          expect(ids.length).toBe(prompt.ids.length + size + 1);
          expect(trimmed).toBe(prompt.trimmed);
        },
      ),
    );
  });

  it("is what p2 leaves where the template has no bounds", () => {
    const plain = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer);
    for (const size of [3, 30])
      expect(plain.encodeExample({ ...long, p2: tokens(size) }, { blockSize: 100 })!.ids.length).toBe(100);
  });
});

describe("context dropout", () => {
  const examples = Array.from({ length: 300 }, (_, i) => ({
    ...(i % 3 === 0 ? { p1: tokens(10, "he"), p3: tokens(10, "it") } : long),
    p2: tokens(10),
    meta: { length: "S", theme: "hope" },
  }));
  const blockSize = 120;
  const encoded = encoder.encodeAll(examples, { blockSize }).examples;
  const vary = (contextDropout: number) =>
    varyExamples(encoder, examples, encoded, blockSize, {
      metadataDropout: 0,
      metadataDropoutAll: 0,
      orderMix: 0,
      contextDropout,
      seed: 3,
    });

  it("cuts a share of the contexts that must be cut, to all lengths, and nothing else of them", () => {
    const of = vary(0.5);
    const cut = examples.map((_, i) => of(i, 1)).filter((each, i) => each !== encoded[i]);
    expect(Math.abs(cut.length - 100)).toBeLessThan(29); // 4 standard deviations of 200 draws
    const whole = encoded[1]!.ids.length;
    const lengths = cut.map(({ ids }) => ids.length);
    const shortest = encoder.encodeExample({ ...examples[1]!, p1: "", p3: "" }, { blockSize })!.ids.length;
    expect(Math.max(...lengths)).toBeLessThanOrEqual(whole);
    expect(Math.min(...lengths)).toBeLessThan(shortest + 10);
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    expect(Math.abs(mean - (whole + shortest) / 2)).toBeLessThan(12);
    for (const { ids } of cut)
      expect(tokenizer.decode(ids)).toMatch(/length: S; theme: hope.*\[P2\]( a){10}\[EOS\]$/su);
  });

  it("leaves contexts that fit as they are, and all of them at 0", () => {
    const all = vary(1);
    examples.forEach((_, i) => expect(all(i, 0) === encoded[i]).toBe(i % 3 === 0));
    const none = vary(0);
    examples.forEach((_, i) => expect(none(i, 0)).toBe(encoded[i]));
  });
});
