// Steps sent to a device several at a time: the same tokens, ends and stream as one by one, in whatever groups; groups
// grow on a fast device only.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Decoder, SampleRequest } from "../src/generation/device/decoder.ts";
import { generate } from "../src/generation/generate.ts";
import type { GenerateInputs } from "../src/generation/generate.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { applyEdits } from "../src/generation/scores/logits-processor.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { MultiStepSchedule } from "../src/generation/device/multi-step.ts";
import { argmax } from "../src/generation/scores/scores.ts";
import type { Device } from "../src/gpu/device.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { openDevice } from "./check-kernel.ts";

const V = 13;

/**
 * Logits that are a hash of the row's text, no GPU; with a sampler, steps take `milliseconds()` each by the clock of
 * withClock().
 */
class HashDecoder implements Decoder {
  readonly vocabSize = V;
  readonly nPositions = 1000;
  readonly groups: number[] = [];
  readonly sampler: Decoder["sampler"];
  private rows: number[][] = [];
  private columns = 0;
  private capacity = 0;
  private chosen: number[] = [];
  private waiting: (() => void)[] = [];

  constructor(tick?: () => void) {
    if (tick)
      this.sampler = {
        sample: (choice) => {
          this.chosen = this.sample(choice);
          const tokens = Uint32Array.from(this.chosen);
          return new Promise((resolve) => {
            this.waiting.push(() => {
              tick();
              resolve(tokens);
            });
          });
        },
        stepSampled: () => this.step(this.chosen),
        submit: () => {
          const waiting = this.waiting.splice(0);
          if (waiting.length > 0) this.groups.push(waiting.length);
          setImmediate(() => waiting.forEach((answer) => answer()));
        },
        candidates: () => {
          throw new Error("not here");
        },
      };
  }

  prefill(
    inputIds: readonly (readonly number[])[],
    mask: readonly (readonly number[])[],
    expand: number,
    capacity: number,
  ): void {
    this.rows = inputIds.flatMap((ids, b) => Array.from({ length: expand }, () => ids.filter((_, i) => mask[b][i])));
    this.columns = inputIds[0].length;
    this.capacity = capacity;
  }

  step(tokens: readonly number[], parents: readonly number[] = tokens.map((_, row) => row)): void {
    if (++this.columns > this.capacity) throw new Error("more columns than the cache holds");
    this.rows = parents.map((parent, row) => [...this.rows[parent], tokens[row]]);
  }

  async logits(): Promise<Float32Array> {
    return Float32Array.from(this.rows.flatMap((ids) => this.scores(ids)));
  }

  dispose(): void {}

  private scores(ids: readonly number[]): number[] {
    const state = ids.reduce((hash, id) => (Math.imul(hash, 31) + id) | 0, 7);
    return Array.from(
      { length: V },
      (_, token) => (Math.imul(state ^ Math.imul(token + 1, 0x9e3779b1), 0x85ebca6b) >>> 8) / 2 ** 20,
    );
  }

  private sample({ edits }: SampleRequest): number[] {
    return this.rows.map((ids, row) => {
      const scores = Float64Array.from(this.scores(ids));
      applyEdits(scores, edits?.[row] ?? []);
      return argmax(scores);
    });
  }
}

/** Runs `body` with a clock that only advances when told to. */
async function withClock<T>(body: (advance: (milliseconds: number) => void) => Promise<T>): Promise<T> {
  const { now } = performance;
  let time = now.call(performance);
  performance.now = () => time;
  try {
    return await body((milliseconds) => {
      time += milliseconds;
    });
  } finally {
    performance.now = now;
  }
}

type Request = GenerateInputs & GenerationOptions;

/** What a call gives and streams; a signal is given with streamed token number `abortAt`. */
async function outcome(decoder: Decoder, request: Request, abortAt?: number) {
  const stop = new AbortController();
  const streamed: [number, number][] = [];
  const streamer = (sequence: number, token: number): void => {
    streamed.push([sequence, token]);
    if (streamed.length === abortAt) stop.abort();
  };
  const { generated, finishReasons } = await generate(decoder, { ...request, streamer, signal: stop.signal });
  return { generated, finishReasons, streamed };
}

