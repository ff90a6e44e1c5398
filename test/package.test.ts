// The package as it is built: what an import of it brings along, what it needs, what it does not do. What a package
// manager, other runtimes and other bundlers make of it is tried by scripts/check-package.ts.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { decode } from "@jridgewell/sourcemap-codec";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import { buildJs, ROOT, withoutComments } from "../scripts/package/build-js.ts";
import { importsOf } from "../scripts/package/imports-of.ts";
import { wgslFiles } from "../src/wgsl/index.ts";

/** A project that has the package installed, without what is optional. */
let project: string;
let dist: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "package-"));
  const installed = join(project, "node_modules", "gpt2-webgpu");
  dist = join(installed, "dist");
  await mkdir(dist, { recursive: true });
  await buildJs(dist);
  await writeFile(join(installed, "package.json"), JSON.stringify(packageJson));
});
afterAll(() => rm(project, { recursive: true }));

/** What a bundler for browsers makes of this text of a module. `external`: packages that it leaves where they are. */
async function bundleOf(text: string, external = /^$/): Promise<string> {
  const file = join(project, "app.js");
  await writeFile(file, text);
  const bundle = await rolldown({
    input: file,
    external,
    platform: "browser",
    onLog: (level, log) => {
      if (level !== "debug") throw new Error(log.message);
    },
  });
  const { output } = await bundle.generate({ codeSplitting: false, minify: true, comments: false });
  await bundle.close();
  return output[0].code;
}

/** What the types add, which take a compiler's time: 100 kB. scripts/check-package.ts weighs the whole. */
const DECLARATIONS = 100_000;
const kB = (code: string): number => gzipSync(code).length / 1000;
const node = (...argv: string[]) => promisify(execFile)(process.execPath, argv, { cwd: project });
const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
const scripts = async (): Promise<string[]> =>
  (await filesIn(dist)).filter((file) => file.endsWith(".js")).map((file) => join(dist, file));

const INFERENCE = `import {
    generate, GPT2Decoder, GPT2LMHeadModel, InfillEncoder, openFolder, PreTrainedTokenizer, requestDevice,
  } from "gpt2-webgpu";
  console.log(generate, GPT2Decoder, GPT2LMHeadModel, InfillEncoder, openFolder, PreTrainedTokenizer, requestDevice);`;
