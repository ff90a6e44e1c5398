// The template's own syntax never comes into p2: the rule against its definition over a whole vocabulary, what it
// leaves alone, and 64 short gaps written by the demo model, which writes metadata into some of them without it.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../src/files/open.ts";
import type { Decoder } from "../src/generation/device/decoder.ts";
import { generate } from "../src/generation/generate.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { DEFAULT_TEMPLATE, specialTokenList } from "../src/infill/template.ts";
import { NoTemplateSyntaxLogitsProcessor } from "../src/infill/no-template-syntax.ts";
import { bytesInIdOrder, charOfByte } from "../src/tokenizer/byte-alphabet.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { openDevice } from "./check-kernel.ts";

const tokenizer = GPT2Tokenizer.default();
tokenizer.addSpecialTokens(specialTokenList(DEFAULT_TEMPLATE));
const template = { ...DEFAULT_TEMPLATE, metadataFields: [...DEFAULT_TEMPLATE.metadataFields, "thème", "point de vue"] };
const encoder = new InfillEncoder(template, tokenizer);
const rule = encoder.noTemplateSyntax;
const FIELD = new RegExp(`([\\p{L}\\p{N}]*?)(${template.metadataFields.join("|")})\\s*:`, "giu");
/** Words that GPT-2's vocabulary has as one token, and that end as fields do. */
const PROSE = ["wavelength", "subtitle", "entitle", "replaces", "workplaces"];

/** Tokens that may not follow `text` in p2. */
const forbidden = (text: string): Set<number> => {
  const ids = [encoder.ids.p1, ...tokenizer.encode(" x"), encoder.ids.p2, ...tokenizer.encode(text)];
  return new Set(rule.edits({ ids }).map(({ token }) => token));
};
const token = (text: string): number => {
  const ids = tokenizer.encode(text);
  expect(ids).toHaveLength(1);
  return ids[0]!;
};

