// The examples in docstrings, as text.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../src/", import.meta.url));

/** Of a file below src, in order. */
export function examplesIn(file: string): string[] {
  const text = readFileSync(src + file, "utf8");
  return [...text.matchAll(/^ \* @example\n((?: \* .*\n)+)/gm)].map(([, lines]) => lines.replaceAll(/^ \* /gm, ""));
}

/** The files below src that have some, sorted. */
export const documentedFiles = (): string[] =>
  readdirSync(src, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts") && examplesIn(file).length > 0)
    .sort();
