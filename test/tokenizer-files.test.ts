// Reading and writing tokenizer files: both forms, the files that go with them, and every way they can be bad.
import { beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";

const TEXT = "[P1] Hi[P3]x 😀 l'été <|endoftext|>the cat\n\n[named] [EOS]";
const SLOW_FORM = ["vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json", "tokenizer_config.json"];
const FAST_FORM = ["tokenizer.json", "tokenizer_config.json"];

let saved: ReadonlyMap<string, string>;
let original: GPT2Tokenizer;
beforeAll(() => {
  original = GPT2Tokenizer.default().truncate(300);
  original.addSpecialTokens({
    padToken: "[PAD]",
    eosToken: "[EOS]",
    additionalSpecialTokens: ["[P1]", "[P2]", "[P3]"],
  });
  original.addTokens([{ content: "[named]", lstrip: true, singleWord: true }]);
  saved = original.save();
});

/** Whatever JSON.parse gives, to be damaged at will. */
type Json = ReturnType<typeof JSON.parse>;

const load = (files: Iterable<readonly [string, string]>): Promise<GPT2Tokenizer> =>
  GPT2Tokenizer.fromPretrained(new MemoryFolder("gpt2-folder", new Map(files)));
const only = (names: readonly string[]): [string, string][] => [...saved].filter(([name]) => names.includes(name));
const changed = (
  file: string,
  change: (json: Json) => void,
  names: readonly string[] = [...saved.keys()],
): [string, string][] =>
  only(names).map(([name, text]) => {
    if (name !== file) return [name, text];
    const json = JSON.parse(text);
    change(json);
    return [name, JSON.stringify(json)];
  });

describe("saved files", () => {
  it.each([
    ["both forms", [...SLOW_FORM, ...FAST_FORM]],
    ["tokenizer.json", FAST_FORM],
    ["vocab.json + merges.txt", SLOW_FORM],
  ])("read back the same from %s", async (_, names) => {
    const read = await load(only(names));
    expect(read.save()).toEqual(saved);
    expect(read.encode(TEXT)).toEqual(original.encode(TEXT));
    expect([read.vocabSize, read.padTokenId, read.eosTokenId, read.bosTokenId]).toEqual([563, 557, 558, 556]);
    expect(read.modelMaxLength).toBe(1024);
  });

  it("may begin with a byte-order mark, each of them", async () => {
    for (const names of [SLOW_FORM, FAST_FORM]) {
      const read = await load(only(names).map(([name, text]) => [name, `\uFEFF${text}`] as const));
      expect(read.save()).toEqual(saved);
    }
  });

  it("by strangers are refused in one short, printable sentence", async () => {
    const nested = "[".repeat(100_000) + "]".repeat(100_000);
    const hostile: [string, string][][] = [
      [["tokenizer.json", `{"model": ${nested}}`]],
      [...only(FAST_FORM), ["tokenizer_config.json", `{"added_tokens_decoder": ${nested}}`]],
      changed("tokenizer.json", (json) => (json.added_tokens[1].content = "x".repeat(2_000_000)), FAST_FORM),
      changed("tokenizer.json", (json) => (json.model.vocab[`\u001b[2J${"y".repeat(1e6)}`] = "1"), FAST_FORM),
      changed("tokenizer.json", (json) => (json.normalizer = { type: "\u009b31m".repeat(1e5) }), FAST_FORM),
      changed("tokenizer.json", (json) => (json.model.merges[0] = "\u001b".repeat(1e6)), FAST_FORM),
    ];
    for (const files of hostile) {
      const error: unknown = await load(files).then(
        () => "no error",
        (thrown) => thrown,
      );
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).message.length).toBeLessThan(400);
      expect((error as UserError).message).not.toMatch(/\p{Cc}/u);
    }
  });

  it("hold what Hugging Face looks for", () => {
    const tokenizerJson = JSON.parse(saved.get("tokenizer.json")!);
    expect(tokenizerJson.added_tokens[0]).toEqual({
      id: 556,
      content: "<|endoftext|>",
      lstrip: false,
      normalized: false,
      rstrip: false,
      single_word: false,
      special: true,
    });
    expect(tokenizerJson.added_tokens.at(-1)).toEqual({
      id: 562,
      content: "[named]",
      lstrip: true,
      normalized: true,
      rstrip: false,
      single_word: true,
      special: false,
    });
    expect(tokenizerJson.model.merges.slice(0, 2)).toEqual(["Ġ t", "Ġ a"]);
    expect(JSON.parse(saved.get("special_tokens_map.json")!)).toEqual({
      bos_token: "<|endoftext|>",
      eos_token: "[EOS]",
      unk_token: "<|endoftext|>",
      pad_token: "[PAD]",
      additional_special_tokens: ["[P1]", "[P2]", "[P3]"],
    });
    expect(JSON.parse(saved.get("added_tokens.json")!)).toEqual({
      "[PAD]": 557,
      "[EOS]": 558,
      "[P1]": 559,
      "[P2]": 560,
      "[P3]": 561,
      "[named]": 562,
    });
    expect(JSON.parse(saved.get("tokenizer_config.json")!)).toMatchObject({
      tokenizer_class: "GPT2Tokenizer",
      eos_token: "[EOS]",
      model_max_length: 1024,
    });
    expect(saved.get("vocab.json")).toMatch(/^\{"!": 0, "\\"": 1, /);
  });

  it("survive pieces and tokens that JavaScript objects treat specially", async () => {
    const tokenizer = GPT2Tokenizer.default().truncate(0);
    tokenizer.addSpecialTokens(["__proto__", "constructor", "10"]);
    const read = await load(tokenizer.save());
    expect(read.encode("10__proto__constructor")).toEqual([259, 257, 258]);
    expect(read.save()).toEqual(tokenizer.save());
  });
});

describe("files of others", () => {
  it("read merges as pairs, and Windows line ends", async () => {
    const pairs = await load(
      changed("tokenizer.json", (json) => {
        json.model.merges = json.model.merges.map((merge: string) => merge.split(" "));
      }),
    );
    expect(pairs.encode(TEXT)).toEqual(original.encode(TEXT));
    const windows = await load(only(SLOW_FORM).map(([name, text]) => [name, text.replaceAll("\n", "\r\n")]));
    expect(windows.encode(TEXT)).toEqual(original.encode(TEXT));
  });

  it("read a French vocabulary with special tokens of its own in front", async () => {
    const bytes = Object.keys(JSON.parse(GPT2Tokenizer.default().truncate(0).save().get("vocab.json")!)).slice(0, 256);
    const pieces = ["<s>", "<pad>", "</s>", ...bytes, "Ã©", "Ã©t", "Ã©tÃ©"];
    const tokenizer = await load([
      ["vocab.json", JSON.stringify(Object.fromEntries(pieces.map((piece, id) => [piece, id])))],
      ["merges.txt", "#version: 0.2\nÃ ©\nÃ© t\nÃ©t Ã©\n"],
      [
        "special_tokens_map.json",
        JSON.stringify({
          eos_token: { content: "</s>", lstrip: false, rstrip: true },
          pad_token: "<pad>",
          bos_token: "<s>",
          mask_token: "<mask>",
        }),
      ],
    ]);
    expect(tokenizer.encode("<s>été</s> \n<mask>")).toEqual([0, 261, 2, 262]);
    expect([tokenizer.eosTokenId, tokenizer.padTokenId, tokenizer.bosTokenId]).toEqual([2, 1, 0]);
  });

  it("have no end-of-text token unless a file names one", async () => {
    const tokenizer = await load(
      changed(
        "vocab.json",
        (json) => {
          delete json["<|endoftext|>"];
        },
        ["vocab.json", "merges.txt"],
      ),
    );
    expect(tokenizer.bosTokenId).toBeUndefined();
    expect(() => tokenizer.eosTokenId).toThrow(UserError);
  });

  it("let tokenizer_config.json decide on the space in front", async () => {
    const spaced = await load(
      changed(
        "tokenizer.json",
        (json) => {
          json.pre_tokenizer.add_prefix_space = true;
        },
        ["tokenizer.json"],
      ),
    );
    expect(spaced.encode("the[P1]the the")).toEqual(original.encode(" the[P1] the the"));
    const not = await load(
      changed(
        "tokenizer.json",
        (json) => {
          json.pre_tokenizer.add_prefix_space = true;
        },
        FAST_FORM,
      ),
    );
    expect(not.encode("the")).toEqual(original.encode("the"));
  });

  it("may lack bytes, which the text then may not need", async () => {
    const tokenizer = await load([
      ["vocab.json", '{"a": 0, "b": 1, "ab": 2}'],
      ["merges.txt", "#version: 0.2\na b\n"],
    ]);
    expect(tokenizer.encode("abba")).toEqual([2, 1, 0]);
    expect(() => tokenizer.encode("abc")).toThrow(/"abc".*0x63/);
    expect(() => tokenizer.truncate(1)).toThrow(UserError);
  });
});

describe("bad files", () => {
  const BPE_FILES = ["vocab.json", "merges.txt"];
  const replaced = (file: string, text: string, names: readonly string[]): [string, string][] =>
    only(names).map(([name, old]) => [name, name === file ? text : old]);
  const cut = (file: string): string => saved.get(file)!.slice(0, saved.get(file)!.length >> 1);
  const pointer = "version https://git-lfs.example/spec/v1\noid sha256:00\nsize 3\n";

  it.each<[string, () => [string, string][], RegExp]>([
    ["no files", () => [], /no tokenizer.json and no vocab.json or merges.txt/],
    ["no merges.txt", () => only(["vocab.json"]), /no merges.txt/],
    [
      "an LFS pointer",
      () => replaced("tokenizer.json", pointer, ["tokenizer.json"]),
      /tokenizer.json: a Git LFS pointer/,
    ],
    ["an LFS pointer for merges", () => replaced("merges.txt", pointer, BPE_FILES), /merges.txt: a Git LFS pointer/],
    [
      "truncated tokenizer.json",
      () => replaced("tokenizer.json", cut("tokenizer.json"), ["tokenizer.json"]),
      /tokenizer.json: not valid JSON.*cut short/,
    ],
    ["truncated vocab.json", () => replaced("vocab.json", cut("vocab.json"), BPE_FILES), /vocab.json: not valid JSON/],
    [
      "merges.txt cut in a line",
      () => replaced("merges.txt", "#version: 0.2\nĠ t\nĠ", BPE_FILES),
      /merges.txt: line 3 is "Ġ"/,
    ],
    ["an empty merges.txt", () => replaced("merges.txt", "", BPE_FILES), /merges.txt: the file is empty/],
    ["an empty vocabulary", () => replaced("vocab.json", "{}", BPE_FILES), /vocabulary is empty/],
    ["a list for a vocabulary", () => replaced("vocab.json", "[1]", BPE_FILES), /wanted a JSON object/],
    [
      "an id that is text",
      () =>
        changed(
          "vocab.json",
          (json) => {
            json.a = "64";
          },
          BPE_FILES,
        ),
      /"a" has id "64"/,
    ],
    [
      "a fractional id",
      () =>
        changed(
          "vocab.json",
          (json) => {
            json.a = 0.5;
          },
          BPE_FILES,
        ),
      /"a" has id 0.5/,
    ],
    [
      "a hole",
      () =>
        changed(
          "vocab.json",
          (json) => {
            delete json["<|endoftext|>"];
            json.extra = 557;
          },
          BPE_FILES,
        ),
      /no token has id 556/,
    ],
    [
      "a piece listed twice",
      () => replaced("vocab.json", saved.get("vocab.json")!.replace(/}$/, ', "a": 557}'), BPE_FILES),
      /no token has id 64/,
    ],
    [
      "an id used twice",
      () =>
        changed(
          "vocab.json",
          (json) => {
            json.extra = 64;
          },
          BPE_FILES,
        ),
      /id 64 belongs to both "a" and "extra"/,
    ],
    [
      "a merge of unknown pieces",
      () => replaced("merges.txt", "#version: 0.2\nĠ t\nq zz\n", BPE_FILES),
      /merge 2 \("q zz"\) needs the piece "zz"/,
    ],
    [
      "a merge into an unknown piece",
      () => replaced("merges.txt", "#version: 0.2\nq q\n", BPE_FILES),
      /needs the piece "qq"/,
    ],
    [
      "an added token on a taken id",
      () =>
        changed(
          "tokenizer.json",
          (json) => {
            json.added_tokens[1].id = 5;
          },
          ["tokenizer.json"],
        ),
      /id 5 belongs to both/,
    ],
    [
      "an added token that disagrees",
      () =>
        changed(
          "tokenizer.json",
          (json) => {
            json.added_tokens[0].id = 999;
          },
          ["tokenizer.json"],
        ),
      /id 999, and id 556 in the vocabulary/,
    ],
    [
      "an added token without content",
      () =>
        changed(
          "tokenizer.json",
          (json) => {
            delete json.added_tokens[0].content;
          },
          ["tokenizer.json"],
        ),
      /no content/,
    ],
    [
      "an added id that is text",
      () => [...only(BPE_FILES), ["added_tokens.json", '{"[X]": "many"}']],
      /"\[X\]" has id NaN/,
    ],
    [
      "another model",
      () =>
        changed("tokenizer.json", (json) => {
          json.model.type = "WordPiece";
        }),
      /the model is "WordPiece".*only BPE/,
    ],
    [
      "a normalizer",
      () =>
        changed("tokenizer.json", (json) => {
          json.normalizer = { type: "NFC" };
        }),
      /normalizer is .*NFC/,
    ],
    [
      "another pre-tokenizer",
      () =>
        changed("tokenizer.json", (json) => {
          json.pre_tokenizer = { type: "Sequence", pretokenizers: [{ type: "Whitespace" }, json.pre_tokenizer] };
        }),
      /pre-tokenizer is .*Whitespace/,
    ],
    [
      "no pre-tokenizer",
      () =>
        changed("tokenizer.json", (json) => {
          json.pre_tokenizer = null;
        }),
      /pre-tokenizer is null/,
    ],
    [
      "another pattern",
      () =>
        changed("tokenizer.json", (json) => {
          json.pre_tokenizer.use_regex = false;
        }),
      /use_regex is false/,
    ],
    [
      "another decoder",
      () =>
        changed("tokenizer.json", (json) => {
          json.decoder = { type: "WordPiece" };
        }),
      /decoder is .*WordPiece/,
    ],
    [
      "a post-processor that adds tokens",
      () =>
        changed("tokenizer.json", (json) => {
          json.post_processor = { type: "RobertaProcessing" };
        }),
      /post-processor is "RobertaProcessing"/,
    ],
    [
      "pieces marked by a suffix",
      () =>
        changed("tokenizer.json", (json) => {
          json.model.end_of_word_suffix = "</w>";
        }),
      /end_of_word_suffix is "<\/w>"/,
    ],
    [
      "dropout",
      () =>
        changed("tokenizer.json", (json) => {
          json.model.dropout = 0.1;
        }),
      /dropout is 0.1/,
    ],
    [
      "a bos token in front of everything",
      () =>
        changed("tokenizer_config.json", (json) => {
          json.add_bos_token = true;
        }),
      /add_bos_token/,
    ],
  ])("are refused: %s", async (_, files, message) => {
    const error = await load(files()).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(message);
    expect((error as UserError).message).toContain("gpt2-folder");
  });

  it("but a harmless template and an empty Sequence are not", async () => {
    const tokenizer = await load(
      changed("tokenizer.json", (json) => {
        json.normalizer = { type: "Sequence", normalizers: [] };
        json.post_processor = { type: "TemplateProcessing", single: [{ Sequence: { id: "A", type_id: 0 } }], pair: [] };
      }),
    );
    expect(tokenizer.encode(TEXT)).toEqual(original.encode(TEXT));
  });

  it("not UTF-8", async () => {
    const folder = new MemoryFolder(
      "gpt2-folder",
      new Map<string, Uint8Array | string>([
        ["vocab.json", saved.get("vocab.json")!],
        ["merges.txt", Uint8Array.of(0x23, 0xff)],
      ]),
    );
    await expect(GPT2Tokenizer.fromPretrained(folder)).rejects.toThrow(/merges.txt: not valid UTF-8.*offset 1/);
  });
});
