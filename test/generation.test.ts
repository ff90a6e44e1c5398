// Generation beyond what the reference cases hold: rows do not see their neighbours, every option does something, seeds
// repeat, what stops and what is returned. All on the float64 decoder of the tiny reference checkpoint.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../src/errors.ts";
import { generate } from "../src/generation/generate.ts";
import type { GenerateInputs, GenerateOutput } from "../src/generation/generate.ts";
import { draftTokens } from "../src/generation/loops/prompt-lookup.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { argmax, logSoftmax } from "../src/generation/scores/scores.ts";
import { OracleDecoder } from "./oracle/decoder.ts";
import { loadModelCase } from "./oracle/fixtures.ts";
import { OracleGPT2 } from "./oracle/gpt2.ts";

const model = await loadModelCase("tiny");
const V = model.config.vocabSize;
const fresh = (): OracleDecoder => new OracleDecoder(model.config, model.weights);
const decoder = fresh();

const run = (options: Partial<GenerateInputs> & GenerationOptions): Promise<GenerateOutput> =>
  generate(decoder, { inputIds: [prompt], ...options });
const prompt = [17, 250, 3, 77, 17, 250];
/**
 * A token that the tiny model comes to early on from `prompt`: some options need an end-of-sequence token to act on.
 */
const greedy = (await run({ maxNewTokens: 12 })).generated[0];
const letters = { decode: (ids: readonly number[]): string => ids.map((id) => `<${id}>`).join("") };

const prompts = fc.array(fc.array(fc.nat(V - 1), { minLength: 1, maxLength: 9 }), { minLength: 2, maxLength: 4 });
const processing = fc.record({
  repetitionPenalty: fc.constantFrom(1, 1.3),
  noRepeatNgramSize: fc.constantFrom(0, 2),
  minNewTokens: fc.constantFrom(null, 4),
  maxNewTokens: fc.constantFrom(5, 9),
  eosTokenId: fc.shuffledSubarray(
    Array.from({ length: V }, (_, i) => i),
    { minLength: 20, maxLength: 60 },
  ),
});
const strategies = {
  greedy: fc.constant({}),
  sampling: fc.record({
    doSample: fc.constant(true),
    seed: fc.nat(),
    topP: fc.constantFrom(1, 0.8),
    numReturnSequences: fc.constantFrom(1, 2),
  }),
  beam: fc.record({
    numBeams: fc.constantFrom(2, 3),
    earlyStopping: fc.constantFrom<(boolean | "never")[]>(false, true, "never"),
    lengthPenalty: fc.constantFrom(1, 0.5),
    numReturnSequences: fc.constantFrom(1, 2),
  }),
  "beam sampling": fc.record({ numBeams: fc.constant(2), doSample: fc.constant(true), seed: fc.nat() }),
  "diverse beam": fc.record({
    numBeams: fc.constant(4),
    numBeamGroups: fc.constant(2),
    diversityPenalty: fc.constant(0.7),
  }),
  guidance: fc.record({ guidanceScale: fc.constant(1.5), numBeams: fc.constantFrom(1, 2) }),
};

