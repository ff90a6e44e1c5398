// Words that must or must not occur, bounds in words and sentences, a given last sentence: what each means, and that it
// holds for texts drawn from a table-driven decoder over a real tokenizer's tokens.
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../src/errors.ts";
import { generate } from "../src/generation/generate.ts";
import { parseBounds } from "../src/infill/constraints/bounds.ts";
import { characterForms, withAliases } from "../src/infill/constraints/character-forms.ts";
import { namesIn, TextConstraints } from "../src/infill/constraints/text-constraints.ts";
import type { TextWishes } from "../src/infill/constraints/text-constraints.ts";
import { WordConstraint } from "../src/infill/constraints/word-constraint.ts";
import { occurs, wordForms } from "../src/infill/constraints/word-forms.ts";
import { countSentences } from "../src/infill/sentences.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { TableDecoder } from "./oracle/table-decoder.ts";

let tokenizer: GPT2Tokenizer;
let eos: number;
const prompt = (): number[] => tokenizer.encode("Once there was");

beforeAll(() => {
  tokenizer = GPT2Tokenizer.default().truncate(600);
  tokenizer.addSpecialTokens({ eosToken: "[EOS]" });
  eos = tokenizer.eosTokenId;
});

/** Texts by the wishes: what follows the prompt. */
async function texts(wishes: TextWishes, options: object): Promise<string[]> {
  const wanted = new TextConstraints(wishes, { tokenizer, eosTokenId: eos });
  const special = tokenizer.specialTokenIds.filter((id) => id !== eos);
  const { generated, finishReasons } = await generate(new TableDecoder(tokenizer.vocabSize, 1000), {
    inputIds: [prompt()],
    eosTokenId: eos,
    suppressTokens: special,
    constraints: wanted.constraints,
    logitsProcessors: wanted.logitsProcessors,
    ...options,
  });
  return generated.map((ids, r) => {
    const text = tokenizer.decode(finishReasons[r] === "eos" ? ids.slice(0, -1) : ids).trim();
    expect(wanted.violations(text)).toEqual([]);
    return text;
  });
}

const WORDS = ["boat", "boat|ship", "walk(s,ed,ing)", "the old mill", "Tim", "Élise", "l'été", "don't", "N° 5"];

describe("a text that is wished for, whatever the model says", () => {
  it("has the words", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        fc.integer({ min: 2, max: 5 }),
        async (forceWords, anyCase, numBeams) =>
          void (await texts({ forceWords, anyCase }, { numBeams, maxNewTokens: 30 })),
      ),
      { numRuns: 25 },
    );
  }, 60_000);

  it("has as many words and sentences, and ends where one ends", async () => {
    const bounds = fc
      .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 8 }))
      .map(([min, more]) => `${min}-${min + more}`);
    await fc.assert(
      fc.asyncProperty(
        bounds,
        fc.option(fc.constantFrom("1", "2", "1-3", "2-"), { nil: undefined }),
        fc.option(fc.constantFrom("They went home.", "Oui !", "Mr. Fox ran."), { nil: undefined }),
        fc.constantFrom({}, { doSample: true, topK: 0 }, { doSample: true }, { numBeams: 3 }),
        fc.integer({ min: 0, max: 30 }),
        async (words, sentences, endsWith, search, spare) => {
          const wishes = { words, sentences, endsWith };
          let wanted: TextConstraints;
          try {
            wanted = new TextConstraints(wishes, { tokenizer, eosTokenId: eos });
          } catch (error) {
            expect(error).toBeInstanceOf(UserError);
            return;
          }
          await texts(wishes, { ...search, maxNewTokens: wanted.leastTokens + spare, seed: spare });
        },
      ),
      // The example: white space that would have to be followed by one word more than there is room for.
      { numRuns: 80, examples: [["1-5", "2", undefined, {}, 10]] },
    );
  }, 60_000);

  it("ends where a sentence does, within the new tokens that there may be", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 4, max: 30 }),
        fc.constantFrom({}, { doSample: true, topK: 0 }, { numBeams: 3 }),
        fc.nat(),
        async (minNewTokens, more, search, seed) => {
          const bounds = { minNewTokens, maxNewTokens: minNewTokens + more };
          const [text] = await texts({ wholeSentences: true }, { ...bounds, ...search, seed });
          expect(countSentences(text!).atEnd).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  it("has none of the words, in any tokens", async () => {
    for (const numBeams of [1, 3])
      for (const anyCase of [false, true])
        expect(
          await texts({ badWords: ["a", "I", "the", "e", "s", "he|it"], anyCase }, { numBeams, maxNewTokens: 120 }),
        ).toHaveLength(1);
  });

  it("has words and bounds together", async () => {
    const both = { forceWords: ["boat", "Tim"], words: "10-20", sentences: "2" };
    expect(await texts(both, { numBeams: 6, maxNewTokens: 60 })).toHaveLength(1);
    await texts(
      { forceWords: ["boat"], badWords: ["ship"], endsWith: "All was well." },
      { numBeams: 4, maxNewTokens: 40 },
    );
  });
});

