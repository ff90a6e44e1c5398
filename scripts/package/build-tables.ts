// The doctor's tables in the package: the test files of kernels, each a module of its own that takes the engine from
// the package's modules and vitest's functions from the doctor's stand-in. They are loaded when they are run.
import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { rolldown } from "rolldown";
import type { Plugin } from "rolldown";
import { tableFiles } from "../../bench/kernel-tables.ts";

/** In dist. */
const FOLDER = join("doctor", "tables");

export interface BuiltTables {
  /** The modules of `src` that they use, as paths from there: the package must hold all that these export. */
  readonly used: readonly string[];
  /** All that is in them. */
  readonly modules: readonly string[];
}

/** Writes them to `outDir`, small and without maps. */
export async function buildTables(outDir: string, src: string): Promise<BuiltTables> {
  const used = new Set<string>(["doctor/test-shim.ts"]);
  const fromPackage: Plugin = {
    name: "the-engine-of-the-package",
    resolveId(specifier, importer) {
      const path =
        specifier === "vitest" ? join(src, "doctor", "test-shim.ts") : resolve(dirname(importer ?? ""), specifier);
      if (!specifier.startsWith(".") && specifier !== "vitest") return undefined;
      const module = relative(src, path).replaceAll("\\", "/");
      if (module.startsWith("..")) return undefined;
      used.add(module);
      return { id: `../../${module.replace(/\.ts$/, ".js")}`, external: "relative" };
    },
  };
  const bundle = await rolldown({
    input: Object.fromEntries(tableFiles()),
    platform: "browser",
    plugins: [fromPackage, usedOfFastCheck()],
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
    const modules = output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
    return { used: [...used].sort(), modules };
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
