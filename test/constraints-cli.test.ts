// What the flags ask of a text, with the model in weights/demo: it holds for every text that is written, or the program
// says that it cannot; its cost is told; and flags that do not go together are answered in a sentence.
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { write } from "../src/cli/generate/candidates.ts";
import type { Written } from "../src/cli/generate/candidates.ts";
import { candidateJson, costNote, shortNote } from "../src/cli/generate/print.ts";
import { setUp } from "../src/cli/generate/setup.ts";
import { DEMO_MODEL } from "../src/cli/shared/project-path.ts";
import { UserError } from "../src/errors.ts";
import { openFolder } from "../src/files/open.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { UnmetConstraints } from "../src/generation/loops/constraint.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { countWords } from "../src/infill/constraints/bounds.ts";
import { occurs, wordForms } from "../src/infill/constraints/word-forms.ts";
import type { LengthBounds } from "../src/infill/length-class.ts";
import { countSentences } from "../src/infill/sentences.ts";
import { TEMPLATE_FILE } from "../src/infill/template.ts";
import type { InfillTemplate } from "../src/infill/template.ts";

const GAP = ["--p1", "Jack lived near the woods. His friend was Kim.", "--p3", "They went home and slept."];
let decoder: GPT2Decoder;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wishes-"));
  const device = await requestDevice();
  decoder = new GPT2Decoder(await GPT2LMHeadModel.fromPretrained(device, await openFolder(DEMO_MODEL)));
});
afterAll(() => rm(folder, { recursive: true }));

async function written(...flags: string[]): Promise<Written> {
  const { model, plan, values } = await setUp([...GAP, ...flags], DEMO_MODEL);
  return write({ decoder, tokenizer: model.tokenizer, plan, trim: values.trim });
}

/** As written(), by a model whose template has bounds. */
async function withBounds(lengthBounds: LengthBounds): Promise<typeof written> {
  const folderOf = join(folder, "with-bounds");
  await cp(DEMO_MODEL, folderOf, { recursive: true });
  const file = join(folderOf, TEMPLATE_FILE);
  const template = JSON.parse(await readFile(file, "utf8")) as InfillTemplate;
  await writeFile(file, JSON.stringify({ ...template, lengthBounds }));
  return async (...flags) => {
    const { model, plan, values } = await setUp(["--model", folderOf, ...GAP, ...flags], folderOf);
    return write({ decoder, tokenizer: model.tokenizer, plan, trim: values.trim });
  };
}

const texts = ({ candidates }: Written): string[] => candidates.flat().map(({ text }) => text);

