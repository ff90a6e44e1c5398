// token_type_ids as GPT-2 has them: rows of wte that are added at each position. Against the float64 oracle forward and
// backward in every variant, and at every generated token, whatever chooses it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attentionBytes } from "../src/explain/attention.ts";
import { generate } from "../src/generation/generate.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device, DeviceOptions } from "../src/gpu/device.ts";
import { centralDifferences, expectClose, openDevice, VARIANTS } from "./check-kernel.ts";
import { OracleDecoder } from "./oracle/decoder.ts";
import { OracleGPT2 } from "./oracle/gpt2.ts";

const V = 301;
const config = new GPT2Config({
  vocabSize: V,
  nPositions: 40,
  nEmbd: 60,
  nLayer: 2,
  nHead: 3,
  embdPdrop: 0,
  attnPdrop: 0,
  residPdrop: 0,
  initializerRange: 0.3,
  eosTokenId: null,
});
const inputIds = [0, 1].map((b) => Array.from({ length: 19 }, (_, t) => (b * 101 + t * 37) % V));
// Sections, one of them typed by the last row of wte, which windows of a small binding keep from the tokens' rows.
const tokenTypeIds = [0, 1].map((b) => Array.from({ length: 19 }, (_, t) => (t < 7 + b ? 300 : t < 12 ? 5 : 37 * b)));
const attentionMask = [0, 1].map((b) => Array.from({ length: 19 }, (_, t) => (b === 1 && t < 3 ? 0 : 1)));
const labels = inputIds.map((row, b) => row.map((id, t) => (b === 1 && t < 5 ? -100 : id)));

async function weightsOf(device: Device, model: GPT2LMHeadModel): Promise<Map<string, Float32Array>> {
  const weights = new Map<string, Float32Array>();
  for (const { name, value } of model.parameters.all()) weights.set(name, await device.read(value));
  return weights;
}

const runs: [string, DeviceOptions][] = [
  ...VARIANTS.map((tuning): [string, DeviceOptions] => [`${tuning.matmul} variants`, { tuning }]),
  ["bindings of 64 KiB, which wte exceeds", { maxStorageBufferBindingSize: 65536 }],
];

describe.each(runs)("%s", (_, options) => {
  it("give the oracle's logits, loss and gradients", async () => {
    const device = await openDevice(options);
    const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 3 });
    const oracle = new OracleGPT2(config, await weightsOf(device, model));
    const input = { inputIds, attentionMask, tokenTypeIds };
    const want = oracle.lossAndGradients(input, labels);
    model.parameters.zeroGrad();
    const output = model.forward({ ...input, labels });
    const close = (name: string, got: ArrayLike<number>, values: Float64Array) => {
      const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expectClose(name, got, values, [values.length], { atol: 2e-5 * scale, rtol: 1e-4 });
    };
    const seen = (values: ArrayLike<number>) =>
      Float64Array.from(values, (value, i) => (attentionMask.flat()[Math.floor(i / V)] ? value : 0));
    close("logits", seen(await output.logits!.read()), seen(want.logits));
    expect(await output.loss!.item()).toBeCloseTo(want.loss, 4);
    output.loss!.backward();
    output.dispose();
    for (const name of ["transformer.wte.weight", "transformer.wpe.weight", "transformer.h.0.attn.c_attn.weight"])
      close(name, await device.read(model.parameters.get(name).grad!), want.gradients.get(name)!);
    const without = oracle.lossAndGradients({ inputIds, attentionMask }, labels);
    expect(Math.abs(without.loss - want.loss)).toBeGreaterThan(0.01); // or nothing was shown
    device.destroy();
  });
});

it("the oracle's gradient of wte, where it is added as a type, agrees with central differences", async () => {
  const device = await openDevice();
  const model = GPT2LMHeadModel.fromConfig(device, config, { seed: 3 });
  const oracle = new OracleGPT2(config, await weightsOf(device, model));
  const C = config.nEmbd;
  const wte = oracle.parameters.get("transformer.wte.weight")!;
  const input = { inputIds: [[7, 8, 9]], tokenTypeIds: [[300, 300, 5]] };
  const grad = oracle.lossAndGradients(input, [[7, 8, 9]]).gradients.get("transformer.wte.weight")!;
  for (const row of [300, 5]) {
    const f = (values: Float64Array) => {
      const saved = wte.slice(row * C, (row + 1) * C);
      wte.set(values, row * C);
      const loss = oracle.loss(input, [[7, 8, 9]]);
      wte.set(saved, row * C);
      return loss;
    };
    const want = centralDifferences(f, Float32Array.from(wte.subarray(row * C, (row + 1) * C)));
    expectClose(`wte[${row}]`, grad.slice(row * C, (row + 1) * C), want, [C], { atol: 1e-6, rtol: 1e-4 });
  }
  device.destroy();
});

