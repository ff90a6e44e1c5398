// Properties of the model on the GPU that hold whatever the weights: a row does not see its neighbours, the cache
// changes nothing, what is inspected is what was computed, and neither memory nor the number of WebGPU objects grows.
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Decoder } from "../src/generation/device/decoder.ts";
import { generate } from "../src/generation/generate.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { expectClose, openDevice } from "./check-kernel.ts";
import { OracleDecoder } from "./oracle/decoder.ts";

const V = 157;
const config = new GPT2Config({
  vocabSize: V,
  nPositions: 400,
  nEmbd: 24,
  nLayer: 2,
  nHead: 2,
  initializerRange: 0.3,
  eosTokenId: null,
});

let device: Device;
let model: GPT2LMHeadModel;
let decoder: GPT2Decoder;
let oracle: OracleDecoder;
beforeAll(async () => {
  device = await openDevice();
  model = GPT2LMHeadModel.fromConfig(device, config, { gradients: false });
  decoder = new GPT2Decoder(model);
  const weights = new Map<string, Float32Array>();
  for (const { name, value } of model.parameters.all()) weights.set(name, await device.read(value));
  oracle = new OracleDecoder(config, weights);
});
afterAll(() => device.destroy());

const ids = (min: number, max: number) => fc.array(fc.nat(V - 1), { minLength: min, maxLength: max });
const prompts = fc.array(ids(1, 12), { minLength: 2, maxLength: 5 });
const shared = fc.record({
  maxNewTokens: fc.constantFrom(5, 9),
  eosTokenId: fc.shuffledSubarray(
    Array.from({ length: V }, (_, i) => i),
    { minLength: 10, maxLength: 40 },
  ),
  minNewTokens: fc.constantFrom(null, 3),
  repetitionPenalty: fc.constantFrom(1, 1.3),
  noRepeatNgramSize: fc.constantFrom(0, 2),
});
const strategies: Record<string, fc.Arbitrary<GenerationOptions>> = {
  greedy: fc.constant({}),
  sampling: fc.record({
    doSample: fc.constant(true),
    seed: fc.nat(),
    topK: fc.constantFrom(0, 50),
    topP: fc.constantFrom(1, 0.8),
    numReturnSequences: fc.constantFrom(1, 2),
  }),
  beam: fc.record({
    numBeams: fc.constantFrom(2, 3),
    earlyStopping: fc.constantFrom(false, true),
    numReturnSequences: fc.constantFrom(1, 2),
  }),
};

describe("a row is generated as if it were alone", () => {
  test.each(Object.entries(strategies))(
    "%s",
    async (_, strategy) => {
      await fc.assert(
        fc.asyncProperty(prompts, shared, strategy, async (inputIds, options, own) => {
          const batch = await generate(decoder, { inputIds, ...options, ...own });
          const single = [];
          for (const row of inputIds)
            single.push(...(await generate(decoder, { inputIds: [row], ...options, ...own })).generated);
          expect(batch.generated).toEqual(single);
        }),
        { numRuns: 5, seed: 4 },
      );
    },
    300_000,
  );
});

/** Left-padded to one width, and the mask. */
function padded(rows: readonly (readonly number[])[]): { inputIds: number[][]; attentionMask: number[][] } {
  const width = Math.max(...rows.map((row) => row.length));
  const left = (row: readonly number[], fill: (t: number) => number) =>
    Array.from({ length: width }, (_, t) => (t < width - row.length ? 0 : fill(t - width + row.length)));
  return {
    inputIds: rows.map((row) => left(row, (t) => row[t])),
    attentionMask: rows.map((row) => left(row, () => 1)),
  };
}