describe("the demo's texts", () => {
  it("hold words, bounds and a last sentence, whichever they are, or it is said that they cannot", async () => {
    let held = 0;
    const word = fc.constantFrom("boat", "Ella", "boat|ship", "deep hollow", "thank(s,ed)", "owl", "zebra");
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(word, { maxLength: 2 }),
        fc.option(fc.integer({ min: 4, max: 20 }), { nil: undefined }),
        fc.option(fc.constantFrom("1", "2-3"), { nil: undefined }),
        fc.option(fc.constantFrom("They were happy.", "All was well!"), { nil: undefined }),
        async (words, least, sentences, last) => {
          const most = (least ?? 0) + 12;
          const flags = [
            ...words.flatMap((each) => ["--force_words", each]),
            ...(least === undefined ? [] : ["--words", `${least}-${most}`]),
            ...(sentences === undefined ? [] : ["--sentences", sentences]),
            ...(last === undefined ? [] : ["--ends_with", last]),
            ...(words.length === 0 && !least ? ["--do_sample", "--seed", "5"] : []),
            "--bad_words",
            "the",
            "--max_new_tokens",
            "60",
          ];
          const found = await written(...flags).catch((error: Error) => error);
          if (found instanceof Error) return void expect(found, flags.join(" ")).toBeInstanceOf(UserError);
          held++;
          for (const text of texts(found)) {
            for (const each of words) expect([text, each, occurs(wordForms(each), text)]).toEqual([text, each, true]);
            expect(text).not.toMatch(/\b[Tt]he\b/);
            if (least !== undefined) expect(countWords(text)).toBeGreaterThanOrEqual(least);
            if (least !== undefined) expect(countWords(text)).toBeLessThanOrEqual(most);
            const { begun, atEnd } = countSentences(text);
            if (sentences !== undefined) expect(sentences === "1" ? [1] : [2, 3]).toContain(begun);
            if (sentences !== undefined || least !== undefined) expect(atEnd).toBe(true);
            if (last !== undefined) expect(text.endsWith(last)).toBe(true);
          }
        },
      ),
      { numRuns: 8 },
    );
    expect(held).toBeGreaterThan(2);
  }, 240_000);

  it("without it, those that had to be cut below their class come last, and it is said", async () => {
    const ask = await withBounds([25, 30]);
    const SAMPLES = ["--do_sample", "--num_return_sequences", "8", "--seed", "3"];
    const [found] = (await ask("--meta", "length=M", ...SAMPLES)).candidates;
    const short = found.filter(({ tokens }) => tokens < 26);
    expect([short.length > 0, short.length < found.length]).toEqual([true, true]);
    expect(found.slice(-short.length)).toEqual(short);
    const ordered = (these: typeof found): boolean =>
      these.every(({ logProb }, i) => i === 0 || logProb! <= these[i - 1].logProb!);
    expect([ordered(short), ordered(found.slice(0, -short.length)), ordered(found)]).toEqual([true, true, false]);
    expect(found.map((each) => candidateJson(each, "p2"))).toEqual(
      found.map((each) => expect.objectContaining(short.includes(each) ? { short_of_class: true } : {})),
    );
    expect(found.filter(({ shortOfClass }) => shortOfClass)).toEqual(short);
    expect(shortNote(found)).toMatch(new RegExp(`^${short.length} of .* so they come last; --require_length`));
    const [kept] = (await ask("--meta", "length=M", "--no_trim", ...SAMPLES)).candidates;
    expect(shortNote(kept)).toBeUndefined();
  }, 60_000);

  it("cost what the same search's best text has more", async () => {
    const flags = ["--num_beams", "3", "--max_new_tokens", "30"];
    const [plain, asked] = [await written(...flags), await written(...flags, "--force_words", "zebra")];
    const [[best]] = plain.candidates;
    const [[candidate]] = asked.candidates;
    expect(best.cost).toBeUndefined();
    expect(candidate.cost!.logProbPerToken).toBeCloseTo(best.logProb! - candidate.logProb!, 1);
    expect(candidate.cost!.logProbPerToken).toBeGreaterThan(0);
    expect(costNote([candidate])).toMatch(/costs \d+\.\d+ in log-probability a token/);
    expect(candidateJson(candidate, "p2")).toMatchObject({
      constraint_cost: { log_prob_per_token: candidate.cost!.logProbPerToken },
    });
  }, 120_000);

  it("begin with given words, which count", async () => {
    const [text] = texts(await written("--begins_with", "Jack ran.", "--sentences", "2", "--max_new_tokens", "40"));
    expect(text.startsWith("Jack ran. ")).toBe(true);
    expect(countSentences(text)).toEqual({ begun: 2, atEnd: true });
  }, 60_000);

  it("have the characters of the metadata, of each gap its own, with one flag", async () => {
    const [text] = texts(
      await written("--meta", "characters=Ella and Tim", "--require_characters", "--max_new_tokens", "40"),
    );
    expect(text).toMatch(/\bElla\b/);
    expect(text).toMatch(/\bTim\b/);
    const file = join(folder, "gaps.jsonl");
    const lines = ["Ella", "Bob", undefined].map((characters) => ({ p1: "A.", p3: "B.", meta: { characters } }));
    await writeFile(file, lines.map((line) => JSON.stringify(line)).join("\n"));
    const { plan } = await setUp(["--input_file", file, "--require_characters"], DEMO_MODEL);
    const [ella, bob, none] = plan.prompts.map(({ constraints }) => constraints);
    expect(ella!.violations("Bob ran.")).toEqual(['"Ella" does not occur']);
    expect(bob!.violations("Bob ran.")).toEqual([]);
    expect(none).toBeUndefined();
  }, 60_000);

  it("keep to the length class of the metadata, whole sentences all, with one flag", async () => {
    const ask = await withBounds([25, 40]);
    const classes = { S: [1, 25], M: [26, 40], L: [41, 256] } as const;
    for (const [name, [least, most]] of Object.entries(classes)) {
      for (const search of [
        ["--num_beams", "2"],
        ["--do_sample", "--num_return_sequences", "4", "--seed", "3"],
      ]) {
        const [found] = (await ask("--meta", `length=${name}`, "--require_length", ...search)).candidates;
        for (const { text, tokens } of found) {
          expect(countSentences(text).atEnd, text).toBe(true);
          expect([name, tokens >= least && tokens <= most, tokens]).toEqual([name, true, tokens]);
        }
      }
    }
    await expect(ask("--require_length")).rejects.toThrow(/length class/);
    await expect(ask("--require_length", "--meta", "length=M", "--max_new_tokens", "9")).rejects.toThrow(UserError);
    await expect(ask("--require_length", "--meta", "length=M", "--words", "9")).rejects.toThrow(UserError);
    await expect(written("--require_length", "--meta", "length=M")).rejects.toThrow(/template does not say/);
  }, 240_000);

  it("have a character by any of the names that are given, of which the model reads the first", async () => {
    const gap = { p1: "A.", p3: "B.", meta: { characters: ["Ella", "Bob"] }, aliases: { Ella: ["Miss Ray"] } };
    const file = join(folder, "aliases.jsonl");
    await writeFile(file, JSON.stringify(gap));
    const fromFile = (await setUp(["--input_file", file, "--require_characters"], DEMO_MODEL)).plan.prompts[0]!;
    const flags = ["--p1", "A.", "--p3", "B.", "--meta", "characters=Ella|Miss Ray, Bob", "--require_characters"];
    const fromFlags = (await setUp(flags, DEMO_MODEL)).plan.prompts[0]!;
    for (const { constraints } of [fromFile, fromFlags]) {
      expect(constraints!.violations("Miss Ray saw Bob.")).toEqual([]);
      expect(constraints!.violations("Miss Roy saw Bob.")).toEqual(['"Ella|Miss Ray" does not occur']);
    }
    expect(fromFlags.ids).toEqual(fromFile.ids);
  }, 60_000);

  it("go on from a plain prompt within bounds of their own", async () => {
    const { model, plan, values } = await setUp(
      ["--prompt", "Once upon a time, there was a mole.", "--words", "5-12", "--max_new_tokens", "40"],
      DEMO_MODEL,
    );
    const [[{ text }]] = (await write({ decoder, tokenizer: model.tokenizer, plan, trim: values.trim })).candidates;
    const words = countWords(text.slice("Once upon a time, there was a mole.".length));
    expect(words).toBeGreaterThanOrEqual(5);
    expect(words).toBeLessThanOrEqual(12);
  }, 60_000);

  it("are not shown where none holds what was asked for", async () => {
    const asked = written(
      "--force_words",
      "zebra",
      "--bad_words_ids",
      "[[87]]",
      "--max_new_tokens",
      "12",
      "--words",
      "2",
    );
    const found = await asked.catch((error: Error) => error);
    if (found instanceof Error) expect(found).toBeInstanceOf(UnmetConstraints);
    else for (const text of texts(found)) expect(text).toMatch(/\bzebra\b/i);
  }, 60_000);
});

