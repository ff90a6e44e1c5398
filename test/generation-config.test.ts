// Defaults, generation_config.json, and the random choices.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../src/errors.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import {
  generationConfigFile,
  generationConfigJson,
  loadGenerationConfig,
  parseGenerationConfig,
} from "../src/generation/options/config-file.ts";
import { resolveConfig } from "../src/generation/options/config.ts";
import { optionNames } from "../src/generation/options/options.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { snakeCase } from "../src/snake-case.ts";
import { drawToken, drawWithoutReplacement, randomStream, uniform } from "../src/generation/scores/sampling.ts";
import { softmax, topIndices } from "../src/generation/scores/scores.ts";

const badWords = { suppressTokens: null, beginSuppressTokens: null, badWordsIds: [[5]] };
const lists = { badWordsIds: null, sequenceBias: null, stopStrings: null, eosTokenId: null };
const cuts = { doSample: true, topK: 0, topP: 1, typicalP: 1, epsilonCutoff: 0, etaCutoff: 0 };
const lengths = { minLength: 0, minNewTokens: null, noRepeatNgramSize: 0, diversityPenalty: 0 };

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
          '{"_from_model_config": true, "bos_token_id": 50256, "eos_token_id": [50256, 7], "use_cache": true, ' +
            '"top_k": null, "transformers_version": "4.26.0.dev0"}',
        ],
      ]),
    );
    expect(await loadGenerationConfig(folder)).toEqual({ bosTokenId: 50256, eosTokenId: [50256, 7], topK: 0 });
    expect(await loadGenerationConfig(new MemoryFolder("empty"))).toEqual({});
  });

  /** Options and notes of a file. */
  const read = (json: object): [GenerationOptions, string[]] => {
    const notes: string[] = [];
    return [parseGenerationConfig(json, "m/g.json", (note) => notes.push(note)), notes];
  };

  test.each<[object, GenerationOptions, RegExp?]>([
    // A whole dump of transformers 4.44, and keys of 4.57: encoder, assistant model, caches.
    [
      { num_assistant_tokens: 5, num_assistant_tokens_schedule: "heuristic", generation_kwargs: {}, low_memory: null },
      {},
    ],
    [{ cache_implementation: "static", use_cache: false, decoder_start_token_id: 3, is_assistant: true }, {}],
    [{ encoder_repetition_penalty: 1, encoder_no_repeat_ngram_size: 0, penalty_alpha: null, token_healing: false }, {}],
    [{ constraints: null, forced_decoder_ids: [], watermarking_config: null, top_h: 0.4 }, {}],
    [{ force_words_ids: null }, { forceWordsIds: null }],
    [
      {
        force_words_ids: [
          [1, 2],
          [[3], [4, 5]],
        ],
        num_beams: 2,
      },
      {
        forceWordsIds: [
          [1, 2],
          [[3], [4, 5]],
        ],
        numBeams: 2,
      },
    ],
    // Off by their value.
    [{ suppress_tokens: [], begin_suppress_tokens: [], bad_words_ids: [[5]] }, badWords],
    [{ bad_words_ids: [], sequence_bias: {}, stop_strings: [], eos_token_id: [] }, lists],
    [{ do_sample: 1, top_k: null, top_p: 1.5, typical_p: 2, epsilon_cutoff: -1, eta_cutoff: 1 }, cuts],
    [{ min_length: -1, min_new_tokens: -1, no_repeat_ngram_size: -3, diversity_penalty: -0.5 }, lengths],
    [
      { do_sample: true, top_p: 0 },
      { doSample: true, topK: 1 },
    ],
    // Without effect beside the others.
    [
      { do_sample: false, temperature: 0 },
      { doSample: false },
      /ignored temperature 0, which has no effect without do_sample true/,
    ],
    [{ top_k: -1, top_p: -1 }, {}, /top_k -1/],
    [
      { length_penalty: "x", min_new_tokens: 4 },
      { minNewTokens: 4 },
      /length_penalty "x", .* without num_beams above 1/,
    ],
    [{ do_sample: true, penalty_alpha: 0.6 }, { doSample: true }],
    [{ penalty_alpha: 0.6, top_k: 1 }, { topK: 1 }],
    // Unknown.
    [
      { chat_format: "raw", top_q: 1, topK: 4, __proto__x: 1 },
      {},
      /ignored chat_format, top_q, topK, __proto__x: no option/,
    ],
    [
      JSON.parse('{"__proto__": {"do_sample": true}, "constructor": 1, "toString": null}'),
      {},
      /__proto__, constructor, toString/,
    ],
    [{ "\u001b[2J": 1, ["x".repeat(1e6)]: 2 }, {}, /^m\/g\.json: ignored \\u001b\[2J, x{37}\.\.\.: no option/],
  ])("what Hugging Face accepts is accepted: %j", (json, options, note) => {
    const [found, notes] = read(json);
    expect(found).toEqual(options);
    if (note) expect(notes.join("\n")).toMatch(note);
    else expect(notes).toEqual([]);
  });

  test("what it cannot honour is refused with the file's name", () => {
    for (const [json, words] of [
      [{ penalty_alpha: 0.6 }, "penalty_alpha is 0.6"],
      [{ encoder_repetition_penalty: 1.2 }, "encoder_repetition_penalty is 1.2"],
      [{ encoder_no_repeat_ngram_size: 2 }, "encoder_no_repeat_ngram_size is 2"],
      [{ dola_layers: "high" }, "dola_layers"],
      [{ token_healing: true }, "token_healing"],
      [{ watermarking_config: {} }, "watermarking_config"],
      [{ constraints: [[1]] }, "constraints"],
      [{ do_sample: true, top_h: 0.4 }, "top_h"],
      [{ do_sample: true, temperature: 0 }, "temperature is 0"],
      [{ do_sample: true, top_k: -1 }, "topK is -1"],
      [{ num_beams: 2, length_penalty: "x" }, "lengthPenalty"],
      [{ num_beams: 1.5 }, "numBeams is 1.5"],
      [{ eos_token_id: "\u001b[31m" }, 'eosTokenId is "\\u001b[31m"'],
      [[], "not a JSON object"],
    ] as const) {
      expect(() => parseGenerationConfig(json, "m/generation_config.json")).toThrow("m/generation_config.json: ");
      expect(() => parseGenerationConfig(json, "m/generation_config.json")).toThrow(words);
    }
  });

  test("any JSON object is options or a UserError", () => {
    const keys = [...optionNames.map(snakeCase), "penalty_alpha", "top_h", "constraints", "watermarking_config"];
    const json = fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), fc.oneof(fc.integer(), fc.jsonValue()));
    fc.assert(
      fc.property(json, (given) => {
        try {
          resolveConfig({}, parseGenerationConfig(given, "t"));
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { seed: 3, numRuns: 1000 },
    );
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
