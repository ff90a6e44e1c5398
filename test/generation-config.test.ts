// Defaults, generation_config.json, and the random choices.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryFolder } from "../src/files/folder.ts";
import {
  generationConfigFile,
  generationConfigJson,
  loadGenerationConfig,
  parseGenerationConfig,
} from "../src/generation/options/config-file.ts";
import { resolveConfig } from "../src/generation/options/config.ts";
import { drawToken, drawWithoutReplacement, randomStream, uniform } from "../src/generation/scores/sampling.ts";
import { softmax, topIndices } from "../src/generation/scores/scores.ts";

describe("configuration", () => {
  test("the defaults are Hugging Face's", () => {
    expect(resolveConfig({})).toMatchObject({
      maxLength: 20,
      maxNewTokens: null,
      doSample: false,
      numBeams: 1,
      temperature: 1,
      topK: 50,
      topP: 1,
      lengthPenalty: 1,
      earlyStopping: false,
    });
  });

  test("a call overrides the file, and its length displaces the other kind of length", () => {
    expect(resolveConfig({ numBeams: 3 }, { numBeams: 2, topK: 5 })).toMatchObject({ numBeams: 3, topK: 5 });
    expect(resolveConfig({ maxLength: 40 }, { maxNewTokens: 5 })).toMatchObject({ maxLength: 40, maxNewTokens: null });
    expect(resolveConfig({ maxNewTokens: 5 }, { maxLength: 40 })).toMatchObject({ maxNewTokens: 5 });
    expect(resolveConfig({ doSample: false }, { doSample: true, temperature: 0.7 })).toMatchObject({ doSample: false });
  });

  test("generation_config.json as transformers writes it", async () => {
    const folder = new MemoryFolder(
      "gpt2",
      new Map([
        [
          generationConfigFile,
          '{"_from_model_config": true, "bos_token_id": 50256, "eos_token_id": [50256, 7], "use_cache": true, "top_k": null, "transformers_version": "4.26.0.dev0"}',
        ],
      ]),
    );
    expect(await loadGenerationConfig(folder)).toEqual({ bosTokenId: 50256, eosTokenId: [50256, 7], topK: 0 });
    expect(await loadGenerationConfig(new MemoryFolder("empty"))).toEqual({});
  });

  test("what it cannot honour is refused with the file's name", () => {
    for (const [json, words] of [
      [{ penalty_alpha: 0.6 }, "penalty_alpha is 0.6"],
      [{ top_q: 1 }, "did you mean top_k?"],
      [{ topK: 4 }, "top_k"],
      [{ top_k: -1 }, "topK is -1"],
      [[], "not a JSON object"],
    ] as const) {
      expect(() => parseGenerationConfig(json, "m/generation_config.json")).toThrow("m/generation_config.json: ");
      expect(() => parseGenerationConfig(json, "m/generation_config.json")).toThrow(words);
    }
  });

  test("written and read, options stay the same; defaults are left out", () => {
    const options = fc.record(
      {
        maxNewTokens: fc.integer({ min: 1, max: 99 }),
        doSample: fc.constant(true),
        temperature: fc.double({ min: 0.1, max: 4, noNaN: true }),
        earlyStopping: fc.constant("never" as const),
        sequenceBias: fc.constant([
          [[1, 2], -3.5],
          [[4], 2],
        ] as const),
        badWordsIds: fc.array(fc.array(fc.nat(99), { minLength: 1 }), { minLength: 1 }),
        exponentialDecayLengthPenalty: fc.tuple(fc.nat(9), fc.double({ min: 1.1, max: 3, noNaN: true })),
        stopStrings: fc.array(fc.string({ minLength: 1 }), { minLength: 1 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(options, (given) => {
        const back = parseGenerationConfig(JSON.parse(generationConfigJson(given)), "test");
        expect(resolveConfig({}, back)).toEqual(resolveConfig({}, given));
      }),
      { seed: 1 },
    );
    expect(generationConfigJson({ topK: 50, numBeams: 2 })).toBe('{\n  "num_beams": 2\n}\n');
  });
});

describe("random choices", () => {
  const scores = Float64Array.from([0, 1, -Infinity, 2.5, 1, -1]);

  test("tokens come as often as their probability says", () => {
    const stream = randomStream(7, [1, 2, 3], 0);
    const n = 20_000;
    const seen = new Float64Array(scores.length);
    for (let step = 0; step < n; step++) seen[drawToken(scores, uniform(stream, step))]++;
    softmax(scores).forEach((p, i) =>
      expect(Math.abs(seen[i] - n * p)).toBeLessThanOrEqual(4.5 * Math.sqrt(n * p * (1 - p))),
    );
  });

  test("draws without replacement differ, come best first, and follow the probabilities in turn", () => {
    const probs = softmax(scores);
    const n = 10_000;
    let both = 0;
    for (let step = 0; step < n; step++) {
      const drawn = drawWithoutReplacement(scores, 2, (draw) => uniform(randomStream(1, [], 0), step, draw));
      expect(drawn).toEqual([...new Set(drawn)]);
      expect(scores[drawn[0]]).toBeGreaterThanOrEqual(scores[drawn[1]]);
      if (drawn.includes(3) && drawn.includes(0)) both++;
    }
    const want = (probs[3] * probs[0]) / (1 - probs[3]) + (probs[0] * probs[3]) / (1 - probs[0]);
    expect(Math.abs(both / n - want)).toBeLessThan(4.5 * Math.sqrt(want / n));
    expect(drawWithoutReplacement(scores, 6, () => 0.5)).toEqual([3, 1, 4, 0, 5, 2]);
  });

  test("numbers depend on seed, prompt, sequence, step and draw, and on nothing else", () => {
    const one = uniform(randomStream(3, [4, 5], 0), 2, 1);
    expect(uniform(randomStream(3, [4, 5], 0), 2, 1)).toBe(one);
    const others = [
      [4, [4, 5], 0, 2, 1],
      [3 + 2 ** 32, [4, 5], 0, 2, 1],
      [3, [5, 4], 0, 2, 1],
      [3, [4, 5], 1, 2, 1],
      [3, [4, 5], 0, 3, 1],
      [3, [4, 5], 0, 2, 0],
    ] as const;
    for (const [seed, prompt, sequence, step, draw] of others)
      expect(uniform(randomStream(seed, prompt, sequence), step, draw)).not.toBe(one);
  });

  test("the greatest come in order, whichever way they are found", () => {
    const rows = fc.array(fc.constantFrom(-Infinity, -2, 0, 1, 1.5, 7), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 70 }), (row, k) => {
        const want = row
          .map((_, i) => i)
          .sort((a, b) => (row[a] === row[b] ? a - b : row[b] > row[a] ? 1 : -1))
          .slice(0, k);
        expect(topIndices(row, k)).toEqual(want);
      }),
      { seed: 1 },
    );
  });
});
