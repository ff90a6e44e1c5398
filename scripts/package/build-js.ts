// The JavaScript of the package, by rolldown: one module for each of the sources, so that a bundler of those who use it
// leaves out whole files (package.json says that they have no side effects) and a stack trace names the file it means.
// What the sources leave to their runtime is settled here: shaders become text in one module; modules that only Node
// can load are imported by names that package.json maps by condition; the npm packages that are no dependency of the
// package come along in vendor/, as far as they are used.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { HUB_URL } from "@huggingface/hub";
import { rolldown } from "rolldown";
import type { Plugin, SourceMap } from "rolldown";
import { minifySync } from "rolldown/utils";
import packageJson from "../../package.json" with { type: "json" };
import { wgslFiles } from "../../src/wgsl/index.ts";
import { buildPrograms } from "./build-programs.ts";
import { buildTables, tablesModule } from "./build-tables.ts";
import { modulesOf } from "./built-apart.ts";
import { linesOnly } from "./lines-only.ts";
import { mergesAsText, mergesPackage } from "./merges-as-text.ts";
import { licenceNotices } from "./notices.ts";
import { commandNames, replacing } from "./rewrites.ts";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SRC = join(ROOT, "src");

/** Modules behind the seam of runtimes -> their names in package.json's "imports". */
const SEAM: Readonly<Record<string, string>> = {
  "./gpu/node-gpu.ts": "#node-gpu",
  "./files/disk-folder.ts": "#disk-folder",
  "./hub/named-model.ts": "#named-model",
};

/** What a package of its own brings: never copied into dist. */
const EXTERNAL = [
  /^node:/,
  /^\.\/tables\//,
  /^#/,
  ...Object.keys(packageJson.optionalDependencies).map((name) => new RegExp(`^${name}(?:/|$)`)),
];

/** CommonJS would bring along what asks for Node's modules. */
const ES_MODULES = {
  comlink: join(ROOT, "node_modules", "comlink", "dist", "esm", "comlink.mjs"),
  stopword: join(ROOT, "node_modules", "stopword", "dist", "stopword.esm.mjs"),
};

/** They do nothing when they are loaded, and do not say so: without this all that uploads need comes along. */
const QUIET = /[/\\]node_modules[/\\](?:@huggingface|gearhash-jit)[/\\]/;

/** Source files -> where each stands in `outDir`, as one module without its comments, and a source map beside it. */
export async function buildJs(outDir: string): Promise<void> {
  const apart = await Promise.all([buildTables(outDir, SRC), buildPrograms(outDir, SRC, EXTERNAL)]);
  const files = [...new Set([...entryFiles(), ...apart.flatMap(({ used }) => used)])];
  const bundle = await rolldown({
    input: Object.fromEntries(files.map((file) => [file.replace(/\.ts$/, ""), join(SRC, file)])),
    external: EXTERNAL,
    platform: "node",
    resolve: { alias: ES_MODULES },
    plugins: [shadersAsText(), mergesAsText(), hubAddress(), builtTables(), runtimeSeam(), commandNames(), notNode()],
    treeshake: { moduleSideEffects: (id) => !id.startsWith(SRC) && !QUIET.test(id) },
  });
  try {
    const { output } = await bundle.write({
      dir: outDir,
      format: "esm",
      preserveModules: true,
      preserveModulesRoot: SRC,
      entryFileNames: ({ name }) => `${vendored(name)}.js`,
      sourcemap: true,
      sourcemapExcludeSources: true, // they would weigh more than the code
      comments: { legal: true, annotation: true, jsdoc: false },
    });
    await tidy(outDir);
    const modules = [...apart, { modules: modulesOf(output) }].flatMap((each) => each.modules);
    await writeFile(join(outDir, "vendor", "LICENSES.txt"), licenceNotices([...modules, mergesPackage()]));
  } finally {
    await bundle.close();
  }
}

/** An import of rolldown's helpers for CommonJS, of which nothing is used: it names a module of Node. */
const IDLE_IMPORT = /^import "[./]*_virtual\/_rolldown\/runtime\.js";$/m;

/**
 * Files as small as can be: a page loads them one by one, or by a bundler that does the same. Functions and classes
 * keep their names, which stack traces show, and a map says from which line of the sources everything comes. Maps of
 * the npm packages would name files that nobody has.
 */