describe("what may follow", () => {
  it.each([
    " length",
    "length",
    " He sat.\ntheme",
    " It rained; summary",
    " (genre",
    " “title",
    " x\npoint de vue",
    " thème",
    " He sat.\nlenglength", // the false start of a model that may not begin a line with the name
    " He sat.\n letitle",
    " xlength",
    " wlength", // a beginning of "wavelength" is no word
    " rewavelength",
    "; summarysummary",
    " Length",
    " THEME",
    " THÈME",
    " the\u0300me",
    " lenLength",
    " length ",
    " thème\u00a0",
    " thème\u202f",
    " point  de vue",
    " authorauthor \t",
  ])("no colon after %j", (text) => {
    expect(forbidden(text)).toContain(token(":"));
    expect(forbidden(text)).toContain(token(" :"));
    expect(forbidden(text)).not.toContain(token(","));
  });

  it.each([
    " The length",
    " the lengths",
    " wavelength",
    " Wavelength",
    "—wavelength",
    " he said",
    " subtitle",
    " three workplaces",
    " length; and then",
    " x",
  ])("anything after %j", (text) => {
    for (const next of [" of", ",", " length", "s", " theme"]) expect(forbidden(text)).not.toContain(token(next));
    if (text !== " The length") expect(forbidden(text)).not.toContain(token(":"));
  });

  it("what p2 was given to begin with, and a colon behind it", () => {
    for (const given of [" The length: three yards", " My title: none. He said"])
      expect(forbidden(given)).not.toContain(token(":"));
  });

  it("no field's name where a line begins, however it is spelt", () => {
    expect(forbidden(" He sat.\n")).toContain(token("length"));
    expect(forbidden(" He sat.\n")).toContain(token(" length"));
    expect(forbidden(" He sat.\nle")).toContain(token("ngth"));
    expect(forbidden(" He sat.\n")).not.toContain(token("Length"));
    expect(forbidden(" He sat. ")).not.toContain(token("length"));
    // The half of a name says the same: "\nthemers: Tom".
    for (const next of [" them", "and", ";", ":", ","]) expect(forbidden(" He sat.\n ")).toContain(token(next));
    for (const next of ["And", " (", "—", "1", "\n", " ", "é"])
      expect(forbidden(" He sat.\n")).not.toContain(token(next));
    for (const text of [" He sat.\nThey", " He sat.\n“"]) expect(forbidden(text)).not.toContain(token("and"));
  });

  it("no token that has the colon with a name's end, where a vocabulary has such tokens", () => {
    const pieces = [
      ...bytesInIdOrder.map((byte) => charOfByte[byte]!),
      "Length:",
      "ngth:",
      "Ġwavelength",
      "ĠThe",
      "E:x",
    ];
    const own = new NoTemplateSyntaxLogitsProcessor(template, encoder.ids, {
      vocabSize: pieces.length,
      encode: () => [],
      idToToken: (id) => pieces[id]!,
      isSpecial: () => false,
    });
    const banned = (text: string): string[] => {
      const ids = [...new TextEncoder().encode(text)].map((byte) => bytesInIdOrder.indexOf(byte));
      return own.edits({ ids }).map((edit) => pieces[edit.token]!);
    };
    expect(banned(" He sat")).toEqual(["Length:"]);
    expect(banned(" a LE")).toEqual(["Length:", "ngth:"]);
    expect(banned(" titl")).toEqual(["Length:", "E:x"]);
    expect(banned(" length")).toEqual([":", "Length:"]);
    expect(banned(" wavelength")).toEqual(["Length:"]);
    expect(banned(" wave-length")).toEqual([":", "Length:"]);
  });

  it("no marker in ordinary tokens", () => {
    expect(forbidden(" x[P1")).toContain(token("]"));
    expect(forbidden(" [EOS")).toContain(token("]"));
    expect(forbidden(" [P4")).not.toContain(token("]"));
  });

  it("is what the definition says, whatever the split into tokens (property)", () => {
    const part = fc.constantFrom(
      ..." \n.;:x”é(",
      "length",
      "len",
      "gth",
      "theme",
      "th",
      "è",
      "me",
      "title",
      "point",
      " de",
      " vue",
      "auth",
      "or",
      "wave",
      "sub",
      "LEN",
      "Gth",
      "È",
      "e\u0300",
      "\u00a0",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.boolean(), (parts, split) => {
        const text = parts.join("");
        const ids = split ? parts.flatMap((each) => tokenizer.encode(each)) : tokenizer.encode(text);
        const found = new Set(rule.edits({ ids: [encoder.ids.p2, ...ids] }).map((edit) => edit.token));
        for (const next of [":", ";", "x", ": ", "length", " length", "me", "):"]) {
          const [id, ...more] = tokenizer.encode(next);
          if (more.length > 0) continue;
          const before = text.normalize("NFC").length;
          const whole = (text + next).normalize("NFC");
          const completes = [...whole.matchAll(FIELD)].some(
            ([all, start, name], i, matches) =>
              matches[i]!.index + all.length > before &&
              (start === "" || !PROSE.includes((start! + name!).toLowerCase())),
          );
          const name = /\n *(?:length|theme|title|author|genre|language|summary|thème|point de vue)$/;
          const namesLine = name.test(whole) || (/\n *$/.test(text) && /^ *[a-z:;,]/.test(next));
          expect(found.has(id!), JSON.stringify([text, next])).toBe(completes || namesLine);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("64 short gaps with the demo model", () => {
  const folderOf = () => openFolder(join(fileURLToPath(new URL("..", import.meta.url)), "weights/demo"));
  const names = ["Jack", "Mia", "Finn", "Rose", "Ben", "Ada", "Tom", "Zoe"];
  const before = [
    "% lived near the woods.",
    "% sat.",
    "It was dark.",
    "% had a red kite.",
    "One day % went out.",
    "Hello.",
  ];
  const after = ["They went home.", "Then it rained.", "The end.", "% was happy."];
  const gaps = Array.from({ length: 64 }, (_, i) => ({
    p1: before[i % before.length]!.replace("%", names[i % names.length]!),
    p3: after[Math.floor(i / 3) % after.length]!.replace("%", names[(i * 3 + 1) % names.length]!),
  }));
  const LEAK = /\b(?:length|genre|theme|characters|title|author|language|summary)\s*:|\[(?:PAD|EOS|P[123])\]/i;
  let device: Device;
  let model: GPT2LMHeadModel;
  let demo: GPT2Tokenizer;
  let infill: InfillEncoder;

  beforeAll(async () => {
    device = await openDevice();
    const folder = await folderOf();
    demo = await GPT2Tokenizer.fromPretrained(folder);
    model = await GPT2LMHeadModel.fromPretrained(device, folder);
    infill = await InfillEncoder.fromPretrained(folder, demo);
  });
  afterAll(() => device.destroy());

  async function leaks(options: GenerationOptions, own: boolean): Promise<string[]> {
    const { logitsProcessors, suppressTokens, ...inputs } = infill.generationInputs(
      gaps.slice(0, options.numBeams ? 16 : 64),
      { maxLength: 200 },
    );
    const decoder = new GPT2Decoder(model);
    const output = await generate(decoder, {
      ...inputs,
      ...(own ? { logitsProcessors, suppressTokens } : {}),
      maxNewTokens: 80,
      ...options,
    });
    decoder.dispose();
    return output.generated
      .map((ids) => demo.decode(ids.filter((id) => id !== infill.ids.eos)))
      .filter((text) => LEAK.test(text));
  }

  it("greedy: none; without the rule, some", async () => {
    expect((await leaks({}, false)).length).toBeGreaterThan(5);
    expect(await leaks({}, true)).toEqual([]);
  });

  it.each<GenerationOptions>([{}, { doSample: true, seed: 3, topP: 0.9 }])(
    "costs a gap next to no submits and no choices, and the tokens are those of whole rows: %j",
    async (options) => {
      const decoder = new GPT2Decoder(model);
      let [choices, texts] = [0, 0];
      const run = async (from: Decoder, gap: (typeof gaps)[number]) => {
        const inputs = infill.generationInputs([gap], { maxLength: 200 });
        const before = device.batch.counters.submits;
        const { generated } = await generate(from, { ...inputs, maxNewTokens: 60, minNewTokens: 60, ...options });
        return { generated, submits: device.batch.counters.submits - before };
      };
      const { sampler } = decoder;
      const whole: Decoder = {
        vocabSize: decoder.vocabSize,
        nPositions: decoder.nPositions,
        prefill: (...args) => decoder.prefill(...args),
        step: (...args) => decoder.step(...args),
        logits: () => decoder.logits(),
        dispose: () => decoder.dispose(),
      };
      const counted: Decoder = {
        ...whole,
        truncate: (columns) => decoder.truncate(columns),
        sampler: {
          ...sampler,
          sample: (request) => {
            choices++;
            return sampler.sample(request);
          },
        },
      };
      let submits = 0;
      for (const gap of gaps.slice(0, 3)) {
        const got = await run(counted, gap);
        expect(got.generated).toEqual((await run(whole, gap)).generated);
        submits += got.submits;
        texts++;
      }
      decoder.dispose();
      expect(choices).toBeLessThan(1.25 * 60 * texts); // each is taken once, but for the few that are taken again
      expect(submits).toBeLessThan(1.4 * 60 * texts); // two a token where none is sent ahead
    },
  );

  it("4 beams, 16 of the gaps: none", async () => expect(await leaks({ numBeams: 4 }, true)).toEqual([]));
  it("sampled: none", async () => expect(await leaks({ doSample: true, seed: 1 }, true)).toEqual([]));
});
