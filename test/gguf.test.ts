// GGUF files, read back by a reader written from the specification: every tensor bit for bit, in its layout and type;
// the vocabulary; the markers as fill-in-the-middle tokens; what llama.cpp could not compute is refused. That llama.cpp
// itself loads them and writes the same text is shown by `npm run check:gguf`.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryFolder } from "../src/files/folder.ts";
import { openFolder } from "../src/files/open.ts";
import { Safetensors } from "../src/files/safetensors.ts";
import { gpt2Gguf } from "../src/gguf/gpt2-gguf.ts";
import type { Gpt2GgufModel } from "../src/gguf/gpt2-gguf.ts";
import { encodeValues } from "../src/gguf/tensor-types.ts";
import type { GgufTensorType } from "../src/gguf/tensor-types.ts";
import { ggufVocabulary } from "../src/gguf/vocabulary.ts";
import { parameterShapes, readConfig } from "../src/gpt2/checkpoint-files.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { DEFAULT_TEMPLATE, specialTokensToAdd } from "../src/infill/template.ts";
import { plainToken } from "../src/tokenizer/added-tokens.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { readGguf } from "./gguf-reader.ts";
import type { ReadGguf } from "./gguf-reader.ts";

const TYPES = { F32: 0, F16: 1, Q8_0: 8 };

async function written(model: Gpt2GgufModel, outtype: GgufTensorType): Promise<ReadGguf> {
  const { file, size } = gpt2Gguf(model, { outtype });
  const folder = new MemoryFolder("out");
  await folder.write(new Map([["m.gguf", file]]));
  expect(await folder.size("m.gguf")).toBe(size);
  return readGguf(await folder.read("m.gguf"));
}

const small = GPT2Tokenizer.default().truncate(20);

/** A model of awkward sizes whose values say where they stand: value i of a parameter is its number and i. */
function numbered(fields: Partial<GPT2Config> = {}): Gpt2GgufModel & { readonly asked: string[] } {
  const tokenizer = new GPT2Tokenizer(small.currentParts());
  tokenizer.addSpecialTokens(specialTokensToAdd(DEFAULT_TEMPLATE));
  const encoder = new InfillEncoder(DEFAULT_TEMPLATE, tokenizer);
  const sizes = { vocabSize: tokenizer.vocabSize + 3, nPositions: 10, nEmbd: 32, nLayer: 2, nHead: 2, nInner: 40 };
  const config = new GPT2Config({ ...sizes, ...fields });
  const shapes = parameterShapes(config);
  const order = [...shapes.keys()];
  const asked: string[] = [];
  const read = (name: string): Float32Array => {
    asked.push(name);
    const count = shapes.get(name)!.reduce((product, size) => product * size, 1);
    return Float32Array.from({ length: count }, (_, i) => order.indexOf(name) + i / 2 ** 12);
  };
  return { config, tokenizer, encoder, eosTokenIds: [encoder.ids.eos], name: "numbered", read, asked };
}

const IN_BLOCK = [
  ["ln_1.weight", "attn_norm.weight"],
  ["ln_1.bias", "attn_norm.bias"],
  ["attn.c_attn.weight", "attn_qkv.weight"],
  ["attn.c_attn.bias", "attn_qkv.bias"],
  ["attn.c_proj.weight", "attn_output.weight"],
  ["attn.c_proj.bias", "attn_output.bias"],
  ["ln_2.weight", "ffn_norm.weight"],
  ["ln_2.bias", "ffn_norm.bias"],
  ["mlp.c_fc.weight", "ffn_up.weight"],
  ["mlp.c_fc.bias", "ffn_up.bias"],
  ["mlp.c_proj.weight", "ffn_down.weight"],
  ["mlp.c_proj.bias", "ffn_down.bias"],
] as const;
const NAMES: readonly (readonly [string, string])[] = [
  ["transformer.wte.weight", "token_embd.weight"],
  ["transformer.wpe.weight", "position_embd.weight"],
  ...[0, 1].flatMap((i) =>
    IN_BLOCK.map(([ours, theirs]) => [`transformer.h.${i}.${ours}`, `blk.${i}.${theirs}`] as const),
  ),
  ["transformer.ln_f.weight", "output_norm.weight"],
  ["transformer.ln_f.bias", "output_norm.bias"],
];

