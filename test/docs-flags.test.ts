// Every flag that a page names in its sentences is one of the programs' own (`npm run check:docs` runs only whole
// commands).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DOCTOR } from "../src/cli/doctor/flags.ts";
import { EVALUATE } from "../src/cli/evaluate/flags.ts";
import { EXPORT } from "../src/cli/export/flags.ts";
import { GENERATE } from "../src/cli/generate/flags.ts";
import { PREPARE } from "../src/cli/prepare/flags.ts";
import { STUDIO } from "../src/cli/studio/flags.ts";
import { TRAIN } from "../src/cli/train/flags.ts";
import { snakeCase } from "../src/snake-case.ts";
import { ROOT } from "./documents.ts";

const known = new Set(
  [DOCTOR, EVALUATE, EXPORT, GENERATE, PREPARE, STUDIO, TRAIN].flatMap(({ flags }) =>
    Object.entries(flags).flatMap(([key, { aliases = [] }]) => [snakeCase(key), ...aliases]),
  ),
);
/** Of every program, of Node, npm, Deno and mpirun, and of the scripts in bench. */
const OTHERS = new Set([
  "help",
  "version",
  "import",
  "omit",
  "allow_all",
  "oversubscribe",
  "mca",
  "trials",
  "only_expected",
]);
const flagsIn = (text: string): string[] =>
  [...text.matchAll(/`(?:[^`]* )?--([a-z]\w*(?:-\w+)*)[^`]*`/g)].map(([, name]) => name!.replaceAll("-", "_"));

const pages = ["writers", "developers"].flatMap((folder) =>
  readdirSync(join(ROOT, "docs", folder)).map((file) => join("docs", folder, file)),
);

it.each(["README.md", ...pages])("%s names no flag that there is not", (page) => {
  const named = flagsIn(readFileSync(join(ROOT, page), "utf8"));
  expect(named.filter((name) => !known.has(name) && !OTHERS.has(name))).toEqual([]);
});

it("finds them in sentences, under both spellings", () => {
  expect(flagsIn("`--num-beams 4` or `npx x --top_p 1`, not --this")).toEqual(["num_beams", "top_p"]);
  expect(known.size).toBeGreaterThan(100);
});
