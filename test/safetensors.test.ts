// Weight files: 16-bit floats bit by bit, the safetensors reader against damaged files of every kind and random ones,
// the writer against the reader, and the GPT-2 folder built on both.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../src/errors.ts";
import { decodeBFloat16, decodeFloat16, encodeFloat16, floatToHalf, halfToFloat } from "../src/files/float16.ts";
import { MemoryFolder, readStream } from "../src/files/folder.ts";
import type { FileData } from "../src/files/folder.ts";
import { encodeSafetensors, safetensorsFiles } from "../src/files/safetensors-write.ts";
import type { ReadTensor, SafetensorsOptions, Shapes } from "../src/files/safetensors-write.ts";
import { Safetensors } from "../src/files/safetensors.ts";
import {
  ignoredTensors,
  openCheckpoint,
  parameterShapes,
  readCheckpoint,
  readConfig,
  writeCheckpoint,
} from "../src/gpt2/checkpoint-files.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { listCases, loadModelCase } from "./oracle/fixtures.ts";

const FILE = "model.safetensors";

/** A file of this header text (or value) and `dataBytes` bytes of data. */
function fileOf(header: unknown, dataBytes = 0, length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.byteLength + dataBytes);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(json.byteLength), true);
  file.set(json, 8);
  return file;
}

/** A whole file as the writer streams it. */
const encode = (shapes: Shapes, read: ReadTensor, options?: SafetensorsOptions): Promise<Uint8Array> =>
  readStream(encodeSafetensors(shapes, read, options));

const folderOf = (bytes: Uint8Array): MemoryFolder => new MemoryFolder("model", new Map([[FILE, bytes]]));
const open = (bytes: Uint8Array): Promise<Safetensors> => Safetensors.open(folderOf(bytes), FILE);
/** Opens a file and reads every tensor; lets no error through but UserError. */
async function attempt(bytes: Uint8Array): Promise<"read" | "refused"> {
  try {
    const file = await open(bytes);
    for (const [name, info] of file.tensors) {
      if (info.offset + info.byteLength > bytes.byteLength) throw new Error(`${name} ends past the file`);
      await file.read(name);
    }
    return "read";
  } catch (error) {
    if (error instanceof UserError) return "refused";
    throw error;
  }
}

const f32 = (...range: [number, number]): object => ({
  dtype: "F32",
  shape: [(range[1] - range[0]) / 4],
  data_offsets: range,
});

describe("16-bit floats", () => {
  test("every half survives the way to float32 and back", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfToFloat(bits);
      expect(floatToHalf(value)).toBe(Number.isNaN(value) ? (bits & 0x8000 ? floatToHalf(value) : 0x7e00) : bits);
    }
  });

  test("known values", () => {
    const known = [
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x0001, 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3555, 0.333251953125],
      [0x7c00, Infinity],
    ];
    for (const [bits, value] of known) expect(halfToFloat(bits)).toBe(value);
    expect(Object.is(halfToFloat(0x8000), -0)).toBe(true);
    expect([...decodeBFloat16(Uint16Array.of(0x3f80, 0xc049, 0x7f80, 0x0001))]).toEqual([
      1,
      -3.140625,
      Infinity,
      2 ** -133,
    ]);
  });

  test("ties go to the even neighbour, and 65520 is the first to overflow", () => {
    expect([2049, 2051, -2049].map(floatToHalf)).toEqual([2048, 2052, -2048].map(floatToHalf));
    expect([65519.99, 65520, -1e30].map(floatToHalf)).toEqual([0x7bff, 0x7c00, 0xfc00]);
    expect([2 ** -25, 3 * 2 ** -25, 2 ** -25 * 1.0001, 2 ** -14 - 2 ** -26].map(floatToHalf)).toEqual([0, 2, 1, 0x400]);
    expect(floatToHalf(NaN) & 0x7fff).toBe(0x7e00);
  });

  test("any float32 goes to the nearest half", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -65519, max: 65519 }), (value) => {
        const magnitude = floatToHalf(value) & 0x7fff;
        const error = Math.abs(halfToFloat(magnitude) - Math.abs(value));
        for (const other of [magnitude - 1, magnitude + 1].filter((half) => half >= 0)) {
          const otherError = Math.abs(halfToFloat(other) - Math.abs(value));
          expect(error < otherError || (error === otherError && magnitude % 2 === 0)).toBe(true);
        }
      }),
    );
    const bits = encodeFloat16(Float32Array.of(1, -0.1, 6e-8));
    expect([...decodeFloat16(bits)]).toEqual([...bits].map(halfToFloat));
  });
});

