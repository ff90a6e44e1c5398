// The template: its JSON, its special tokens checked against real and faulty tokenizers, its metadata text.
import { describe, expect, it } from "vitest";
import {
  DEFAULT_TEMPLATE,
  parseTemplate,
  specialIds,
  specialTokenList,
  SUFFIX_FIRST_TEMPLATE,
  templateToJson,
} from "../src/infill/template.ts";
import { metadataFields, metadataText } from "../src/infill/metadata-text.ts";
import type { TemplateTokenizer } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const gpt2 = (): GPT2Tokenizer => GPT2Tokenizer.default();
const prepared = (): GPT2Tokenizer => {
  const tokenizer = gpt2();
  tokenizer.addSpecialTokens(specialTokenList(DEFAULT_TEMPLATE));
  return tokenizer;
};

describe("template JSON", () => {
  it("comes back as it was saved", () => {
    for (const template of [
      DEFAULT_TEMPLATE,
      SUFFIX_FIRST_TEMPLATE,
      { ...DEFAULT_TEMPLATE, p1Share: 0.7, metadataFields: ["mood"] },
    ]) {
      expect(parseTemplate(JSON.parse(templateToJson(template)), "t.json")).toEqual(template);
    }
  });

  it.each([
    [{ version: 2 }, "version"],
    [{ order: ["p1", "p2", "metadata", "p3"] }, "order"],
    [{ order: ["p1", "p1", "p3", "p2"] }, "order"],
    [{ order: ["p1", "p3", "p2"] }, "order"],
    [{ specialTokens: { ...DEFAULT_TEMPLATE.specialTokens, p2: "" } }, "specialTokens"],
    [{ specialTokens: { ...DEFAULT_TEMPLATE.specialTokens, p2: " [P2]" } }, "specialTokens"],
    [{ specialTokens: { ...DEFAULT_TEMPLATE.specialTokens, pad: "[EOS]" } }, "specialTokens"],
    [{ specialTokens: { ...DEFAULT_TEMPLATE.specialTokens, pad: "P1]" } }, "specialTokens"],
    [{ specialTokens: { pad: "[PAD]" } }, "specialTokens"],
    [{ specialTokens: null }, "specialTokens"],
    [{ metadataFields: ["length", "length"] }, "metadataFields"],
    [{ metadataFields: "length" }, "metadataFields"],
    [{ p1Share: 1.5 }, "p1Share"],
    [{ p1Share: "half" }, "p1Share"],
  ])("refuses %j", (change, field) => {
    expect(() => parseTemplate({ ...DEFAULT_TEMPLATE, ...change }, "m/infill_template.json")).toThrow(
      `m/infill_template.json: field "${field}"`,
    );
  });

  it.each([[null], [[]], ["x"]])("refuses %j in place of an object", (json) => {
    expect(() => parseTemplate(json, "t.json")).toThrow(/wanted an object/);
  });
});

describe("specialIds", () => {
  it("are 50257 to 50261 in GPT-2's vocabulary", () => {
    expect(specialIds(DEFAULT_TEMPLATE, prepared())).toEqual({
      pad: 50257,
      eos: 50258,
      p1: 50259,
      p2: 50260,
      p3: 50261,
    });
  });

  it("refuses a marker that was never added, and is split", () => {
    expect(() => specialIds(DEFAULT_TEMPLATE, gpt2())).toThrow(/no special token \[PAD\]/);
    const splitting: TemplateTokenizer = {
      encode: (text) => gpt2().encode(text),
      tokenToId: (token) => prepared().tokenToId(token),
    };
    expect(() => specialIds(DEFAULT_TEMPLATE, splitting)).toThrow(/reads "a \[PAD\] a" as .*one special token/);
  });

  it("refuses a marker that swallows spaces, or is registered with one", () => {
    const stripping = gpt2();
    stripping.addSpecialTokens([...specialTokenList(DEFAULT_TEMPLATE).slice(0, 4), { content: "[P3]", lstrip: true }]);
    expect(() => specialIds(DEFAULT_TEMPLATE, stripping)).toThrow(/register \[P3\]/);
    const spaced = gpt2();
    spaced.addSpecialTokens(specialTokenList(DEFAULT_TEMPLATE).map((token) => ` ${token}`));
    expect(() => specialIds(DEFAULT_TEMPLATE, spaced)).toThrow(/no special token \[PAD\]/);
  });

  it("refuses a pad that is the end token", () => {
    const base = prepared();
    const shared: TemplateTokenizer = {
      encode: (text) => base.encode(text.replace("[PAD]", "[EOS]")),
      tokenToId: (token) => base.tokenToId(token === "[PAD]" ? "[EOS]" : token),
    };
    expect(() => specialIds(DEFAULT_TEMPLATE, shared)).toThrow(/\[PAD\] and \[EOS\] share the id 50258/);
  });
});

describe("metadata", () => {
  const text = (meta: Parameters<typeof metadataFields>[1]): string =>
    metadataText(metadataFields(DEFAULT_TEMPLATE, meta, "x.jsonl, line 3"));

  it("is written in the template's order, whatever the object's", () => {
    expect(text({ characters: ["Mia", "Tom"], theme: "hope", length: "M" })).toBe(
      "length: M; theme: hope; characters: Mia, Tom",
    );
  });

  it("leaves out what is absent or blank, and keeps numbers and plain strings", () => {
    expect(text({ theme: " ", characters: [], title: 3, summary: "a\n b " })).toBe("title: 3; summary: a b");
    expect(text("a sad\npart")).toBe("a sad part");
    for (const nothing of [undefined, {}, "", " \n"]) expect(text(nothing)).toBe("");
  });

  it.each(["XL", "50", "s", "S, M", 50])(
    "refuses a length that is no class, and says what the classes mean where the template knows: %s",
    (length) => {
      const template = { ...DEFAULT_TEMPLATE, lengthBounds: [174, 196] as const };
      expect(() => metadataFields(template, { length }, "The gap")).toThrow(
        /^The gap: metadata field "length" is ".*", wanted S \(up to 174 tokens\), M \(up to 196\) or L \(more\)/,
      );
      for (const each of ["S", "M", "L"])
        expect(metadataFields(template, { length: each }, "The gap")).toEqual([["length", each]]);
      expect(() => metadataFields(DEFAULT_TEMPLATE, { length }, "The gap")).toThrow(
        /^The gap: metadata field "length" is ".*", wanted S, M or L \(short, middling, long\)/,
      );
      expect(metadataFields(DEFAULT_TEMPLATE, { length: " L\n" }, "The gap")).toEqual([["length", "L"]]);
    },
  );

  it("refuses a field that the template does not know", () => {
    expect(() => text({ mood: "dark" })).toThrow(
      /^x\.jsonl, line 3: metadata field "mood" is unknown, wanted one of length, /,
    );
    expect(() => text(JSON.parse('{"__proto__": "x"}'))).toThrow(/"__proto__" is unknown/);
  });
});