describe("a file", () => {
  test("has each parameter under llama.cpp's name, its products' weights transposed, in F32 to the bit", async () => {
    const model = numbered();
    const { version, tensors } = await written(model, "F32");
    expect(version).toBe(3);
    expect([...tensors.keys()]).toEqual(NAMES.map(([, theirs]) => theirs));
    expect(model.asked).toEqual(NAMES.map(([ours]) => ours)); // each once, in order: one in memory at a time
    for (const [ours, theirs] of NAMES) {
      const shape = parameterShapes(model.config).get(ours)!;
      const values = await model.read(ours);
      const got = tensors.get(theirs)!;
      expect(got.type, theirs).toBe(0);
      // ggml counts the dimension that lies side by side first; Conv1D's [in, out] is read as [out, in].
      const conv = /c_attn|c_proj|c_fc/.test(ours) && shape.length === 2;
      expect(got.dimensions, theirs).toEqual(conv || shape.length === 1 ? shape : [shape[1], shape[0]]);
      const [inputs, outputs] = shape;
      const want = conv ? values.map((_, i) => values[(i % inputs) * outputs + Math.floor(i / inputs)]) : values;
      expect(Array.from(got.values), theirs).toEqual(Array.from(want));
    }
  });

  test("of another type keeps biases, norms and positions in F32, rows that are no whole blocks in F16", async () => {
    for (const outtype of ["F16", "Q8_0"] as const) {
      const model = numbered();
      const { tensors, metadata } = await written(model, outtype);
      for (const [name, { type, dimensions }] of tensors) {
        const fits = outtype === "F16" || dimensions[0] % 32 === 0;
        const plain = dimensions.length === 1 || name === "position_embd.weight";
        expect(type, name).toBe(plain ? 0 : TYPES[fits ? outtype : "F16"]);
      }
      expect(metadata.get("general.file_type")).toBe({ F16: 1, Q8_0: 7 }[outtype]);
      const { notes } = gpt2Gguf(model, { outtype });
      expect(notes).toEqual(outtype === "F16" ? [] : [expect.stringContaining("2 matrices are stored as F16")]);
      const whole = await written(numbered(), "F32");
      for (const [name, { values }] of tensors) {
        const exact = whole.tensors.get(name)!.values;
        // F16: 11 bits of precision; Q8_0: half a step of the largest value in 127, and the rounded scale.
        const step = outtype === "F16" ? 1 / 2048 : 0.5 / 127 + 1 / 2048;
        const error = exact.reduce((most, value) => Math.max(most, value)) * step;
        expect(
          values.findIndex((value, i) => !(Math.abs(value - exact[i]) <= error)),
          name,
        ).toBe(-1);
      }
    }
  });

  test("says the sizes, the tokens and what fills a gap", async () => {
    const model = numbered();
    const { metadata } = await written(model, "F32");
    const ids = model.encoder!.ids;
    const wanted = {
      "general.architecture": "gpt2",
      "general.name": "numbered",
      "general.file_type": 0,
      "gpt2.context_length": 10,
      "gpt2.embedding_length": 32,
      "gpt2.block_count": 2,
      "gpt2.feed_forward_length": 40,
      "gpt2.attention.head_count": 2,
      "gpt2.attention.layer_norm_epsilon": Math.fround(1e-5),
      "tokenizer.ggml.model": "gpt2",
      "tokenizer.ggml.pre": "gpt-2",
      "tokenizer.ggml.add_bos_token": false,
      "tokenizer.ggml.bos_token_id": model.tokenizer.bosTokenId,
      "tokenizer.ggml.eos_token_id": ids.eos,
      "tokenizer.ggml.padding_token_id": ids.pad,
      "tokenizer.ggml.fim_pre_token_id": ids.p1,
      "tokenizer.ggml.fim_suf_token_id": ids.p3,
      "tokenizer.ggml.fim_mid_token_id": ids.p2,
    };
    for (const [key, value] of Object.entries(wanted)) expect(metadata.get(key), key).toEqual(value);
    const tokens = metadata.get("tokenizer.ggml.tokens") as string[];
    const types = metadata.get("tokenizer.ggml.token_type") as number[];
    expect(tokens).toHaveLength(model.config.vocabSize);
    expect(new Set(tokens).size).toBe(tokens.length); // llama.cpp aborts on two tokens of one name
    for (let id = 0; id < model.tokenizer.vocabSize; id++) {
      expect(tokens[id]).toBe(model.tokenizer.idToToken(id));
      expect(types[id], tokens[id]).toBe(model.tokenizer.isSpecial(id) ? 3 : 1);
    }
    expect(types.slice(model.tokenizer.vocabSize)).toEqual([5, 5, 5]);
    expect(metadata.get("tokenizer.ggml.merges")).toEqual(
      model.tokenizer.currentParts().merges.map((pair) => pair.join(" ")),
    );
  });

  test("of the demo holds the stored half-precision weights to the bit", async () => {
    const folder = await openFolder("weights/demo");
    const stored = await Safetensors.open(folder, "model.safetensors");
    const tokenizer = await GPT2Tokenizer.fromPretrained(folder);
    const config = await readConfig(folder);
    const model = { config, tokenizer, eosTokenIds: [2142], name: "demo", read: (name: string) => stored.read(name) };
    const { tensors, metadata } = await written(model, "F16");
    const { offset, byteLength } = stored.tensors.get("transformer.wte.weight")!;
    expect(stored.tensors.get("transformer.wte.weight")!.dtype).toBe("F16");
    const bytes = await folder.read("model.safetensors", { offset, length: byteLength });
    expect(Buffer.compare(tensors.get("token_embd.weight")!.bytes, bytes)).toBe(0);
    expect(metadata.has("tokenizer.ggml.fim_pre_token_id")).toBe(false); // without a template nothing fills a gap
  });
});

