// Steps sent before the text they follow on is known: whatever processors read of the text and however often their
// edits change, tokens, ends and stream are those of single steps over whole rows; rules that seldom change an edit
// cost next to nothing, and where edits change with every token no step is sent in vain.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Decoder } from "../src/generation/device/decoder.ts";
import { generate } from "../src/generation/generate.ts";
import type { GenerateInputs } from "../src/generation/generate.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import type { LogitEdit, LogitsProcessor } from "../src/generation/scores/logits-processor.ts";
import { general, TableDecoder } from "./oracle/table-decoder.ts";

const V = 60;
type Request = GenerateInputs & GenerationOptions;

/** After a token that `every` divides, the tokens that `every` divides are edited; nothing is otherwise. */
const after = (every: number, edit: Omit<LogitEdit, "token">): LogitsProcessor => ({
  needs: "text",
  edits: ({ ids }) =>
    ids.at(-1)! % every === 0
      ? Array.from({ length: Math.ceil(V / every) }, (_, i) => ({ ...edit, token: i * every }))
      : [],
});

/** The even tokens are edited always; after a token that `every` divides, more or in another way. */
const differently = (every: number, edit: Omit<LogitEdit, "token">): LogitsProcessor => ({
  needs: "text",
  edits: ({ ids }) =>
    Array.from({ length: V / 2 }, (_, i) => ({
      ...(ids.at(-1)! % every === 0 ? edit : ({ kind: "add", value: 1 } as const)),
      token: 2 * i,
    })),
});

const token = fc.nat(V - 1);
const sometimes = <T extends object>(some: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant<Partial<T>>({}) }, { weight: 1, arbitrary: some });
const processors = fc.array(
  fc.oneof(
    fc.constantFrom(2, 3, 7, 20).map((every) => after(every, { kind: "set", value: -Infinity })),
    fc.constantFrom(2, 3, 7, 20).map((every) => after(every, { kind: "add", value: 3 })),
    fc.constantFrom(3, 7, 20).map((every) => differently(every, { kind: "add", value: -4 })),
    fc.constantFrom(3, 7, 20).map((every) => differently(every, { kind: "set", value: 1 })),
  ),
  { minLength: 1, maxLength: 2 },
);
const options = sometimes(
  fc.record(
    {
      badWordsIds: fc.array(fc.array(token, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 9 }),
      noRepeatNgramSize: fc.constantFrom(1, 2, 3),
      repetitionPenalty: fc.constantFrom(1.3),
      sequenceBias: fc.array(fc.tuple(fc.tuple(token, token), fc.constantFrom(-4, 5)), { minLength: 1, maxLength: 9 }),
      beginSuppressTokens: fc.uniqueArray(token, { minLength: 1, maxLength: 20 }),
      exponentialDecayLengthPenalty: fc.constantFrom([5, 1.1] as const),
    },
    { requiredKeys: [] },
  ),
);
const ways = fc.oneof(
  fc.constant<GenerationOptions>({}),
  fc.record({ doSample: fc.constant(true), seed: fc.nat(), topK: fc.constantFrom(0, 12) }),
);
const scenes = fc.record({
  inputIds: fc.array(fc.array(token, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
  eosTokenId: fc.uniqueArray(token, { minLength: 1, maxLength: 2 }),
  maxNewTokens: fc.constantFrom(1, 2, 9, 60, 60, 60, 60),
  numReturnSequences: fc.constantFrom(1, 1, 2),
});

async function outcome(decoder: Decoder, request: Request) {
  const streamed: [number, number][] = [];
  const streamer = (sequence: number, id: number): void => void streamed.push([sequence, id]);
  const { generated, finishReasons } = await generate(decoder, { ...request, streamer });
  return { generated, finishReasons, streamed };
}

/** Counts choices, and how often some were taken back. */
class Counted extends TableDecoder {
  takenBack = 0;
  override truncate(columns: number): void {
    this.takenBack++;
    super.truncate(columns);
  }
}

test("what comes out and in which order is what single steps over whole rows give", async () => {
  let takenBack = 0;
  let ahead = 0;
  await fc.assert(
    fc.asyncProperty(scenes, ways, options, processors, async (scene, way, given, logitsProcessors) => {
      const levels = 2 ** 24;
      const numReturnSequences = way.doSample ? scene.numReturnSequences : 1;
      const request: Request = { ...scene, ...way, ...given, numReturnSequences, logitsProcessors };
      const decoder = new Counted(V, levels);
      expect(await outcome(decoder, request)).toEqual(await outcome(general(new TableDecoder(V, levels)), request));
      takenBack += decoder.takenBack;
      if (decoder.takenBack > 0) ahead++;
    }),
    { numRuns: 300 },
  );
  expect(takenBack).toBeGreaterThan(50);
  expect(ahead).toBeGreaterThan(20);
});

describe("choices made for 60 tokens", () => {
  async function choices(request: Partial<Request>): Promise<{ choices: number; takenBack: number }> {
    const decoder = new Counted(V, 2 ** 24);
    await generate(decoder, { inputIds: [[3, 4]], maxNewTokens: 60, ...request });
    return { choices: decoder.read.tokens, takenBack: decoder.takenBack };
  }

  test("as many where no edit changes, or each does", async () => {
    expect(await choices({ badWordsIds: [[5, 6, 7, 8]] })).toEqual({ choices: 60, takenBack: 0 });
    expect(await choices({ noRepeatNgramSize: 1 })).toEqual({ choices: 60, takenBack: 0 });
    let calls = 0;
    const changing: LogitsProcessor = { needs: "text", edits: () => [{ kind: "add", token: 1, value: ++calls }] };
    expect(await choices({ logitsProcessors: [changing] })).toEqual({ choices: 60, takenBack: 0 });
    expect(calls).toBe(60);
  });

  test("a few more where some do, and never many", async () => {
    for (const [every, most] of [
      [20, 80],
      [7, 90],
      [3, 100],
    ]) {
      const found = await choices({ logitsProcessors: [after(every, { kind: "set", value: -Infinity })] });
      expect(found.takenBack, `every ${every}`).toBeGreaterThan(0);
      expect(found.choices, `every ${every}`).toBeLessThanOrEqual(most);
    }
  });

  test("a decoder that cannot go back is not sent ahead", async () => {
    const decoder = new TableDecoder(V, 2 ** 24);
    const request: Request = {
      inputIds: [[3, 4]],
      maxNewTokens: 40,
      logitsProcessors: [after(3, { kind: "set", value: -Infinity })],
    };
    const got = await outcome({ ...general(decoder), sampler: decoder.sampler }, request);
    expect(got).toEqual(await outcome(general(new TableDecoder(V, 2 ** 24)), request));
    expect(decoder.read.tokens).toBe(40);
  });
});
