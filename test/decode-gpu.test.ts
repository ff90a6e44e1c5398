// Decoding that stays on the GPU: the same tokens as by reading all logits, for every option that it covers; nothing
// created and one submit a token in steady state; what goes wrong is said; generations side by side do not mix.
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Decoder } from "../src/generation/device/decoder.ts";
import { generate } from "../src/generation/generate.ts";
import type { GenerateInputs } from "../src/generation/generate.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { logSumExp, topIndices } from "../src/generation/scores/scores.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { byteLength } from "../src/gpu/tensor.ts";
import { openDevice } from "./check-kernel.ts";

type Request = Partial<GenerateInputs> & GenerationOptions;

const V = 211;
const config = new GPT2Config({
  vocabSize: V,
  nPositions: 96,
  nEmbd: 32,
  nLayer: 2,
  nHead: 2,
  initializerRange: 0.3,
  eosTokenId: null,
});
const prompts = [[17, 150, 3, 77, 17, 150], [5], [9, 9, 200], [120, 44, 6, 1]];
const every = (n: number): number[] => Array.from({ length: Math.ceil(V / n) }, (_, i) => i * n);

let device: Device;
let model: GPT2LMHeadModel;
let decoder: GPT2Decoder;
let logitsRead = 0;

class Watched extends GPT2Decoder {
  override logits(): Promise<Float32Array> {
    logitsRead++;
    return super.logits();
  }
}

/** The same decoder without its sampler: the general path, which reads all logits. */
const general = (inner: GPT2Decoder): Decoder => ({
  vocabSize: inner.vocabSize,
  nPositions: inner.nPositions,
  prefill: (...args) => inner.prefill(...args),
  step: (...args) => inner.step(...args),
  logits: () => inner.logits(),
  dispose: () => inner.dispose(),
});

beforeAll(async () => {
  device = await openDevice();
  model = GPT2LMHeadModel.fromConfig(device, config, { gradients: false });
  decoder = new Watched(model);
});
afterAll(() => device.destroy());

