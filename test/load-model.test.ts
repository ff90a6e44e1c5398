// A model's folder as the programs open it: what people's folders hold besides, or lack, is named; nothing is refused
// that Hugging Face loads.
import { beforeAll, describe, expect, test } from "vitest";
import { endTokens, openModel } from "../src/cli/shared/load-model.ts";
import type { ModelFolder } from "../src/cli/shared/load-model.ts";
import { planPrompt } from "../src/cli/generate/plan.ts";
import { MemoryFolder } from "../src/files/folder.ts";
import { openFolder } from "../src/files/open.ts";

const FILES = [
  "config.json",
  "generation_config.json",
  "infill_template.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
  "trainer_state.json",
];
const demo = new Map<string, Uint8Array>();
beforeAll(async () => {
  const folder = await openFolder("weights/demo");
  for (const file of FILES) demo.set(file, await folder.read(file));
});

// oxlint-disable-next-line typescript/no-explicit-any -- files to be changed at will
type Json = any;

/** The demo model with some files changed: by a function of the parsed JSON, to a text, or undefined: left out. */
async function open(
  changes: Readonly<Record<string, ((json: Json) => void) | string | undefined>>,
): Promise<{ model: ModelFolder; notes: string[] }> {
  const files = new Map<string, Uint8Array | string>(demo);
  for (const [file, change] of Object.entries(changes)) {
    if (change === undefined) files.delete(file);
    else if (typeof change === "string") files.set(file, change);
    else {
      const json: Json = JSON.parse(new TextDecoder().decode(demo.get(file)));
      change(json);
      files.set(file, JSON.stringify(json));
    }
  }
  const notes: string[] = [];
  const model = await openModel(new MemoryFolder("m", files), undefined, { onNote: (note) => notes.push(note) });
  return { model, notes };
}

const settings = { options: { maxNewTokens: 4 }, allowSpecialTokens: false };
const more = (id: number, content: string): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

describe("a folder", () => {
  test("as it was saved opens without a word", async () => {
    const { model, notes } = await open({});
    expect(notes).toEqual([]);
    expect(model.history).toMatch(/^, trained for \d+ steps, loss \d/);
  });

  test("whose tokenizer has more tokens than the model works, and a text with one of them is refused", async () => {
    const { model, notes } = await open({
      "tokenizer.json": (json) => json.added_tokens.push(more(2146, "<mask>"), more(2147, "\u001b[31m")),
    });
    expect(notes).toEqual([
      "the tokenizer of m has 2 tokens (<mask>, \\u001b[31m) that the model lacks; a text with it is refused.",
    ]);
    const plan = await planPrompt(model, "The old man", settings);
    expect(plan.options.suppressTokens!.every((id) => id < 2146)).toBe(true);
    await expect(planPrompt(model, "The <mask> man", settings)).rejects.toThrow(
      /^The prompt holds 2146; the model has tokens 0 to 2145/,
    );
  });

  test("whose gap markers the model lacks says so", async () => {
    await expect(
      open({
        "tokenizer.json": (json) => json.added_tokens.push(more(2146, "[P9]")),
        "infill_template.json": (json) => (json.specialTokens.p1 = "[P9]"),
      }),
    ).rejects.toThrow(/the model has tokens 0 to 2145, and \[P9\] of infill_template\.json is token 2146/);
  });

  test("may name ends and suppressed tokens of a larger model", async () => {
    const { model } = await open({
      "generation_config.json": (json) => Object.assign(json, { eos_token_id: [50256], suppress_tokens: [7, 50257] }),
    });
    expect(endTokens(model, false)).toEqual([model.tokenizer.eosTokenId]);
    const plan = await planPrompt(model, "The old man", settings);
    expect(plan.options.suppressTokens).toContain(7);
    expect(plan.options.suppressTokens).not.toContain(50257);
  });

  test("tells what of generation_config.json has no effect", async () => {
    const { notes } = await open({ "generation_config.json": '\ufeff{"temperature": 0, "chat_format": "raw"}' });
    expect(notes).toEqual([
      "m/generation_config.json: ignored chat_format: no option of generate().",
      "m/generation_config.json: ignored temperature 0, which has no effect without do_sample true.",
    ]);
  });

  test("with a strange trainer_state.json is refused in a sentence, or says less", async () => {
    await expect(open({ "trainer_state.json": "null" })).rejects.toThrow(
      /trainer_state\.json: wanted a JSON object, found/,
    );
    const { model } = await open({
      "trainer_state.json": '{"global_step": "x", "log_history": [null, 3, {"loss": "x"}]}',
    });
    expect(model.history).toBe("");
  });

  test("is compared with its weights before anything else is made of it", async () => {
    await expect(open({ "config.json": (json) => (json.n_positions = 2 ** 20) })).rejects.toThrow(
      /transformer\.wpe\.weight is \[320,128\], wanted \[1048576,128\]/,
    );
  });
});