describe("q8_0", () => {
  test("gives the bytes that llama.cpp's own gguf package gives", () => {
    const values = Float32Array.from({ length: 32 }, (_, i) => (((i * i * 7) % 61) - 30) / (i + 1));
    const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(hex(encodeValues("Q8_0", values, "x"))).toBe(
      "8f3381cffde21210f304fcfb000801fe0005fefbfcff05010102fc0201020400fefe",
    );
  });

  test("is the definition: d = max |x| / 127 in float32, q = round(x / d) with halves away from zero", () => {
    const value = fc.oneof(
      fc.integer({ min: -254, max: 254 }).map((n) => n / 2),
      fc.float({ min: -999, max: 999, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 32, maxLength: 32 }), (block) => {
        const bytes = encodeValues("Q8_0", Float32Array.from(block), "x");
        const d = Math.fround(Math.max(...block.map(Math.abs)) / 127);
        fc.pre(d === 0 || d > 1e-38); // below, 1 / d is no float32; d is stored as 0 long before
        const inverse = d === 0 ? 0 : Math.fround(1 / d);
        const q = block.map((x) => Math.sign(x) * Math.round(Math.abs(Math.fround(Math.fround(x) * inverse))));
        expect(Array.from(new Int8Array(bytes.buffer, 2, 32))).toEqual(q.map((each) => each + 0));
      }),
    );
    const halves = encodeValues(
      "Q8_0",
      Float32Array.from({ length: 32 }, (_, i) => [127, 0.5, -0.5, 2.5, -1.5][i % 5]),
      "x",
    );
    expect(Array.from(new Int8Array(halves.buffer, 2, 5))).toEqual([127, 1, -1, 3, -2]);
  });

  test("refuses what it cannot store, and half precision what is beyond it", () => {
    const with1 = (value: number): Float32Array => Float32Array.from({ length: 32 }, (_, i) => (i === 9 ? value : 1));
    expect(() => encodeValues("Q8_0", with1(NaN), "blk.0.ffn_up.weight")).toThrow(/ffn_up\.weight holds NaN/);
    expect(() => encodeValues("Q8_0", with1(-Infinity), "x")).toThrow(/holds -Infinity/);
    expect(() => encodeValues("Q8_0", with1(1e7), "x")).toThrow(/holds 10000000.*f32/);
    expect(() => encodeValues("F16", with1(-70000), "x")).toThrow(/holds -70000.*65504/);
    expect(() => encodeValues("F16", with1(Infinity), "x")).not.toThrow();
  });

  test("leaves an older file as it was when a value cannot be stored", async () => {
    const folder = new MemoryFolder("out", new Map([["m.gguf", "old"]]));
    const { file } = gpt2Gguf({ ...numbered(), read: () => new Float32Array(99999).fill(NaN) }, { outtype: "Q8_0" });
    await expect(folder.write(new Map([["m.gguf", file]]))).rejects.toThrow(/holds NaN/);
    expect(new TextDecoder().decode(await folder.read("m.gguf"))).toBe("old");
  });
});

