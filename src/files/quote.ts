// Text and values from someone else's file, as messages show them: on one line, cut short, without the control
// characters that would move a terminal's cursor or colour it, and never an error of their own.

/** Longest excerpt of foreign text in a message, in UTF-16 units. */
const EXCERPT = 80;

/**
 * C0 and C1 controls, DEL, line and paragraph separators, the marks that turn the direction of text around, invisible
 * tags, and halves of surrogate pairs: what a terminal obeys or cannot show.
 */
const UNPRINTABLE =
  /[\p{Cc}\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069\uFEFF\u{E0000}-\u{E007F}]|\p{Surrogate}/gu;

/** Foreign text for a message: control characters as escapes (\u001b), and no longer than `limit` UTF-16 units. */
export function printable(text: string, limit = EXCERPT): string {
  const shown = text.slice(0, limit + 1).replace(UNPRINTABLE, escape);
  return text.length <= limit && shown.length <= limit ? shown : `${withoutHalf(shown.slice(0, limit - 3))}...`;
}

/** What people may have written into prose although it is unprintable in a message. */
const OF_PROSE = /[\n\t\u061C\u200E\u200F\uFEFF]/;

/** Foreign prose, whole: as `printable`, but lines (CR LF too), tabs and direction marks stay. */
export function printableText(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(UNPRINTABLE, (char) => (OF_PROSE.test(char) ? char : escape(char)));
}

/** A value as JSON, at most 80 characters of it; "missing" for undefined. */
export function quote(value: unknown): string {
  if (typeof value === "string") {
    const shown = printable(JSON.stringify(value.slice(0, EXCERPT + 1)), Infinity);
    return shown.length > EXCERPT ? `${withoutHalf(shown.slice(0, EXCERPT - 4))}..."` : shown;
  }
  try {
    return printable(JSON.stringify(value) ?? "missing");
  } catch {
    return "deeply nested JSON"; // nested deeper than the stack allows, or longer than a string may be
  }
}

function escape(char: string): string {
  const names: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return names[char] ?? `\\u${char.codePointAt(0)!.toString(16).padStart(4, "0")}`;
}

/** Without the first half of a pair at its end. */
function withoutHalf(text: string): string {
  return text.replace(/[\uD800-\uDBFF]$/, "");
}