/** Strings that stand in one part of the library each. */
const MARKS = {
  training: /hf_adamw_2020|trainer_state\.json|max_skipped_updates/,
  vocabulary: /[(-~]{40000}/, // GPT-2's merges, as scripts/package/merges-as-text.ts writes them
  explanation: /<!doctype html/i,
  commandLine: /Usage: npx|"node:/,
};

describe("a bundle", () => {
  it("for inference holds neither training nor GPT-2's vocabulary, and nothing of Node", async () => {
    const code = await bundleOf(INFERENCE);
    expect(Object.entries(MARKS).flatMap(([part, mark]) => (mark.test(code) ? [part] : []))).toEqual([]);
    expect(code).toContain("attention_decode"); // it is not empty
    expect(kB(code)).toBeLessThan(105);
  });

  it("holds what is used", async () => {
    const parts = `import { GPT2Tokenizer } from "gpt2-webgpu"; import { explanationPage } from "gpt2-webgpu/explain";
      import { Trainer } from "gpt2-webgpu/train"; console.log(Trainer, explanationPage, GPT2Tokenizer);`;
    const code = await bundleOf(parts);
    expect(Object.entries(MARKS).flatMap(([part, mark]) => (mark.test(code) ? [part] : []))).toEqual([
      "training",
      "vocabulary",
      "explanation",
    ]);
  });

  it("of a mere import is empty: no module does anything when it is loaded", async () => {
    const entries = Object.keys(packageJson.exports).filter((entry) => !entry.endsWith(".json"));
    const imports = entries.map((entry) => `import "${join("gpt2-webgpu", entry)}";`).join("\n");
    // What /books reads formats with is not installed here.
    const code = await bundleOf(
      imports,
      new RegExp(`^(?:${Object.keys(packageJson.optionalDependencies).join("|")})\\b`),
    );
    expect(code.trim()).toBe("");
  });

  it("fetches no file: shaders are text in one module, without comments", async () => {
    const files = await scripts();
    const library = files.filter((file) => !/[/\\](vendor|cli|hub)[/\\]/.test(file));
    const wgsl: string[] = [];
    for (const file of library) {
      const text = await readFile(file, "utf8");
      expect(text, file).not.toMatch(/new URL\("[^"]+\.wgsl"/);
      if (/"layernorm\.wgsl":/.test(text)) wgsl.push(file);
    }
    expect(wgsl).toEqual([join(dist, "wgsl", "sources.js")]);
    const { shaderSources } = (await import(wgsl[0])) as typeof import("../src/wgsl/sources.ts");
    const texts = await shaderSources();
    expect([...texts.keys()]).toEqual(Object.keys(wgslFiles));
    for (const [file, url] of Object.entries(wgslFiles)) {
      const source = await readFile(url, "utf8");
      expect(texts.get(file), file).toBe(withoutComments(source));
      expect(texts.get(file)!.split("\n").length).toBe(source.trimEnd().split("\n").length); // messages name lines
    }
    expect([...texts.values()].filter((text) => text.includes("//"))).toEqual([]);
  });
});

describe("package.json", () => {
  it("asks for what the messages name", async () => {
    const { SOFTWARE_ADAPTER_PACKAGE } = await import("../src/gpu/software-adapter.ts");
    const [[name, version], ...others] = Object.entries(packageJson.peerDependencies);
    expect([`${name}@${version}`, others]).toEqual([SOFTWARE_ADAPTER_PACKAGE, []]);
    expect(packageJson.devDependencies).toMatchObject(packageJson.peerDependencies); // a clone needs no more
  });

  it("has one version for every dependency, and its files in place", async () => {
    const { devDependencies, optionalDependencies } = packageJson;
    expect(packageJson).not.toHaveProperty("dependencies"); // a page needs no package but this one
    for (const range of Object.values({ ...devDependencies, ...optionalDependencies }))
      expect(range).toMatch(/^\d+\.\d+\.\d+$/);
    const built = [packageJson.bin["gpt2-webgpu"], ...packageJson.sideEffects.filter((each) => !each.includes("*"))];
    for (const entry of Object.values(packageJson.exports)) if (typeof entry !== "string") built.push(entry.default);
    for (const file of built) expect(await readFile(join(dist, "..", file), "utf8"), file).not.toBe("");
  });

  it("names each package that may be missing in the version that it asks for", async () => {
    const named = new Map<string, string>();
    for (const file of await readdir(join(ROOT, "src"), { recursive: true }))
      if (file.endsWith(".ts"))
        for (const [, name, version] of (await readFile(join(ROOT, "src", file), "utf8")).matchAll(
          /importOptional\(\s*"([^"]+)@([^"]+)"/g,
        ))
          named.set(name, version);
    expect([...named.keys()].sort()).toEqual(["compromise", "htmlparser2", "jszip", "mammoth", "undici"]);
    expect(packageJson.optionalDependencies).toMatchObject(Object.fromEntries(named));
  });

  it("packs less than 3 MB", async () => {
    const parts: Buffer[] = [];
    const add = async (path: string, files: string[]) => {
      for (const file of files) {
        const bytes = await readFile(join(path, file));
        const header = Buffer.alloc(512); // as tar has it; the file's end is padded
        header.write(`package/${file}`);
        parts.push(header, bytes, Buffer.alloc(-bytes.length & 511));
      }
    };
    await add(dist, await filesIn(dist));
    const left = packageJson.files.flatMap((path) => (path.startsWith("!") ? [path.slice(1)] : []));
    const whole = packageJson.files.filter((path) => path !== "dist" && !path.startsWith("!"));
    for (const path of [...whole, "README.md", "LICENSE"]) {
      const files = /\.\w+$|LICENSE/.test(path)
        ? [path]
        : (await filesIn(join(ROOT, path))).map((file) => join(path, file));
      const packed = files.filter((file) => !left.includes(file));
      await add(ROOT, packed);
    }
    const { length } = gzipSync(Buffer.concat(parts), { level: 9 });
    expect(length + DECLARATIONS).toBeLessThan(3e6);
    expect(length).toBeGreaterThan(2.5e6); // the demo is there
  });
});

describe("the built files", () => {
  it("are loaded by Node in silence, and change nothing that others see", async () => {
    const entries = Object.keys(packageJson.exports).filter((entry) => !entry.endsWith(".json"));
    const script = `
      const before = Object.getOwnPropertyNames(globalThis).length;
      for (const entry of ${JSON.stringify(entries)}) await import("gpt2-webgpu" + entry.slice(1));
      console.log(Object.getOwnPropertyNames(globalThis).length - before);`;
    const { stdout, stderr } = await node("--input-type=module", "--eval", script); // it ends: nothing is left running
    expect([stdout, stderr]).toEqual(["0\n", ""]);
  });

  it("import nothing that the package does not bring, and name files that are there", async () => {
    const names = Object.keys(packageJson.imports);
    const packages = Object.keys(packageJson.optionalDependencies); // they load without them: see above
    for (const file of await scripts()) {
      const text = await readFile(file, "utf8");
      for (const specifier of importsOf(text, file)) {
        if (specifier.startsWith("node:") || names.includes(specifier)) continue;
        if (/[/\\]vendor[/\\]/.test(file) && !specifier.startsWith(".")) continue; // Node's modules without node:
        if (packages.some((name) => specifier === name || specifier.startsWith(`${name}/`))) continue;
        expect(specifier, file).toMatch(/^\./);
        expect(await readFile(resolve(dirname(file), specifier), "utf8")).not.toBe("");
      }
    }
    const targets = Object.values(packageJson.imports).flatMap((target) => Object.values(target));
    for (const target of targets) expect(await readFile(join(dist, "..", target), "utf8")).toContain("export");
  });

  it("have maps that name the lines of the sources: of every error that is thrown", async () => {
    let found = 0;
    for (const file of (await filesIn(dist)).filter((each) => each.endsWith(".js.map"))) {
      const { sources, mappings } = JSON.parse(await readFile(join(dist, file), "utf8")) as {
        sources: string[];
        mappings: string;
      };
      const stem = file.replace(/\.js\.map$/, ".ts");
      if (mappings.replaceAll(";", "") === "") continue; // types only
      expect(
        sources.map((source) => source.replaceAll("\\", "/")),
        file,
      ).toEqual([expect.stringMatching(`src/${stem}$`)]);
      const source = (await readFile(join(ROOT, "src", stem), "utf8")).split("\n");
      const lines = decode(mappings);
      for (const [l, line] of (await readFile(join(dist, file.replace(/\.map$/, "")), "utf8")).split("\n").entries())
        for (const { index } of line.matchAll(/\bthrow new\b/g)) {
          const segment = lines[l]?.findLast(([column]) => column <= index);
          const from = segment?.[2] ?? -1;
          const thrown = line.slice(index);
          expect(source[from], `${file}: ${thrown.slice(0, 80)}`).toContain("throw");
          const [, words = ""] = /^throw new [\w$]+\(["'`]([^"'`\\$]+)/.exec(thrown) ?? [];
          const told = source
            .slice(from, from + 5)
            .join("\n")
            .replaceAll(/["'`] \+\n\s*["'`]/g, ""); // as built
          expect(told, file).toContain(words);
          found++;
        }
    }
    expect(found).toBeGreaterThan(300);
  });

  it("never name a program of the sources", async () => {
    for (const file of await scripts()) {
      const text = (await readFile(file, "utf8")).replace(/^\/\/ src\/.*$/gm, "");
      expect(/(?:tsx )?src\/[a-z]+\.ts/.exec(text)?.[0], file).toBeUndefined();
    }
  });

  it("hold GPT-2's merges as the sources find them", async () => {
    const { gpt2Merges } = await import("../src/tokenizer/gpt2-merges.ts");
    type Merges = typeof import("../src/tokenizer/gpt2-merges.ts");
    const built = (await import(join(dist, "tokenizer", "gpt2-merges.js"))) as Merges;
    expect(built.gpt2Merges()).toEqual(gpt2Merges());
  });

  it("come with the licences of what they hold of others", async () => {
    const notices = await readFile(join(dist, "vendor", "LICENSES.txt"), "utf8");
    for (const name of ["commander", "cli-progress", "string-width", "@huggingface/hub", "gpt-tokenizer"])
      expect(notices).toMatch(new RegExp(`^${name} [\\d.]+, MIT$`, "m"));
  });
});

describe("the command", () => {
  const command = (...argv: string[]) => node(join(dist, "gpt2-webgpu.js"), ...argv);
  const failing = async (...argv: string[]) =>
    (await command(...argv).catch((error: { code: number; stderr: string }) => error)) as {
      code: number;
      stderr: string;
    };

  it("lists its programs, and each says how it is called", async () => {
    const { stdout } = await command("--help");
    for (const program of ["generate", "train", "prepare", "evaluate", "export"])
      expect(stdout).toContain(`\n  ${program} `);
    expect((await command("train", "--help")).stdout).toMatch(/^Usage: npx gpt2-webgpu train \[flags\]/);
    expect((await command("--version")).stdout).toBe(`gpt2-webgpu ${packageJson.version}\n`);
  });

  it("refuses what is none of them, and says what is missing in the package", async () => {
    expect(await failing("traim")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Error: There is no program "traim"; .*train/),
    });
    expect(await failing("train")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Error: The sample .*; give --validation_file/),
    });
  });

  it.each([
    [
      "page.html",
      "<html><body><p>She came.</p></body></html>",
      "Reading .*page\\.html needs .* htmlparser2",
      "htmlparser2@12",
    ],
    ["book.txt", "She came.\n\nHe went.\n\nThey slept.", "Finding names needs .* compromise", "compromise@14"],
  ])("says which package reading %s needs, where it is not installed", async (file, text, needs, spec) => {
    await writeFile(join(project, file), text);
    const fields = file.endsWith(".html") ? ["--metadata_fields", "length"] : []; // names are looked for first
    const run = await failing("prepare", join(project, file), "--output_dir", join(project, "data"), ...fields);
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(new RegExp(`^Error: ${needs},.*npm install ${spec}\\.[\\d.]+\\.\n$`)),
    });
    await expect(readdir(join(project, "data"))).rejects.toThrow(/ENOENT/);
  });
});
