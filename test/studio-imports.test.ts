// The studio is a user of the package: what it imports of it are its entry points, so that whatever it needs, others
// can have too.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SRC = fileURLToPath(new URL("../studio/src/", import.meta.url));
const ENTRY = /^(?:\.\.\/)+src\/(?:index|entries\/[\w-]+)\.ts$/;

/** Imports of the package's sources that are no entry points. */
function deepImports(text: string): string[] {
  return [...text.matchAll(/(?:from|import\()\s*"((?:\.\.\/)+src\/[^"]+)"/g)]
    .map(([, specifier]) => specifier)
    .filter((specifier) => !ENTRY.test(specifier));
}

describe("the studio", () => {
  it("imports the package by its entry points", () => {
    const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));
    expect(files.length).toBeGreaterThan(20);
    for (const file of files) expect(deepImports(readFileSync(join(SRC, file), "utf8")), file).toEqual([]);
  });

  it("is seen where it does not", () => {
    const text = 'import { a } from "../../../src/gpu/device.ts";\nimport { b } from "../../../src/entries/worker.ts";';
    expect(deepImports(`${text}\nawait import("../../src/infill/fit.ts")`)).toEqual([
      "../../../src/gpu/device.ts",
      "../../src/infill/fit.ts",
    ]);
  });
});