test("cached logits are those of the whole text, over padding, beams and dropped rows", async () => {
  const steps = fc.array(
    fc.record({
      tokens: ids(15, 15),
      parents: fc.array(fc.nat(1000), { minLength: 15, maxLength: 15 }),
      keep: fc.constantFrom(1, 1, 1, 0.5),
    }),
    { minLength: 1, maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(prompts, fc.constantFrom(1, 3), steps, async (starts, beams, run) => {
      const { inputIds, attentionMask } = padded(starts);
      decoder.prefill(inputIds, attentionMask, beams, inputIds[0].length + run.length);
      let texts = starts.flatMap((row) => Array.from({ length: beams }, () => [...row]));
      for (const [s, { tokens, parents, keep }] of [{ tokens: [], parents: [], keep: 1 }, ...run].entries()) {
        if (s > 0) {
          // Beams go on from any beam of their prompt; prompts are dropped from the end.
          const rows = Math.ceil((texts.length / beams) * keep) * beams;
          const from = Array.from({ length: rows }, (_, r) => Math.floor(r / beams) * beams + (parents[r] % beams));
          texts = from.map((parent, r) => [...texts[parent], tokens[r]]);
          decoder.step(tokens.slice(0, rows), from);
        }
        const got = await decoder.logits();
        for (const [r, text] of texts.entries()) {
          const whole = model.forward({ inputIds: [text], lastOnly: true });
          const want = await whole.logits!.read();
          whole.dispose();
          const scale = Math.max(...want.map(Math.abs));
          expectClose(`step ${s}, row ${r}`, got.subarray(r * V, (r + 1) * V), want, [V], {
            atol: 1e-5 * scale,
            rtol: 0,
          });
        }
      }
    }),
    { numRuns: 4, seed: 2 },
  );
});

test("attentions and hidden states are the float64 model's, over padding and beams", async () => {
  const starts = [[4, 5, 6, 90, 3], [7], [1, 2, 3]];
  const { inputIds, attentionMask } = padded(starts);
  const beams = 2,
    rows = starts.length * beams,
    C = config.nEmbd;
  const compare = async (
    what: string,
    columns: number,
    visible: (row: number, column: number) => boolean,
  ): Promise<void> => {
    const got = await decoder.inspect({ attentions: true, hiddenStates: true });
    const want = await oracle.inspect();
    expect(got.attentions!.length).toBe(config.nLayer);
    expect(got.hiddenStates!.length).toBe(config.nLayer + 1);
    for (const [name, width] of [
      ["attentions", got.attentions![0].length / (rows * config.nHead * columns)],
      ["hiddenStates", C],
    ] as const) {
      got[name]!.forEach((values, layer) => {
        expect(values.length).toBe(want[name]![layer].length);
        // What padding computes is garbage anywhere.
        const outer = name === "attentions" ? rows * config.nHead : rows;
        const kept = (_: number, i: number) =>
          visible(Math.floor(Math.floor(i / (width * columns)) / (outer / rows)), Math.floor(i / width) % columns);
        expectClose(
          `${what}, ${name} ${layer}`,
          values.filter(kept),
          want[name]![layer].filter(kept),
          [outer, columns, width],
          { atol: 2e-5, rtol: 1e-5 },
        );
      });
    }
  };
  for (const each of [decoder, oracle]) each.prefill(inputIds, attentionMask, beams, 8);
  await compare("prompt", 5, (row, column) => attentionMask[Math.floor(row / beams)][column] === 1);
  const turns: [number[], number[] | undefined][] = [
    [[11, 12, 13, 14, 15, 16], undefined],
    [
      [21, 22, 23, 24, 25, 26],
      [1, 0, 2, 2, 5, 4],
    ],
    [
      [31, 32, 33, 34, 35, 36],
      [1, 1, 3, 2, 4, 4],
    ],
  ];
  for (const [tokens, parents] of turns) {
    for (const each of [decoder, oracle]) each.step(tokens, parents);
    await compare(`after ${tokens[0]}`, 1, () => true);
    expectClose("logits after looking", await decoder.logits(), await oracle.logits(), [rows, V], {
      atol: 5e-5,
      rtol: 1e-5,
    });
  }
});

describe("memory and WebGPU objects stay as they are", () => {
  const state = () => ({
    live: device.pool.liveBytes,
    created: device.pool.created,
    bindGroups: device.batch.counters.bindGroups,
    pipelines: device.batch.counters.pipelines,
  });

  test.each([
    ["greedy", {}],
    ["sampling", { doSample: true, seed: 3 }],
    ["beams", { numBeams: 2 }],
  ] as const)("over 300 tokens: %s", async (_, options) => {
    const seen: ReturnType<typeof state>[] = [];
    const { sampler } = decoder;
    const watching: Decoder = {
      vocabSize: V,
      nPositions: config.nPositions,
      prefill: (...args) => decoder.prefill(...args),
      step: (...args) => decoder.step(...args),
      logits: () => decoder.logits(),
      dispose: () => decoder.dispose(),
      sampler: {
        ...sampler,
        sample: (choice) => {
          seen.push(state());
          return sampler.sample(choice);
        },
        candidates: (...args) => {
          seen.push(state());
          return sampler.candidates(...args);
        },
      },
    };
    await generate(watching, { inputIds: [[5], [6, 7]], maxNewTokens: 300, ...options });
    expect(seen.length).toBe(300);
    expect(seen[299]).toEqual(seen[270]); // past 256 positions attention has its form for long contexts
  });

  test("over 30 calls", async () => {
    const calls = [{}, { doSample: true, seed: 1, numReturnSequences: 2 }, { numBeams: 3, repetitionPenalty: 1.2 }];
    const request = (i: number) => ({ inputIds: [[5], [6, 7, i]], maxNewTokens: 6, ...calls[i % 3] });
    let before: ReturnType<typeof state> | undefined;
    for (let i = 0; i < 30; i++) {
      await generate(decoder, request(i));
      decoder.dispose();
      if (i === 8) before = state();
    }
    expect(state()).toEqual(before);
  });
});

test("a loop by hand over forward is greedy search", async () => {
  const prompt = [17, 50, 3, 77];

  const text = [...prompt];
  let output = model.forward({ inputIds: [text], useCache: true, lastOnly: true });
  const cache = output.pastKeyValues!;
  for (let i = 0; i < 20; i++) {
    const logits = await output.logits!.read(); // [1, 1, V]
    text.push(logits.reduce((best, x, token) => (x > logits[best] ? token : best), 0));
    output.dispose();
    output = model.forward({ inputIds: [text.slice(-1)], pastKeyValues: cache });
  }
  output.dispose();
  cache.destroy();

  const { sequences } = await generate(decoder, { inputIds: [prompt], maxNewTokens: 20 });
  expect(text).toEqual(sequences[0]);
});
