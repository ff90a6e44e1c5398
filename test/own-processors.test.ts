// Processors and stopping criteria that a caller brings: whatever they need and in whatever order they stand, the text
// is the one that whole rows give; they come where Hugging Face puts them; what is none is refused.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { generate } from "../src/generation/generate.ts";
import type { GenerateInputs } from "../src/generation/generate.ts";
import { samplerSettings } from "../src/generation/loops/read-back.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { MinNewTokensLengthLogitsProcessor } from "../src/generation/scores/length-processors.ts";
import type { LogitsProcessor } from "../src/generation/scores/logits-processor.ts";
import {
  EpsilonLogitsWarper,
  MinPLogitsWarper,
  TemperatureLogitsWarper,
  TopKLogitsWarper,
  TopPLogitsWarper,
  TypicalLogitsWarper,
} from "../src/generation/scores/logits-warpers.ts";
import { LogitNormalization } from "../src/generation/scores/row-processors.ts";
import {
  NoRepeatNGramLogitsProcessor,
  RepetitionPenaltyLogitsProcessor,
  SuppressTokensLogitsProcessor,
} from "../src/generation/scores/token-processors.ts";
import { general, TableDecoder } from "./oracle/table-decoder.ts";

const V = 260;

const PROCESSORS: Record<string, () => LogitsProcessor> = {
  suppress: () => new SuppressTokensLogitsProcessor([3, 40, 250]),
  "min new tokens": () => new MinNewTokensLengthLogitsProcessor(4, [5, 6]),
  repetition: () => new RepetitionPenaltyLogitsProcessor(1.7),
  "no repeat": () => new NoRepeatNGramLogitsProcessor(1),
  temperature: () => new TemperatureLogitsWarper(0.6),
  "top k": () => new TopKLogitsWarper(12),
  "top k, few": () => new TopKLogitsWarper(1, 3),
  "top p": () => new TopPLogitsWarper(0.77),
  "top p, keep": () => new TopPLogitsWarper(0.05, 6),
  "min p": () => new MinPLogitsWarper(0.13),
  typical: () => new TypicalLogitsWarper(0.63),
  epsilon: () => new EpsilonLogitsWarper(0.017),
  normalisation: () => new LogitNormalization(),
  "odd tokens lowered": () => ({
    needs: "logits",
    apply: (scores) => scores.forEach((score, token) => (scores[token] = token % 2 ? score - 3 : score)),
  }),
  "favourite by length": () => ({
    needs: "lengths",
    edits: ({ length }) => [{ kind: "add", token: (7 * length) % V, value: 6 }],
  }),
};

const WAYS: Record<string, GenerationOptions> = {
  greedy: {},
  sampling: { doSample: true, seed: 11, topK: 0 },
  "sampling with topK": { doSample: true, seed: 12, topK: 20, temperature: 1.4 },
  beams: { numBeams: 3 },
  "beam sampling": { numBeams: 2, doSample: true, seed: 13, topK: 9 },
};

describe("the text is the one that whole rows give", () => {
  const read = { logits: 0, candidates: 0, tokens: 0 };
  test.each(Object.keys(WAYS))("%s", async (way) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...Object.keys(PROCESSORS)), { maxLength: 4 }),
        fc.constantFrom(6, 2 ** 24),
        fc.boolean(),
        async (names, levels, renormalizeLogits) => {
          const request = {
            inputIds: [[3, 4], [9]],
            maxNewTokens: 5,
            eosTokenId: [5, 6],
            ...WAYS[way],
            renormalizeLogits,
            logitsProcessors: names.map((name) => PROCESSORS[name]()),
          };
          const decoder = new TableDecoder(V, levels);
          const got = await generate(decoder, request);
          for (const [what, count] of Object.entries(decoder.read)) read[what as keyof typeof read] += count;
          const want = await generate(general(new TableDecoder(V, levels)), request);
          expect(got.generated).toEqual(want.generated);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("beams, normalised twice: the second time changes nothing", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const request = {
        inputIds: [[seed, 4]],
        maxNewTokens: 6,
        numBeams: 3,
        repetitionPenalty: 1.7,
        renormalizeLogits: true,
        logitsProcessors: [new LogitNormalization()],
        returnDictInGenerate: true,
      };
      const decoder = new TableDecoder(V, 2 ** 24);
      const got = await generate(decoder, request);
      expect(decoder.read.logits).toBe(0);
      const want = await generate(general(new TableDecoder(V, 2 ** 24)), request);
      expect(got.generated).toEqual(want.generated);
      expect(got.sequencesScores![0]).toBeCloseTo(want.sequencesScores![0], 9);
    }
  });

  test("in all three ways", () => expect(Math.min(...Object.values(read))).toBeGreaterThan(100));
});

describe("what a device's sampler does for them", () => {
  const settings = (...names: string[]) => samplerSettings(names.map((name) => PROCESSORS[name]()));
  const none = { temperature: 1, topK: 0, topP: 1, minP: 0 };

  test.each<[string[], object | undefined]>([
    [[], none],
    [["repetition", "normalisation"], none],
    [["suppress", "temperature", "top k", "top p", "min p"], { temperature: 0.6, topK: 12, topP: 0.77, minP: 0.13 }],
    [["top k, few"], { ...none, topK: 3 }],
    [["top p", "top k"], undefined], // another order
    [["top p", "top p"], undefined], // twice
    [["top p, keep"], undefined], // more than one token
    [["normalisation", "repetition"], undefined], // the penalty would see other scores
    [["top k", "suppress"], undefined], // what is suppressed would make room for others
    [["typical"], undefined],
    [["odd tokens lowered"], undefined],
  ])("%j", (names, want) => expect(settings(...names)).toEqual(want));
});