const eos = every(9);
const warm = { doSample: true, seed: 11, topK: 0 };
const COVERED: Record<string, Request> = {
  greedy: {},
  "greedy, ends": { eosTokenId: eos },
  "greedy, rows drop out": { eosTokenId: every(4), maxNewTokens: 24 },
  "one token": { maxNewTokens: 1 },
  "different lengths": { maxNewTokens: undefined, maxLength: 12 },
  "static processors": {
    suppressTokens: every(5),
    beginSuppressTokens: every(3),
    minNewTokens: 6,
    eosTokenId: eos,
    badWordsIds: [[7], [8]],
    sequenceBias: [[[12], 4]],
  },
  "forced end": { forcedEosTokenId: 33, exponentialDecayLengthPenalty: [4, 1.4], eosTokenId: 33 },
  "processors that read the text": {
    repetitionPenalty: 1.7,
    noRepeatNgramSize: 2,
    badWordsIds: [[7, 8], [9]],
    sequenceBias: [[[17, 12], 9]],
    eosTokenId: every(8),
  },
  stop: { stopStrings: "<9", tokenizer: { decode: (ids: readonly number[]) => ids.map((id) => `<${id}`).join("") } },
  sampling: warm,
  "sampling by default": { doSample: true, seed: 5, eosTokenId: eos },
  "sampling, three each": { ...warm, numReturnSequences: 3, eosTokenId: every(4), topP: 0.9, temperature: 0.8 },
  "sampling, all warpers": { ...warm, topK: 60, topP: 0.8, minP: 0.01, temperature: 1.4, renormalizeLogits: true },
  "sampling with processors": { ...warm, repetitionPenalty: 1.3, suppressTokens: every(2), numReturnSequences: 2 },
  beams: { numBeams: 4 },
  "beams, three each": {
    numBeams: 3,
    numReturnSequences: 3,
    eosTokenId: every(7),
    maxNewTokens: 20,
    earlyStopping: true,
  },
  "beams with processors": {
    numBeams: 3,
    repetitionPenalty: 1.6,
    noRepeatNgramSize: 3,
    minNewTokens: 4,
    eosTokenId: every(9),
    suppressTokens: every(5),
  },
  "beams, renormalised": { numBeams: 2, repetitionPenalty: 1.3, renormalizeLogits: true },
  "group beams": { numBeams: 4, numBeamGroups: 2, diversityPenalty: 0.5, numReturnSequences: 4 },
  "group beams of one": { numBeams: 3, numBeamGroups: 3, diversityPenalty: 20, eosTokenId: every(9), maxNewTokens: 20 },
  "group beams with processors": {
    numBeams: 4,
    numBeamGroups: 2,
    diversityPenalty: 1,
    repetitionPenalty: 1.6,
    sequenceBias: [[[12], 4]],
    noRepeatNgramSize: 2,
    eosTokenId: every(40),
    exponentialDecayLengthPenalty: [1, 1.9],
    forcedEosTokenId: 40,
  },
  "beam sampling": { numBeams: 3, doSample: true, seed: 4, numReturnSequences: 2 },
  "beam sampling, all warpers": {
    numBeams: 2,
    ...warm,
    topK: 60,
    topP: 0.9,
    minP: 0.01,
    typicalP: 0.9,
    epsilonCutoff: 0.001,
    etaCutoff: 0.002,
    temperature: 1.4,
    renormalizeLogits: true,
  },
  "beam sampling with processors": {
    numBeams: 3,
    ...warm,
    topK: 20,
    repetitionPenalty: 1.3,
    noRepeatNgramSize: 2,
    suppressTokens: every(2),
    eosTokenId: every(9),
    maxNewTokens: 20,
    earlyStopping: true,
  },
  "sampling with cutoffs": {
    doSample: true,
    seed: 6,
    typicalP: 0.6,
    epsilonCutoff: 0.01,
    etaCutoff: 0.02,
    numReturnSequences: 3,
    repetitionPenalty: 1.2,
    eosTokenId: every(5),
  },
  "beams, forced": {
    numBeams: 2,
    forcedEosTokenId: [3, 4],
    eosTokenId: [3, 4],
    exponentialDecayLengthPenalty: [3, 1.2],
  },
};
/** What the general path is for, with the number of steps that read logits. */
const NOT_COVERED: Record<string, Request> = {
  typicalP: { ...warm, typicalP: 0.5 },
  outputScores: { outputScores: true },
  prefixAllowedTokensFn: { prefixAllowedTokensFn: () => [4, 5, 6] },
  "groups, renormalised": { numBeams: 4, numBeamGroups: 2, diversityPenalty: 0.5, renormalizeLogits: true },
  "beam sampling without topK": { numBeams: 2, ...warm },
  removeInvalidValues: { removeInvalidValues: true },
};

