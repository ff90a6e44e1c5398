// Constrained beam search: against the optimum found by going through every text of a small table-driven decoder; what
// a constraint means, token by token; how beams are dealt out over banks; and what is refused.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { generate } from "../src/generation/generate.ts";
import type { GenerateInputs } from "../src/generation/generate.ts";
import { DisjunctiveConstraint, forcedWords, PhrasalConstraint } from "../src/generation/loops/constraint.ts";
import type { Constraint } from "../src/generation/loops/constraint.ts";
import { ConstraintList } from "../src/generation/loops/constraint-list.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { logSoftmax } from "../src/generation/scores/scores.ts";
import { general, TableDecoder } from "./oracle/table-decoder.ts";

type Words = readonly (readonly number[] | readonly (readonly number[])[])[];
interface Text {
  readonly ids: number[];
  readonly score: number;
}

const EOS = 0;
const variants = (word: Words[number]): readonly (readonly number[])[] =>
  (typeof word[0] === "number" ? [word] : word) as readonly (readonly number[])[];
const occursIn = (ids: readonly number[], part: readonly number[]): boolean =>
  ids.some((_, i) => part.every((token, k) => ids[i + k] === token));
const holds = (ids: readonly number[], words: Words): boolean =>
  words.every((word) => variants(word).some((part) => occursIn(ids, part)));

/** Every text of at most `most` tokens after `prompt` that ends in EOS or is as long, with its normalised score. */
async function everyText(vocab: number, prompt: number[], most: number, lengthPenalty: number): Promise<Text[]> {
  const decoder = new TableDecoder(vocab, 1000);
  const texts: Text[] = [];
  let open = [{ ids: [] as number[], sum: 0 }];
  for (let length = 1; length <= most; length++) {
    const rows = open.map(({ ids }) => [...prompt, ...ids]);
    decoder.prefill(
      rows,
      rows.map((row) => row.map(() => 1)),
      1,
    );
    const logits = await decoder.logits();
    open = open.flatMap(({ ids, sum }, r) => {
      const row = Float64Array.from(logits.subarray(r * vocab, (r + 1) * vocab));
      logSoftmax(row);
      return Array.from(row, (logProb, token) => ({ ids: [...ids, token], sum: sum + logProb }));
    });
    const ended = open.filter(({ ids }) => ids.at(-1) === EOS || length === most);
    texts.push(...ended.map(({ ids, sum }) => ({ ids, score: sum / ids.length ** lengthPenalty })));
    open = open.filter(({ ids }) => ids.at(-1) !== EOS);
  }
  return texts.sort((a, b) => b.score - a.score);
}

const search = (vocab: number, options: GenerationOptions & GenerateInputs) =>
  generate(new TableDecoder(vocab, 1000), { eosTokenId: EOS, ...options });

const token = (vocab: number) => fc.integer({ min: 1, max: vocab - 1 });
const phrase = (vocab: number) => fc.array(token(vocab), { minLength: 1, maxLength: 3 });
const wordsOf = (vocab: number) =>
  fc.array(fc.oneof(phrase(vocab), fc.array(phrase(vocab), { minLength: 1, maxLength: 3 })), {
    minLength: 1,
    maxLength: 2,
  });
/** Constraints given twice want two occurrences, which `holds` does not ask for. */
const different = (words: Words): boolean =>
  new Set(words.map((word) => JSON.stringify([...variants(word)].sort()))).size === words.length;

