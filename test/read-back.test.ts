// What a step brings back: candidates give what whole rows give, for random options and with many ties; which of the
// two is read, and why. On logits that are a hash of the text; test/decode-gpu.test.ts has the same on the GPU, with
// the bytes.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resolveConfig } from "../src/generation/options/config.ts";
import type { Candidates, Decoder } from "../src/generation/device/decoder.ts";
import { generate } from "../src/generation/generate.ts";
import type { GenerateOutput } from "../src/generation/generate.ts";
import { buildProcessors } from "../src/generation/scores/build-processors.ts";
import type { OwnProcessors } from "../src/generation/scores/build-processors.ts";
import type { LogitsProcessor } from "../src/generation/scores/logits-processor.ts";
import {
  TemperatureLogitsWarper,
  TopKLogitsWarper,
  TopPLogitsWarper,
} from "../src/generation/scores/logits-warpers.ts";
import { LogitNormalization } from "../src/generation/scores/row-processors.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import {
  GuidedDecoder,
  UnbatchedClassifierFreeGuidanceLogitsProcessor,
} from "../src/generation/device/guided-decoder.ts";
import { readBackOf } from "../src/generation/loops/read-back.ts";
import { StepRecorder } from "../src/generation/loops/recorder.ts";
import { general, TableDecoder } from "./oracle/table-decoder.ts";

const V = 160;
const token = fc.nat(V - 1);
const some = (least: number, most: number) => fc.uniqueArray(token, { minLength: least, maxLength: most });

/** A record in which most options are absent. */
const sparse = <T extends Record<string, fc.Arbitrary<unknown>>>(options: T) =>
  fc.record(options, { requiredKeys: [] }) as fc.Arbitrary<{
    [K in keyof T]?: T[K] extends fc.Arbitrary<infer U> ? U : never;
  }>;

const processing = sparse({
  repetitionPenalty: fc.constantFrom(0.7, 1.4),
  noRepeatNgramSize: fc.constantFrom(1, 2),
  badWordsIds: fc.array(fc.array(token, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 4 }),
  sequenceBias: fc.array(fc.tuple(fc.array(token, { minLength: 1, maxLength: 1 }), fc.constantFrom(-3, 2.5, 9)), {
    minLength: 1,
    maxLength: 4,
  }),
  suppressTokens: some(1, V - 8),
  beginSuppressTokens: some(1, 9),
  minLength: fc.constantFrom(3, 8),
  exponentialDecayLengthPenalty: fc.constantFrom([0, 1.2] as const, [2, 3] as const),
  forcedEosTokenId: some(1, 2),
});
const warping = sparse({
  temperature: fc.constantFrom(0.6, 1.7),
  topP: fc.constantFrom(0.31, 0.87),
  minP: fc.constantFrom(0.03, 0.2),
  renormalizeLogits: fc.boolean(),
});
const cutting = sparse({
  typicalP: fc.constantFrom(0.23, 0.8),
  epsilonCutoff: fc.constantFrom(0.01, 0.1),
  etaCutoff: fc.constantFrom(0.02, 0.3),
});
const beams = sparse({
  earlyStopping: fc.constantFrom<(boolean | "never")[]>(false, true, "never"),
  lengthPenalty: fc.constantFrom(-1, 0.5, 2),
});
const seeded = fc.record({ doSample: fc.constant(true), seed: fc.nat() });
const bounded = fc.record({ topK: fc.constantFrom(1, 2, 5, 20, 50) });
const join = (...parts: fc.Arbitrary<object>[]): fc.Arbitrary<GenerationOptions> =>
  fc.tuple(...parts).map((all) => all.reduce<GenerationOptions>((joined, part) => ({ ...joined, ...part }), {}));