test.each<[string, LogitsProcessor & { apply(scores: Float64Array): void }]>([
  ["min p", new MinPLogitsWarper(0.5)],
  ["epsilon", new EpsilonLogitsWarper(0.25)],
])("a token just as probable as %s wants stays, one below goes", (_, warper) => {
  const scores = Float64Array.of(0.5, 0.25, 0.125, 0.125).map(Math.log);
  const want = [...scores.subarray(0, 2), -Infinity, -Infinity];
  // Probabilities are rounded: the threshold is met from just above and just below.
  const above = scores.map((score, i) => (i === 1 ? score + 1e-9 : score));
  const below = scores.map((score, i) => (i === 1 ? score - 1e-9 : score));
  warper.apply(above);
  warper.apply(below);
  expect([...above].map((score) => score > -Infinity)).toEqual(want.map((score) => score > -Infinity));
  expect(below[1]).toBe(-Infinity);
});

test("tokens as probable as the most probable one stay at a min p of 1", () => {
  const scores = Float64Array.of(3, 1, 3, 3);
  new MinPLogitsWarper(1).apply(scores);
  expect([...scores]).toEqual([3, -Infinity, 3, 3]);
});

describe("where they come", () => {
  test("after the options' own, before normalisation and sampling", async () => {
    const seen: { finite: number; sum: number }[] = [];
    const watch: LogitsProcessor = {
      needs: "logits",
      apply: (scores) => {
        const finite = scores.filter((score) => score > -Infinity);
        seen.push({ finite: finite.length, sum: finite.reduce((sum, score) => sum + Math.exp(score), 0) });
      },
    };
    const { scores } = await generate(new TableDecoder(V, 2 ** 24), {
      inputIds: [[3]],
      maxNewTokens: 1,
      doSample: true,
      topK: 7,
      suppressTokens: [1, 2],
      renormalizeLogits: true,
      outputScores: true,
      logitsProcessors: [watch],
    });
    expect(seen).toHaveLength(1);
    expect(seen[0].finite).toBe(V - 2); // suppressed before, and not yet cut
    expect(Math.abs(seen[0].sum - 1)).toBeGreaterThan(0.1); // not yet normalised
    expect(scores![0].filter((score) => score > -Infinity)).toHaveLength(7);
  });

  test("one after the other, with the row's text", async () => {
    const texts: (readonly number[])[] = [];
    const to = (token: number): LogitsProcessor => ({
      needs: "text",
      edits: ({ ids }) => {
        texts.push([...ids]);
        return [{ kind: "set", token, value: 100 }];
      },
    });
    const { generated } = await generate(new TableDecoder(V, 6), {
      inputIds: [[3, 4]],
      maxNewTokens: 2,
      logitsProcessors: [to(8), { needs: "text", edits: () => [{ kind: "add", token: 8, value: -200 }] }, to(9)],
    });
    expect(generated).toEqual([[9, 9]]);
    expect(texts).toEqual([
      [3, 4],
      [3, 4],
      [3, 4, 9],
      [3, 4, 9],
    ]);
  });
});

describe("stopping criteria", () => {
  test.each([{}, { doSample: true, seed: 4, numReturnSequences: 3 }, { numBeams: 3 }])(
    "end each sequence where they say: %j",
    async (options) => {
      const request = {
        inputIds: [
          [3, 4],
          [7, 8, 9],
        ],
        maxNewTokens: 12,
        ...options,
      };
      const longest = await generate(new TableDecoder(V, 2 ** 24), request);
      expect(longest.finishReasons.every((reason) => reason === "length")).toBe(true);
      const ended = await generate(new TableDecoder(V, 2 ** 24), {
        ...request,
        stoppingCriteria: [() => false, (ids) => ids.length >= 7],
      });
      expect(ended.finishReasons.every((reason) => reason === "stop")).toBe(true);
      expect(ended.generated.map(({ length }) => length)).toEqual(
        ended.generated.map((_, i) => (i < ended.generated.length / 2 ? 5 : 4)),
      );
      if (!("numBeams" in options))
        expect(ended.generated).toEqual(longest.generated.map((row, i) => row.slice(0, ended.generated[i].length)));
    },
  );
});

describe("what is refused", () => {
  test.each<[string, object, string]>([
    [
      "no needs",
      { apply: () => {} },
      "logitsProcessors[0] says that it needs nothing; wanted a property needs that is",
    ],
    ["a function", () => {}, "logitsProcessors[0] says that it needs nothing"],
    ["other needs", { needs: "constructor" }, 'logitsProcessors[0] says that it needs "constructor"'],
    ["no apply()", { needs: "logits" }, "logitsProcessors[0] needs logits and has no apply(); give it one."],
    ["no edits()", { needs: "text", apply: () => {} }, "logitsProcessors[0] needs text and has no edits()"],
    [
      "an edit of no token",
      { needs: "text", edits: () => [{ kind: "set", token: V, value: 0 }] },
      `logitsProcessors[0] holds ${V}; the model has tokens 0 to ${V - 1}`,
    ],
  ])("%s", async (_name, processor, message) => {
    const request: GenerateInputs = { inputIds: [[3]], logitsProcessors: [processor as LogitsProcessor] };
    await expect(generate(new TableDecoder(V, 6), request)).rejects.toThrow(message);
  });

  test("a token that prefixAllowedTokensFn invents", () =>
    expect(generate(new TableDecoder(V, 6), { inputIds: [[3]], prefixAllowedTokensFn: () => [2, -1] })).rejects.toThrow(
      "prefixAllowedTokensFn holds -1",
    ));
});