describe("against every text there is", () => {
  it("with beams enough, the best texts that hold the words, in their order", async () => {
    const vocab = 4;
    await fc.assert(
      fc.asyncProperty(
        wordsOf(vocab).filter(different),
        fc.array(token(vocab), { minLength: 1, maxLength: 3 }),
        fc.constantFrom(0, 1, 2),
        async (words, prompt, lengthPenalty) => {
          const most = 4;
          const wanted = (await everyText(vocab, prompt, most, lengthPenalty)).filter(({ ids }) => holds(ids, words));
          const asked = search(vocab, {
            inputIds: [prompt],
            maxNewTokens: most,
            numBeams: vocab ** most,
            numReturnSequences: 1,
            earlyStopping: "never",
            lengthPenalty,
            forceWordsIds: words,
          });
          if (wanted.length === 0) return void (await expect(asked).rejects.toThrow(UserError));
          // The sum of what the words need one after the other may be more than what they need when they overlap.
          const found = await asked.catch((error: Error) => error);
          if (found instanceof Error) return void expect(found.message).toContain("need at least");
          expect(holds(found.generated[0], words)).toBe(true);
          const { need } = new ConstraintList(forcedWords(words)).start(prompt);
          if (need <= 2) {
            expect(found.generated[0]).toEqual(wanted[0].ids);
            expect(found.sequencesScores![0]).toBeCloseTo(wanted[0].score, 6);
          }
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  it("few beams: every text returned holds all words, whatever they are, to the last token", async () => {
    const vocab = 23;
    const decoder = general(new TableDecoder(vocab, 1000));
    await fc.assert(
      fc.asyncProperty(
        wordsOf(vocab),
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 0, max: 8 }),
        fc.boolean(),
        async (words, numBeams, spare, forced) => {
          const list = new ConstraintList(forcedWords(words));
          const { need } = list.start([1]);
          const { generated, finishReasons } = await generate(decoder, {
            inputIds: [[1], [2, 3]],
            eosTokenId: EOS,
            maxNewTokens: need + spare + (forced ? 1 : 0),
            ...(forced && { forcedEosTokenId: EOS }),
            numBeams,
            numReturnSequences: 1,
            forceWordsIds: words,
          });
          for (const [r, ids] of generated.entries()) {
            expect(holds(ids, words)).toBe(true);
            if (forced) expect(finishReasons[r]).toBe("eos");
            const end = ids.reduce((progress, id) => list.update(progress, id), list.start([]));
            expect(end.complete).toBe(true);
          }
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it("without words it is plain beam search's text, where that holds them anyway", async () => {
    const options = { inputIds: [[3, 4]], maxNewTokens: 12, numBeams: 3 };
    const plain = await search(23, options);
    const held = plain.generated[0].slice(2, 4);
    const found = await search(23, { ...options, numBeams: 8, forceWordsIds: [held] });
    expect(found.sequencesScores![0]).toBeGreaterThanOrEqual(plain.sequencesScores![0] - 1e-9);
  });
});

/** After each token: whether it is fulfilled, and how many are missing. */
function steps<S>(constraint: Constraint<S>, ids: readonly number[]): number[] {
  let state = constraint.initial([]);
  return ids.map((id) => constraint.remaining((state = constraint.update(state, id))));
}

describe("a constraint", () => {
  it("counts what is missing, and starts again where a text leaves it", () => {
    const phrase = new PhrasalConstraint([5, 6, 7]);
    expect(steps(phrase, [5, 6, 9, 5, 6, 7, 1])).toEqual([2, 1, 3, 2, 1, 0, 0]);
    expect(phrase.advance(phrase.update(phrase.initial(), 5))).toEqual([6]);
    expect(phrase.advance(phrase.initial())).toEqual([5]);
  });

  it("misses no occurrence that begins inside a broken one", () => {
    expect(steps(new PhrasalConstraint([5, 5, 6]), [5, 5, 5, 6])).toEqual([2, 1, 1, 0]);
    expect(steps(new PhrasalConstraint([1, 2, 1, 3]), [1, 2, 1, 2, 1, 3])).toEqual([3, 2, 1, 2, 1, 0]);
  });

  it("of several sequences is fulfilled by any, also one inside another", () => {
    const either = new DisjunctiveConstraint([[1, 2, 3, 4], [2, 3], [9]]);
    expect(steps(either, [1, 2, 3])).toEqual([3, 2, 0]);
    expect(steps(either, [8, 9])).toEqual([1, 0]);
    expect([...either.advance(either.initial())].sort()).toEqual([1, 2, 9]);
  });

  it("given twice wants two occurrences, which do not overlap", () => {
    const list = new ConstraintList(forcedWords([[5, 5], [5, 5], [6]]));
    const after = (ids: number[]): boolean =>
      ids.reduce((progress, id) => list.update(progress, id), list.start([])).complete;
    expect(after([5, 5, 6])).toBe(false);
    expect(after([5, 5, 5, 6])).toBe(false);
    expect(after([6, 5, 5, 5, 5])).toBe(true);
  });

  it("needs what is open one after the other, the begun one first", () => {
    const list = new ConstraintList(
      forcedWords([
        [1, 2, 3],
        [4, 5],
      ]),
    );
    const begun = list.update(list.start([]), 1);
    expect([list.start([]).need, begun.need, list.update(begun, 4).need]).toEqual([5, 4, 4]);
    expect(list.update(list.update(begun, 2), 3)).toMatchObject({ complete: false, need: 2, bank: 3 });
    expect([list.start([]).bank, begun.bank]).toEqual([0, 1]);
  });
});

describe("what cannot be is said", () => {
  const options = { inputIds: [[1, 2]], maxNewTokens: 4, numBeams: 2 };
  it.each<[GenerationOptions & Partial<GenerateInputs>, RegExp]>([
    [
      {
        forceWordsIds: [
          [5, 6, 7],
          [8, 9],
        ],
      },
      /need at least 5 new tokens, and there is room for 4/,
    ],
    [
      { forceWordsIds: [[5]], numBeams: 1 },
      /forceWordsIds \[\[5\]\] and numBeams 1 do not work together: .*beam search/,
    ],
    [{ forceWordsIds: [[5]], doSample: true }, /forceWordsIds .* doSample true do not work together/],
    [{ forceWordsIds: [[5]], numBeamGroups: 2, diversityPenalty: 1 }, /numBeamGroups 2 do not work together/],
    [{ constraints: [new PhrasalConstraint([5])], numBeams: 1 }, /by beam search, and numBeams is 1/],
    [{ constraints: [new PhrasalConstraint([5])], doSample: true }, /by beam search, and doSample is true/],
    [{ forceWordsIds: [[5, 99]] }, /forceWordsIds holds 99/],
    [{ constraints: [new PhrasalConstraint([99])] }, /constraints holds 99/],
    [{ forceWordsIds: [[5, EOS]] }, /holds token 0, which ends a text/],
    [{ forceWordsIds: [[5]], badWordsIds: [[5]] }, /cannot be met/],
    [{ forceWordsIds: [[5], [6]], suppressTokens: [6] }, /cannot be met/],
    [{ forceWordsIds: [[]] }, /forceWordsIds is \[\[\]\]; wanted a list/],
    [{ forceWordsIds: [[[5], []]] }, /wanted a list/],
  ])("%j", async (given, message) => {
    const asked = search(23, { ...options, ...given });
    await expect(asked).rejects.toThrow(UserError);
    await expect(asked).rejects.toThrow(message);
  });
  it("a constraint without tokens", () => {
    expect(() => new DisjunctiveConstraint([])).toThrow(/no sequence/);
    expect(() => new PhrasalConstraint([])).toThrow(/the sequence \[\]/);
  });
});