describe("generated tokens have the type of their prompt's last token", () => {
  let device: Device, model: GPT2LMHeadModel, decoder: GPT2Decoder, oracle: OracleDecoder, whole: OracleGPT2;
  beforeAll(async () => {
    device = await openDevice();
    model = GPT2LMHeadModel.fromConfig(device, config, { seed: 3, gradients: false });
    decoder = new GPT2Decoder(model);
    const weights = await weightsOf(device, model);
    oracle = new OracleDecoder(config, weights);
    whole = new OracleGPT2(config, weights);
  });
  afterAll(() => device.destroy());

  // Of different lengths and last types, so that rows that were dropped or reordered must keep their own.
  const request = {
    inputIds: [
      [4, 9, 200, 31, 7],
      [100, 22],
      [50, 51, 52],
    ],
    tokenTypeIds: [
      [300, 300, 5, 5, 5],
      [9, 9],
      [300, 9, 120],
    ],
    maxNewTokens: 9,
    eosTokenId: [3, 30, 60, 90, 120, 150, 180, 210, 240, 270],
    padTokenId: 0,
  };

  it("greedily, as the whole text at once gives it", async () => {
    const { generated } = await generate(decoder, request);
    for (const [r, tokens] of generated.entries()) {
      const prompt = request.inputIds[r],
        types = request.tokenTypeIds[r];
      const text = [...prompt, ...tokens];
      const { logits } = whole.forward({
        inputIds: [text],
        tokenTypeIds: [[...types, ...tokens.map(() => types.at(-1)!)]],
      });
      tokens.forEach((token, t) => {
        const row = logits.subarray((prompt.length + t - 1) * V, (prompt.length + t) * V);
        expect(row.indexOf(Math.max(...row))).toBe(token);
      });
    }
    const { tokenTypeIds: __, ...untyped } = request;
    expect((await generate(decoder, untyped)).generated).not.toEqual(generated);
  });

  it.each([
    ["greedy", {}],
    ["greedy on the host", { repetitionPenalty: 1.2, noRepeatNgramSize: 2 }],
    ["sampling", { doSample: true, seed: 7, numReturnSequences: 2 }],
    ["beams", { numBeams: 3, numReturnSequences: 2 }],
    ["guided", { guidanceScale: 1.5 }],
  ])("%s, as the oracle does", async (_, options) => {
    const got = await generate(decoder, { ...request, ...options });
    expect(got.sequences).toEqual((await generate(oracle, { ...request, ...options })).sequences);
  });

  it.each([
    ["greedy", {}],
    ["greedy on the host", { repetitionPenalty: 1.2 }],
    ["sampling", { doSample: true, seed: 7 }],
    ["beams", { numBeams: 2, earlyStopping: true }],
  ])("%s: rows that go on keep their types when others are done and dropped", async (_, options) => {
    const { eosTokenId: __, ...endless } = { ...request, ...options };
    const { generated } = await generate(oracle, endless);
    const ends = { ...endless, eosTokenId: [generated[0][1], generated[1][3]] };
    const got = await generate(decoder, ends);
    expect(got.sequences).toEqual((await generate(oracle, ends)).sequences);
    expect(new Set(got.generated.map((row) => row.length)).size).toBeGreaterThan(1);
  });

  it("with tokens looked up in the prompt", async () => {
    const one = {
      inputIds: [[7, 8, 9, 7, 8, 9, 7, 8]],
      tokenTypeIds: [[5, 5, 5, 5, 300, 300, 300, 300]],
      maxNewTokens: 9,
    };
    const plain = await generate(decoder, one);
    expect(await generate(decoder, { ...one, promptLookupNumTokens: 3 })).toEqual(plain);
  });

  it("and in the steps that are looked into", async () => {
    const options = { ...request, outputHiddenStates: true, returnDictInGenerate: true };
    const [got, want] = [await generate(decoder, options), await generate(oracle, options)];
    got.hiddenStates!.forEach((step, t) =>
      step.forEach((states, layer) => {
        const wanted = want.hiddenStates![t][layer];
        if (t > 0) expectClose(`step ${t}`, states, wanted, [wanted.length], { atol: 2e-4, rtol: 1e-3 });
      }),
    );
    const [prompt, types] = [request.inputIds[0], request.tokenTypeIds[0]];
    const typed = await attentionBytes(model, prompt, [1, 2, 3], [0, 1], undefined, types);
    expect(typed).not.toEqual(await attentionBytes(model, prompt, [1, 2, 3], [0, 1]));
    // In blocks of one query, as in one block: the types go with every block.
    expect((await attentionBytes(model, prompt, [1, 2, 3], [0, 1], 1, types)).weights).toBe(typed.weights);
  });

  it.each([
    [
      {
        tokenTypeIds: [
          [1, 1, 1, 1, 1],
          [1, 1],
        ],
      },
      /tokenTypeIds has 2 rows, inputIds 3/,
    ],
    [
      {
        tokenTypeIds: [
          [1, 1],
          [1, 1],
          [1, 1, 1],
        ],
      },
      /tokenTypeIds row 0 has 2 types for 5 tokens/,
    ],
    [
      {
        tokenTypeIds: [
          [1, 1, 1, 1, V],
          [1, 1],
          [1, 1, 1],
        ],
      },
      /tokenTypeIds row 0 holds 301/,
    ],
    [{ inputIds: [[1], [], [2]], tokenTypeIds: [[1], [], [1]], bosTokenId: 1 }, /row 1 has 0 types for 0 tokens/],
  ])("refuses types that do not belong to the prompts: %j", async (wrong, message) => {
    await expect(generate(decoder, { ...request, ...wrong })).rejects.toThrow(message);
  });

  it.each([
    [[[1, 1], [1]], /tokenTypeIds\[1\] has 1 entries, wanted 2/],
    [[[1, 1]], /tokenTypeIds has 1 rows, inputIds has 2/],
    [
      [
        [1, 1],
        [1, V],
      ],
      /tokenTypeIds\[1\]\[1\] is 301, wanted .*a token id from 0 to 300/,
    ],
    [
      [
        [1, 1],
        [1, -1],
      ],
      /tokenTypeIds\[1\]\[1\] is -1/,
    ],
    [
      [
        [1, 1],
        [1, 0.5],
      ],
      /tokenTypeIds\[1\]\[1\] is 0.5/,
    ],
  ])("forward() refuses %j", (tokenTypeIds, message) => {
    const ids = [
      [1, 2],
      [3, 4],
    ];
    expect(() => model.forward({ inputIds: ids, tokenTypeIds })).toThrow(message);
  });
});
