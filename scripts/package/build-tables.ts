// The doctor's tables in the package: the test files of kernels, each a module of its own that takes the engine from
// the package's modules and vitest's functions from the doctor's stand-in. They are loaded when they are run.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import type { Plugin } from "rolldown";
import { tableFiles } from "../../bench/kernel-tables.ts";
import { modulesOf, usesThePackage } from "./built-apart.ts";
import type { BuiltApart } from "./built-apart.ts";

/** In dist. */
const FOLDER = "doctor/tables";
/** Stands in the place of vitest. */
const TEST_SHIM = "doctor/test-shim.ts";

/** Writes them to `outDir`, small and without maps. */
export async function buildTables(outDir: string, src: string): Promise<BuiltApart> {
  const used = new Set<string>([TEST_SHIM]);
  const bundle = await rolldown({
    input: Object.fromEntries(tableFiles()),
    platform: "browser",
    plugins: [usesThePackage({ src, at: "../..", used, alias: { vitest: TEST_SHIM } }), usedOfFastCheck()],
  });
  try {
    const { output } = await bundle.write({
      dir: join(outDir, FOLDER),
      format: "esm",
      minify: true,
      entryFileNames: "[name].js",
      chunkFileNames: "shared-[name].js",
      comments: { legal: true, annotation: false, jsdoc: false },
    });
    return { used: [...used].sort(), modules: modulesOf(output) };
  } finally {
    await bundle.close();
  }
}

/** Of the library of properties what the tables call: the whole weighs three times as much. */
function usedOfFastCheck(): Plugin {
  const mark = "\0used-of-fast-check";
  return {
    name: "used-of-fast-check",
    resolveId: (specifier, importer) => (specifier === "fast-check" && importer !== mark ? mark : undefined),
    load(id) {
      if (id !== mark) return undefined;
      const texts = [...tableFiles().values()].map((file) => readFileSync(file, "utf8"));
      const names = new Set(texts.flatMap((text) => [...text.matchAll(/\bfc\.(\w+)/g)].map(([, name]) => name)));
      const list = [...names].sort().join(", ");
      return `import { ${list} } from "fast-check";\nexport default { ${list} };\n`;
    },
  };
}

/** Stands in the place of src/doctor/kernel-tables.ts: each table's name and what imports it. */
export function tablesModule(): string {
  const entries = [...tableFiles().keys()].map(
    (name) => `  [${JSON.stringify(name)}, () => import("./tables/${name}.js")],`,
  );
  return [
    "const tables = new Map([",
    ...entries,
    "]);",
    "export const kernelTables = () => Promise.resolve(tables);",
    "",
  ].join("\n");
}
