// What a person writes to ask for a word ("boat", "boat|ship", "walk(s,ed,ing)", "the old mill") as the forms that
// count, and whether a text has one of them as whole words.
import { UserError } from "../../errors.ts";
import { quote } from "../../files/quote.ts";
import { normalizeText } from "../../text/normalize.ts";

export interface WordForms {
  /** As it was asked for, for messages. */
  readonly name: string;
  /** Any of them counts; in one spelling (normalizeText). */
  readonly forms: readonly string[];
  readonly anyCase: boolean;
}

/**
 * `text`: alternatives between "|"; endings in brackets after a word are inflections, "" among them. A form in small
 * letters counts with a capital too, as sentences begin; with `anyCase` any capitals count. Throws UserError for what
 * holds no word.
 */
export function wordForms(text: string, anyCase = false): WordForms {
  const forms = text.split("|").flatMap((form) => inflected(normalizeText(form)));
  if (forms.length === 0 || forms.some((form) => !/[\p{L}\p{N}]/u.test(form)))
    throw new UserError(
      `${quote(text)} names no word; write a word or a phrase, alternatives as "boat|ship", endings as "walk(s,ed)".`,
    );
  return { name: text.trim(), forms: [...new Set(forms.flatMap((form) => variants(form, anyCase)))], anyCase };
}

/** Whether one of the forms stands in the text, with no letter or digit before or after it. */
export function occurs({ forms, anyCase }: WordForms, text: string): boolean {
  return forms.some((form) => new RegExp(whole(form), anyCase ? "iu" : "u").test(text));
}

/** "walk(s,ed)" -> walk, walks, walked. */
function inflected(form: string): string[] {
  const [, stem, endings] = /^(.*[\p{L}\p{N}])\(([^()]*)\)$/u.exec(form) ?? [];
  if (stem === undefined || endings === undefined) return [form];
  return [stem, ...endings.split(",").map((ending) => stem + ending.trim())];
}

function variants(form: string, anyCase: boolean): string[] {
  const capital = (word: string): string => word.replace(/\p{L}/u, (letter) => letter.toUpperCase());
  if (!anyCase) return /^\P{L}*\p{Ll}/u.test(form) ? [form, capital(form)] : [form];
  const lower = form.toLowerCase();
  return [form, lower, capital(lower), lower.replace(/[^\s-]+/g, capital), form.toUpperCase()];
}

function whole(form: string): string {
  const word = String.raw`[\p{L}\p{N}\p{M}_]`;
  const inner = form.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`).replaceAll(" ", String.raw`\s+`);
  const before = new RegExp(`^${word}`, "u").test(form) ? `(?<!${word})` : "";
  const after = new RegExp(`${word}$`, "u").test(form) ? `(?!${word})` : "";
  return before + inner + after;
}