describe("a vocabulary", () => {
  const tiny = small.truncate(3).currentParts();
  const next = tiny.vocab.size;

  test("names ids without a token so that no name occurs twice", () => {
    const parts = { ...tiny, addedTokens: [...tiny.addedTokens, plainToken(next, `[PAD${next + 1}]`, false)] };
    const { tokens, types, notes } = ggufVocabulary(parts, next + 2);
    expect(tokens.slice(next)).toEqual([`[PAD${next + 1}]`, `[[PAD${next + 1}]]`]);
    expect(types.slice(next)).toEqual([4, 5]);
    expect(notes).toEqual([]);
  });

  test("leaves out added tokens that the model lacks, and says so; a piece that it lacks is refused", () => {
    const parts = { ...tiny, addedTokens: [...tiny.addedTokens, plainToken(next, "[P1]", true)] };
    const { tokens, notes } = ggufVocabulary(parts, next);
    expect(tokens).toHaveLength(next);
    expect(notes).toEqual([expect.stringContaining("[P1] is left out")]);
    expect(() => ggufVocabulary(parts, next - 2)).toThrow(/is token \d+, and the model has tokens 0 to/);
  });

  test("keeps of a repeated merge the last, whose rank counts here", () => {
    const [first, second, third] = tiny.merges;
    const { merges } = ggufVocabulary({ ...tiny, merges: [first, second, first, third] }, next);
    expect(merges).toEqual([second, first, third].map((pair) => pair.join(" ")));
  });

  test("notes what GGUF cannot say of a token", () => {
    const strips = { ...plainToken(next, "[M]", true), lstrip: true };
    const parts = { ...tiny, addedTokens: [...tiny.addedTokens, strips], addPrefixSpace: true };
    const { notes } = ggufVocabulary(parts, next + 1);
    expect(notes).toEqual([expect.stringContaining("[M] is found as plain text"), expect.stringContaining("space")]);
  });
});

describe("refused are", () => {
  test("section types, which llama.cpp does not add", () => {
    const model = numbered();
    const encoder = new InfillEncoder({ ...DEFAULT_TEMPLATE, sectionTypes: true }, model.tokenizer);
    expect(() => gpt2Gguf({ ...model, encoder }, { outtype: "F32" })).toThrow(/sectionTypes.*--section_types/);
  });

  test("a model without an end, which llama.cpp would end at a comma", () => {
    const tokenizer = new GPT2Tokenizer({ ...small.currentParts(), roles: {} });
    const model = { ...numbered(), encoder: undefined, tokenizer, eosTokenIds: [] };
    expect(() => gpt2Gguf(model, { outtype: "F32" })).toThrow(/end-of-text.*eos_token/);
    expect(() => gpt2Gguf({ ...model, eosTokenIds: [99999] }, { outtype: "F32" })).toThrow(/end-of-text/);
  });
});

test("further end tokens are those of a turn and of a message", async () => {
  const { metadata } = await written({ ...numbered(), eosTokenIds: [5, 99999, 6] }, "F32");
  expect(metadata.get("tokenizer.ggml.eos_token_id")).toBe(5);
  expect(metadata.get("tokenizer.ggml.eot_token_id")).toBe(6);
  expect(metadata.has("tokenizer.ggml.eom_token_id")).toBe(false);
});
