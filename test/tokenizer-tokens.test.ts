// Text to tokens, tokens to ids and back, as Hugging Face's tokenizers do it; special tokens with names of one's own.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { pieceToBytes } from "../src/tokenizer/byte-alphabet.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const gpt2 = GPT2Tokenizer.default();

function named(): GPT2Tokenizer {
  const tokenizer = GPT2Tokenizer.default().truncate(300);
  tokenizer.addSpecialTokens({
    begin_P1: "[P1]",
    padToken: "[PAD]",
    end_P1: { content: "[/P1]", rstrip: true },
    additionalSpecialTokens: ["[X]"],
  });
  return tokenizer;
}

describe("tokenize", () => {
  it("gives the pieces in the byte alphabet", () => {
    // The first is the example of transformers' own documentation; Ã© is the two bytes of é, Ċ a line feed.
    expect(gpt2.tokenize("Let's see all hidden-states")).toEqual("Let|'s|Ġsee|Ġall|Ġhidden|-|states".split("|"));
    expect(gpt2.tokenize(" é\n")).toEqual(["ĠÃ©", "Ċ"]);
    expect(gpt2.tokenize("")).toEqual([]);
  });

  it("finds added tokens whole, special ones unless they are to be text", () => {
    const tokenizer = GPT2Tokenizer.default();
    tokenizer.addSpecialTokens(["[P1]"]);
    tokenizer.addTokens(["été"]);
    expect(tokenizer.tokenize("[P1] été<|endoftext|>")).toEqual(["[P1]", "Ġ", "été", "<|endoftext|>"]);
    expect(tokenizer.tokenize("[P1]", { allowSpecial: false })).toEqual(["[", "P", "1", "]"]);
  });

  it("says the same as encode, and its pieces are the text's bytes (property)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const tokens = gpt2.tokenize(text, { allowSpecial: false });
        const ids = gpt2.encode(text, { allowSpecial: false });
        expect(gpt2.convertTokensToIds(tokens)).toEqual(ids);
        expect(gpt2.convertIdsToTokens(ids)).toEqual(tokens);
        const bytes = tokens.flatMap((token) => [...pieceToBytes(token)]);
        expect(bytes).toEqual([...new TextEncoder().encode(text)]);
      }),
    );
  });
});

describe("convertTokensToIds, convertIdsToTokens", () => {
  it("take one or a list", () => {
    expect(gpt2.convertTokensToIds("Ġthe")).toBe(262);
    expect(gpt2.convertTokensToIds(["Ġthe", "Let", "<|endoftext|>"])).toEqual([262, 5756, 50256]);
    expect(gpt2.convertTokensToIds([])).toEqual([]);
    expect(gpt2.convertIdsToTokens(262)).toBe("Ġthe");
    expect(gpt2.convertIdsToTokens([262, 50256])).toEqual(["Ġthe", "<|endoftext|>"]);
  });

  it("give an unknown token the unknown token's id, as in Hugging Face", () => {
    expect(gpt2.unkTokenId).toBe(50256);
    for (const unknown of [" the", "Ġ the", "[P1]", "", "toString"])
      expect(gpt2.convertTokensToIds(unknown)).toBe(50256);
    expect(gpt2.convertTokensToIds(["Ġthe", "no such"])).toEqual([262, 50256]);
  });

  it("say so where no token is the unknown one", () => {
    const [...files] = GPT2Tokenizer.default().truncate(0).save();
    const without = files.map(([name, text]): [string, string] => [name, text.replaceAll("<|endoftext|>", "<end>")]);
    return GPT2Tokenizer.fromPretrained(
      new MemoryFolder("m", new Map(without.filter(([name]) => /^(vocab|merges)/.test(name)))),
    ).then((tokenizer) => {
      expect(tokenizer.unkTokenId).toBeUndefined();
      expect(() => tokenizer.convertTokensToIds(["a", "[P1]"])).toThrow('The vocabulary has no token "[P1]"');
      expect(tokenizer.convertTokensToIds("a")).toBe(tokenizer.tokenToId("a"));
    });
  });

  it("leave special tokens out of a list when asked, and refuse ids that are none", () => {
    const tokenizer = named();
    const ids = tokenizer.encode("[P1]a[PAD]");
    expect(tokenizer.convertIdsToTokens(ids)).toEqual(["[P1]", "a", "[PAD]"]);
    expect(tokenizer.convertIdsToTokens(ids, { skipSpecialTokens: true })).toEqual(["a"]);
    for (const id of [-1, 1.5, tokenizer.vocabSize])
      for (const wrong of [id, [0, id]])
        expect(() => tokenizer.convertIdsToTokens(wrong as number)).toThrow(`Token id ${id} is out of range`);
  });
});