const STRATEGIES: Record<string, fc.Arbitrary<GenerationOptions>> = {
  beams: join(beams, fc.record({ numBeams: fc.constantFrom(2, 3, 5), renormalizeLogits: fc.boolean() })),
  "group beams": join(
    beams,
    fc.constantFrom(
      { numBeams: 4, numBeamGroups: 2 },
      { numBeams: 3, numBeamGroups: 3 },
      { numBeams: 6, numBeamGroups: 3 },
    ),
    fc.record({ diversityPenalty: fc.constantFrom(0.2, 1, 20) }),
  ),
  "beam sampling": join(beams, seeded, bounded, warping, cutting, fc.record({ numBeams: fc.constantFrom(2, 4) })),
  "sampling with a cutoff": join(
    seeded,
    bounded,
    warping,
    cutting,
    fc.record({ numReturnSequences: fc.constantFrom(1, 3), typicalP: fc.constantFrom(0.4, 0.9) }),
  ),
};

/** Of 1 level, 2 or 6, or so many that hardly two logits are equal. */
const levels = fc.constantFrom(1, 2, 6, 2 ** 24);
const prompts = fc.array(fc.array(token, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 });
const ends = fc.uniqueArray(token, { minLength: 1, maxLength: 5 });
const scene = fc.record({ levels, inputIds: prompts, eosTokenId: ends, maxNewTokens: fc.constantFrom(1, 4, 9) });

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;
const request = ({ inputIds, eosTokenId, maxNewTokens }: Scene, options: GenerationOptions) => ({
  inputIds,
  eosTokenId,
  maxNewTokens,
  ...options,
});

const outcome = ({ generated, finishReasons, beamIndices }: GenerateOutput) => ({
  generated,
  finishReasons,
  beamIndices,
});

/** Every difference that can be seen, scores within 1e-9 relative. */
function expectSame(got: GenerateOutput, want: GenerateOutput): void {
  expect(outcome(got)).toEqual(outcome(want));
  got.sequencesScores?.forEach((score, i) => {
    const other = want.sequencesScores![i];
    if (score !== other) expect(Math.abs(score - other)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(other)));
  });
}

describe("candidates give what whole rows give", () => {
  for (const [name, strategy] of Object.entries(STRATEGIES)) {
    test(name, async () => {
      const read = { logits: 0, candidates: 0 };
      await fc.assert(
        fc.asyncProperty(scene, processing, strategy, async (setting, processors, options) => {
          const decoder = new TableDecoder(V, setting.levels);
          const all = request(setting, { ...processors, ...options });
          const got = await generate(decoder, all);
          read.logits += decoder.read.logits;
          read.candidates += decoder.read.candidates;
          expectSame(got, await generate(general(new TableDecoder(V, setting.levels)), all));
        }),
        { numRuns: 120 },
      );
      expect(read.candidates).toBeGreaterThan(200);
      // Only a tie at topK is a reason to read all the same.
      if (name.includes("sampling")) expect(read.logits).toBeGreaterThan(0);
      else expect(read.logits).toBe(0);
    });
  }

  test("logits are read only where a tie with the last token that topK keeps runs on", async () => {
    for (const [levels, every] of [
      [2 ** 24, false],
      [1, true],
    ] as const) {
      const decoder = new TableDecoder(V, levels);
      await generate(decoder, {
        inputIds: [[3, 4]],
        maxNewTokens: 6,
        numBeams: 3,
        doSample: true,
        seed: 1,
        topK: 20,
        repetitionPenalty: 1.2,
      });
      expect(decoder.read).toEqual({ candidates: 6, logits: every ? 6 : 0, tokens: 0 });
    }
  });
});