it.each<[string[], RegExp]>([
  [["--force_words", "boat", "--do_sample"], /--force_words works by beam search, .*leave out --do_sample/],
  [["--force_words", "boat", "--num_beams", "1"], /needs several beams, and --num_beams is 1/],
  [["--force_words", "boat", "--num_beam_groups", "2"], /does not work with groups of beams/],
  [["--require_characters"], /the gap names no characters; add --meta/],
  [["--any_case"], /--any_case is about --force_words and --bad_words/],
  [["--force_words", " "], /is empty; fill it in/],
  [["--words", "80-60"], /bounds leave nothing between them/],
  [["--words", "many"], /words is "many"; wanted bounds as 60-80/],
  [["--words", "60-80", "--max_new_tokens", "20"], /needs at least 62 new tokens, and there is room for 20/],
  [["--words", "5", "--ends_with", "one two three four five six."], /The given words alone are 6/],
  [["--force_words", "boat", "--bad_words", "boat"], /no text has one without the other/],
  [["--prefix", "The boat sank.", "--bad_words", "boat"], /must not occur and stands in the given text/],
])("%j is answered in a sentence", async (flags, message) => {
  const asked = setUp([...GAP, ...flags], DEMO_MODEL);
  await expect(asked).rejects.toThrow(UserError);
  await expect(asked).rejects.toThrow(message);
});