describe("reading", () => {
  test("doubles are read as floats at any alignment; one too large for a float is refused", async () => {
    const bytes = fileOf({ a: { dtype: "F64", shape: [3], data_offsets: [0, 24] } }, 24);
    const data = new DataView(bytes.buffer, bytes.byteLength - 24);
    [0.1, -Infinity, 3.4e38].forEach((value, i) => data.setFloat64(8 * i, value, true));
    for (let shift = 0; shift < 8; shift++) {
      const shifted = new Uint8Array(bytes.byteLength + shift).subarray(shift);
      shifted.set(bytes);
      expect([...(await (await open(shifted)).read("a"))]).toEqual([0.1, -Infinity, 3.4e38].map(Math.fround));
    }
    data.setFloat64(16, -3.5e38, true);
    await expect((await open(bytes)).read("a")).rejects.toThrow(/tensor a holds -3\.5e\+38, too large for float32/);
  });

  test("F32, F16 and BF16 at any alignment; other dtypes only refused when asked for", async () => {
    const bytes = fileOf(
      {
        a: { dtype: "F32", shape: [1, 2], data_offsets: [0, 8] },
        b: { dtype: "F16", shape: [1], data_offsets: [8, 10] },
        c: { dtype: "BF16", shape: [], data_offsets: [10, 12] },
        d: { dtype: "I64", shape: [1], data_offsets: [12, 20] },
        e: { dtype: "F32", shape: [0, 3], data_offsets: [20, 20] },
        __metadata__: { format: "pt" },
      },
      20,
    );
    const data = new DataView(bytes.buffer, bytes.byteLength - 20);
    data.setFloat32(0, 1.5, true);
    data.setFloat32(4, -2.25, true);
    data.setUint16(8, 0x3c00, true);
    data.setUint16(10, 0xc000, true);
    for (let shift = 0; shift < 4; shift++) {
      const shifted = new Uint8Array(bytes.byteLength + shift).subarray(shift);
      shifted.set(bytes);
      const file = await open(shifted);
      expect([...(await file.read("a"))]).toEqual([1.5, -2.25]);
      expect([...(await file.read("b")), ...(await file.read("c")), ...(await file.read("e"))]).toEqual([1, -2]);
      expect(file.tensors.get("a")!.shape).toEqual([1, 2]);
      expect(file.metadata.get("format")).toBe("pt");
      await expect(file.read("d")).rejects.toThrow(/tensor d is I64, wanted F64, F32, F16, BF16/);
      await expect(file.read("x")).rejects.toThrow(/no tensor x/);
    }
  });

  const damaged: [string, Uint8Array, RegExp][] = [
    ["empty", new Uint8Array(0), /has 0 bytes, too few/],
    ["five bytes", new Uint8Array(5), /too few/],
    [
      "a Git LFS pointer",
      new TextEncoder().encode("version https://git-lfs.example/spec/v1\noid sha256:0\nsize 1\n"),
      /Git LFS pointer/,
    ],
    ["a web page", new TextEncoder().encode("<!DOCTYPE html><html>"), /not a safetensors file/],
    ["a header length over the limit", fileOf({}, 0, 100_000_001n), /not a safetensors file/],
    ["a header length of 2^64 - 1", fileOf({}, 0, 2n ** 64n - 1n), /not a safetensors file/],
    ["a header cut short", fileOf({ a: f32(0, 4) }, 4).subarray(0, 20), /truncated/],
    ["data cut short", fileOf({ a: f32(0, 4) }, 3), /truncated: its header speaks of \d+ bytes/],
    ["data left over", fileOf({ a: f32(0, 4) }, 5), /the tensors end at byte/],
    ["no brace", fileOf(" {}"), /not a safetensors file/],
    ["an empty header", fileOf(""), /not a JSON object|not valid JSON/],
    ["broken JSON", fileOf('{"a":'), /not valid JSON/],
    [
      "invalid UTF-8",
      (() => {
        const file = fileOf('{"a":1}');
        file[10] = 0xff;
        return file;
      })(),
      /UTF-8/,
    ],
    ["an unknown dtype", fileOf({ a: { dtype: "F99", shape: [1], data_offsets: [0, 4] } }, 4), /unknown dtype "F99"/],
    ["no dtype", fileOf({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /unknown dtype missing/],
    ["a negative size", fileOf({ a: { dtype: "F32", shape: [-1, -1], data_offsets: [0, 4] } }, 4), /impossible shape/],
    [
      "a fractional size",
      fileOf({ a: { dtype: "F32", shape: [0.5, 2], data_offsets: [0, 4] } }, 4),
      /impossible shape/,
    ],
    [
      "a product that overflows",
      fileOf({ a: { dtype: "F32", shape: [2 ** 50, 2 ** 50, 2 ** 50], data_offsets: [0, 4] } }, 4),
      /its range holds 4/,
    ],
    [
      "zero times infinity",
      fileOf({ a: { dtype: "F32", shape: [...Array(30).fill(2 ** 50), 0], data_offsets: [0, 0] } }),
      /its range holds 0/,
    ],
    [
      "a range that disagrees with the shape",
      fileOf({ a: { dtype: "F32", shape: [2], data_offsets: [0, 4] } }, 4),
      /takes 8 bytes, but its range holds 4/,
    ],
    ["a backward range", fileOf({ a: { dtype: "F32", shape: [1], data_offsets: [4, 0] } }, 4), /impossible byte range/],
    ["a gap", fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), /tensor "b" starts at byte 8, expected 4/],
    ["an overlap", fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), /tensor "b" starts at byte 4, expected 8/],
    ["a first byte unused", fileOf({ a: f32(4, 8) }, 8), /starts at byte 4, expected 0/],
    [
      "a repeated tensor",
      fileOf(`{"a":${JSON.stringify(f32(0, 4))},"a":${JSON.stringify(f32(0, 4))}}`, 4),
      /key "a" appears twice/,
    ],
    [
      "a repeated tensor, once escaped",
      fileOf(`{"a":${JSON.stringify(f32(0, 4))},"\\u0061" :${JSON.stringify(f32(0, 4))}}`, 4),
      /key "a" appears twice/,
    ],
    [
      "a repeated field",
      fileOf('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', 4),
      /key "shape" appears twice/,
    ],
    ["metadata of numbers", fileOf({ __metadata__: { step: 3 } }), /__metadata__ is not a table of strings/],
    [
      "a shape nested a million deep",
      fileOf(`{"a":{"dtype":"F32","shape":${"[".repeat(1e6)}${"]".repeat(1e6)},"data_offsets":[0,4]}}`, 4),
      /not valid JSON|impossible shape/,
    ],
    ["a tensor that is a list", fileOf({ a: [1] }), /tensor "a" is not a JSON object/],
  ];
  test.each(damaged)("refuses %s", async (_, bytes, message) => {
    const attempt = open(bytes);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toBeInstanceOf(UserError);
  });

  test("names of JavaScript's own are names like others, and quotes or braces in them do no harm", async () => {
    const names = ["__proto__", "constructor", "toString", 'a"{b', "a\\", "}", "7"];
    const entries = names.map((name, i) => `${JSON.stringify(name)}:${JSON.stringify(f32(4 * i, 4 * i + 4))}`);
    const header = `{${entries.join(",")}}`;
    const file = await open(fileOf(header, 4 * names.length));
    expect([...file.tensors.keys()].sort()).toEqual([...names].sort());
    expect((await file.read("__proto__")).length).toBe(1);
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  test("any mutation of a valid file is read or refused, never a crash or a read past the end", async () => {
    const valid = await encode(
      new Map([
        ["wte", [2, 3]],
        ["h", [4]],
        ["e", [0]],
      ]),
      (name) => new Float32Array(name === "wte" ? 6 : name === "h" ? 4 : 0),
    );
    const headerEnd = 8 + Number(new DataView(valid.buffer).getBigUint64(0, true));
    const edit = fc.record({
      at: fc.nat(headerEnd - 1),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[]",:0123456789-eE.\\'))),
    });
    const outcomes = { read: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 4 }), fc.integer({ min: -8, max: 4 }), async (edits, grow) => {
        const bytes = new Uint8Array(valid.byteLength + grow);
        bytes.set(valid.subarray(0, bytes.byteLength));
        for (const { at, byte } of edits) bytes[at] = byte;
        const outcome = await attempt(bytes);
        outcomes[outcome]++;
      }),
      { numRuns: 2000, seed: 7 },
    );
    expect(outcomes.read).toBeGreaterThan(20);
    expect(outcomes.refused).toBeGreaterThan(20);
  });

  test("any JSON as a header is read or refused", async () => {
    const tensor = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom("F32", "F16", "BOOL", "F4"), fc.jsonValue()),
        shape: fc.oneof(fc.array(fc.integer({ min: -1, max: 4 })), fc.jsonValue()),
        data_offsets: fc.oneof(fc.tuple(fc.nat(16), fc.nat(16)), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), fc.oneof(tensor, fc.jsonValue()))),
        fc.nat(16),
        async (header, dataBytes) => {
          await attempt(fileOf(header, dataBytes));
        },
      ),
      { numRuns: 500, seed: 7 },
    );
  });
});

