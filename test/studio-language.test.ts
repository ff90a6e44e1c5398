// The studio's texts: a language that lacks one does not compile; what the compiler cannot see is here.
import { describe, expect, it } from "vitest";
import { bestLanguage, LANGUAGES } from "../studio/src/i18n/language.ts";

/** Every text by its path, functions called with words that stand for their arguments. */
function textsOf(messages: object, path = ""): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(messages as Record<string, unknown>)) {
    const here = `${path}${key}`;
    if (typeof value === "string") texts.set(here, value);
    else if (typeof value === "function")
      texts.set(here, String(value(...Array.from({ length: value.length }, (_, i) => `<${i}>`))));
    else for (const [inner, text] of textsOf(value as object, `${here}.`)) texts.set(inner, text);
  }
  return texts;
}

describe("the studio's languages", () => {
  const english = textsOf(LANGUAGES.en);
  const french = textsOf(LANGUAGES.fr);

  it("say the same things, each in some words", () => {
    expect([...french.keys()].sort()).toEqual([...english.keys()].sort());
    for (const texts of [english, french]) for (const [key, text] of texts) expect(text.trim(), key).not.toBe("");
  });

  it("use all that a text is given", () => {
    for (const [key, text] of english)
      for (const [hole] of text.matchAll(/<\d>/g)) expect(french.get(key), key).toContain(hole);
    for (const [key, text] of french)
      for (const [hole] of text.matchAll(/<\d>/g)) expect(english.get(key), key).toContain(hole);
  });

  it("French has its own quotation marks and apostrophes", () => {
    for (const [key, text] of french) expect(text, key).not.toMatch(/["“”]|\p{L}'\p{L}/u);
  });
});

describe("bestLanguage", () => {
  it.each([
    [["fr-CA", "en"], "fr"],
    [["de-DE", "fr"], "fr"],
    [["EN-us"], "en"],
    [["de", "nl"], "en"],
    [[], "en"],
    [["french"], "en"],
  ] as const)("%j: %s", (wanted, language) => expect(bestLanguage(wanted)).toBe(language));
});