async function tidy(outDir: string): Promise<void> {
  for (const file of await readdir(outDir, { recursive: true })) {
    const path = join(outDir, file);
    if (!file.endsWith(".js") || /^doctor[/\\]tables[/\\]/.test(file)) continue;
    const text = (await readFile(path, "utf8")).replace(IDLE_IMPORT, "");
    const mapFile = `${path}.map`;
    const inputMap = existsSync(mapFile) ? (JSON.parse(await readFile(mapFile, "utf8")) as SourceMap) : undefined;
    const mapped = inputMap !== undefined && !/^(vendor|_virtual)[/\\]/.test(file);
    const mangle = { keepNames: { function: mapped, class: mapped } };
    const { code, map, errors } = minifySync(path, text, { module: true, mangle, sourcemap: mapped, inputMap });
    if (errors.length > 0) throw new Error(`build: ${file}: ${errors[0].message}`);
    await writeFile(path, mapped ? `${code.trimEnd()}\n//# sourceMappingURL=${basename(file)}.map\n` : code);
    if (mapped) await writeFile(mapFile, linesOnly(JSON.stringify(map)));
    else await rm(mapFile, { force: true });
  }
}

/** The entry points, and what only the seam imports. */
export function entryFiles(): string[] {
  const entries = readdirSync(join(SRC, "entries")).map((file) => `entries/${file}`);
  const behindTheSeam = Object.keys(SEAM).map((path) => path.slice("./".length));
  return ["index.ts", ...entries, ...behindTheSeam];
}

/** What stands in the place of Node's own modules where a bundler builds for a browser. */
const notNode = (): Plugin => ({
  name: "not-node",
  buildStart() {
    const source = `import { UserError } from "./errors.js";
      const refuse = () => {
        throw new UserError("This bundle of gpt2-webgpu was made for browsers and runs in Node: have the bundler " +
          "resolve the condition \\"node\\", or leave gpt2-webgpu out of the bundle.");
      };
      export { refuse as diskFolderAt, refuse as openGpu, refuse as pathOfNamedModel, refuse as remedies };
    `;
    this.emitFile({ type: "asset", fileName: "not-node.js", source: source.replace(/^ {6}/gm, "") });
  },
});

/** npm leaves every folder named node_modules out of a package. */
const vendored = (name: string): string =>
  name.replace(/^(.*\/)?node_modules\//, "vendor/").replaceAll("node_modules/", "");

export function shadersAsText(): Plugin {
  return {
    name: "shaders-as-text",
    load: {
      filter: { id: /[/\\]src[/\\]wgsl[/\\]sources\.ts$/ },
      handler: () => {
        const texts = Object.entries(wgslFiles).map(([file, url]) => [
          file,
          withoutComments(readFileSync(url, "utf8")),
        ]);
        return `
          const texts = ${JSON.stringify(Object.fromEntries(texts), undefined, 2)};
          export const shaderSources = () => Promise.resolve(new Map(Object.entries(texts)));
        `;
      },
    },
  };
}

/** Of @huggingface/hub a page needs one address. */
export const hubAddress = (): Plugin => ({
  name: "hub-address",
  load: {
    filter: { id: /[/\\]src[/\\]hub[/\\]address\.ts$/ },
    handler: () => `export const HUB_URL = ${JSON.stringify(HUB_URL)};`,
  },
});

/** The doctor's tables, which are built by themselves. */
const builtTables = (): Plugin => ({
  name: "built-tables",
  load: { filter: { id: /[/\\]src[/\\]doctor[/\\]kernel-tables\.ts$/ }, handler: tablesModule },
});

/**
 * Without comments and most blanks. The lines stay where they are: messages of shader compilers name them. Beside > and
 * = blanks stay, too: without them some would be other tokens.
 */
export const withoutComments = (wgsl: string): string =>
  wgsl
    .replace(/[ \t]*\/\/.*$/gm, "")
    .replace(/^[ \t]+|[ \t]*([,;{}()])[ \t]*/gm, "$1")
    .replace(/(?<=[\w)\]])[ \t]+([=+*])[ \t]+(?=[\w(])/g, "$1")
    .trimEnd();

/** import() of a variable is what bundlers cannot follow; of a name that package.json maps by condition they can. */
const runtimeSeam = (): Plugin =>
  replacing("runtime-seam", /importInNode<(?:typeof import\("[^"]+"\)|\w+)>\(\s*"([^"]+)"\s*\)/g, (specifier, id) =>
    specifier.startsWith("node:") ? undefined : `import(${JSON.stringify(seamName(specifier, id))})`,
  );

function seamName(specifier: string, id: string): string {
  const name = SEAM[specifier];
  if (name === undefined) throw new Error(`build: SEAM in scripts/package/build-js.ts lacks ${specifier} of ${id}`);
  return name;
}