describe("a row is generated as if it were alone", () => {
  for (const [name, strategy] of Object.entries(strategies)) {
    test(`${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(prompts, processing, strategy, async (inputIds, shared, own) => {
          const options = { ...shared, ...own };
          const batch = await run({ ...options, inputIds });
          const single = [];
          for (const ids of inputIds) single.push(await run({ ...options, inputIds: [ids] }));
          expect(batch.generated).toEqual(single.flatMap((output) => output.generated));
          expect(batch.finishReasons).toEqual(single.flatMap((output) => output.finishReasons));
        }),
        { numRuns: 6, seed: 1 },
      );
    });
  }

  test("whatever its greatest length, up to the model's last position", async () => {
    const { nPositions } = model.config;
    const inputIds = [Array.from({ length: nPositions - 8 }, (_, i) => i), [5], [9, 9]];
    for (const strategy of [{}, { numBeams: 2 }]) {
      const options = { maxLength: nPositions, ...strategy };
      const batch = await run({ ...options, inputIds });
      expect(batch.generated.map((row) => row.length)).toEqual([8, nPositions - 1, nPositions - 2]);
      for (const [r, ids] of inputIds.entries())
        expect((await run({ ...options, inputIds: [ids] })).generated[0]).toEqual(batch.generated[r]);
    }
  });

  test("dropping finished rows changes nothing but the work", async () => {
    const inputIds = [[1, 2, 3], [40], [400, 30], [7, 7, 7, 7], [222], [90, 91]];
    const everyThird = Array.from({ length: Math.ceil(V / 3) }, (_, i) => 3 * i);
    for (const strategy of [{}, { numBeams: 2 }]) {
      const [dropping, keeping] = [fresh(), fresh()];
      const options = { inputIds, maxNewTokens: 20, eosTokenId: everyThird, ...strategy };
      const dropped = await generate(dropping, options);
      const kept = await generate(keeping, { ...options, outputScores: true });
      expect(dropped.sequences).toEqual(kept.sequences);
      expect(dropping.calls).toBe(keeping.calls);
      expect(dropping.rowsRun).toBeLessThan(keeping.rowsRun);
    }
  });
});

describe("every option changes the output", () => {
  const eos = greedy[4];
  const sampling = { doSample: true, seed: 3, topK: 0 };
  const beams = { numBeams: 4 };
  // Option, then the run that it is compared with.
  const cases: [GenerationOptions & Partial<GenerateInputs>, GenerationOptions & Partial<GenerateInputs>][] = [
    [{ maxLength: 9 }, {}],
    [{ maxNewTokens: 5 }, {}],
    [{ eosTokenId: eos }, {}],
    [{ eosTokenId: [eos, greedy[0]] }, { eosTokenId: eos }],
    [{ minLength: 14 }, { eosTokenId: eos }],
    [{ minNewTokens: 8 }, { eosTokenId: eos }],
    [{ maxTime: 1e-9 }, {}],
    [{ stopStrings: `<${greedy[3]}>`, tokenizer: letters }, {}],
    [{ doSample: true, seed: 1 }, {}],
    [{ seed: 2 }, { ...sampling, seed: 1 }],
    [{ numBeams: 4 }, {}],
    [{ numReturnSequences: 2 }, sampling],
    [{ numReturnSequences: 2 }, beams],
    [{ lengthPenalty: -3 }, { ...beams, eosTokenId: [eos, ...Array.from({ length: 60 }, (_, i) => i)] }],
    [{ earlyStopping: true }, { ...beams, lengthPenalty: 3, eosTokenId: Array.from({ length: 120 }, (_, i) => i) }],
    [
      { numBeamGroups: 2, diversityPenalty: 2, numReturnSequences: 4 },
      { ...beams, numReturnSequences: 4 },
    ],
    [{ diversityPenalty: 30 }, { ...beams, numBeamGroups: 2, diversityPenalty: 0.01, numReturnSequences: 4 }],
    [{ temperature: 3 }, sampling],
    [{ topK: 2 }, sampling],
    [{ topP: 0.2 }, sampling],
    [{ minP: 0.5 }, sampling],
    [{ typicalP: 0.1 }, sampling],
    [{ epsilonCutoff: 0.2 }, sampling],
    [{ etaCutoff: 0.5 }, sampling],
    [{ guidanceScale: 3 }, {}],
    [{ guidanceScale: 3, negativePromptIds: [[8, 90]] }, { guidanceScale: 3 }],
    [{ sequenceBias: [[[9], 60]] }, {}],
    [{ repetitionPenalty: 3 }, {}],
    [{ noRepeatNgramSize: 1 }, {}],
    [{ badWordsIds: [[greedy[1]]] }, {}],
    [{ badWordsIds: [[greedy[1], greedy[2]]] }, {}],
    [{ forcedBosTokenId: 11 }, { inputIds: [[5]] }],
    [{ forcedEosTokenId: 12 }, {}],
    [{ exponentialDecayLengthPenalty: [1, 4] }, { eosTokenId: 3 }],
    [{ suppressTokens: [greedy[2]] }, {}],
    [{ beginSuppressTokens: [greedy[0]] }, {}],
    [{ renormalizeLogits: true }, { ...beams, repetitionPenalty: 2 }],
    [{ bosTokenId: 5 }, { inputIds: [[]], bosTokenId: 6 }],
    [{ padTokenId: 1 }, { inputIds: [[5], prompt] }],
    [{ prefixAllowedTokensFn: () => [6, 7] }, {}],
    [{ returnDictInGenerate: false }, beams],
    [{ outputScores: true }, {}],
    [{ outputLogits: true }, {}],
    [{ outputAttentions: true }, {}],
    [{ outputHiddenStates: true }, {}],
  ];
  for (const [option, base] of cases) {
    test(`${Object.entries(option)
      .map(([name, value]) => `${name} ${String(value).slice(0, 20)}`)
      .join(", ")}`, async () => {
      const length = "maxLength" in option ? {} : { maxNewTokens: 12 };
      expect(await run({ ...length, ...base, ...option })).not.toEqual(await run({ maxNewTokens: 12, ...base }));
    });
  }

  test("removeInvalidValues", async () => {
    class Poisoned extends OracleDecoder {
      override async logits(): Promise<Float32Array> {
        return (await super.logits()).fill(NaN, 0, 5).fill(Infinity, 9, 10);
      }
    }
    const poisoned = new Poisoned(model.config, model.weights);
    await expect(generate(poisoned, { inputIds: [prompt] })).rejects.toThrow("the logit of token 0 is NaN");
    expect(
      (await generate(poisoned, { inputIds: [prompt], removeInvalidValues: true, maxNewTokens: 2 })).generated,
    ).toEqual([[9, 9]]);
  });
});

describe("the ways to the same tokens", () => {
  test("a loop over the decoder by hand is greedy search", async () => {
    const byHand: number[] = [];
    decoder.prefill([prompt], [prompt.map(() => 1)], 1, prompt.length + 12);
    for (;;) {
      const token = argmax(await decoder.logits());
      byHand.push(token);
      if (byHand.length === 12) break;
      decoder.step([token]);
    }
    expect(byHand).toEqual(greedy);
  });

  test("cached logits are those of the whole text, over padding, beams and lookup", async () => {
    const whole = new OracleGPT2(model.config, model.weights);
    const texts = [[4, 5, 6, 7], [4, 5, 6, 8], [2], [3]];
    decoder.prefill(
      [
        [4, 5, 6],
        [0, 0, 2],
      ],
      [
        [1, 1, 1],
        [0, 0, 1],
      ],
      2,
      8,
    );
    decoder.step([7, 8, 3, 9]);
    decoder.step([1, 2, 3, 4], [1, 1, 0, 2]);
    texts.splice(0, 4, [4, 5, 6, 8, 1], [4, 5, 6, 8, 2], [4, 5, 6, 7, 3], [2, 3, 4]);
    const cached = await decoder.logits();
    for (const [r, ids] of texts.entries()) {
      const want = whole.forward({ inputIds: [ids] }).logits.slice(-V);
      want.forEach((logit, v) => expect(Math.abs(cached[r * V + v] - logit)).toBeLessThan(1e-5));
    }
  });

  test("prompt lookup gives the plain result in fewer passes, greedy and sampled", async () => {
    for (const [strategy, saved] of [
      [{}, 1],
      [{ doSample: true, seed: 5, topK: 3 }, 0],
    ] as const) {
      const [plain, ahead] = [fresh(), fresh()];
      const inputIds = [[...greedy, ...greedy.slice(0, 3)]];
      const options = { inputIds, maxNewTokens: 30, eosTokenId: 2, ...strategy };
      const want = await generate(plain, options);
      expect(await generate(ahead, { ...options, promptLookupNumTokens: 4 })).toEqual(want);
      expect(plain.calls - ahead.calls).toBeGreaterThanOrEqual(saved);
    }
  });

  test("a beam's score is the log-probability of its text, computed without a cache", async () => {
    const whole = new OracleGPT2(model.config, model.weights);
    const output = await run({
      inputIds: [prompt, [5, 6]],
      numBeams: 4,
      numReturnSequences: 4,
      lengthPenalty: 0,
      maxNewTokens: 6,
    });
    for (const [r, ids] of output.sequences.entries()) {
      const start = r < 4 ? 0 : prompt.length - 2; // of the text, behind its padding
      const logits = whole.forward({ inputIds: [ids.slice(start)] }).logits;
      let sum = 0;
      for (let t = prompt.length; t < ids.length; t++) {
        const row = logits.slice((t - 1 - start) * V, (t - start) * V);
        logSoftmax(row);
        sum += row[ids[t]];
      }
      expect(output.sequencesScores![r]).toBeCloseTo(sum, 4);
    }
  });

  test("drafts follow the longest and earliest recurrence", () => {
    expect(draftTokens([1, 2, 3, 9, 2, 3, 4, 1, 2], 2)).toEqual([3, 9]);
    expect(draftTokens([5, 2, 7, 8, 2], 9)).toEqual([7, 8, 2]);
    expect(draftTokens([1, 2, 3], 4)).toEqual([]);
  });

  test("guidance is scale·(log p - log q) + log q, step by step", async () => {
    const whole = new OracleGPT2(model.config, model.weights);
    const logProbs = (ids: number[]): Float64Array => {
      const row = whole.forward({ inputIds: [ids] }).logits.slice(-V);
      logSoftmax(row);
      return row;
    };
    const want: number[] = [];
    while (want.length < 6) {
      const p = logProbs([...prompt, ...want]);
      const q = logProbs([prompt.at(-1)!, ...want]);
      want.push(argmax(p.map((x, i) => 2.5 * (x - q[i]) + q[i])));
    }
    expect((await run({ guidanceScale: 2.5, maxNewTokens: 6 })).generated).toEqual([want]);
    expect(await run({ guidanceScale: 1, maxNewTokens: 12 })).toEqual(await run({ maxNewTokens: 12 }));
  });

  test("the same seed draws the same text, another seed another; a fresh seed is reported and repeats", async () => {
    const options = { doSample: true, topK: 0, temperature: 2, maxNewTokens: 12 };
    const first = await run(options);
    expect(await run({ ...options, seed: first.seed })).toEqual(first);
    expect((await run({ ...options, seed: first.seed! + 1 })).generated).not.toEqual(first.generated);
    const two = await run({ ...options, seed: first.seed, numReturnSequences: 2 });
    expect(two.generated[0]).toEqual(first.generated[0]);
    expect(two.generated[1]).not.toEqual(two.generated[0]);
  });
});

describe("what comes back", () => {
  test("beam scores are the sums of the chosen scores along the beam indices", async () => {
    const output = await run({
      inputIds: [prompt, [5]],
      numBeams: 3,
      numReturnSequences: 2,
      maxNewTokens: 7,
      lengthPenalty: 0.5,
      repetitionPenalty: 1.4,
      eosTokenId: greedy[3],
      outputScores: true,
    });
    for (const [r, generated] of output.generated.entries()) {
      const sum = generated.reduce(
        (total, token, step) => total + output.scores![step][output.beamIndices![r][step] * V + token],
        0,
      );
      expect(sum / generated.length ** 0.5).toBeCloseTo(output.sequencesScores![r], 4);
    }
  });

  test("scores, logits, attentions and hidden states have every step and row", async () => {
    const output = await run({
      inputIds: [prompt, [5]],
      maxNewTokens: 3,
      suppressTokens: [8],
      outputScores: true,
      outputLogits: true,
      outputAttentions: true,
      outputHiddenStates: true,
    });
    const { nHead, nEmbd, nLayer } = model.config;
    expect(output.scores!.map((step) => step.length)).toEqual([2 * V, 2 * V, 2 * V]);
    expect(output.scores![0][8]).toBe(-Infinity);
    expect(output.logits![0][8]).not.toBe(-Infinity);
    expect(output.attentions!.map((step) => step.map((layer) => layer.length))).toEqual(
      [6 * 6, 7, 8].map((size) => Array.from({ length: nLayer }, () => 2 * nHead * size)),
    );
    expect(output.hiddenStates!.map((step) => step.map((layer) => layer.length))).toEqual(
      [6, 1, 1].map((q) => Array.from({ length: nLayer + 1 }, () => 2 * q * nEmbd)),
    );
  });

  test("rows are padded on both sides", async () => {
    const output = await run({ inputIds: [[5], prompt], maxNewTokens: 6, eosTokenId: [greedy[1], 499], padTokenId: 1 });
    expect(output.sequences[1]).toEqual([
      ...prompt,
      ...greedy.slice(0, 2),
      ...Array.from({ length: output.sequences[1].length - 8 }, () => 1),
    ]);
    expect(output.sequences[0].slice(0, 6)).toEqual([1, 1, 1, 1, 1, 5]);
    expect(output.finishReasons[1]).toBe("eos");
  });

  test("the streamer gets each row's tokens in order", async () => {
    const streamed: number[][] = [[], []];
    const output = await run({
      inputIds: [prompt, [5]],
      maxNewTokens: 6,
      eosTokenId: greedy[2],
      streamer: (row, token) => void streamed[row].push(token),
    });
    expect(streamed).toEqual(output.generated);
  });

  test("a signal ends it with what there is", async () => {
    for (const numBeams of [1, 2]) {
      const stop = new AbortController();
      let steps = 0;
      const output = await run({
        maxNewTokens: 12,
        numBeams,
        signal: stop.signal,
        prefixAllowedTokensFn: () => {
          if (++steps === 3 * numBeams) stop.abort();
          return [1, 2, 3];
        },
      });
      expect(output.generated[0]).toHaveLength(3);
      expect(output.finishReasons).toEqual(["aborted"]);
    }
  });

  test("stop strings end in the last token, whichever tokens bring them", async () => {
    const text = greedy.map((id) => `<${id}>`);
    const stop = async (stopStrings: string): Promise<number> =>
      (await run({ maxNewTokens: 12, stopStrings, tokenizer: letters })).generated[0].length;
    expect(await stop(`${text[1]}${text[2].slice(0, 2)}`)).toBe(3);
    expect(await stop(`<${prompt.at(-1)}>${text[0]}`)).toBe(1); // begins in the prompt
    // lies in the prompt
    expect(await stop(`<${prompt[1]}>`)).toBe(greedy.includes(prompt[1]) ? greedy.indexOf(prompt[1]) + 1 : 12);
  });
});

describe("what is refused, and how", () => {
  const refused: [Record<string, unknown>, ...string[]][] = [
    [{ max_new_tokens: 3 }, "max_new_tokens", "maxNewTokens"],
    [{ topp: 0.5 }, "topp", "topP"],
    [{ penaltyAlpha: 1 }, "penaltyAlpha"],
    [{ toString: 1 }, "toString"],
    [{ temperature: 0 }, "temperature", "above 0"],
    [{ numBeams: 2.5 }, "numBeams", "whole number"],
    [{ topP: "0.5" }, "topP"],
    [{ earlyStopping: "always" }, "earlyStopping"],
    [{ maxLength: 20, maxNewTokens: 5 }, "maxLength", "maxNewTokens"],
    [{ minLength: 5, minNewTokens: 5, eosTokenId: 1 }, "minLength", "minNewTokens"],
    [{ minNewTokens: 6, maxNewTokens: 5, eosTokenId: 1 }, "minNewTokens", "maxNewTokens"],
    [{ numReturnSequences: 2 }, "numReturnSequences", "doSample"],
    [{ numReturnSequences: 3, numBeams: 2 }, "numReturnSequences", "numBeams"],
    [{ numBeams: 4, numBeamGroups: 3, diversityPenalty: 1 }, "numBeamGroups", "numBeams"],
    [{ numBeams: 4, numBeamGroups: 2, diversityPenalty: 1, doSample: true }, "numBeamGroups", "doSample"],
    [{ numBeams: 4, numBeamGroups: 2 }, "diversityPenalty"],
    [{ diversityPenalty: 1, numBeams: 2 }, "diversityPenalty", "numBeamGroups"],
    [{ topK: 5 }, "topK", "doSample"],
    [{ temperature: 0.5, numBeams: 2 }, "temperature", "doSample"],
    [{ lengthPenalty: 2 }, "lengthPenalty", "numBeams"],
    [{ earlyStopping: true }, "earlyStopping", "numBeams"],
    [{ minNewTokens: 2 }, "minNewTokens", "eosTokenId"],
    [{ exponentialDecayLengthPenalty: [1, 1.2] }, "eosTokenId"],
    [{ promptLookupNumTokens: 2, numBeams: 2 }, "promptLookupNumTokens", "numBeams"],
    [{ promptLookupNumTokens: 2, inputIds: [[1], [2]] }, "promptLookupNumTokens"],
    [{ stopStrings: "x" }, "stopStrings", "tokenizer"],
    [{ streamer: () => {}, numBeams: 2 }, "streamer", "numBeams"],
    [{ negativePromptIds: [[1]] }, "negativePromptIds", "guidanceScale"],
    [{ forcedBosTokenId: 4 }, "forcedBosTokenId"],
    [{ suppressTokens: [V] }, "suppressTokens", String(V)],
    [{ eosTokenId: V }, "eosTokenId"],
    [{ outputScores: true, returnDictInGenerate: false }, "outputScores", "returnDictInGenerate"],
    [{ inputIds: [] }, "inputIds"],
    [{ inputIds: [[]] }, "bosTokenId"],
    [{ inputIds: [[V]] }, String(V)],
    [{ inputIds: [[1, 2], [3]], attentionMask: [[1, 1], [1]] }, "row 1"],
    [{ inputIds: [[1, 2]], attentionMask: [[1, 0]] }, "attentionMask", "left"],
    [{ inputIds: [Array.from({ length: 20 }, () => 1)] }, "20", "maxLength"],
    [{ maxNewTokens: 123 }, "6 tokens", "123", "129", "128 positions"],
  ];
  for (const [options, ...words] of refused) {
    test(`${JSON.stringify(options)}`, async () => {
      const error = await run(options).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(UserError);
      for (const word of words) expect((error as Error).message).toContain(word);
    });
  }

  test("a second generation on a busy decoder", async () => {
    const first = run({ maxNewTokens: 3 });
    await expect(run({ maxNewTokens: 3 })).rejects.toThrow("generating already");
    await first;
    await run({ maxNewTokens: 3 });
  });
});
