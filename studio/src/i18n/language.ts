// The interface's language: what the user chose, else the first of the browser's that there is.
import { en } from "./en/index.ts";
import { fr } from "./fr/index.ts";
import type { Messages } from "./messages.ts";

export const LANGUAGES = { en, fr } as const satisfies Readonly<Record<string, Messages>>;
export type Language = keyof typeof LANGUAGES;

/** In their own words, for the list. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: "English", fr: "Français" };

export function isLanguage(value: unknown): value is Language {
  return typeof value === "string" && Object.hasOwn(LANGUAGES, value);
}

/** `wanted`: language tags, best first, as navigator.languages has them. */
export function bestLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split("-")[0];
    if (isLanguage(primary)) return primary;
  }
  return "en";
}