describe("choosing on the device", () => {
  test.each(Object.entries(COVERED))("gives what reading the logits gives: %s", async (_, options) => {
    const request = { inputIds: prompts, maxNewTokens: 10, ...options };
    const streamed: number[][] = [];
    const streaming = options.numBeams
      ? {}
      : { streamer: (sequence: number, token: number) => void (streamed[sequence] ??= []).push(token) };
    logitsRead = 0;
    const got = await generate(decoder, { ...request, ...streaming });
    expect(logitsRead).toBe(0);
    const want = await generate(general(decoder), request);
    expect(logitsRead).toBeGreaterThan(0);
    expect(got.generated).toEqual(want.generated);
    expect(got.finishReasons).toEqual(want.finishReasons);
    expect(got.beamIndices).toEqual(want.beamIndices);
    got.sequencesScores?.forEach((score, i) => expect(score).toBeCloseTo(want.sequencesScores![i], 4));
    if (!options.numBeams) expect(streamed).toEqual(got.generated);
  });

  test.each(Object.entries(NOT_COVERED))("is not used for %s", async (_, options) => {
    logitsRead = 0;
    await generate(decoder, { inputIds: [prompts[0]], maxNewTokens: 2, ...options });
    expect(logitsRead).toBe(2);
  });

  // Of each row so many candidates (a token and a logit each) and a sum; the parts begin at multiples of 64 words.
  const BACK: [string, Request, number][] = [
    ["beams", { numBeams: 4 }, 8],
    ["group beams", { numBeams: 4, numBeamGroups: 2, diversityPenalty: 1 }, 6],
    ["group beams of one", { numBeams: 4, numBeamGroups: 4, diversityPenalty: 1 }, 5],
    ["beam sampling", { numBeams: 4, doSample: true, seed: 1 }, 54],
    ["beam sampling, topK 5", { numBeams: 4, doSample: true, seed: 1, topK: 5, topP: 0.9 }, 9],
    ["sampling with a cutoff", { doSample: true, seed: 1, typicalP: 0.7, numReturnSequences: 4 }, 54],
  ];
  test.each(BACK)("%s: so many bytes come back in a step", async (_, options, count) => {
    const seen: number[] = [];
    const stage = device.stage.bind(device);
    device.stage = (tensor) => {
      seen.push(byteLength(tensor));
      return stage(tensor);
    };
    await generate(decoder, { inputIds: [prompts[0]], maxNewTokens: 8, ...options }).finally(() => {
      device.stage = stage;
    });
    const bytes = (rows: number): number => 4 * (2 * 64 * Math.ceil((rows * count) / 64) + rows);
    expect(seen).toEqual([bytes(1), ...Array.from({ length: 7 }, () => bytes(4))]);
    expect(bytes(4)).toBeLessThan(4 * 4 * V);
  });

  test("candidates with a few tokens excluded are the best of the others, with the sum over them", async () => {
    decoder.prefill(
      prompts.slice(0, 2).map((_, i) => [i]),
      [[1], [1]],
      2,
      4,
    );
    const logits = await decoder.logits();
    const excluded = [[3, 200, 7], [3, 200, 7], [], []];
    const found = await decoder.sampler.candidates(5, excluded);
    const after = await decoder.logits();
    excluded.forEach((tokens, r) => {
      const row = logits.slice(r * V, (r + 1) * V);
      expect(Array.from(found.excludedLogits[r])).toEqual(tokens.map((token) => row[token]));
      expect(found.lse[r]).toBeCloseTo(logSumExp(row), 5);
      for (const token of tokens) row[token] = -Infinity;
      expect(Array.from(found.tokens.slice(5 * r, 5 * r + 5))).toEqual(topIndices(row, 5));
      expect(Array.from(found.logits.slice(5 * r, 5 * r + 5))).toEqual(topIndices(row, 5).map((token) => row[token]));
      expect(found.restLse[r]).toBeCloseTo(logSumExp(row), 5);
      row.forEach((logit, token) => {
        if (!tokens.includes(token)) expect(after[r * V + token]).toBe(logit);
      });
    });
    const few = await decoder.sampler.candidates(
      5,
      Array(4).fill(Array.from({ length: V - 2 }, (_, i) => i)) as number[][],
    );
    expect(Array.from(few.logits.slice(0, 5))).toEqual([
      expect.any(Number),
      expect.any(Number),
      -Infinity,
      -Infinity,
      -Infinity,
    ]);
    decoder.dispose();
  });

  test("a signal that the streamer gives ends it with the next token, though later ones were under way", async () => {
    const stop = new AbortController();
    let streamed = 0;
    const streamer = (): void => {
      if (++streamed === 5) stop.abort();
    };
    const output = await generate(decoder, { inputIds: [prompts[0]], maxNewTokens: 40, signal: stop.signal, streamer });
    expect(output.finishReasons).toEqual(["aborted"]);
    expect(output.generated[0].length).toBe(6);
  });

  test("on a device that binds little at once", async () => {
    const small = await openDevice({ maxStorageBufferBindingSize: 65536 });
    const other = new GPT2Decoder(GPT2LMHeadModel.fromConfig(small, config, { gradients: false }));
    for (const options of [
      COVERED["sampling, three each"],
      COVERED["beams with processors"],
      COVERED["group beams with processors"],
      COVERED["beam sampling with processors"],
    ]) {
      const request = { inputIds: prompts, maxNewTokens: 6, ...options };
      expect((await generate(other, request)).generated).toEqual((await generate(decoder, request)).generated);
    }
    small.destroy();
  });
});

