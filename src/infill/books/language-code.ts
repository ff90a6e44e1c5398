// The language of a book as a code of ISO 639-1 ("fr"), however its file says it: "French", "français", "fra" or
// "fr-FR".
// Intl knows the names and how the codes of three letters stand to those of two.

/** ISO 639: two letters a language. */
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];
let names: ReadonlyMap<string, string> | undefined;

/** `written` in lower case where it is neither a code nor a name that is known. */
export function languageCode(written: string): string {
  const text = written.trim().toLowerCase();
  names ??= languageNames();
  const code = names.get(text);
  if (code !== undefined || !/^\p{L}/u.test(text)) return code ?? text;
  try {
    return new Intl.Locale(text.replaceAll("_", "-")).language;
  } catch {
    return text; // no language tag
  }
}

/** Names of languages in English and in themselves. */
function languageNames(): ReadonlyMap<string, string> {
  const english = new Intl.DisplayNames("en", { type: "language", fallback: "none" });
  const codes = LETTERS.flatMap((first) => LETTERS.map((second) => first + second));
  return new Map(
    codes.flatMap((code) => {
      const name = english.of(code);
      if (name === undefined) return [];
      const own = new Intl.DisplayNames(code, { type: "language", fallback: "none" }).of(code) ?? name;
      return [name, own].map((each) => [each.toLowerCase(), code] as const);
    }),
  );
}
