// npm run check:package: the package as those who install it have it. Packs it, installs the tarball in a folder of its
// own beside the runtimes, compilers and bundlers of TOOLS (all from npm), and tries each of them: what they say is the
// check. Names on the command line run only the checks whose names hold one of them.
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import packageJson from "../package.json" with { type: "json" };
import { runCli } from "../src/cli/shared/run.ts";
import { followDeclarationMaps } from "./installed/declaration-maps.ts";
import { builtByNext } from "./installed/next.ts";
import { bin, run } from "./installed/run.ts";
import { servedStudio } from "./installed/studio.ts";
import { servedByVite } from "./installed/vite-dev.ts";
import { npmInstall } from "./npm-install.ts";
import { ROOT } from "./package/build-js.ts";

const { devDependencies, peerDependencies } = packageJson;
/** One version each, so that a check fails by our doing alone. */
const TOOLS: Readonly<Record<string, string>> = {
  "@arethetypeswrong/cli": "0.18.5",
  bun: "1.4.5",
  deno: devDependencies.deno,
  esbuild: "0.28.2",
  "node-22": `npm:node-${process.platform}-${process.arch}@22.23.3`,
  "node-24": `npm:node-${process.platform}-${process.arch}@24.9.0`,
  publint: "0.3.25",
  "@types/node": devDependencies["@types/node"],
  "@webgpu/types": devDependencies["@webgpu/types"],
  typescript: devDependencies.typescript,
  "typescript-5": "npm:typescript@5.9.3",
  vite: devDependencies.vite,
  webpack: "5.113.0",
  "webpack-cli": "7.3.1",
};
const MOST_PACKED_BYTES = 3e6;
const ENTRIES = Object.keys(packageJson.exports)
  .filter((entry) => !entry.endsWith(".json"))
  .map((entry) => `gpt2-webgpu${entry.slice(1)}`);
const LOAD_ALL = `for (const entry of ${JSON.stringify(ENTRIES)}) {
  const { length } = Object.keys(await import(entry));
  if (length === 0) throw new Error(entry + " exports nothing");
}
console.log("loaded");
`;
/** The same in every runtime that has WebGPU: to the letter. */
const FILL = `import { Infiller } from "gpt2-webgpu/infill";
const infiller = await Infiller.load("node_modules/gpt2-webgpu/weights/demo");
const { text } = await infiller.fill({
  p1: "Kim sat by the brook.", p3: "Then it rained.", options: { numBeams: 2, maxNewTokens: 12 },
});
console.log(JSON.stringify(text));
`;
/** What the page of examples/fine-tune does, without the page. */
const FINE_TUNE = `import { readFile } from "node:fs/promises";
import { parseJsonl } from "gpt2-webgpu/infill";
import { fineTune, openModel } from "./examples/fine-tune/fine-tune.js";
const html = await readFile("examples/fine-tune/index.html", "utf8");
const examples = parseJsonl(/<textarea[^>]*>(.*?)</s.exec(html)[1], "the page's field");
const opened = await openModel("node_modules/gpt2-webgpu/weights/demo");
await fineTune(opened, examples, { onLoss: (loss) => console.log(loss) });
opened.destroy();
`;
const PAGE = `import { Infiller } from "gpt2-webgpu/infill";
import { Trainer } from "gpt2-webgpu/train";
Object.assign(globalThis, { Infiller, Trainer });
`;

interface Project {
  readonly folder: string;
  readonly tarball: string;
}
/** Throws Error where something is wrong; what it returns is shown beside its name. */
type Check = (project: Project) => Promise<string>;

const expectText = (found: string, wanted: RegExp): void => {
  if (!wanted.test(found)) throw new Error(`wanted ${wanted}, found: ${found.trim() || "nothing"}`);
};
const last = (text: string): string => text.trim().split("\n").at(-1)!;

/** Node as npm brings it. */
const otherNode = ({ folder }: Project, name: string): string => join(folder, "node_modules", name, "bin", "node");

/** Bun's own file: where it is until a script of the package, which npm may not run, puts it in its place. */
async function bun({ folder }: Project): Promise<string> {
  const home = join(folder, "node_modules", "@oven");
  for (const name of await readdir(home)) {
    const file = join(home, name, "bin", "bun");
    if (existsSync(file)) return file;
  }
  return join(folder, bin("bun"));
}