describe("what is wrong with candidates is noticed", () => {
  /** Runs in which the tokens differ when `spoil` has changed what comes back. */
  async function differing(
    strategy: string,
    spoil: (found: Candidates, decoder: TableDecoder) => Candidates,
  ): Promise<number> {
    let count = 0;
    for (const [setting, options] of fc.sample(fc.tuple(scene, STRATEGIES[strategy]), { numRuns: 60, seed: 8 })) {
      const decoder = new TableDecoder(V, setting.levels);
      const spoilt: Decoder = {
        ...general(decoder),
        sampler: {
          ...decoder.sampler,
          candidates: async (...args) => spoil(await decoder.candidates(...args), decoder),
        },
      };
      const all = request(setting, options);
      const [got, want] = [
        await generate(spoilt, all),
        await generate(general(new TableDecoder(V, setting.levels)), all),
      ];
      if (JSON.stringify(outcome(got)) !== JSON.stringify(outcome(want))) count++;
    }
    return count;
  }

  test.each(Object.keys(STRATEGIES))("%s: nothing without damage", async (strategy) => {
    expect(await differing(strategy, (found) => found)).toBe(0);
  });

  const DAMAGES: [string, string, (found: Candidates) => Candidates][] = [
    [
      "beams",
      "a sum that is too small",
      (found) => ({ ...found, lse: Float64Array.from(found.lse, (x, r) => x - (r % 2)) }),
    ],
    ["group beams", "only as many as a group keeps", (found) => keepFirst(found, 2)],
    ["beam sampling", "a tie that is hidden", hideTies],
    ["sampling with a cutoff", "a tie that is hidden", hideTies],
    [
      "beam sampling",
      "another order of equals",
      (found) => ({
        ...found,
        tokens: found.tokens.map((id, i) =>
          i % found.count === 0 ? found.tokens[i + 1] : i % found.count === 1 ? found.tokens[i - 1] : id,
        ),
      }),
    ],
  ];
  test.each(DAMAGES)("%s: %s", async (strategy, _, spoil) => {
    expect(await differing(strategy, spoil)).toBeGreaterThan(3);
  });

  /** As if no more than `kept` candidates of a row had been asked for. */
  function keepFirst(found: Candidates, kept: number): Candidates {
    return {
      ...found,
      logits: found.logits.map((logit, i) => (i % found.count < kept ? logit : -50 - (i % found.count))),
    };
  }

  /** As if the last candidate were less than the others. */
  function hideTies(found: Candidates): Candidates {
    return { ...found, logits: found.logits.map((logit, i) => ((i + 1) % found.count === 0 ? -60 : logit)) };
  }

  test("NaN or an infinity among them, or in the sum", async () => {
    for (const bad of [NaN, Infinity])
      for (const where of ["logits", "lse", "excludedLogits"] as const) {
        const decoder = new TableDecoder(V, 6);
        const spoil = (found: Candidates): Candidates =>
          where === "excludedLogits"
            ? { ...found, excludedLogits: found.excludedLogits.map((row) => row.fill(bad)) }
            : { ...found, [where]: found[where].fill(bad, 0, 1) };
        const spoilt: Decoder = {
          ...general(decoder),
          sampler: { ...decoder.sampler, candidates: async (...args) => spoil(await decoder.candidates(...args)) },
        };
        await expect(generate(spoilt, { inputIds: [[3, 4]], numBeams: 2, suppressTokens: [9] })).rejects.toThrow(
          "some logit is NaN or infinite",
        );
      }
  });
});

