// No three words come twice: the rule against its definition, what it spares, and the demo model under a constraint,
// which repeats itself without the rule; where no text is found that holds it, one is found without it.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { write } from "../src/cli/generate/candidates.ts";
import { setUp } from "../src/cli/generate/setup.ts";
import { DEMO_MODEL } from "../src/cli/shared/project-path.ts";
import { openFolder } from "../src/files/open.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { NoRepeatedRunsLogitsProcessor } from "../src/infill/constraints/no-repeats.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { openDevice } from "./check-kernel.ts";

const tokenizer = GPT2Tokenizer.default();
const rule = new NoRepeatedRunsLogitsProcessor(["the old mill"], tokenizer);
const forbidden = (text: string): Set<number> =>
  new Set(rule.edits({ ids: tokenizer.encode(text) }).map(({ token }) => token));
const token = (text: string): number => {
  const ids = tokenizer.encode(text);
  expect(ids, text).toHaveLength(1);
  return ids[0]!;
};
const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’][\p{L}\p{N}]+)*/gu) ?? [];
/** Whether three words in a row come twice. */
const repeats = (text: string): boolean => {
  const words = wordsOf(text);
  const runs = words.slice(2).map((_, i) => words.slice(i, i + 3).join(" "));
  return new Set(runs).size < runs.length;
};

describe("what may follow", () => {
  it.each([
    [" and the window, and the", " window", " sun"],
    [" And the window. and THE", " Window", " windows"],
    [" I don't know. I don't", " know", " think"],
    [" he said. “No!” he said. “", "No", "Yes"],
    [" Miss Miss Miss", " Miss", " Mr"],
    [" a big rainbow and a big rain", "bow", "coat"],
    [" la fenêtre et la fenêtre et", " la", " le"],
    [" so it's mine, so it", "'s", "'ll"],
  ])("after %j not %j", (text, banned, free) => {
    if (!text.includes("it's")) expect(forbidden(text)).toContain(token(banned));
    expect(forbidden(text)).not.toContain(token(free));
  });

  it("what is spared, what is new, and the first three words", () => {
    expect(forbidden(" by the old mill, and the old")).not.toContain(token(" mill"));
    expect(forbidden(" by the old house, and the old")).toContain(token(" house"));
    for (const text of ["", " the", " the sun", " the sun and the"]) expect(forbidden(text).size).toBe(0);
  });

  it("is what the definition says (property)", () => {
    const word = fc.constantFrom(" a", " b", " rain", "bow", ".", ",", " “A", " B", "'s", " ");
    fc.assert(
      fc.property(fc.array(word, { maxLength: 14 }), (parts) => {
        const text = parts.join("");
        const found = new Set(
          rule.edits({ ids: parts.flatMap((part) => tokenizer.encode(part)) }).map((edit) => edit.token),
        );
        const before = /[\p{L}\p{N}]$/u.test(text) ? wordsOf(text).slice(0, -1) : wordsOf(text);
        for (const next of [" a", " b", " rain", "bow", "a", ".", " A"]) {
          const words = wordsOf(text + next);
          const last = words.slice(-3).join(" ");
          const closed = words.slice(0, -1);
          const again = closed.some((_, i) => closed.slice(i, i + 3).join(" ") === last && words.length >= 3);
          const adds = next !== "." && words.length > before.length;
          if (adds) expect(found.has(token(next)), JSON.stringify([text, next])).toBe(again);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("the demo model where words must occur", () => {
  let device: Device;
  let decoder: GPT2Decoder;
  beforeAll(async () => {
    device = await openDevice();
    decoder = new GPT2Decoder(await GPT2LMHeadModel.fromPretrained(device, await openFolder(DEMO_MODEL)));
  });
  afterAll(() => {
    decoder.dispose();
    device.destroy();
  });

  /** With no other words than these. */
  async function texts(vocabulary: string, ...flags: string[]): Promise<string[]> {
    const { tokenizer: own, config } = (await setUp(["--p1", "A.", "--p3", "B."], DEMO_MODEL)).model;
    const some = new Set([own.eosTokenId!, ...vocabulary.split(" ").flatMap((word) => own.encode(` ${word}`))]);
    const others = Array.from({ length: config.vocabSize }, (_, id) => id).filter((id) => !some.has(id));
    const gap = ["--p1", "Jack sat.", "--p3", "They went home.", "--suppress_tokens", others.join(",")];
    const { model, plan } = await setUp([...gap, "--force_words", "owl", ...flags], DEMO_MODEL);
    const { candidates } = await write({ decoder, tokenizer: model.tokenizer, plan, trim: true });
    return candidates.flat().map(({ text }) => text);
  }
  const MANY =
    "Jack and Kim saw the big owl . It was in a tree near their home to look for some rain by the brook too .";

  it("says nothing twice unless it may", async () => {
    const flags = ["--words", "30-40"];
    for (const text of await texts(MANY, ...flags)) expect([text, repeats(text)]).toEqual([text, false]);
    expect((await texts(MANY, ...flags, "--allow_repeats")).some(repeats)).toBe(true);
  }, 120_000);

  it("says things twice where nothing else can be said", async () => {
    const [text] = await texts("owl ran .", "--words", "30-34");
    expect(wordsOf(text!).length).toBeGreaterThanOrEqual(30);
    expect(repeats(text!)).toBe(true);
  }, 120_000);
});