describe("writing", () => {
  const shapes = new Map([
    ["b", [2, 2]],
    ["a", [3]],
    ["odd", [1]],
    ["__proto__", [1]],
    ["ö", []],
  ]);
  const values = (name: string): Float32Array =>
    Float32Array.from({ length: shapes.get(name)!.reduce((a, b) => a * b, 1) }, (_, i) => name.length + i / 4);

  test.each(["F32", "F16"] as const)(
    "%s: read back equal, aligned, in the order given, the same bytes each time",
    async (dtype) => {
      const bytes = await encode(shapes, values, { dtype });
      expect(await encode(shapes, values, { dtype })).toEqual(bytes);
      const file = await open(bytes);
      expect(file.metadata).toEqual(new Map([["format", "pt"]]));
      expect([...file.tensors.keys()]).toEqual([...shapes.keys()]);
      let end = file.tensors.get("b")!.offset;
      expect(end % 8).toBe(0);
      for (const [name, info] of file.tensors) {
        expect([info.offset, info.dtype, info.shape]).toEqual([end, dtype, shapes.get(name)]);
        expect(await file.read(name)).toEqual(values(name));
        end += info.byteLength;
      }
      expect(end).toBe(bytes.byteLength);
    },
  );

  test("a value beyond half precision is refused by tensor name; infinities that were there stay", async () => {
    const one = new Map([["h.0.ln_1.weight", [2]]]);
    await expect(encode(one, () => Float32Array.of(1, 70000), { dtype: "F16" })).rejects.toThrow(
      /h\.0\.ln_1\.weight holds 70000.*float32/,
    );
    expect([
      ...(await (
        await open(await encode(one, () => Float32Array.of(-Infinity, 65519), { dtype: "F16" }))
      ).read("h.0.ln_1.weight")),
    ]).toEqual([-Infinity, 65504]);
    await expect(encode(one, () => new Float32Array(3))).rejects.toThrow(/has 3 values, its shape \[2\] holds 2/);
  });
});