const loads =
  (command: (project: Project) => string | Promise<string>, ...argv: string[]): Check =>
  async (project) => {
    const said = await run(project.folder, await command(project), ...argv, "load.mjs");
    expectText(said, /^loaded\n$/);
    return `${ENTRIES.length} entry points`;
  };

/** The command in a runtime that has no command line of its own for it: what it finds out about itself. */
const examines =
  (command: (project: Project) => string | Promise<string>, ...argv: string[]): Check =>
  async (project) => {
    const program = join("node_modules", "gpt2-webgpu", packageJson.bin["gpt2-webgpu"]);
    const said = await run(project.folder, await command(project), ...argv, program, "doctor", "add", "gelu");
    expectText(said, /^Runtime +(?:Deno|Bun) \d[^]*\n\d\d checks passed, 0 failed\.\n$/m);
    return last(said);
  };

/** A page's bundle, which must hold the engine, nothing of Node, and be made without a warning. */
async function bundled(folder: string, said: string, out: string): Promise<string> {
  if (/warn/i.test(said)) throw new Error(said);
  const files = (await readdir(join(folder, out), { recursive: true })).filter((file) => file.endsWith(".js"));
  const code = (await Promise.all(files.map((file) => readFile(join(folder, out, file), "utf8")))).join("\n");
  expectText(code, /attention_decode/);
  if (/(?:from|import|require)\s*\(?["'](node:|webgpu)/.test(code))
    throw new Error("the bundle asks for Node's modules");
  return `${Math.round(gzipSync(code).length / 1000)} kB of gzip`;
}

/** A page of examples/, built by Vite with its own settings: it must bring the demo model along. */
async function builtExample(folder: string, name: string): Promise<string> {
  const said = await run(folder, bin("vite"), "build", join("examples", name));
  const out = join("examples", name, "dist");
  if (!existsSync(join(folder, out, "demo", "model.safetensors"))) throw new Error("the demo model was not copied");
  return bundled(folder, said, out);
}

interface TypesProject {
  readonly module: string;
  readonly moduleResolution: string;
  readonly lib: readonly string[];
  readonly types?: readonly string[];
  readonly compiler?: string;
  /** Whether the compiler knows WebGPU's types. */
  readonly webgpu: boolean;
}

/** A project that lets the compiler read every declaration, its own libraries' too. */
const typeChecks =
  ({ compiler = "typescript", types = [], webgpu, ...options }: TypesProject): Check =>
  async ({ folder }) => {
    const strict = { strict: true, noEmit: true, skipLibCheck: false, target: "es2022" };
    const name = [compiler, options.module, ...options.lib, ...types].join("-").replaceAll(/[^\w-]/g, "");
    const project = `tsconfig.${name}.json`;
    const files = ["types.ts", ...(webgpu ? ["types-webgpu.ts"] : [])];
    const config = { compilerOptions: { ...strict, types, ...options }, files };
    await writeFile(join(folder, project), JSON.stringify(config));
    await run(folder, process.execPath, join("node_modules", compiler, "bin", "tsc"), "--project", project);
    return `strict, skipLibCheck off, lib ${options.lib.join(" and ")}`;
  };

const NODENEXT = { module: "nodenext", moduleResolution: "nodenext" };
const BUNDLER = { module: "esnext", moduleResolution: "bundler" };

async function bytesIn(folder: string): Promise<number> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    entries.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

const CHECKS: Readonly<Record<string, Check>> = {
  "packed size": async ({ tarball }) => {
    const { size } = await stat(tarball);
    if (size >= MOST_PACKED_BYTES) throw new Error(`${size} bytes, wanted less than ${MOST_PACKED_BYTES}`);
    return `${(size / 1e6).toFixed(2)} MB`;
  },
  "a page's project": async ({ folder, tarball }) => {
    // Not below the project, whose packages Node would find.
    const alone = `${folder}-alone`;
    await mkdir(alone);
    await writeFile(join(alone, "package.json"), '{ "type": "module" }');
    await npmInstall(alone, "--omit=optional", tarball);
    const packages = (await readdir(join(alone, "node_modules"))).filter((name) => !name.startsWith("."));
    expectText(packages.join(" "), /^gpt2-webgpu$/);
    const device = 'import("gpt2-webgpu").then((m) => m.requestDevice()).catch((e) => console.log(e.name, e.message))';
    expectText(await run(alone, process.execPath, "--eval", device), /^UserError .*npm install webgpu/);
    const bytes = await bytesIn(join(alone, "node_modules"));
    await rm(alone, { recursive: true });
    return `${packages.join(" and ")} alone, ${(bytes / 1e6).toFixed(1)} MB installed`;
  },
  Node: loads(() => process.execPath),
  "Node 22": loads((project) => otherNode(project, "node-22")),
  "Node 24": loads((project) => otherNode(project, "node-24")),
  Deno: loads(() => bin("deno"), "run", "--quiet", "--allow-all"),
  Bun: loads(bun, "run"),
  "doctor in Deno": examines(() => bin("deno"), "run", "--quiet", "--allow-all"),
  "doctor in Bun": examines(bun, "run"),
  "the same gap in Node 24": async (project) => {
    const fill = async (node: string) => last(await run(project.folder, node, "fill.mjs"));
    const [here, there] = [await fill(process.execPath), await fill(otherNode(project, "node-24"))];
    if (here !== there) throw new Error(`${there}, and here ${here}`);
    return there;
  },
  "the command": async ({ folder }) => {
    expectText(
      await run(folder, bin("gpt2-webgpu"), "--version"),
      new RegExp(`^gpt2-webgpu ${packageJson.version}\n$`),
    );
    const argv = ["generate", "--p1", "Kim sat by the brook.", "--p3", "Then it rained.", "--max_new_tokens", "4"];
    expectText(await run(folder, bin("gpt2-webgpu"), ...argv), /P2 ┃/);
    return "generate";
  },
  "the studio": async ({ folder, tarball }) => servedStudio(folder, tarball),
  "types by nodenext": typeChecks({ ...NODENEXT, lib: ["es2022", "dom"], webgpu: true }),
  "types by a bundler": typeChecks({ ...BUNDLER, lib: ["es2022", "dom"], webgpu: true }),
  "types in Node, without a page": typeChecks({ ...NODENEXT, lib: ["es2022"], types: ["node"], webgpu: false }),
  "types by TypeScript 5 with @webgpu/types": typeChecks({
    ...BUNDLER,
    lib: ["es2022", "dom"],
    types: ["@webgpu/types"],
    compiler: "typescript-5",
    webgpu: true,
  }),
  "types by TypeScript 5": typeChecks({ ...BUNDLER, lib: ["es2022", "dom"], compiler: "typescript-5", webgpu: false }),
  Vite: async ({ folder }) =>
    bundled(folder, await run(folder, bin("vite"), "build", "--outDir", "out-vite"), "out-vite"),
  "Vite's development server": ({ folder }) => servedByVite(folder, "/page.js"),
  webpack: async ({ folder }) => {
    const flags = ["--mode", "production", "--entry", "./page.js", "--output-path", "out-webpack"];
    // Of the size of a page: that is measured here.
    return bundled(folder, await run(folder, bin("webpack"), ...flags, "--no-performance"), "out-webpack");
  },
  esbuild: async ({ folder }) => {
    const flags = ["page.js", "--bundle", "--format=esm", "--minify", "--outfile=out-esbuild/page.js"];
    return bundled(folder, await run(folder, bin("esbuild"), ...flags), "out-esbuild");
  },
  "example: Next": async ({ folder, tarball }) => {
    const gap = { p1: "Kim sat by the brook.", p3: "Then it rained." };
    const fill = `import("gpt2-webgpu/infill").then(async ({ Infiller }) => {
      const infiller = await Infiller.load("node_modules/gpt2-webgpu/weights/demo");
      console.log((await infiller.fill(${JSON.stringify(gap)})).text);
    })`;
    const wanted = await run(folder, process.execPath, "--eval", fill);
    return builtByNext(`${folder}-next`, tarball, gap, wanted.trim());
  },
  "example: Node": async ({ folder }) => {
    const texts = (await run(folder, process.execPath, "examples/node/fill-gap.mjs")).trim().split("\n\n");
    if (new Set(texts).size !== 2) throw new Error(`wanted two texts, found: ${texts.join(" | ")}`);
    return texts[0];
  },
  "example: evaluate": async ({ folder }) => {
    const said = await run(folder, process.execPath, "examples/evaluate/uses-context.mjs");
    // Withholding p3 costs the demo model most: it was made so that p2 follows from it.
    expectText(said, /^perplexity of p2: \d+\.\d+\nwithout p1: -?\d.*\nwithout p3: -\d.*\nwithout metadata: -?\d.*\n$/);
    return said.trim().replaceAll("\n", ", ");
  },
  "example: a page": async ({ folder }) => builtExample(folder, "page"),
  "example: a worker": async ({ folder }) => {
    const built = await builtExample(folder, "worker");
    const scripts = await readdir(join(folder, "examples", "worker", "dist", "assets"));
    if (!scripts.some((file) => file.startsWith("engine-worker")))
      throw new Error("the worker has no script of its own");
    return built;
  },
  "example: fine-tuning in a page": async ({ folder }) => {
    const built = await builtExample(folder, "fine-tune");
    const losses = (await run(folder, process.execPath, "fine-tune.mjs")).trim().split("\n").map(Number);
    if (!(losses.length === 5 && losses[4] < losses[0] / 2))
      throw new Error(`wanted five losses, the last less than half the first; found ${losses.join(", ")}`);
    return `${built}, losses ${losses.map((loss) => loss.toFixed(2)).join(" ")}`;
  },
  "maps of the declarations": ({ folder }) =>
    followDeclarationMaps(join(folder, "node_modules", "gpt2-webgpu", "dist")),
  publint: async ({ folder, tarball }) => {
    expectText(await run(folder, bin("publint"), tarball, "--strict"), /All good/);
    return "All good";
  },
  "are the types wrong": async ({ folder, tarball }) => {
    await run(folder, bin("attw"), tarball, "--profile", "esm-only", "--no-emoji");
    return "no problems";
  },
};

async function newProject(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), "check-package-"));
  const packed = await run(ROOT, "npm", "pack", "--json", "--ignore-scripts", "--pack-destination", folder);
  const tarball = join(folder, /[\w.-]+\.tgz/.exec(packed)![0]);
  const files = {
    "load.mjs": LOAD_ALL,
    "fill.mjs": FILL,
    "fine-tune.mjs": FINE_TUNE,
    "page.js": PAGE,
    "types.ts": TYPES,
    "types-webgpu.ts": TYPES_WEBGPU,
  };
  const html = '<!doctype html><script type="module" src="/page.js"></script>';
  for (const [file, text] of Object.entries({ ...files, "index.html": html }))
    await writeFile(join(folder, file), text);
  await cp(join(ROOT, "examples"), join(folder, "examples"), { recursive: true });
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({
      type: "module",
      dependencies: { "gpt2-webgpu": `file:${tarball}`, ...peerDependencies },
      devDependencies: TOOLS,
    }),
  );
  await npmInstall(folder);
  return { folder, tarball };
}

