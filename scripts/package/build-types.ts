// The package's declarations: one .d.ts for each source whose types an entry point reaches, by the compiler itself, and
// a map beside it, which names lines of src.
import { execFile } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { entryFiles, ROOT } from "./build-js.ts";
import { linesOnly } from "./lines-only.ts";

/**
 * WebGPU's types are the reader's own: of the compiler's DOM library (which has them since TypeScript 6), of
 * @webgpu/types, or none at all, and then they are objects. A reference to @webgpu/types would be at odds with the
 * first: both declare the same names, and the compiler says so.
 */
const webgpuType = (name: string): string =>
  `type ${name} = typeof globalThis extends { ${name}: { prototype: infer T } } ? T : object;`;

/** What a file needs and its reader may not have, as lines before its first. */
function preamble(file: string, text: string): string[] {
  const code = text.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, "");
  const names = new Set(code.match(/\bGPU(?:[A-Z]\w*)?\b/g));
  const dictionary = [...names].find((name) => !WEBGPU_CLASSES.includes(name));
  if (dictionary !== undefined)
    throw new Error(
      `build: the declarations in ${file} name ${dictionary}, which no value of the platform tells the type of; mark ` +
        "what names it @internal, or add it to WEBGPU_CLASSES if it is a class.",
    );
  const disposable = /\[Symbol\.dispose\]/.test(code) ? ['/// <reference lib="esnext.disposable" />'] : [];
  return [...disposable, ...[...names].sort().map(webgpuType)];
}

const WEBGPU_CLASSES = [
  "GPU",
  "GPUAdapter",
  "GPUBindGroup",
  "GPUBindGroupLayout",
  "GPUBuffer",
  "GPUCommandEncoder",
  "GPUComputePipeline",
  "GPUDevice",
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
  const lines = preamble(path, text).map((line) => `${line}\n`);
  // As many letters as before, so that the map stays true; lines are added to both.
  await writeFile(path, lines.join("") + text.replace(IMPORT, "$1.js"));
  const map = JSON.parse(linesOnly(await readFile(`${path}.map`, "utf8"))) as { mappings: string };
  await writeFile(`${path}.map`, JSON.stringify({ ...map, mappings: ";".repeat(lines.length) + map.mappings }));
}