describe("large files", () => {
  test("a header speaks of bytes beyond 4 GiB, and one tensor at a time is asked for", async () => {
    const shapes = new Map([
      ["a", [3e8, 5]],
      ["b", [7]],
    ]);
    const asked: string[] = [];
    const stream = encodeSafetensors(shapes, (name) => {
      asked.push(name);
      return new Float32Array(0);
    });
    const { value: header } = await stream.next();
    expect(asked).toEqual([]);
    const json = JSON.parse(new TextDecoder().decode(header!.subarray(8)));
    expect(json.b.data_offsets).toEqual([6e9, 6e9 + 28]);
    await expect(stream.next()).rejects.toThrow("it has 0 values");
    expect(asked).toEqual(["a"]);
  });

  test("values that lie beyond 4 GiB in a file are found, of the tensor or of a window of it", async () => {
    // A sparse file: the folder gives the bytes that it is asked for.
    const shapes = new Map([
      ["a", [3e8, 5]],
      ["b", [7]],
    ]);
    const metadata = { format: "pt", note: "longer than a reader's first look".repeat(10) };
    const { value: header } = await encodeSafetensors(shapes, () => new Float32Array(0), { metadata }).next();
    const asked: number[] = [];
    const folder = new MemoryFolder("sparse");
    folder.size = async () => header!.byteLength + 6e9 + 28;
    folder.read = async (_file, range) => {
      const { offset, length } = range!;
      asked.push(length);
      if (offset + length <= header!.byteLength) return header!.subarray(offset, offset + length);
      const first = (offset - header!.byteLength - 6e9) / 4;
      return new Uint8Array(Float32Array.from({ length: length / 4 }, (_, i) => first + i).buffer);
    };
    const file = await Safetensors.open(folder, FILE);
    expect([...(await file.read("b"))]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect([...(await file.read("b", { start: 2, count: 3 }))]).toEqual([2, 3, 4]);
    await expect(file.read("b", { start: 5, count: 3 })).rejects.toThrow("outside the tensor");
    expect(Math.max(...asked)).toBeLessThanOrEqual(header!.byteLength);
  });

  test("files past a size are shards beside an index, and read as one; a tensor is never divided", async () => {
    const shapes = new Map(Array.from({ length: 7 }, (_, i) => [`t${i}`, [i + 1]]));
    const values = (name: string): Float32Array => new Float32Array(shapes.get(name)![0]).fill(Number(name.slice(1)));
    for (const [maxShardBytes, count] of [
      [1000, 1],
      [40, 4],
      [1, 7],
    ]) {
      const files = safetensorsFiles("optimizer", shapes, values, { maxShardBytes });
      const folder = new MemoryFolder("shards");
      await folder.write(files as ReadonlyMap<string, FileData>);
      const names = await folder.list();
      expect(names).toHaveLength(count === 1 ? 1 : count + 1);
      expect(names[0]).toBe(count === 1 ? "optimizer.safetensors" : `optimizer-00001-of-0000${count}.safetensors`);
      const found =
        count === 1
          ? await Safetensors.open(folder, "optimizer.safetensors")
          : await Safetensors.openSharded(folder, "optimizer.safetensors.index.json");
      expect([...found.tensors.keys()]).toEqual([...shapes.keys()]);
      for (const name of shapes.keys()) expect(await found.read(name)).toEqual(values(name));
      for (const name of names.filter((each) => each.endsWith(".safetensors")))
        if (count === 4) expect(await folder.size(name)).toBeLessThan(40 + 400);
    }
  });
});

describe("a GPT-2 folder", () => {
  const config = new GPT2Config({ vocabSize: 7, nPositions: 5, nEmbd: 6, nLayer: 2, nHead: 3, nInner: 10 });
  const shapes = parameterShapes(config);
  const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  const weights = new Map(
    [...shapes].map(([name, shape], seed) => [
      name,
      Float32Array.from({ length: count(shape) }, (_, i) => Math.fround(Math.sin(seed * 100 + i))),
    ]),
  );

  /** A folder whose tensors are these, with the shapes they have in `config` unless given. */
  async function folderWith(
    tensors: ReadonlyMap<string, Float32Array>,
    otherShapes: Record<string, number[]> = {},
  ): Promise<MemoryFolder> {
    const plain = (name: string): readonly number[] =>
      otherShapes[name] ?? shapes.get(name) ?? shapes.get(`transformer.${name}`) ?? [tensors.get(name)!.length];
    const bytes = await encode(new Map([...tensors.keys()].map((name) => [name, plain(name)])), (name) =>
      tensors.get(name)!,
    );
    return new MemoryFolder(
      "folder",
      new Map<string, Uint8Array | string>([
        [FILE, bytes],
        ["config.json", JSON.stringify(config.toJson())],
      ]),
    );
  }

  async function read(folder: MemoryFolder): Promise<Map<string, Float32Array>> {
    const found = new Map<string, Float32Array>();
    await readCheckpoint(
      folder,
      await readConfig(folder),
      async (name, values) => void found.set(name, values.slice()),
    );
    return found;
  }

  test("parameters have the names, order and shapes of the reference checkpoints", async () => {
    for (const name of listCases("model")) {
      const model = await loadModelCase(name);
      expect(Object.fromEntries(parameterShapes(model.config))).toEqual(model.reference.meta.model_tensors);
      expect([...parameterShapes(model.config).keys()]).toEqual(Object.keys(model.reference.meta.model_tensors));
    }
    expect(shapes.get("transformer.h.1.mlp.c_proj.weight")).toEqual([10, 6]);
  });

  test.each(["F32", "F16"] as const)("written as %s and read back", async (dtype) => {
    const folder = new MemoryFolder("saved");
    await folder.write(
      writeCheckpoint(config, (name) => weights.get(name)!, { dtype, generationConfig: { eos_token_id: 3 } }),
    );
    expect(await folder.list()).toEqual(["config.json", "generation_config.json", FILE]);
    const back = await read(folder);
    expect([...back.keys()]).toEqual([...shapes.keys()]);
    for (const [name, values] of back) {
      expect(values).toEqual(dtype === "F32" ? weights.get(name) : decodeFloat16(encodeFloat16(weights.get(name)!)));
    }
    const json = JSON.parse(new TextDecoder().decode(await folder.read("config.json")));
    expect(json).toMatchObject({
      model_type: "gpt2",
      torch_dtype: dtype === "F32" ? "float32" : "float16",
      n_inner: 10,
    });
    expect((await readConfig(folder)).with({})).toMatchObject({ ...config, otherKeys: expect.anything() });
  });

  test("names without prefix, mask buffers and an equal head are accepted", async () => {
    const plain = new Map([...weights].map(([name, values]) => [name.replace("transformer.", ""), values]));
    plain
      .set("h.0.attn.bias", new Float32Array(25))
      .set("h.1.attn.masked_bias", new Float32Array(1))
      .set("lm_head.weight", weights.get("transformer.wte.weight")!.slice());
    expect(await read(await folderWith(plain, { "lm_head.weight": [7, 6] }))).toEqual(weights);
  });

  test.each(["transformer.", ""])(
    "a tied head stored under its own name alone is the embedding (%j)",
    async (prefix) => {
      const saved = new Map([...weights].map(([name, values]) => [name.replace("transformer.", prefix), values]));
      saved.delete(`${prefix}wte.weight`);
      saved.set("lm_head.weight", weights.get("transformer.wte.weight")!);
      const folder = await folderWith(saved, { "lm_head.weight": [7, 6] });
      expect(await read(folder)).toEqual(weights);
      expect((await openCheckpoint(folder, config)).ignored).toEqual([]);
    },
  );

  test("what is no part of the language model is left aside and named", async () => {
    const heads = [
      "multiple_choice_head.summary.weight", // GPT2DoubleHeadsModel
      "multiple_choice_head.summary.bias",
      "v_head.summary.weight", // a value head
      "score.weight", // GPT2ForSequenceClassification
      "classifier.bias",
      "qa_outputs.weight",
      "transformer.h.0.crossattention.c_attn.weight",
      "lm_head.bias",
      "\u001b[31mred",
    ];
    const all = new Map(weights);
    for (const head of heads) all.set(head, new Float32Array(6));
    const folder = await folderWith(all);
    expect(await read(folder)).toEqual(weights);
    const checkpoint = await openCheckpoint(folder, config);
    expect([...checkpoint.ignored].sort()).toEqual([...heads].sort());
    expect(ignoredTensors(folder, { ...checkpoint, ignored: heads.slice(-2) })).toBe(
      "folder: lm_head.bias, \\u001b[31mred in the weights are no part of the language model and left unused.",
    );
    expect(ignoredTensors(folder, { ...checkpoint, ignored: heads })).toMatch(/v_head.*score\.weight and 5 more in/);
    expect(ignoredTensors(folder, { ...checkpoint, ignored: [] })).toBeUndefined();
  });

  test("sizes far beyond the weights are refused before anything of that size is made", async () => {
    for (const [key, value] of Object.entries({ vocab_size: 2 ** 24, n_layer: 1024, n_positions: 2 ** 24 })) {
      const folder = await folderWith(weights);
      const json = JSON.stringify({ ...config.toJson(), [key]: value });
      await folder.write(new Map([["config.json", json]]));
      await expect(read(folder)).rejects.toThrow(/weights are not those of the model that config\.json describes/);
    }
  });

  const without = (name: string): Map<string, Float32Array> => new Map([...weights].filter(([key]) => key !== name));
  test.each<[string, () => Promise<MemoryFolder>, RegExp]>([
    [
      "an unequal head",
      () => folderWith(new Map(weights).set("lm_head.weight", new Float32Array(42)), { "lm_head.weight": [7, 6] }),
      /lm_head\.weight differs from transformer\.wte\.weight.*tied head/,
    ],
    [
      "a missing tensor",
      () => folderWith(without("transformer.h.1.ln_2.bias")),
      /missing transformer\.h\.1\.ln_2\.bias/,
    ],
    [
      "a layer more than the config has",
      () => folderWith(new Map(weights).set("transformer.h.2.ln_1.weight", new Float32Array(6))),
      /unexpected transformer\.h\.2\.ln_1\.weight/,
    ],
    [
      "a head of another shape",
      () => folderWith(new Map(weights).set("lm_head.weight", new Float32Array(48)), { "lm_head.weight": [8, 6] }),
      /lm_head\.weight is \[8,6\], wanted \[7,6\]/,
    ],
    [
      "neither embedding nor head",
      () => folderWith(without("transformer.wte.weight")),
      /missing transformer\.wte\.weight;/,
    ],
    [
      "another shape of the same size",
      () => folderWith(weights, { "transformer.wte.weight": [6, 7] }),
      /wte\.weight is \[6,7\], wanted \[7,6\]/,
    ],
    [
      "one parameter under two names",
      () => folderWith(new Map(weights).set("wte.weight", weights.get("transformer.wte.weight")!)),
      /are the same parameter/,
    ],
    [
      "no weights",
      async () => new MemoryFolder("folder", new Map([["config.json", "{}"]])),
      /no model\.safetensors; wanted the folder/,
    ],
    ["no config", async () => new MemoryFolder("folder", new Map([[FILE, new Uint8Array(9)]])), /no config\.json/],
    [
      "a pickle only",
      async () =>
        new MemoryFolder(
          "folder",
          new Map([
            ["config.json", "{}"],
            ["pytorch_model.bin", "x"],
          ]),
        ),
      /pytorch_model\.bin but no model\.safetensors.*save_pretrained/,
    ],
    [
      "a config that is not JSON",
      async () => new MemoryFolder("folder", new Map([["config.json", "{"]])),
      /not valid JSON/,
    ],
  ])("%s is refused", async (_, folder, message) => {
    const attempt = folder().then(read);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toBeInstanceOf(UserError);
  });

  test("nothing is handed over before all is checked", async () => {
    let calls = 0;
    await expect(
      readCheckpoint(await folderWith(without("transformer.ln_f.bias")), config, () => void calls++),
    ).rejects.toThrow(UserError);
    expect(calls).toBe(0);
  });

  test("shards: read as one, and refused when index and shards disagree", async () => {
    const names = [...shapes.keys()];
    const shard = (some: string[]): Promise<Uint8Array> =>
      encode(new Map(some.map((name) => [name, shapes.get(name)!])), (name) => weights.get(name)!);
    const files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const weightMap = Object.fromEntries(names.map((name, i) => [name, files[i < 9 ? 0 : 1]]));
    const sharded = async (map: unknown, second = names.slice(9)): Promise<MemoryFolder> =>
      new MemoryFolder(
        "shards",
        new Map<string, Uint8Array | string>([
          ["config.json", JSON.stringify(config.toJson())],
          ["model.safetensors.index.json", JSON.stringify({ metadata: {}, weight_map: map })],
          [files[0], await shard(names.slice(0, 9))],
          [files[1], await shard(second)],
        ]),
      );
    expect(await read(await sharded(weightMap))).toEqual(weights);
    await expect(read(await sharded(weightMap, names.slice(10)))).rejects.toThrow(
      /00002-of-00002\.safetensors does not hold the tensor/,
    );
    await expect(read(await sharded(weightMap, names.slice(8)))).rejects.toThrow(
      /which the index does not place there/,
    );
    await expect(read(await sharded({ ...weightMap, [names[0]]: "absent.safetensors" }))).rejects.toThrow(UserError);
    for (const map of [undefined, {}, [], { a: 1 }, "x", ["y"]])
      await expect(read(await sharded(map))).rejects.toThrow(/weight_map/);
    // Written before the tied head and the masks were left out of the shards.
    const longer = { "lm_head.weight": files[0], ...weightMap, "transformer.h.0.attn.bias": files[1] };
    expect(await read(await sharded(longer))).toEqual(weights);
    const extra = new Map(weights).set("score.weight", new Float32Array(2));
    const withHead = await sharded(weightMap);
    const bytes = await encodeSafetensors(
      new Map([...names.slice(9), "score.weight"].map((name) => [name, shapes.get(name) ?? [2]])),
      (name) => extra.get(name)!,
    );
    await withHead.write(new Map([[files[1], bytes]]));
    expect(await read(withHead)).toEqual(weights);
    expect((await openCheckpoint(withHead, config)).ignored).toEqual(["score.weight"]);
  });
});
