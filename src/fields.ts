// Objects of options as people write them: a field that nobody reads is a mistake, and is said to be one. TypeScript
// sees it only where the object is written out in the call: not in a spread, a variable, or JavaScript.
import { UserError } from "./errors.ts";

/** Every field of T by its name, complete because the compiler asks for all of them. */
export type FieldsOf<T> = { readonly [K in keyof Required<T>]: true };

/**
 * Throws UserError when `given` has a field that `known` lacks, and says which may have been meant. A field that is
 * undefined counts as absent. `what` names the call: "forward()".
 */
export function expectFields(what: string, given: object, known: Readonly<Record<string, true>>): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name) || (given as Readonly<Record<string, unknown>>)[name] === undefined) continue;
    const names = Object.keys(known);
    const nearest = nearestName(name, names);
    const advice = nearest === undefined ? `known are ${names.join(", ")}` : `did you mean ${nearest}?`;
    throw new UserError(`${what}: unknown field ${shown(name)}; ${advice}${nearest === undefined ? "." : ""}`);
  }
}

/** A name for a message, short and without what a terminal obeys: it may come from a file. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 60)).replaceAll(
    /\p{C}|\p{Zl}|\p{Zp}/gu,
    (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
}

/** The known name that `name` was probably meant to be, if any is near: case, - and _ do not count. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const plain = (word: string): string => word.replaceAll(/[-_]/g, "").toLowerCase();
  let nearest: string | undefined;
  let least = Math.min(Math.max(2, name.length / 3), name.length);
  for (const candidate of known) {
    if (Math.abs(plain(name).length - plain(candidate).length) >= least) continue;
    const distance = editDistance(plain(name), plain(candidate));
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}
