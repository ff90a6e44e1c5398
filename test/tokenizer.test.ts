// Byte-level BPE: GPT-2's ids, an independent slow implementation, gpt-tokenizer's own encoder, and the ids of the
// 2020 Hugging Face tokenizer on a vocabulary of its own.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { encode as encodeR50k } from "gpt-tokenizer/encoding/r50k_base";
import { beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const E2E = new URL("./fixtures/reference/e2e_2020/", import.meta.url);
const fixture = (file: string): string => readFileSync(new URL(file, E2E), "utf8");

/**
 * Text of the kinds that tokenizers trip over: scripts, joiners, white space of every sort, contractions, lone
 * surrogates.
 */
const POOLS = [
  "abc def XYZ",
  "0123²½Ⅷ",
  "'s't're've'm'll'd'S",
  " \t\n\r\v\f\u0085\ufeff\u00a0\u2003\u2028\u3000\u200b\u001c\u180e",
  "éÉçàœß\u0300",
  "日本語한",
  "العहि",
  "😀👨‍👩‍👧🏳️‍🌈𐌰𝟘",
  "-—…!?[]{}<>|\\/\0\x7f\xad\ufffd",
];
const anyText = fc
  .array(
    fc.oneof(
      ...POOLS.map((pool) => fc.constantFrom(...pool)),
      fc.constantFrom("the", " the", "  ", "\n\n", "ing", "don't", "<|endoftext|>"),
      fc.string({ unit: "binary", maxLength: 4 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));

/** GPT-2's word pattern by hand, one code point after another. */
function slowWords(text: string): string[] {
  const chars = [...text];
  const kind = (char: string | undefined): string => {
    if (char === undefined) return "end";
    if (/^\p{L}$/u.test(char)) return "letter";
    if (/^\p{N}$/u.test(char)) return "number";
    if (
      "\t\n\v\f\r \u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000".includes(char) ||
      (char >= "\u2000" && char <= "\u200a")
    )
      return "space";
    return "other";
  };
  const words: string[] = [];
  for (let i = 0; i < chars.length;) {
    const rest = chars.slice(i, i + 3).join("");
    let end = i;
    const contraction = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].find((suffix) => rest.startsWith(suffix));
    if (contraction) {
      end = i + contraction.length;
    } else if (kind(chars[i]) !== "space" || (chars[i] === " " && !["space", "end"].includes(kind(chars[i + 1])))) {
      const first = chars[i] === " " ? i + 1 : i;
      for (end = first; kind(chars[end]) === kind(chars[first]); end++);
    } else {
      while (kind(chars[end]) === "space") end++;
      if (end < chars.length && end > i + 1) end--; // the last space belongs to the next word
    }
    words.push(chars.slice(i, end).join(""));
    i = end;
  }
  return words;
}

/** BPE by rescanning for the best pair after each merge, on the text of the saved files. */
function slowEncoder(files: ReadonlyMap<string, string>): (text: string) => number[] {
  const vocab = JSON.parse(files.get("vocab.json")!) as Record<string, number>;
  const ranks = new Map(
    files
      .get("merges.txt")!
      .split("\n")
      .slice(1, -1)
      .map((line, rank) => [line, rank]),
  );
  const printable = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  const alphabet = Array.from({ length: 256 }, (_, byte) => byte);
  const others = alphabet.filter((byte) => !printable(byte));
  return (text) =>
    slowWords(text).flatMap((word) => {
      const parts = [...Buffer.from(word, "utf8")].map((byte) =>
        String.fromCodePoint(printable(byte) ? byte : 256 + others.indexOf(byte)),
      );
      for (;;) {
        let best = -1,
          bestRank = Infinity;
        for (let i = 0; i + 1 < parts.length; i++) {
          const rank = ranks.get(`${parts[i]} ${parts[i + 1]}`) ?? Infinity;
          if (rank < bestRank) [best, bestRank] = [i, rank];
        }
        if (best < 0) return parts.map((part) => vocab[part]);
        parts.splice(best, 2, parts[best] + parts[best + 1]);
      }
    });
}

describe("GPT-2's vocabulary", () => {
  let tokenizer: GPT2Tokenizer;
  beforeAll(() => {
    tokenizer = GPT2Tokenizer.default();
  });

  it("has OpenAI's own vocab.json and merges.txt, byte for byte", () => {
    const files = tokenizer.save();
    const sha256 = (file: string): string => createHash("sha256").update(files.get(file)!).digest("hex");
    expect(sha256("vocab.json")).toBe("196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783");
    expect(sha256("merges.txt")).toBe("1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5");
  });

  it.each([
    ["", []],
    ["Hello world", [15496, 995]],
    [" Hello world", [18435, 995]],
    ["Hello, my dog is cute", [15496, 11, 616, 3290, 318, 13779]],
    ["\n\n", [628]],
    ["a\n\nb", [64, 198, 198, 65]],
    ["<|endoftext|>", [50256]],
    ["\ufeff", [171, 119, 123]],
    ["\ud800", [4210]], // a lone surrogate is U+FFFD
  ])("encodes %j", (text, ids) => {
    expect(tokenizer.encode(text)).toEqual(ids);
  });

  it("takes U+FEFF for a symbol and U+0085 for white space, as OpenAI's pattern does", () => {
    expect(tokenizer.encode(" \ufeffa")).toEqual([...tokenizer.encode(" \ufeff"), ...tokenizer.encode("a")]);
    expect(tokenizer.encode("\ufeff!")).toEqual(slowEncoder(tokenizer.save())("\ufeff!"));
    expect(slowWords(" \ufeff!a")).toEqual([" \ufeff!", "a"]); // one word of symbols; \s would cut it in two
    // white space; \s would join it to the "!"
    expect(slowWords("!\u0085\u0085a")).toEqual(["!", "\u0085", "\u0085", "a"]);
    expect(tokenizer.encode("!\u0085\u0085a")).toEqual(
      ["!", "\u0085", "\u0085", "a"].flatMap((word) => tokenizer.encode(word)),
    );
    expect(tokenizer.decode(tokenizer.encode("\ufeffHi\ufeff"))).toBe("\ufeffHi\ufeff");
  });

  it("agrees with the slow encoder, and decodes to the same text, on any text", () => {
    const slow = slowEncoder(tokenizer.save());
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = tokenizer.encode(text, { allowSpecial: false });
        expect(ids).toEqual(slow(text));
        expect(tokenizer.decode(ids)).toBe(Buffer.from(text, "utf8").toString("utf8")); // lone surrogates replaced
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  it("agrees with gpt-tokenizer's encoder on ordinary text", () => {
    const words = [
      "The",
      " old",
      " café",
      " doesn't",
      " see",
      " 1,000",
      " ships",
      "—",
      "yes",
      ".",
      "\n\n",
      "\t",
      " Être",
      " là",
      " 😀",
      "  two",
      " we'll",
      " Zqxj",
    ];
    let seed = 7,
      text = "";
    while (text.length < 50_000) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      text += words[Math.floor((seed / 2 ** 32) * words.length)];
    }
    expect(tokenizer.encode(text)).toEqual(encodeR50k(text));
  });

  // Rescanning for the best pair would take many minutes here.
  it.each(["a", "ab", " ", "é", "xq", "😀"])(
    "encodes 200,000 times %j without going quadratic",
    (unit) => {
      const text = unit.repeat(200_000);
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    },
    30_000,
  );

  it("truncates to bytes, first merges and end of text", () => {
    const small = tokenizer.truncate(1000);
    expect([small.vocabSize, small.eosTokenId, small.bosTokenId]).toEqual([1257, 1256, 1256]);
    for (let id = 0; id < 1256; id++) expect(small.idToToken(id)).toBe(tokenizer.idToToken(id));
    const slow = slowEncoder(small.save());
    fc.assert(
      fc.property(anyText, (text) => {
        expect(small.encode(text, { allowSpecial: false })).toEqual(slow(text));
      }),
      { seed: 2, numRuns: 200 },
    );
    expect(tokenizer.truncate(0).encode("The<|endoftext|>")).toEqual([51, 71, 68, 256]);
    for (const count of [50_001, -1, 1.5]) expect(() => tokenizer.truncate(count)).toThrow(/50000/);
  });
});

it("what it remembers of a text is not the text", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const own = GPT2Tokenizer.default();
  const page = `“${" mountain".repeat(15_000)}`; // 270 kB
  own.encode(page);
  const before = used();
  for (let i = 0; i < 26; i++) own.encode(`${page} unheardofwords${String.fromCharCode(97 + i)}`);
  expect(used() - before).toBeLessThan(2e6);
});

describe("the 2020 tokenizer's vocabulary", () => {
  const reference = JSON.parse(fixture("reference.json"));
  let tokenizer: GPT2Tokenizer;
  beforeAll(async () => {
    tokenizer = await GPT2Tokenizer.fromPretrained(
      new MemoryFolder("e2e_2020", new Map(["vocab.json", "merges.txt"].map((file) => [file, fixture(file)]))),
    );
  });

  it("gives the same ids", () => {
    expect(tokenizer.vocabSize).toBe(398);
    expect(tokenizer.eosTokenId).toBe(397);
    for (const { text, ids_pure_bpe } of reference.tokenizer_samples) {
      expect(tokenizer.encode(text, { allowSpecial: false })).toEqual(ids_pure_bpe);
      expect(tokenizer.decode(ids_pure_bpe)).toBe(text);
    }
    expect(tokenizer.encode("<|endoftext|>The")).toEqual([397, 258]);
  });

  // That tokenizer dropped white space at the end of the text and this one does not: the files end in a line feed.
  it.each(["train", "eval"])("gives the ids of %s.txt, and the trailing line feed", (name) => {
    const text = fixture(`${name}.txt`);
    expect(tokenizer.encode(text)).toHaveLength(reference[`${name}_ids_pure_bpe_len`]);
    expect(tokenizer.encode(text.trimEnd())).toEqual(reference[`${name}_ids`]);
  });
});

describe("prune", () => {
  const full = GPT2Tokenizer.default();
  const words = [
    "Once upon a time",
    " there was a lighthouse keeper",
    ", called Hugo;",
    ' "Don\'t!"',
    " 1,000",
    "\n",
    " café",
  ];

  it("encodes text made of the kept words as before, in fewer and renumbered tokens", () => {
    const small = full.prune(words.flatMap((word) => full.encode(word)));
    expect(small.vocabSize).toBeLessThan(400);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 12 }), (picked) => {
        // Kept are the tokens of each word by itself; whole texts may hold others where words touch.
        for (const word of picked)
          expect(small.encode(word).map((id) => small.idToToken(id))).toEqual(
            full.encode(word).map((id) => full.idToToken(id)),
          );
        expect(small.decode(small.encode(picked.join("")))).toBe(picked.join(""));
      }),
    );
  });

  it("any other text falls into smaller pieces and comes back whole", () => {
    const small = full.prune(full.encode(" lighthouse"));
    const text = " a lighthouse, 灯台 😀";
    expect(small.decode(small.encode(text))).toBe(text);
    expect(small.encode(text).length).toBeGreaterThan(full.encode(text).length);
  });

  it("keeps added tokens, is saved and read back, and refuses foreign ids", async () => {
    const source = GPT2Tokenizer.default();
    source.addSpecialTokens({ padToken: "[PAD]", eosToken: "[EOS]" });
    const small = source.prune(source.encode("some words"));
    expect(small.encode("some[EOS] words")).toContain(small.eosTokenId);
    const again = await GPT2Tokenizer.fromPretrained(new MemoryFolder("saved", small.save()));
    expect(again.encode("some other[EOS] words")).toEqual(small.encode("some other[EOS] words"));
    expect(() => source.prune([60_000])).toThrow(UserError);
  });
});
