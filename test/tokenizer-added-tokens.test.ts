// Added tokens anywhere in the text, roles, and decoding as a stream.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

function withInfillTokens(): GPT2Tokenizer {
  const tokenizer = GPT2Tokenizer.default();
  expect(
    tokenizer.addSpecialTokens({
      padToken: "[PAD]",
      eosToken: "[EOS]",
      additionalSpecialTokens: ["[P1]", "[P2]", "[P3]"],
    }),
  ).toBe(5);
  return tokenizer;
}

describe("added tokens", () => {
  it("get the next ids and are found anywhere, any number of times", () => {
    const tokenizer = withInfillTokens();
    expect(tokenizer.encode("[P1] Hi[P3]x")).toEqual([50259, 15902, 50261, 87]);
    expect(tokenizer.encode("[P1][P1]a[P1]")).toEqual([50259, 50259, 64, 50259]);
    expect(tokenizer.encode(" [P1] ")).toEqual([220, 50259, 220]); // nothing is stripped
    expect(tokenizer.encode("[P1")).toEqual([58, 47, 16]);
    expect(tokenizer.vocabSize).toBe(50262);
    expect([tokenizer.padTokenId, tokenizer.eosTokenId, tokenizer.bosTokenId]).toEqual([50257, 50258, 50256]);
    expect(tokenizer.specialTokenIds).toEqual([50256, 50257, 50258, 50259, 50260, 50261]);
    expect([tokenizer.isSpecial(50261), tokenizer.isSpecial(0), tokenizer.isSpecial(-1)]).toEqual([true, false, false]);
    expect([tokenizer.tokenToId("[P2]"), tokenizer.tokenToId("Ġthe"), tokenizer.tokenToId("[P4]")]).toEqual([
      50260,
      262,
      undefined,
    ]);
    expect([tokenizer.idToToken(50260), tokenizer.idToToken(262)]).toEqual(["[P2]", "Ġthe"]);
  });

  it("does not change the tokenizer it did not extend", () => {
    withInfillTokens();
    const plain = GPT2Tokenizer.default();
    expect([plain.vocabSize, plain.padTokenId]).toEqual([50257, undefined]);
    expect(plain.decode(plain.encode("[P1]"))).toBe("[P1]");
  });

  it("counts only new ids, and keeps known ones", () => {
    const tokenizer = withInfillTokens();
    expect(tokenizer.addSpecialTokens(["[P1]", "[P4]", "[P4]"])).toBe(1);
    expect(tokenizer.addTokens(["Ġthe", "[P1]"])).toBe(0);
    expect(tokenizer.isSpecial(50259)).toBe(true);
    expect(tokenizer.addSpecialTokens({ padToken: "<|endoftext|>" })).toBe(0);
    expect(tokenizer.padTokenId).toBe(50256);
  });

  it("reads special tokens as plain text when asked, but still finds the others", () => {
    const tokenizer = withInfillTokens();
    tokenizer.addTokens(["[name]"]);
    const ids = tokenizer.encode("[P1][name]", { allowSpecial: false });
    expect(ids).toEqual([58, 47, 16, 60, 50262]);
    expect(tokenizer.decode(ids)).toBe("[P1][name]");
  });

  it("leaves special tokens out of the text when asked", () => {
    const tokenizer = withInfillTokens();
    const ids = tokenizer.encode("[P1] Hi[P3] you[EOS][PAD]");
    expect(tokenizer.decode(ids)).toBe("[P1] Hi[P3] you[EOS][PAD]");
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(" Hi you");
  });

  it("matches as Hugging Face: leftmost, then longest, special before ordinary ones, with each token's rules", () => {
    const tokenizer = GPT2Tokenizer.default();
    tokenizer.addSpecialTokens([
      "<a>",
      "<a>b",
      { content: "<l>", lstrip: true },
      { content: "<r>", rstrip: true },
      { content: "wug", singleWord: true },
    ]);
    tokenizer.addTokens(["x<a>", "é€"]);
    const tokens = (text: string): string[] => tokenizer.encode(text).map((id) => tokenizer.idToToken(id));
    expect(tokens("<a><a>b")).toEqual(["<a>", "<a>b"]);
    expect(tokens("x<a>")).toEqual(["x", "<a>"]); // the special token is taken first
    expect(tokens("a \n<l> b")).toEqual(["a", "<l>", "Ġb"]);
    expect(tokens("a <r>\u3000\nb")).toEqual(["a", "Ġ", "<r>", "b"]);
    expect(tokens("<r> <l>")).toEqual(["<r>", "<l>"]);
    expect(tokens("wug, a wug")).toEqual(["wug", ",", "Ġa", "Ġ", "wug"]);
    expect(tokens("awug wugs")).not.toContain("wug");
    expect(tokenizer.decode(tokenizer.encode("é€é"))).toBe("é€é");
  });

  it("are found whatever characters they are made of", () => {
    const contents = fc.uniqueArray(fc.string({ unit: "grapheme", minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(contents, fc.string({ unit: "grapheme" }), (added, text) => {
        const tokenizer = GPT2Tokenizer.default().truncate(0);
        tokenizer.addSpecialTokens(added);
        for (const content of added) expect(tokenizer.encode(content)).toEqual([tokenizer.tokenToId(content)]);
        const mixed = text + added.join(text);
        expect(tokenizer.decode(tokenizer.encode(mixed))).toBe(mixed);
      }),
      { seed: 3, numRuns: 15 },
    );
  });

  it("refuses empty tokens and unknown roles, and says what is wrong with an id", () => {
    const tokenizer = withInfillTokens();
    expect(() => tokenizer.addTokens([""])).toThrow(UserError);
    expect(() => tokenizer.addSpecialTokens({ pad_token: "x" } as never)).toThrow(/pad_token.*padToken/);
    for (const id of [50262, -1, 1.5, NaN]) expect(() => tokenizer.decode([0, id])).toThrow(UserError);
    expect(() => tokenizer.decode([99999])).toThrow(
      "Token id 99999 is out of range: this tokenizer has ids 0 to 50261; use the tokenizer that belongs to the model.",
    );
    expect(() => tokenizer.idToToken(50262)).toThrow(UserError);
  });
});

describe("decode stream", () => {
  it("waits for whole characters", () => {
    const tokenizer = GPT2Tokenizer.default();
    const stream = tokenizer.createDecodeStream();
    const ids = tokenizer.encode("a👩‍🚀é");
    const pushed = ids.map((id) => stream.push(id));
    expect(pushed.join("") + stream.end()).toBe("a👩‍🚀é");
    expect(pushed.some((text) => text === "")).toBe(true); // some token did end inside a character
    expect(pushed.every((text) => !/\p{Surrogate}|\ufffd/u.test(text))).toBe(true);
  });

  it("replaces what never becomes a character", () => {
    const tokenizer = withInfillTokens();
    const smile = tokenizer.truncate(0).encode("😀"); // the bytes f0 9f 98 80, one id each, which are the same in GPT-2
    const stream = tokenizer.createDecodeStream();
    expect([...smile.slice(0, 3).map((id) => stream.push(id)), stream.push(50259), stream.end()]).toEqual([
      "",
      "",
      "",
      "\ufffd[P1]",
      "",
    ]);
    const cut = tokenizer.createDecodeStream();
    expect([cut.push(smile[0]), cut.end()]).toEqual(["", "\ufffd"]);
  });

  it("gives what decode gives, for any ids", () => {
    const tokenizer = withInfillTokens();
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(255), fc.nat(50261))), fc.boolean(), (ids, skipSpecialTokens) => {
        const stream = tokenizer.createDecodeStream({ skipSpecialTokens });
        const text = ids.map((id) => stream.push(id)).join("") + stream.end();
        const kept = ids.filter((id) => !(skipSpecialTokens && tokenizer.isSpecial(id)));
        const bytes = Buffer.concat(
          kept.map((id) => (tokenizer.isSpecial(id) ? Buffer.from(tokenizer.idToToken(id)) : bytesOf(tokenizer, id))),
        );
        expect(text).toBe(bytes.toString("utf8"));
        expect(tokenizer.decode(ids, { skipSpecialTokens })).toBe(text);
      }),
      { seed: 4, numRuns: 200 },
    );
  });
});

/**
 * A piece's bytes by the rule of the alphabet, in few words: below 256 itself, above the n-th byte that does not print.
 */
function bytesOf(tokenizer: GPT2Tokenizer, id: number): Buffer {
  const unprintable = [...Array(33).keys(), ...Array.from({ length: 34 }, (_, i) => 127 + i), 173];
  return Buffer.from(
    [...tokenizer.idToToken(id)].map((char) =>
      char.charCodeAt(0) < 256 ? char.charCodeAt(0) : unprintable[char.charCodeAt(0) - 256],
    ),
  );
}