describe("what is read, and why", () => {
  function readBack(
    options: GenerationOptions,
    decoder: Decoder = new TableDecoder(50257, 6),
    own: OwnProcessors = {},
  ): string {
    const config = resolveConfig(options);
    const back = readBackOf({
      decoder,
      config,
      seed: 0,
      prompts: [],
      stopping: [],
      recorder: new StepRecorder(config, { ...general(decoder), inspect: async () => ({}) }),
      processors: buildProcessors(config, own),
    });
    return back.what === "logits" ? back.why : back.what === "tokens" ? "tokens" : `candidates ${back.count}`;
  }
  const sample = { doSample: true };
  const groups = { numBeams: 6, numBeamGroups: 3, diversityPenalty: 1 };

  test.each<[string, GenerationOptions]>([
    ["tokens", {}],
    ["tokens", { repetitionPenalty: 2, noRepeatNgramSize: 2 }],
    ["tokens", sample],
    ["tokens", { ...sample, topK: 0, topP: 0.5, minP: 0.1, temperature: 2 }],
    ["candidates 8", { numBeams: 4 }],
    ["candidates 12", { numBeams: 4, eosTokenId: [5, 6] }],
    ["candidates 8", { numBeams: 4, repetitionPenalty: 2, renormalizeLogits: true, forcedEosTokenId: 5 }],
    ["candidates 8", groups],
    ["candidates 54", { ...sample, numBeams: 4 }],
    ["candidates 7", { ...sample, numBeams: 4, topK: 3, topP: 0.9, typicalP: 0.5 }],
    ["candidates 7", { ...sample, numBeams: 4, topK: 1, eosTokenId: [5, 6] }],
    ["candidates 54", { ...sample, typicalP: 0.5 }],
    ["candidates 24", { ...sample, topK: 20, epsilonCutoff: 0.1, etaCutoff: 0.1 }],
    ["what is returned or observed of every step needs whole rows", { numBeams: 2, outputScores: true }],
    ["promptLookupNumTokens checks several positions of one row at once", { promptLookupNumTokens: 2 }],
    ["InfNanRemoveLogitsProcessor needs whole rows", { numBeams: 2, removeInvalidValues: true }],
    ["without topK, what is drawn from is the whole row", { ...sample, numBeams: 2, topK: 0 }],
    ["without topK, TypicalLogitsWarper looks at the whole row", { ...sample, topK: 0, typicalP: 0.5 }],
    ["normalisation needs every token that earlier groups lower", { ...groups, renormalizeLogits: true }],
    ["504 candidates take longer to find than rows to read", { ...sample, numBeams: 2, topK: 500 }],
  ])("%s: %j", (want, options) => expect(readBack(options)).toBe(want));

  test("a temperature scales the sum, so normalisation after one needs whole rows", () => {
    const temperature = new TemperatureLogitsWarper(2);
    const normalization = new LogitNormalization();
    const topK = new TopKLogitsWarper(5);
    const topP = new TopPLogitsWarper(0.9);
    const why = "normalisation after a temperature needs whole rows";
    const own = (...logitsProcessors: LogitsProcessor[]): OwnProcessors => ({ logitsProcessors });
    // Beam search without sampling: processors of one's own are all that come after the options' edits.
    expect(readBack({ numBeams: 2 }, undefined, own(temperature, normalization))).toBe(why);
    expect(readBack({ numBeams: 2 }, undefined, own(temperature))).toBe("candidates 4");
    expect(readBack({ numBeams: 2 }, undefined, own(normalization, temperature))).toBe("candidates 4");
    // Over what topK left the sum is known, whatever scaled it.
    expect(readBack({ numBeams: 2 }, undefined, own(topK, temperature, normalization))).toBe("candidates 9");
    // topP without topK looks at more than candidates; and it is no temperature.
    expect(readBack({ numBeams: 2 }, undefined, own(topP, normalization))).toBe(
      "without topK, topP looks at the whole row",
    );
    expect(readBack({ numBeams: 2 }, undefined, own(topK, topP, normalization))).toBe("candidates 9");
  });

  test("what the decoder has, and what the caller restricts", () => {
    expect(readBack({ numBeams: 2 }, general(new TableDecoder(V, 6)))).toBe("the decoder has no sampler");
    expect(readBack({ numBeams: 2 }, undefined, { prefixAllowedTokensFn: () => [1] })).toBe(
      "PrefixConstrainedLogitsProcessor needs whole rows",
    );
    const guidance = new UnbatchedClassifierFreeGuidanceLogitsProcessor(
      2,
      new GuidedDecoder(new TableDecoder(V, 6), []),
    );
    expect(readBack({ numBeams: 2 }, undefined, { guidance })).toBe(
      "UnbatchedClassifierFreeGuidanceLogitsProcessor needs whole rows",
    );
    expect(readBack({ numBeams: 4 }, new TableDecoder(17, 6))).toBe("candidates 8");
    expect(readBack({ numBeams: 4 }, new TableDecoder(16, 6))).toBe(
      "8 candidates, each a token and its logit, are no less to read",
    );
  });
});