describe("a word", () => {
  it.each<[string, boolean, string[], string[]]>([
    ["boat", false, ["a boat.", "Boat!", "the boat's"], ["boats", "BOAT", "steamboat", "boat3"]],
    ["boat", true, ["BOAT", "bOat"], ["BOATS"]],
    ["Tim", false, ['"Tim, no"', "(Tim)"], ["tim", "Time", "été-Timo"]],
    ["walk(s,ed)", false, ["He walks.", "walked", "Walk"], ["walking"]],
    ["boat|ship", false, ["a ship"], ["shipping"]],
    ["the old mill", false, ["The old mill", "the old\nmill"], ["the older mill"]],
    ["Élise", false, ["l'Élise"], ["Élisée", "élise"]],
  ])("%j, any case %j", (word, anyCase, has, hasNot) => {
    for (const text of has) expect([text, occurs(wordForms(word, anyCase), text)]).toEqual([text, true]);
    for (const text of hasNot) expect([text, occurs(wordForms(word, anyCase), text)]).toEqual([text, false]);
  });

  it("is followed by its bytes as the finished text shows it, for any tokens", () => {
    const token = fc.integer({ min: 0, max: 255 });
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom(" Tim", "Tim", "T", "im", "e", " ", '"', ".", "É", "lise", " Él", "s", " boat", "-", "\u2019"),
        token,
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(fc.constantFrom("Tim", "Élise", "boat|Tim", "Tim."), pieces, (name, parts) => {
        const constraint = new WordConstraint(wordForms(name), tokenizer);
        const ids = parts.flatMap((part) => (typeof part === "number" ? [part] : tokenizer.encode(part)));
        const end = ids.reduce((state, id) => constraint.update(state, id), constraint.initial([]));
        const text = tokenizer.decode(ids);
        // A character's half says nothing yet, and of other scripts' only the first byte is looked at.
        if (/[^\x20-\x7eÉé\u2019]/.test(text)) return;
        expect([text, constraint.remaining(end) === 0]).toEqual([text, occurs(wordForms(name), text)]);
        // What it proposes leads there.
        let state = end;
        for (let i = 0; constraint.remaining(state) > 0; i++) {
          expect(i).toBeLessThan(12);
          state = constraint.update(state, constraint.advance(state)[0]!);
        }
      }),
      // The second: where the text's end that is remembered begins inside of a word.
      {
        numRuns: 500,
        examples: [
          ["Tim", []],
          ["Tim", [" Tim", "Tim", " boat", 0, " Tim", "É"]],
        ],
      },
    );
  });
});

it("sentences are counted as they are cut", () => {
  const of = (text: string): [number, boolean] => {
    const { begun, atEnd } = countSentences(text);
    return [begun, atEnd];
  };
  expect(of("")).toEqual([0, false]);
  expect(of("He ran. She")).toEqual([2, false]);
  expect(of("He ran. She hid!")).toEqual([2, true]);
  expect(of('"Stop!" she cried. Mr. Fox ran.')).toEqual([2, true]);
  expect(of("It cost 3.50")).toEqual([1, false]);
});

it("bounds are read as people write them, and what is none is refused", () => {
  expect(parseBounds("60-80", "words")).toEqual({ min: 60, max: 80 });
  expect(parseBounds(" 3 ", "words")).toEqual({ min: 3, max: 3 });
  expect(parseBounds("40-", "words")).toEqual({ min: 40, max: Infinity });
  expect(parseBounds("-80", "words")).toEqual({ min: 1, max: 80 });
  for (const text of ["", "-", "a", "0", "0-5", "80-60", "1.5", "3 4", "1-2-3", "1e9"])
    expect(() => parseBounds(text, "words"), text).toThrow(UserError);
});

it("names are found in metadata", () => {
  expect(namesIn("Jack, Kim and Ella")).toEqual(["Jack", "Kim", "Ella"]);
  expect(namesIn(["Mr. Hall", "Jack"])).toEqual(["Mr. Hall", "Jack"]);
  expect(namesIn(undefined)).toEqual([]);
});

it.each<[TextWishes, RegExp]>([
  [{ forceWords: ["!"] }, /names no word/],
  [{ forceWords: ["a|"] }, /names no word/],
  [{ forceWords: ["boat", "boat"] }, /twice/],
  [{ forceWords: ["boat"], badWords: ["boat"] }, /no text has one without the other/],
  [{ badWords: ["home"], endsWith: "They went home." }, /stands in the given text/],
  [{ forceWords: ["one two three"], words: "2" }, /alone are 3, and the text is to have 2 words/],
  [{ endsWith: "He ran. He hid.", sentences: "1" }, /sentences alone are 2/],
  [{ sentences: "5", words: "-4" }, /No text has 5 sentences and 1 to 4 words/],
])("%j is refused", (wishes, message) => {
  const make = (): TextConstraints => new TextConstraints(wishes, { tokenizer, eosTokenId: eos });
  expect(make).toThrow(UserError);
  expect(make).toThrow(message);
});

it.each([
  ["characters=Holmes|Sherlock Holmes, Watson", "Holmes, Watson", ["Holmes|Sherlock Holmes", "Watson"]],
  ["characters=M. Renauld | Renauld et Jack|Jacquot", "M. Renauld et Jack", ["M. Renauld|Renauld", "Jack|Jacquot"]],
  ["characters=Ann", "Ann", ["Ann"]],
])("reads other forms of a name: %s", (given, meta, forms) => {
  const request = withAliases({ p1: "", p3: "", meta: { characters: given.slice("characters=".length) } });
  expect(request.meta).toEqual({ characters: meta });
  expect(characterForms(request)).toEqual(forms);
  expect(withAliases(request)).toEqual(request);
});

it("takes forms from the example, for the names that it asks for", () => {
  const aliases = { Holmes: ["Mr. Holmes"], Watson: ["Dr. Watson"] };
  expect(characterForms({ p1: "", p3: "", meta: { characters: ["Holmes", "constructor"] }, aliases })).toEqual([
    "Holmes|Mr. Holmes",
    "constructor",
  ]);
});