const token = fc.integer({ min: 0, max: V - 1 });
const requests = fc.record({
  inputIds: fc.array(fc.array(token, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
  maxLength: fc.integer({ min: 6, max: 150 }),
  eosTokenId: fc.option(fc.array(token, { minLength: 1, maxLength: 2 })),
  minNewTokens: fc.option(fc.integer({ min: 1, max: 90 })),
  suppressTokens: fc.option(fc.array(token, { minLength: 1, maxLength: 9 })),
  stopStrings: fc.option(fc.constantFrom("<3<", "<1<2", "<7<7<")),
  repetitionPenalty: fc.constantFrom(1, 1, 1.2),
  numReturnSequences: fc.constant(1),
});
const tokenizer = { decode: (ids: readonly number[]) => ids.map((id) => `<${id}`).join("") };

test("in groups of any size, what comes out, and its order, is what single steps over whole logits give", async () => {
  await fc.assert(
    fc.asyncProperty(
      requests,
      fc.array(fc.constantFrom(0, 0, 0, 1, 3, 20), { minLength: 1, maxLength: 9 }),
      fc.option(fc.integer({ min: 1, max: 200 })),
      async (drawn, times, abortAt) => {
        const request: Request = { ...drawn, tokenizer, minNewTokens: drawn.eosTokenId ? drawn.minNewTokens : null };
        const want = await outcome(new HashDecoder(), request, abortAt ?? undefined);
        await withClock(async (advance) => {
          let steps = 0;
          const decoder = new HashDecoder(() => advance(times[steps++ % times.length]));
          expect(await outcome(decoder, request, abortAt ?? undefined)).toEqual(want);
          expect(Math.max(...decoder.groups)).toBeLessThanOrEqual(drawn.repetitionPenalty === 1 ? 8 : 1);
        });
      },
    ),
    { numRuns: 150 },
  );
});

test("groups grow with the text on a fast device, and stay single on a slow one", async () => {
  const groups = (milliseconds: number) =>
    withClock(async (advance) => {
      const decoder = new HashDecoder(() => advance(milliseconds));
      await generate(decoder, { inputIds: [[1]], maxNewTokens: 200 });
      return decoder.groups;
    });
  const fast = await groups(0.5);
  expect(Math.max(...fast)).toBe(8);
  expect(fast.slice(0, 16)).toEqual(Array(16).fill(1));
  expect(fast.reduce((sum, steps) => sum + steps, 0)).toBe(200);
  expect(new Set(await groups(5))).toEqual(new Set([1]));
  expect(Math.max(...(await groups(2.5)))).toBe(3);
});

test("a pause in between makes the next group single, and a text that ends wastes few steps", async () => {
  await withClock(async (advance) => {
    const schedule = new MultiStepSchedule();
    advance(4);
    schedule.record(8);
    expect([8, 16, 40, 500].map((step) => schedule.steps(step))).toEqual([1, 2, 5, 8]);
    advance(100);
    schedule.record(8);
    expect(schedule.steps(500)).toBe(1);
  });
});

describe("on a GPU", () => {
  const config = new GPT2Config({
    vocabSize: 97,
    nPositions: 96,
    nEmbd: 32,
    nLayer: 1,
    nHead: 2,
    initializerRange: 0.4,
    eosTokenId: null,
  });
  let device: Device;
  let model: GPT2LMHeadModel;
  beforeAll(async () => {
    device = await openDevice();
    model = GPT2LMHeadModel.fromConfig(device, config, { gradients: false });
  });
  afterAll(() => device.destroy());

  const every = (n: number): number[] => Array.from({ length: Math.ceil(97 / n) }, (_, i) => i * n);
  const pairs = every(13).flatMap((first) => every(3).map((second) => [first, second]));
  test.each<[string, GenerationOptions]>([
    ["greedy", {}],
    ["rows drop out", { eosTokenId: every(11) }],
    ["sampling, three each", { doSample: true, seed: 3, numReturnSequences: 3, topK: 0, eosTokenId: [5] }],
    [
      "edits that change on the way",
      { exponentialDecayLengthPenalty: [30, 1.01], minNewTokens: 60, forcedEosTokenId: 5, eosTokenId: 5 },
    ],
    ["words that are never completed", { badWordsIds: pairs }],
    ["sampling, words that are never completed", { badWordsIds: pairs, doSample: true, seed: 4, topK: 0 }],
  ])("eight steps a submit give the tokens of one: %s", async (_, options) => {
    const run = (milliseconds: number) =>
      withClock(async (advance) => {
        const decoder = new GPT2Decoder(model);
        const { sampler } = decoder;
        let { submits } = device.batch.counters;
        const timed: Decoder = {
          vocabSize: decoder.vocabSize,
          nPositions: decoder.nPositions,
          logits: () => decoder.logits(),
          dispose: () => decoder.dispose(),
          prefill: (...args) => decoder.prefill(...args),
          step: (...args) => decoder.step(...args),
          truncate: (columns) => decoder.truncate(columns),
          sampler: {
            ...sampler,
            sample: (choice) => {
              advance(milliseconds);
              return sampler.sample(choice);
            },
          },
        };
        const output = await outcome(timed, { inputIds: [[17, 50, 3], [5], [9, 9]], maxNewTokens: 90, ...options });
        submits = device.batch.counters.submits - submits;
        decoder.dispose();
        return { output, submits };
      });
    const [fast, slow] = [await run(0.01), await run(9)];
    expect(fast.output).toEqual(slow.output);
    if (Object.keys(options).length === 0) expect(fast.submits).toBeLessThan(slow.submits / 2);
  });
});
