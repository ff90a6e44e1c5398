// The package's declarations: one .d.ts for each source whose types an entry point reaches, by the compiler itself, and
// a map beside it, which names lines of src.
import { execFile } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { entryFiles, ROOT } from "./build-js.ts";

/** Types that a file needs and that its reader may not have loaded, as references: pattern -> the line. */
const REFERENCES: readonly (readonly [RegExp, string])[] = [
  [/\bGPU[A-Z]/, '/// <reference types="@webgpu/types" />'],
  [/\[Symbol\.dispose\]/, '/// <reference lib="esnext.disposable" />'],
];

/** Throws Error with the compiler's words where a type is wrong. */
export async function buildTypes(outDir: string): Promise<void> {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const argv = [tsc, "--project", join(ROOT, "tsconfig.build.json"), "--outDir", outDir];
  await promisify(execFile)(process.execPath, argv).catch((error: { stdout?: string }) => {
    throw new Error(`tsc: ${error.stdout ?? String(error)}`, { cause: error });
  });
  const reached = new Set<string>();
  for (const entry of entryFiles()) await addReferences(join(outDir, entry.replace(/\.ts$/, ".d.ts")), reached);
  for (const file of await readdir(outDir, { recursive: true })) {
    const path = join(outDir, file);
    if (!file.endsWith(".d.ts")) continue;
    if (reached.has(path)) await finish(path);
    else await Promise.all([rm(path), rm(`${path}.map`)]);
  }
}

const IMPORT = /(?<=\b(?:from|import)\s*\(?")(\.[^"]+)\.ts(?=")/g;

/** Adds `file` and the declarations that it imports; the command line has none. */
async function addReferences(file: string, reached: Set<string>): Promise<void> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined || reached.has(file)) return;
  reached.add(file);
  for (const [specifier] of text.matchAll(IMPORT))
    await addReferences(join(dirname(file), specifier.replace(/\.ts$/, ".d.ts")), reached);
}

async function finish(path: string): Promise<void> {
  const text = await readFile(path, "utf8");
  const lines = REFERENCES.filter(([pattern]) => pattern.test(text)).map(([, line]) => `${line}\n`);
  // As many letters as before, so that the map stays true; lines are added to both.
  await writeFile(path, lines.join("") + text.replace(IMPORT, "$1.js"));
  if (lines.length === 0) return;
  const map = JSON.parse(await readFile(`${path}.map`, "utf8")) as { mappings: string };
  await writeFile(`${path}.map`, JSON.stringify({ ...map, mappings: ";".repeat(lines.length) + map.mappings }));
}
