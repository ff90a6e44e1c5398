// Adversaries of the rule that keeps the template's syntax out of p2: one that spells each field's name and colon with
// any tokens it may take, starting anew whenever it is stopped, and one that pushes the demo model's logits towards
// them at every position. Neither gets a field into the text; without the rule both do.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../src/files/open.ts";
import { GPT2Decoder } from "../src/generation/device/gpt2-decoder.ts";
import { generate } from "../src/generation/generate.ts";
import type { GenerationOptions } from "../src/generation/options/options.ts";
import type { EditingProcessor, LogitEdit, RowContext } from "../src/generation/scores/logits-processor.ts";
import { GPT2LMHeadModel } from "../src/gpt2/model.ts";
import type { Device } from "../src/gpu/device.ts";
import { fromBytes, toBytes, tokenBytes } from "../src/infill/constraints/token-bytes.ts";
import { InfillEncoder } from "../src/infill/encode.ts";
import { DEFAULT_TEMPLATE, specialTokenList } from "../src/infill/template.ts";
import { GPT2Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { openDevice } from "./check-kernel.ts";

/** Any field with its colon, in whatever it is glued to. */
const leaks = (fields: readonly string[]): RegExp => new RegExp(`(?:${fields.join("|")})\\s*:`, "iu");
/** The longest beginning of `target` that `text` ends in. */
const begun = (text: string, target: string): number => {
  let length = Math.min(text.length, target.length - 1);
  while (!text.endsWith(target.slice(0, length))) length--;
  return length;
};
/** Tokens by their bytes. */
const idsOf = (bytes: readonly string[]): Map<string, number> => new Map(bytes.map((piece, id) => [piece, id]));
/** The tokens that `text` begins with, shortest first. */
const beginnings = (text: string, ids: ReadonlyMap<string, number>): number[] =>
  Array.from(text, (_, end) => ids.get(text.slice(0, end + 1))).filter((id) => id !== undefined);

describe("spelt by whatever may be taken", () => {
  const tokenizer = GPT2Tokenizer.default();
  tokenizer.addSpecialTokens(specialTokenList(DEFAULT_TEMPLATE));
  const template = {
    ...DEFAULT_TEMPLATE,
    metadataFields: [...DEFAULT_TEMPLATE.metadataFields, "thème", "point de vue"],
  };
  const encoder = new InfillEncoder(template, tokenizer);
  const bytes = tokenBytes(tokenizer);
  const byBytes = idsOf(bytes);
  const field = fc.constantFrom(...template.metadataFields);
  const spelling = fc.constantFrom(
    (name: string) => `${name}:`,
    (name: string) => `${name[0]!.toUpperCase()}${name.slice(1)}:`,
    (name: string) => `${name.toUpperCase()}:`,
    (name: string) => `${name} :`,
    (name: string) => `; ${name}: M`,
    (name: string) => `\n${name}: M`,
  );
  const start = fc.constantFrom("", " He sat.", " He sat.\n", " He sat;", " the leng", " (", " “", " x—", " sub");
  /** What an adversary falls back on, and how long the tokens are that it prefers. */
  const turns = fc.array(
    fc.record({ other: fc.constantFrom(..." ab\nz;-”L"), longest: fc.integer({ min: 1, max: 8 }) }),
    { minLength: 40, maxLength: 40 },
  );

  const spell = (target: string, from: string, steps: readonly { other: string; longest: number }[], free: boolean) => {
    const ids = [encoder.ids.p2, ...tokenizer.encode(from)];
    const wanted = toBytes(target);
    for (const { other, longest } of steps) {
      const forbidden = new Set(free ? [] : encoder.noTemplateSyntax.edits({ ids }).map(({ token }) => token));
      const text = ids
        .slice(1)
        .map((id) => bytes[id])
        .join("");
      const rest = wanted.slice(begun(text, wanted));
      const allowed = beginnings(rest, byBytes).filter((id) => bytes[id]!.length <= longest && !forbidden.has(id));
      const next = allowed.at(-1);
      ids.push(next ?? tokenizer.encode(other)[0]!);
    }
    return fromBytes(
      ids
        .slice(1)
        .map((id) => bytes[id])
        .join(""),
    ).normalize("NFC");
  };

  it("never gives a field (property)", () => {
    fc.assert(
      fc.property(field, spelling, start, turns, (name, how, from, steps) => {
        const text = spell(how(name), from, steps, false);
        expect(text.replace(/\b(?:wavelength|subtitle)\s*:/giu, "")).not.toMatch(leaks(template.metadataFields));
      }),
      { numRuns: 40 },
    );
    for (const name of template.metadataFields) {
      const steps = Array.from({ length: 40 }, () => ({ other: "a", longest: 4 }));
      expect(spell(`${name}:`, " He sat.", steps, true)).toMatch(leaks([name]));
    }
  });
});

/** Adds to the logit of every token that goes on with one row's target, the more the longer it is. */
class Push implements EditingProcessor {
  readonly needs = "text";
  private readonly bytes: readonly string[];
  private readonly targets: readonly string[];
  private readonly idsOf: ReadonlyMap<string, number>;

  constructor(bytes: readonly string[], targets: readonly string[]) {
    this.bytes = bytes;
    this.targets = targets;
    this.idsOf = idsOf(bytes);
  }

  edits({ ids, promptLength, prompt }: RowContext): LogitEdit[] {
    const target = this.targets[prompt]!;
    const text = ids
      .slice(promptLength)
      .map((id) => this.bytes[id])
      .join("");
    const rest = target.slice(begun(text, target));
    return beginnings(rest, this.idsOf).map((token) => {
      return { kind: "add", token, value: 60 + 5 * this.bytes[token]!.length };
    });
  }
}

describe("the demo model, pushed", () => {
  let device: Device;
  let model: GPT2LMHeadModel;
  let tokenizer: GPT2Tokenizer;
  let encoder: InfillEncoder;

  beforeAll(async () => {
    device = await openDevice();
    const folder = await openFolder(join(fileURLToPath(new URL("..", import.meta.url)), "weights/demo"));
    tokenizer = await GPT2Tokenizer.fromPretrained(folder);
    model = await GPT2LMHeadModel.fromPretrained(device, folder);
    encoder = await InfillEncoder.fromPretrained(folder, tokenizer);
  });
  afterAll(() => device.destroy());

  async function texts(options: GenerationOptions, guarded: boolean): Promise<string[]> {
    const fields = encoder.template.metadataFields;
    const targets = fields.flatMap((name) => [`${name}:`, `; ${name[0]!.toUpperCase()}${name.slice(1)} : M`]);
    const { logitsProcessors, ...inputs } = encoder.generationInputs(
      targets.map(() => ({ p1: "Jack sat.", p3: "Then it rained." })),
      { maxLength: 100 },
    );
    const push = new Push(tokenBytes(tokenizer), targets);
    const decoder = new GPT2Decoder(model);
    const output = await generate(decoder, {
      ...inputs,
      maxNewTokens: 24,
      ...options,
      logitsProcessors: [push, ...(guarded ? logitsProcessors : [])],
    });
    decoder.dispose();
    return output.generated.map((ids) => tokenizer.decode(ids));
  }

  it.each<GenerationOptions>([{}, { doSample: true, seed: 5 }, { numBeams: 2, maxNewTokens: 16 }])(
    "writes no field: %j",
    async (options) => {
      const leak = leaks(encoder.template.metadataFields);
      for (const text of await texts(options, true)) expect(text).not.toMatch(leak);
      if (!options.numBeams) for (const text of await texts(options, false)) expect(text).toMatch(leak);
    },
  );
});