/** The device's own WebGPU object has its type. */
const TYPES_WEBGPU = `import type { Device } from "gpt2-webgpu";
export const bytes = (device: Device): number => device.gpu.limits.maxBufferSize;
// @ts-expect-error: no such limit
export const wrong = (device: Device): number => device.gpu.limits.maxWishes;
`;

/** Uses what a user would, so that the compiler reads all declarations that matter. */
const TYPES = `import { generate, GPT2LMHeadModel, requestDevice, type Device } from "gpt2-webgpu";
import { Infiller, type Filled, type FillRequest } from "gpt2-webgpu/infill";
import { Trainer, type TrainerOptions } from "gpt2-webgpu/train";
import { explain, type Explained } from "gpt2-webgpu/explain";
export const request: FillRequest = { p1: "a", p3: "b", candidates: 2 };
export const fill = async (device: Device): Promise<Filled> => (await Infiller.load("/demo", { device })).fill(request);
export const train = (options: TrainerOptions): Trainer => new Trainer(options);
export const all = [generate, GPT2LMHeadModel, requestDevice, explain];
export type E = Explained;
// @ts-expect-error: p3 is missing
export const wrong: FillRequest = { p1: "a" };
`;

await runCli(async ({ argv, signal }) => {
  const wanted = Object.entries(CHECKS).filter(
    ([name]) => argv.length === 0 || argv.some((word) => name.toLowerCase().includes(word.toLowerCase())),
  );
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  await run(ROOT, "npm", "run", "build");
  const project = await newProject();
  let failed = 0;
  try {
    for (const [name, check] of wanted) {
      if (signal.aborted) return 1;
      const started = performance.now();
      const said = await check(project).catch((error: Error) => error);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      if (said instanceof Error) failed++;
      print(
        said instanceof Error
          ? `FAIL  ${name}: ${said.message}`
          : `ok    ${name.padEnd(40)} ${seconds.padStart(5)} s  ${said}`,
      );
    }
  } finally {
    await rm(project.folder, { recursive: true, force: true });
  }
  print(failed === 0 ? "The package is taken everywhere." : `${failed} checks of the package failed.`);
  return failed === 0 ? 0 : 1;
});
