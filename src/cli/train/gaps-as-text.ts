// Infilling examples given as plain text: a model would learn to write braces and quotes, and nothing would say so.
import { UserError } from "../../errors.ts";
import { isObject } from "../../files/json.ts";

/** Throws UserError where the first line of `text`, a file's or its beginning, is an infilling example. */
export function refuseGaps(text: string, file: string): void {
  const start = text.search(/[^\s\ufeff]/);
  if (text[start] !== "{") return;
  const end = text.indexOf("\n", start);
  const example = objectOf(text.slice(start, end < 0 ? undefined : end));
  if (!["p1", "p2", "p3"].every((field) => field in example)) return;
  throw new UserError(
    `${file} holds infilling examples (objects with p1, p2 and p3), which are no plain text; give it as --train_file ` +
      "to learn from, as --validation_file to evaluate on.",
  );
}

function objectOf(line: string): object {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