describe("special tokens with names of their own", () => {
  it("get ids in the order of the keys, and are found, skipped and named", () => {
    const tokenizer = named();
    expect(tokenizer.specialTokenId("begin_P1")).toBe(557);
    expect(tokenizer.encode("[P1]a[/P1]  [X]")).toEqual([557, tokenizer.tokenToId("a"), 559, 560]);
    expect(tokenizer.decode([557, 64, 559], { skipSpecialTokens: true })).toBe("a");
    expect(tokenizer.padTokenId).toBe(558);
    expect(["padToken", "end_P1", "begin_P2", "toString"].map((name) => tokenizer.specialTokenId(name))).toEqual([
      558,
      559,
      undefined,
      undefined,
    ]);
    expect(tokenizer.specialTokensMap).toEqual({
      bos_token: "<|endoftext|>",
      eos_token: "<|endoftext|>",
      unk_token: "<|endoftext|>",
      pad_token: "[PAD]",
      begin_P1: "[P1]",
      end_P1: "[/P1]",
      additional_special_tokens: ["[X]"],
    });
  });

  it("are saved as transformers saves extra special tokens, and come back from either form", async () => {
    const saved = named().save();
    const read = (file: string): Record<string, unknown> => JSON.parse(saved.get(file)!);
    expect(read("special_tokens_map.json")).toMatchObject({ begin_P1: "[P1]", end_P1: "[/P1]", pad_token: "[PAD]" });
    expect(read("tokenizer_config.json")).toMatchObject({
      begin_P1: "[P1]",
      extra_special_tokens: { begin_P1: "[P1]", end_P1: "[/P1]" },
      additional_special_tokens: ["[X]"],
    });
    const forms = [
      [...saved.keys()],
      ["tokenizer.json", "tokenizer_config.json"],
      ["tokenizer.json", "special_tokens_map.json"],
      ["vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json"],
    ];
    for (const files of forms) {
      const folder = new MemoryFolder("m", new Map(files.map((file) => [file, saved.get(file)!])));
      const loaded = await GPT2Tokenizer.fromPretrained(folder);
      expect(loaded.specialTokensMap).toEqual(named().specialTokensMap);
      if (files.includes("tokenizer_config.json")) expect(loaded.save()).toEqual(saved);
    }
  });

  it("are plain special tokens where a file gives a list of them, or a name that is none", async () => {
    const saved = named().save();
    const open = (change: (config: Record<string, unknown>) => void): Promise<GPT2Tokenizer> => {
      const config = JSON.parse(saved.get("tokenizer_config.json")!);
      change(config);
      const files = new Map([...saved, ["tokenizer_config.json", JSON.stringify(config)] as const]);
      files.delete("special_tokens_map.json");
      return GPT2Tokenizer.fromPretrained(new MemoryFolder("m", files));
    };
    const listed = await open((config) => (config.extra_special_tokens = ["[P1]", "[/P1]"]));
    expect(listed.specialTokensMap.additional_special_tokens).toEqual(["[X]", "[P1]", "[/P1]"]);
    const odd = await open((config) => (config.extra_special_tokens = { "1st": "[P1]", errors: "[/P1]" }));
    expect(odd.specialTokensMap.additional_special_tokens).toEqual(["[X]", "[P1]", "[/P1]"]);
  });

  it("stay when the vocabulary is cut", () => {
    const small = named().truncate(10);
    expect(small.specialTokensMap).toEqual(named().specialTokensMap);
    expect(small.encode("[/P1]")).toEqual([small.specialTokenId("end_P1")]);
  });

  it("may be near a role's name when they have an underscore, as transformers' own boi_token", () => {
    const tokenizer = GPT2Tokenizer.default().truncate(0);
    expect(tokenizer.addSpecialTokens({ boi_token: "<image>", p1: "[1]", éte: "[e]" })).toBe(3);
    expect(tokenizer.specialTokenId("éte")).toBe(tokenizer.vocabSize - 1);
  });

  it.each<[object, string]>([
    [{ pad_token: "x" }, 'no role "pad_token"; did you mean padToken?'],
    [{ eosTokn: "x" }, 'no role "eosTokn"; did you mean eosToken?'],
    [{ additional_special_tokens: ["x"] }, "did you mean additionalSpecialTokens?"],
    [{ "begin P1": "x" }, '"begin P1" can be no token\'s name'],
    [{ errors: "x" }, '"errors" can be no token\'s name'],
    [{ ["__proto__"]: "x" }, '"__proto__" can be no token\'s name'],
    [{ begin_P1: ["x"] }, 'begin_P1 is ["x"], wanted one token'],
    [{ padToken: ["x"] }, 'padToken is ["x"], wanted one token'],
    [{ additionalSpecialTokens: "x" }, 'additionalSpecialTokens is "x", wanted a list of tokens'],
    [{ begin_P1: "" }, "A token to add is empty"],
    [{ begin_P1: { content: 3 } }, "A token to add is 3, wanted a text"],
  ])("refuses %j, having added nothing", (tokens, message) => {
    const tokenizer = GPT2Tokenizer.default().truncate(0);
    const add = (): number => tokenizer.addSpecialTokens(tokens as never);
    expect(add).toThrow(UserError);
    expect(add).toThrow(message);
    expect(tokenizer.vocabSize).toBe(257);
  });
});