describe("random options on a model in which every token has twins, so that ties are the rule", () => {
  const sampled = fc.record({
    doSample: fc.constant(true),
    seed: fc.nat(),
    topK: fc.constantFrom(1, 4, 5, 30),
    topP: fc.constantFrom(1, 0.83),
    temperature: fc.constantFrom(1, 1.6),
    typicalP: fc.constantFrom(1, 0.71),
  });
  const options = fc
    .tuple(
      fc.oneof(
        fc.record({ numBeams: fc.constantFrom(2, 4) }),
        sampled.map((a) => ({ ...a, typicalP: 0.71 })),
        fc.record({
          numBeams: fc.constant(4),
          numBeamGroups: fc.constantFrom(2, 4),
          diversityPenalty: fc.constantFrom(0.3, 2),
        }),
        fc.tuple(sampled, fc.record({ numBeams: fc.constantFrom(2, 3) })).map(([a, b]) => ({ ...a, ...b })),
      ),
      fc.record(
        {
          repetitionPenalty: fc.constantFrom(1.4),
          noRepeatNgramSize: fc.constantFrom(1, 2),
          suppressTokens: fc.constantFrom(every(3)),
          eosTokenId: fc.constantFrom(every(20), [5]),
        },
        { requiredKeys: [] },
      ),
    )
    .map(([a, b]): Request => ({ ...a, ...b }));
  let twins: GPT2LMHeadModel;

  beforeAll(async () => {
    twins = GPT2LMHeadModel.fromConfig(device, config, { gradients: false });
    const { value } = twins.parameters.get("transformer.wte.weight");
    const { nEmbd } = config;
    const values = await device.read(value);
    for (let row = 60; row < V; row++) values.copyWithin(row * nEmbd, (row % 60) * nEmbd, ((row % 60) + 1) * nEmbd);
    device.batch.write(value, values);
  });
  afterAll(() => twins.destroy());

  test("tokens and scores are those of the general path", async () => {
    const own = new Watched(twins);
    let [runs, wholeSteps] = [0, 0];
    await fc.assert(
      fc.asyncProperty(options, async (given) => {
        const request = { inputIds: prompts.slice(0, 3), maxNewTokens: 7, ...given };
        logitsRead = 0;
        const got = await generate(own, request);
        runs++;
        wholeSteps += logitsRead;
        const want = await generate(general(own), request);
        expect([got.generated, got.finishReasons, got.beamIndices]).toEqual([
          want.generated,
          want.finishReasons,
          want.beamIndices,
        ]);
        got.sequencesScores?.forEach((score, i) => {
          if (score !== want.sequencesScores![i])
            expect(Math.abs(score - want.sequencesScores![i])).toBeLessThan(1e-4 * Math.max(1, Math.abs(score)));
        });
      }),
      { numRuns: 30, seed: 21 },
    );
    expect(wholeSteps).toBeLessThan((7 * runs) / 2);
    own.dispose();
  });
});

describe("a token in steady state", () => {
  // Edits that change are uploaded between the model's run, which need not wait for them, and the choice: two submits.
  const STEADY: [string, Request, number][] = [
    ["greedy", {}, 1],
    ["sampling", { ...warm, topK: 50, topP: 0.9 }, 1],
    ["greedy with suppressed tokens", { suppressTokens: [4, 5] }, 1],
    ["beams", { numBeams: 3 }, 1],
    ["group beams", { numBeams: 4, numBeamGroups: 2, diversityPenalty: 1 }, 1],
    ["beam sampling", { numBeams: 3, doSample: true, seed: 2, topP: 0.9 }, 1],
    ["greedy with repetition penalty", { repetitionPenalty: 1.2 }, 2],
    ["beams with repetition penalty", { numBeams: 3, repetitionPenalty: 1.2 }, 2],
  ];
  test.each(STEADY)("creates nothing but encoders, and is at most so many submits: %s", async (_, options, submits) => {
    const { counters } = device.batch;
    const seen: { created: number; bindGroups: number; pipelines: number; submits: number; buffers: number }[] = [];
    let buffers = 0;
    const { gpu } = device;
    const createBuffer = gpu.createBuffer.bind(gpu);
    gpu.createBuffer = (descriptor) => {
      buffers++;
      return createBuffer(descriptor);
    };
    // The observer stands where tokens are asked for, once a step.
    const note = (): void =>
      void seen.push({
        created: device.pool.created,
        bindGroups: counters.bindGroups,
        pipelines: counters.pipelines,
        submits: counters.submits,
        buffers,
      });
    const { sampler } = decoder;
    const watching: Decoder = {
      ...general(decoder),
      sampler: {
        ...sampler,
        sample: (choice) => {
          note();
          return sampler.sample(choice);
        },
        candidates: (...args) => {
          note();
          return sampler.candidates(...args);
        },
      },
    };
    await generate(watching, { inputIds: prompts.slice(0, 2), maxNewTokens: 40, ...options });
    gpu.createBuffer = createBuffer;
    expect(seen.length).toBe(40);
    const [from, to] = [seen[10], seen[38]];
    expect({ ...to, submits: 0 }).toEqual({ ...from, submits: 0 });
    expect((to.submits - from.submits) / 28).toBeLessThanOrEqual(submits);
    expect((to.submits - from.submits) / 28).toBeGreaterThanOrEqual(1 / 8); // chosen tokens may be sent eight at a time
  });
});

