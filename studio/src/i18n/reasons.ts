// Why something failed, in the page's language. The engine speaks English and to all its users; those of its sentences
// that a writer can meet are known (patterns.ts) and said in the writer's words. Any other stands in a sentence that
// says what it is.
import type { Messages } from "./messages.ts";
import { AROUND_ANOTHER, PATTERNS } from "./patterns.ts";
import type { Kind } from "./patterns.ts";

type Words = Messages["reasons"];

/** What went wrong, said in the page's words already. */
export class SaidError extends Error {
  override readonly name = "SaidError";
}

/** The engine quotes names; texts have their language's own quotation marks, or none. */
const bare = (part: string): string => part.replace(/^"(.*)"$/, "$1");

/** What it is, of what is known, and the parts that its text is given. */
export function kindOf(message: string): { readonly kind: Kind; readonly parts: readonly string[] } | undefined {
  for (const [kind, pattern] of PATTERNS) {
    const found = pattern.exec(message);
    if (found) return { kind, parts: found.slice(1).map((part) => bare(part ?? "")) };
  }
  return undefined;
}

/** `message`: an error's or a note's; the same in words of the page's language. */
export function reasonIn(words: Words, message: string): string {
  const known = kindOf(message);
  if (!known) return words.other(message);
  const { kind, parts } = known;
  const { [kind]: text } = words;
  if (typeof text === "string") return text;
  const said = AROUND_ANOTHER.has(kind) ? [...parts.slice(0, -1), reasonIn(words, parts.at(-1)!)] : parts;
  return (text as (...parts: string[]) => string)(...said);
}
