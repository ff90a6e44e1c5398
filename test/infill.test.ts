// Infilling examples from JSON Lines to batches: what is refused, the exact ids and types, what is cut when the context
// is full and what never is, padding and labels.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collate } from "../src/examples/collate.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { TOKEN_TYPE } from "../src/examples/encoded-example.ts";
import { dropMetadata, parseJsonl, parseRequests } from "../src/infill/example.ts";
import type { InfillExample } from "../src/infill/example.ts";
import { DEFAULT_TEMPLATE, specialTokenList, SUFFIX_FIRST_TEMPLATE } from "../src/infill/template.ts";
import type { InfillTemplate } from "../src/infill/template.ts";
import { UserError } from "../src/errors.ts";
import { normalizeText } from "../src/text/normalize.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const tokenizer = GPT2Tokenizer.default();
tokenizer.addSpecialTokens(specialTokenList(DEFAULT_TEMPLATE));
const encoder = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer);
const suffixFirst = new InfillEncoder(SUFFIX_FIRST_TEMPLATE, tokenizer);
const { special, context, target, end } = TOKEN_TYPE;

const story: InfillExample = {
  p1: "Mia had a red kite.",
  p3: "They climbed the ladder.",
  p2: "It got stuck in a tree.",
  meta: { length: "S", theme: "courage" },
};

describe("parseJsonl", () => {
  it("reads examples past blank lines, CRLF, a byte-order mark and fields of others", () => {
    const text =
      '\uFEFF{"p1":"a","p3":"b","p2":"c","id":7}\r\n\r\n  \n{"p1":"","p3":"\u2028","p2":"x","meta":{"theme":["a",1]}}';
    expect(parseJsonl(text, "t.jsonl")).toEqual([
      { p1: "a", p3: "b", p2: "c", where: "t.jsonl, line 1" },
      { p1: "", p3: "\u2028", p2: "x", meta: { theme: ["a", 1] }, where: "t.jsonl, line 4" },
    ]);
  });

  it.each([
    ['"book":"b.txt","chapter":3,"source":"c.txt:9"', { book: "b.txt", chapter: 3 }],
    ['"book":"b.txt","chapter":"III"', { book: "b.txt", chapter: "III" }],
    ['"source":"a: tale.txt:120"', { book: "a: tale.txt" }],
    ['"book":7,"chapter":3', undefined],
    ['"chapter":3', undefined],
    ['"book":"b.txt","chapter":[3]', { book: "b.txt" }],
    ['"source":"found in the attic"', undefined],
  ])("reads from %s where it stands, and takes other notes for notes", (fields, place) => {
    const [example] = parseJsonl(`{"p1":"a","p3":"b","p2":"c",${fields}}`, "t");
    expect(example!.place).toEqual(place);
  });

  it.each([
    ['{"p1":"a","p3":"b","p2":"c"', /^t\.jsonl, line 2: not valid JSON/],
    ["[1]", /line 2: found a list, wanted an object/],
    ["null", /line 2: found null/],
    ['"x"', /line 2: found the string "x"/],
    ['{"p1":"a","p3":"b"}', /line 2: field "p2" is missing, wanted a string/],
    ['{"p1":"a","p3":4,"p2":"c"}', /line 2: field "p3" is the number 4/],
    ['{"p1":null,"p3":"b","p2":"c"}', /line 2: field "p1" is null/],
    ['{"p1":"a","p3":"b","p2":" "}', /line 2: field "p2" is blank/],
    ['{"p1":"a","p3":"b","p2":"c","meta":[1]}', /line 2: field "meta" is a list/],
    ['{"p1":"a","p3":"b","p2":"c","meta":{"theme":{}}}', /line 2: field "meta\.theme" is an object/],
    ['{"p1":"a","p3":"b","p2":"c","meta":{"theme":null}}', /line 2: field "meta\.theme" is null/],
    [
      '{"p1":"a","p3":"b","p2":"c","meta":{"theme":["x",true]}}',
      /line 2: field "meta\.theme" is a list holding the boolean true/,
    ],
  ])("refuses %s with line and field", (line, message) => {
    const good = '{"p1":"a","p3":"b","p2":"c"}\n';
    expect(() => parseJsonl(good + line, "t.jsonl")).toThrow(message);
    expect(parseJsonl(good, "t.jsonl").length).toBe(1);
  });

  it("refuses a file without examples", () => {
    for (const text of ["", "\n \r\n", "\uFEFF"])
      expect(() => parseJsonl(text, "t.jsonl")).toThrow(/^t\.jsonl: no examples found/);
  });

  it("reads lines that end in CR, and says what is wrong with foreign text in few printable characters", () => {
    expect(parseJsonl('{"p1":"a","p3":"b","p2":"c"}\r{"p1":"d","p3":"","p2":"e"}\r', "t")).toHaveLength(2);
    const odd = ["\u001b[31m", "x".repeat(1_000_000), `${"[".repeat(100_000)}${"]".repeat(100_000)}`];
    const lines = [
      ...odd.map((text) => `{"p1": "a", "p3": "b", "p2": "c", "meta": {${JSON.stringify(text)}: false}}`),
      ...odd.map((text) => `{"p1": ${text}}`),
      `{"p1": "a", "p3": "b", "p2": "c", "meta": ${odd[2]}}`,
    ];
    for (const line of lines) {
      expect(() => parseJsonl(line, "t")).toThrow(UserError);
      // oxlint-disable-next-line no-control-regex -- that there is none
      expect(() => parseJsonl(line, "t")).toThrow(/^t, line 1: [^\x00-\x1f]{1,400}$/);
    }
  });

  it("takes a foreign object's names for what they are", () => {
    const meta = '{"__proto__": "x", "constructor": "y"}';
    const [example] = parseJsonl(`{"p1":"a","p3":"b","p2":"c","meta":${meta}}`, "t");
    expect(() => encoder.encodeExample(example!, { blockSize: 99 })).toThrow(/metadata field "__proto__" is unknown/);
  });

  it("does not need p2 of a gap to fill", () => {
    expect(parseRequests('{"p1":"a","p3":"b"}', "t")).toEqual([{ p1: "a", p3: "b", where: "t, line 1" }]);
  });
});