describe("what cannot go on", () => {
  const damages = [
    ["transformer.h.1.mlp.c_fc.bias", "block 1 (transformer.h.1)"],
    ["transformer.h.0.attn.c_proj.weight", "block 0 (transformer.h.0)"],
    ["transformer.wpe.weight", "the embeddings (transformer.wte, transformer.wpe)"],
    ["transformer.ln_f.bias", "the final layer norm (transformer.ln_f)"],
  ];
  test.each(damages)("%s damaged: the error names %s", async (name, part) => {
    const damaged = GPT2LMHeadModel.fromConfig(device, config, { gradients: false });
    const { value } = damaged.parameters.get(name);
    const values = await device.read(value);
    values[3] = NaN;
    device.batch.write(value, values);
    const broken = new GPT2Decoder(damaged);
    for (const target of [
      broken,
      Object.assign(general(broken), { locateNonFinite: (ids: number[]) => broken.locateNonFinite(ids) }),
    ]) {
      for (const options of [{}, { doSample: true, seed: 1 }, { numBeams: 2 }]) {
        await expect(generate(target, { inputIds: prompts, maxNewTokens: 4, ...options })).rejects.toThrow(part);
      }
    }
    broken.dispose();
    damaged.destroy();
  });

  test("a row of wte that no prompt holds is noticed in the logits", async () => {
    const damaged = GPT2LMHeadModel.fromConfig(device, config, { gradients: false });
    const { value } = damaged.parameters.get("transformer.wte.weight");
    const values = await device.read(value);
    values[210 * config.nEmbd] = Infinity;
    device.batch.write(value, values);
    const broken = new GPT2Decoder(damaged);
    await expect(generate(broken, { inputIds: [[1, 2]], maxNewTokens: 4 })).rejects.toThrow(
      "the head (transformer.wte)",
    );
    broken.dispose();
    damaged.destroy();
  });

  test("a text beyond the model's positions is refused before anything runs, with the numbers", async () => {
    const { dispatches } = device.batch.counters;
    await expect(generate(decoder, { inputIds: [prompts[0]], maxNewTokens: 91 })).rejects.toThrow(
      "6 tokens and 91 more are wanted: 97 in all, and the model has 96 positions",
    );
    expect(device.batch.counters.dispatches).toBe(dispatches);
  });
});

describe("two generations at once on one model", () => {
  test("with a decoder each give what they give alone", async () => {
    const second = new GPT2Decoder(model);
    const requests: Request[] = [
      {},
      COVERED["beams with processors"],
      COVERED["sampling, three each"],
      COVERED["processors that read the text"],
      { outputLogits: true },
    ];
    const alone = [];
    for (const request of requests)
      alone.push((await generate(decoder, { inputIds: prompts, maxNewTokens: 12, ...request })).generated);
    for (const [i, one] of requests.entries())
      for (const [j, other] of requests.entries()) {
        const both = await Promise.all([
          generate(decoder, { inputIds: prompts, maxNewTokens: 12, ...one }),
          generate(second, { inputIds: prompts, maxNewTokens: 12, ...other }),
        ]);
        expect(both.map((output) => output.generated)).toEqual([alone[i], alone[j]]);
      }
    second.dispose();
  });

  test("with one decoder are refused", async () => {
    const first = generate(decoder, { inputIds: prompts, maxNewTokens: 3 });
    await expect(generate(decoder, { inputIds: prompts })).rejects.toThrow("this decoder is generating already");
    await first;
  });
});
