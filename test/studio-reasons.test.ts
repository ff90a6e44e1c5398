// The engine's sentences that the studio says in its own words: each pattern is held against the sentence as the
// engine's source has it, so that neither changes without the other.
import { describe, expect, it } from "vitest";
import { parseGenerationConfig } from "../src/generation/options/config-file.ts";
import { GPT2Config } from "../src/gpt2/config.ts";
import { LoraConfig } from "../src/gpt2/lora-config.ts";
import { LANGUAGES } from "../studio/src/i18n/language.ts";
import { PATTERNS } from "../studio/src/i18n/patterns.ts";
import type { Kind } from "../studio/src/i18n/patterns.ts";
import { kindOf, reasonIn } from "../studio/src/i18n/reasons.ts";
import { allTexts } from "./studio-sentences.ts";

const sentences = allTexts();

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
}

/** Sentences that are put together when they are said. */
const MADE: readonly (readonly [kind: Kind, sentence: string])[] = [
  ["notGpt2", messageOf(() => GPT2Config.fromJson({ n_embd: -1 }, "m/config.json"))],
  ["notGpt2", messageOf(() => GPT2Config.fromJson({ activation_function: "relu" }, "m/config.json"))],
  ["modelSettings", messageOf(() => parseGenerationConfig({ num_beams: -1 }, "m/generation_config.json"))],
  ["modelSettings", messageOf(() => parseGenerationConfig({ dola_layers: "high" }, "m/generation_config.json"))],
  ["adapterModel", messageOf(() => LoraConfig.fromJson({ r: -1 }, "m/adapter_config.json"))],
  [
    "notSavedGoesOn",
    "checkpoint-4 was not saved: Cannot write own/1: the storage is full; free some. Training goes on.",
  ],
  ["notRemoved", "an older checkpoint was not removed: Cannot remove own/1: it is no empty folder. Training goes on."],
  ["notThisFormat", "scan.pdf: not a readable text but a PDF document; convert it"],
];

describe("what the engine says", () => {
  it.each(PATTERNS)("%s is found in its sources: %s", (kind, pattern) => {
    const made = MADE.map(([, sentence]) => sentence);
    expect([...sentences, ...made].filter((text) => pattern.test(text)).length, kind).toBeGreaterThan(0);
  });

  it.each(MADE)("%s: %s", (kind, sentence) => expect(kindOf(sentence)?.kind).toBe(kind));

  it("what a run says of its saves is made of these", () => {
    for (const part of ["VALUE was not saved", "an older checkpoint was not removed", "VALUE: VALUE Training goes on."])
      expect(sentences).toContain(part);
  });

  it("a note of a model's settings is told, too", () => {
    const notes: string[] = [];
    parseGenerationConfig({ foo: 1, do_sample: false, temperature: 0 }, "m/generation_config.json", (note) => {
      notes.push(note);
    });
    expect(notes.length).toBeGreaterThan(1);
    for (const note of notes) expect(kindOf(note)?.kind, note).toBe("settingsIgnored");
  });

  it("every text has a pattern, but what stands around the others", () => {
    const kinds = new Set<string>(PATTERNS.map(([kind]) => kind));
    expect(Object.keys(LANGUAGES.en.reasons).filter((kind) => !kinds.has(kind))).toEqual(["other"]);
  });
});

describe("reasonIn", () => {
  const { en, fr } = LANGUAGES;

  it.each([
    ["The GPU device was lost (destroyed: Device was destroyed.): what was saved is safe", "deviceLost"],
    ["Cannot write own/1/data.json: the storage is full; free some (in the browser's", "storageFull"],
    ["This browser has no WebGPU: use a current Chrome", "noWebGpu"],
  ] as const)("%s: %s", (message, kind) => {
    expect(reasonIn(en.reasons, message)).toBe(en.reasons[kind]);
    expect(reasonIn(fr.reasons, message)).toBe(fr.reasons[kind]);
  });

  it("keeps names and numbers", () => {
    const missing =
      "http://localhost:1/models/none/config.json: there is no such file on the server; check the address.";
    expect(reasonIn(fr.reasons, missing)).toContain("pas de config.json à l’adresse http://localhost:1/models/none");
    const unknown = 'the gap: metadata field "mood" is unknown, wanted one of length, genre; rename it, or train with';
    expect(reasonIn(en.reasons, unknown)).toMatch(/no place for “mood”; it knows length, genre\./);
    const room = "The text has 900 tokens, and this model sees from 1 to 250 at once; choose a part of it.";
    expect(reasonIn(fr.reasons, room)).toContain("900 morceaux de mots, et ce modèle en voit 250");
    const pdf = "scan.pdf: not a readable text but a PDF document; convert it";
    expect(reasonIn(fr.reasons, pdf)).toMatch(/^c’est du PDF ;/);
    expect(reasonIn(fr.reasons, "a.pages: not a readable text but a Pages document; open it")).toBe(
      fr.reasons.notReadable,
    );
  });

  it("puts what it does not know into a sentence that says what it is", () => {
    expect(reasonIn(en.reasons, "Something else happened.")).toBe("Something else happened.");
    expect(reasonIn(fr.reasons, "Something else happened.")).toBe(
      "Ceci n’est dit qu’en anglais : « Something else happened. »",
    );
  });

  it("says what stands within another sentence, too", () => {
    const note = "checkpoint-4 was not saved: Cannot write own/1: the storage is full; free some. Training goes on.";
    expect(reasonIn(fr.reasons, note)).toBe(fr.reasons.notSavedGoesOn(fr.reasons.storageFull));
  });
});