describe("dropMetadata", () => {
  it("leaves each field out by chance, and touches nothing else", () => {
    const draws = [0.1, 0.9];
    expect(dropMetadata(story, 0.5, () => draws.shift()!)).toEqual({ ...story, meta: { theme: "courage" } });
    expect(dropMetadata(story, 0, () => 0)).toEqual(story);
    expect(dropMetadata({ ...story, meta: "sad" }, 1, () => 0.5).meta).toBeUndefined();
  });
});

describe("encodeExample", () => {
  it("has the ids that Hugging Face gives for markers inside text", () => {
    const { ids } = encoder.encodeExample({ p1: "Hi", p3: "", p2: "x" }, { blockSize: 99 })!;
    expect(ids).toEqual([50259, 15902, 50261, 50260, 2124, 50258]);
  });

  it("types every position", () => {
    const { ids, types, trimmed } = encoder.encodeExample(story, { blockSize: 99 })!;
    const text = (type: number): string => tokenizer.decode(ids.filter((_, i) => types[i] === type));
    expect(text(special)).toBe("[P1][P3][P2]");
    expect(text(context)).toBe(" Mia had a red kite. They climbed the ladder.\nlength: S; theme: courage");
    expect(text(target)).toBe(" It got stuck in a tree.");
    expect(text(end)).toBe("[EOS]");
    expect(types.length).toBe(ids.length);
    expect(trimmed).toBe(false);
  });

  it("equals the encoding of the whole string, for any text and both layouts", () => {
    const text = fc.oneof(
      fc.lorem({ maxCount: 4, mode: "sentences" }),
      fc.string({ unit: "grapheme", maxLength: 25 }),
      fc.constantFrom("", "\u0085x\n\n", " 's it", "\uFEFFa", "[P", "1]"),
    );
    const example = fc.record({
      p1: text,
      p3: text,
      p2: text,
      meta: fc.oneof(
        text,
        fc.record({ length: fc.constantFrom("S", "M"), characters: fc.array(text, { maxLength: 3 }) }),
      ),
    });
    fc.assert(
      fc.property(example, fc.constantFrom(encoder, suffixFirst), (sample, by) => {
        expect(by.encodeExample(sample, { blockSize: 10_000 })!.ids).toEqual(tokenizer.encode(by.render(sample)));
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  it("puts p3 first in the other layout", () => {
    expect(suffixFirst.render(story)).toBe(
      "[P3] They climbed the ladder.[P1] Mia had a red kite.\nlength: S; theme: courage[P2] It got stuck in a " +
        "tree.[EOS]",
    );
  });

  it("refuses markers inside texts, naming the field, and takes GPT-2's own end token as plain text", () => {
    const where = "t.jsonl, line 9";
    expect(() => encoder.encodeExample({ ...story, where, p3: "a [P2] b" }, { blockSize: 99 })).toThrow(
      /^t\.jsonl, line 9: field "p3" contains \[P2\]/,
    );
    expect(() => encoder.encodeExample({ ...story, where, meta: { theme: "[EOS]" } }, { blockSize: 99 })).toThrow(
      /field "meta" contains \[EOS\]/,
    );
    const { ids } = encoder.encodeExample({ ...story, p1: "<|endoftext|>" }, { blockSize: 99 })!;
    expect(ids).not.toContain(50256);
  });
});

describe("a full context", () => {
  const words = (stem: string, count: number): string =>
    Array.from({ length: count }, (_, i) => `${stem}${i}`).join(" ");
  const long: InfillExample = {
    p1: words("one", 40),
    p3: words("two", 40),
    p2: words("mid", 5),
    meta: { length: "M", summary: words("sum", 20) },
  };
  const parts = (ids: readonly number[]): Record<"p1" | "p3" | "meta" | "p2", string> => {
    const [, p1, p3, meta, p2] = /^\[P1\] ?([^]*)\[P3\] ?([^\n]*)([^]*)\[P2\] ?([^]*)\[EOS\]$/.exec(
      tokenizer.decode(ids),
    )!;
    return { p1: p1!, p3: p3!, meta: meta!.trim(), p2: p2! };
  };
  const fit = (blockSize: number, template: InfillTemplate = DEFAULT_TEMPLATE): ReturnType<typeof parts> =>
    parts(new InfillEncoder(template, tokenizer).encodeExample(long, { blockSize })!.ids);
  const whole = encoder.encodeExample(long, { blockSize: 10_000 })!.ids.length;

  it("cuts the beginning of p1 and the end of p3, at words", () => {
    const cut = fit(whole - 60);
    expect(long.p1.endsWith(` ${cut.p1}`)).toBe(true);
    expect(long.p3.startsWith(`${cut.p3} `)).toBe(true);
    expect(cut.meta).toBe(`length: M; summary: ${words("sum", 20)}`);
    expect(cut.p1.split(" ").length).toBeGreaterThan(8);
    expect(cut.p3.split(" ").length).toBeGreaterThan(8);
  });

  it("divides the room by the template's share, and gives on what one does not need", () => {
    const fair = fit(whole - 60),
      mostP1 = fit(whole - 60, { ...DEFAULT_TEMPLATE, p1Share: 0.9 }),
      onlyP3 = fit(whole - 60, { ...DEFAULT_TEMPLATE, p1Share: 0 });
    expect(mostP1.p1.length).toBeGreaterThan(fair.p1.length);
    expect(mostP1.p3.length).toBeLessThan(fair.p3.length);
    expect(onlyP3.p3).toBe(long.p3);
    expect(onlyP3.p1).not.toBe("");
    const short = parts(encoder.encodeExample({ ...long, p1: "Short." }, { blockSize: whole - 100 })!.ids);
    expect(short.p1).toBe("Short.");
  });

  it("then shortens the longest metadata field, and drops an example whose p2 cannot fit", () => {
    const p2AndMarkers = tokenizer.encode(` ${long.p2}`).length + 4;
    const cut = fit(p2AndMarkers + 20);
    expect([cut.p1, cut.p3, cut.p2]).toEqual(["", "", long.p2]);
    expect(cut.meta).toMatch(/^length: M; summary: sum0 sum1/);
    expect(fit(p2AndMarkers)).toEqual({ p1: "", p3: "", meta: "", p2: long.p2 });
    expect(encoder.encodeExample(long, { blockSize: p2AndMarkers - 1 })).toBeUndefined();
    expect(encoder.encodeAll([long, story, { ...long, p2: words("mid", 90) }], { blockSize: 60 })).toMatchObject({
      trimmed: 1,
      dropped: 1,
      examples: [{ trimmed: true }, { trimmed: false }],
    });
  });

  it.each([
    ["Chinese", "从前有一个磨坊主住在河边的村子里，他每天天不亮就起来磨面。", "他回家了。"],
    ["Japanese", "むかしむかし、川のそばの村に粉屋が住んでいました。", "彼は家に帰った。"],
    ["Thai", "กาลครั้งหนึ่งนานมาแล้วมีคนสีข้าวอาศัยอยู่ในหมู่บ้านริมแม่น้ำ", "เขากลับบ้าน"],
    ["one endless word", "abcdefghij", "klmnop"],
    ["emoji of several characters", "👨‍👩‍👧❤️", "👩🏽‍🚀"],
  ])("cuts %s, which has no spaces, between characters", (_, p1, p3) => {
    const gap = { p1: p1.repeat(20), p3: p3.repeat(40) };
    const { ids, types, trimmed } = encoder.encodeExample({ ...gap, p2: "x" }, { blockSize: 105 })!;
    const kept = parts(ids);
    expect(trimmed).toBe(true);
    expect([...types].filter((type) => type === context).length).toBeGreaterThan(85);
    expect(gap.p1.endsWith(kept.p1)).toBe(true);
    expect(gap.p3.startsWith(kept.p3)).toBe(true);
    expect(`${kept.p1}${kept.p3}`).not.toContain("\uFFFD");
    expect(kept.p1).not.toMatch(/^[\p{M}\u200d]|\u200d$/u);
  });

  it("cuts a metadata value without spaces, too", () => {
    const meta = { summary: "磨坊主回家了".repeat(60) };
    const { ids } = encoder.encodePrompt({ p1: "", p3: "", meta }, { maxLength: 63 });
    expect(ids.length).toBeGreaterThan(55);
    expect(tokenizer.decode(ids)).toMatch(/summary: 磨坊主[^\uFFFD]*\[P2\]$/);
  });

  it("takes time in proportion to the room, not to the text", () => {
    const started = performance.now();
    const word = "word and ".repeat(500_000);
    const ids = encoder.encodePrompt({ p1: word, p3: "字".repeat(500_000) }, { maxLength: 300 }).ids;
    expect(ids.length).toBeGreaterThan(290);
    const cut = encoder.encodePrompt({ p1: word.slice(-4000), p3: "字".repeat(2000) }, { maxLength: 300 }).ids;
    expect(ids).toEqual(cut);
    encoder.encodePrompt({ p1: "", p3: "", meta: { summary: word.slice(0, 200_000) } }, { maxLength: 100 });
    encoder.encodePrompt({ p1: `a${" ".repeat(1_000_000)}b`, p3: `a${"\n".repeat(300_000)}b` }, { maxLength: 100 });
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it("never cuts p2, a marker or the end, and never exceeds the block (property)", () => {
    const text = fc
      .array(fc.constantFrom("a", "kite", "extraordinary", "x\ny", "Übermut", "猫猫猫"), { maxLength: 25 })
      .map((list) => list.join(" "));
    const examples = fc.record({
      p1: text,
      p3: text,
      p2: text,
      meta: fc.record({ length: fc.constant("L"), summary: text, characters: text }),
    });
    fc.assert(
      fc.property(
        examples,
        fc.integer({ min: 1, max: 150 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (example, blockSize, p1Share) => {
          const by = new InfillEncoder({ ...DEFAULT_TEMPLATE, p1Share }, tokenizer);
          const p2 = example.p2 === "" ? [] : tokenizer.encode(` ${normalizeText(example.p2)}`);
          const encoded = by.encodeExample(example, { blockSize });
          expect(encoded === undefined).toBe(p2.length + 4 > blockSize);
          if (!encoded) return;
          const { ids, types, trimmed } = encoded;
          expect(ids.length).toBeLessThanOrEqual(blockSize);
          expect(ids.slice(-p2.length - 2)).toEqual([by.ids.p2, ...p2, by.ids.eos]);
          expect(ids.filter((id) => id >= 50257)).toEqual([by.ids.p1, by.ids.p3, by.ids.p2, by.ids.eos]);
          expect([...types].filter((type) => type === target).length).toBe(p2.length);
          const full = tokenizer.encode(by.render(example));
          expect(trimmed).toBe(full.length > blockSize);
          expect(trimmed || ids.join() === full.join()).toBe(true);
          // What is left is whole words of the original, next to the gap; in Chinese whole characters.
          const { p1 } = parts(ids);
          const whole = normalizeText(example.p1);
          expect(whole.endsWith(p1)).toBe(true);
          const before = whole.slice(0, whole.length - p1.length);
          expect(p1 === "" || before === "" || /[ \n猫]$/.test(before)).toBe(true);
        },
      ),
      { numRuns: 200, seed: 4 },
    );
  });
});

describe("encodePrompt", () => {
  it("is the example up to where p2 begins, so that training and generation cannot differ", () => {
    const whole = encoder.encodeExample(story, { blockSize: 99 })!;
    const prompt = encoder.encodePrompt(story, { maxLength: 99 });
    expect(prompt.ids.at(-1)).toBe(encoder.ids.p2);
    expect(prompt.ids).toEqual(whole.ids.slice(0, prompt.ids.length));
    const forced = encoder.encodePrompt(story, { maxLength: 99, prefix: " It got stuck " });
    expect(forced.ids).toEqual(whole.ids.slice(0, forced.ids.length));
    expect(forced.ids.length).toBe(prompt.ids.length + 3);
    expect([...forced.types].slice(-3)).toEqual([target, target, target]);
  });

  it("fits into the room it is given, or says why it cannot", () => {
    const tight = encoder.encodePrompt(story, { maxLength: 12 });
    expect(tight.ids.length).toBeLessThanOrEqual(12);
    expect(tight.trimmed).toBe(true);
    expect(() => encoder.encodePrompt(story, { maxLength: 4, prefix: "Then she" })).toThrow(
      /needs 5 tokens .* 4 are left/,
    );
    expect(() => encoder.encodePrompt(story, { maxLength: 99, prefix: "[EOS]" })).toThrow(
      /field "prefix" contains \[EOS\]/,
    );
  });
});

describe("collate", () => {
  const rows = [
    encoder.encodeExample({ p1: "a", p3: "b", p2: "c d" }, { blockSize: 99 })!,
    encoder.encodeExample({ p1: "", p3: "", p2: "c" }, { blockSize: 99 })!,
  ];
  const { pad, p1, p2, p3, eos } = encoder.ids;
  const [a, b, c, d] = [" a", " b", " c", " d"].map((text) => tokenizer.encode(text)[0]!);

  it("pads right to the longest, masks pads and keeps types", () => {
    const batch = collate(rows, { padId: pad, lossOn: "all" });
    expect(batch.inputIds).toEqual([
      [p1, a, p3, b, p2, c, d, eos],
      [p1, p3, p2, c, eos, pad, pad, pad],
    ]);
    expect(batch.attentionMask).toEqual([
      [1, 1, 1, 1, 1, 1, 1, 1],
      [1, 1, 1, 1, 1, 0, 0, 0],
    ]);
    expect(batch.labels).toEqual([
      [p1, a, p3, b, p2, c, d, eos],
      [p1, p3, p2, c, eos, -100, -100, -100],
    ]);
    expect(batch.types).toEqual([
      [2, 1, 2, 1, 2, 3, 3, 4],
      [2, 2, 2, 3, 4, 0, 0, 0],
    ]);
  });

  it("takes only p2 and its end into the loss when asked", () => {
    const x = -100;
    expect(collate(rows, { padId: pad, lossOn: "target" }).labels).toEqual([
      [x, x, x, x, x, c, d, eos],
      [x, x, x, c, eos, x, x, x],
    ]);
  });

  it("pads to a multiple, but not past the model's length, and never cuts", () => {
    expect(collate(rows, { padId: pad, lossOn: "all", padToMultipleOf: 16 }).inputIds.map((row) => row.length)).toEqual(
      [16, 16],
    );
    expect(
      collate(rows, { padId: pad, lossOn: "all", padToMultipleOf: 16, maxLength: 11 }).attentionMask[1]!.slice(5),
    ).toEqual([0, 0, 0, 0, 0, 0]);
    expect(collate(rows, { padId: pad, lossOn: "all", padToMultipleOf: 4, maxLength: 3 }).inputIds[0]).toEqual(
      rows[0]!.ids,
    );
  });

  it("masks pads whatever their id, and refuses an empty batch", () => {
    expect(collate(rows, { padId: eos, lossOn: "all" }).labels[1]!.slice(-4)).toEqual([eos, -100, -100, -100]);
    expect(() => collate([], { padId: pad, lossOn: "all" })).toThrow(/0 examples/);
  });
});
