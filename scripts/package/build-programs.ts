// The command line in the package, each program with what is its own, and what several share: nobody imports them, so
// there is nothing for a bundler to leave out and no map beside them, and as a module for each source they weigh 15 kB
// more. All of it stands in one folder, as deep as those of src/cli: some sources name files by where they stand.
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";
import { modulesOf, usesThePackage } from "./built-apart.ts";
import type { BuiltApart } from "./built-apart.ts";
import { commandNames } from "./rewrites.ts";

/** In dist. */
const FOLDER = "cli/programs";
/** What npx starts, where it can be named by hand: node dist/gpt2-webgpu.js. */
const COMMAND = "gpt2-webgpu.js";

/** What is started as a thread, by its address. */
const WORKERS = ["cli/train/data-cache/encode-worker.ts"];

/** Files directly in src that are no library: importing one runs it. */
const programsIn = (src: string): string[] =>
  readdirSync(src).filter((file) => file.endsWith(".ts") && readFileSync(join(src, file), "utf8").includes("runCli("));

/** Writes it to `outDir`. `external`: what is imported by its name. */
export async function buildPrograms(outDir: string, src: string, external: readonly RegExp[]): Promise<BuiltApart> {
  const programs = programsIn(src);
  const used = new Set<string>();
  const bundle = await rolldown({
    input: Object.fromEntries(
      [...programs, ...WORKERS].map((file) => [`${FOLDER}/${basename(file, ".ts")}`, join(src, file)]),
    ),
    external: [...external],
    platform: "node",
    plugins: [
      usesThePackage({ src, at: src, used, own: (path) => path.startsWith("cli/") || programs.includes(path) }),
      commandNames(),
    ],
    treeshake: { moduleSideEffects: (id) => !id.startsWith(join(src, "cli")) },
  });
  try {
    const { output } = await bundle.write({
      dir: outDir,
      format: "esm",
      minify: true,
      entryFileNames: "[name].js",
      chunkFileNames: `${FOLDER}/[name].js`,
      comments: { legal: true, annotation: false, jsdoc: false },
    });
    await writeFile(join(outDir, COMMAND), `#!/usr/bin/env node\nimport "./${FOLDER}/${COMMAND}";\n`);
    return { used: [...used].sort(), modules: modulesOf(output) };
  } finally {
    await bundle.close();
  }
}
