// The rules that keep the parts apart, checked on the text of the repository: who imports whom, what only a few files
// may know (Node, Dawn, printing), and what no file may hold. Each rule is a function, so each is also shown to catch
// an offender.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { wgslFiles } from "../src/wgsl/index.ts";

interface Source {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Folder under src -> the folders it may import. Besides, all may import src/files and the shared leaves. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  files: [],
  wgsl: [],
  drawing: [],
  examples: [],
  text: [],
  tokenizer: [],
  gpu: ["wgsl"],
  kernels: ["gpu"],
  profile: ["gpu"],
  autograd: ["kernels", "gpu"],
  gpt2: ["autograd", "kernels", "gpu"],
  generation: ["gpt2", "kernels", "gpu"],
  infill: ["text", "examples", "tokenizer"],
  tuning: ["kernels", "profile", "gpu", "wgsl"],
  training: ["text", "examples", "drawing", "gpt2", "autograd", "kernels", "gpu"],
  rerank: ["infill", "examples", "gpt2", "autograd"],
  evaluation: ["rerank", "infill", "examples", "drawing", "gpt2", "autograd"],
  explain: ["generation", "drawing", "tokenizer", "gpt2"],
  hub: [],
  gguf: ["infill", "tokenizer", "gpt2"],
  writing: ["rerank", "infill", "text", "tokenizer", "generation", "gpt2", "gpu"],
  storage: ["hub"],
  doctor: ["storage", "gpu"],
  worker: [
    "tuning",
    "storage",
    "writing",
    "explain",
    "gguf",
    "rerank",
    "training",
    "examples",
    "infill",
    "tokenizer",
    "generation",
    "gpt2",
    "gpu",
  ],
  entries: [
    "doctor",
    "worker",
    "storage",
    "writing",
    "rerank",
    "infill",
    "explain",
    "evaluation",
    "training",
    "examples",
  ],
  cli: [
    "tuning",
    "profile",
    "doctor",
    "writing",
    "hub",
    "gguf",
    "explain",
    "evaluation",
    "training",
    "rerank",
    "infill",
    "examples",
    "text",
    "tokenizer",
    "generation",
    "gpt2",
    "gpu",
  ],
};
/** Files directly in src that import nothing but each other and that all may import. */
const SHARED_LEAVES = ["errors.ts", "fields.ts", "import-in-node.ts", "random.ts", "runtime.ts", "snake-case.ts"];
/** Rooms within a room, lowest first: each imports only those before it. Files beside them are above all. */
const WITHIN: Readonly<Record<string, readonly string[]>> = { generation: ["options", "scores", "device", "loops"] };
/** Operations of one layer know nothing of each other; only these files in their folder are common ground. */
const COMMON_IN_AUTOGRAD = ["tape.ts", "variable.ts", "parameter.ts"];
/** npm packages, and the folders or files that may import them. */
const PACKAGES: Readonly<Record<string, string | readonly string[]>> = {
  "gpt-tokenizer": "src/tokenizer/",
  commander: "src/cli/",
  compromise: "src/infill/books/",
  htmlparser2: "src/infill/books/",
  jszip: "src/infill/books/",
  mammoth: "src/infill/books/",
  stopword: "src/infill/books/",
  "cli-progress": "src/cli/",
  comlink: "src/worker/",
  "@huggingface": "src/hub/",
  undici: "src/hub/proxy.ts",
  webgpu: "src/gpu/node-gpu.ts",
  koffi: ["src/gpu/driver-output.ts", "src/cli/mpi/library.ts"],
  "string-width": "src/cli/",
};
/** The library files that know Node, beside the programs: each reached only through a file of the seam. */
const BEHIND_THE_SEAM = [
  "src/gpu/node-gpu.ts",
  "src/gpu/driver-output.ts",
  "src/gpu/software-adapter.ts",
  "src/files/disk-folder.ts",
];
/** They may ask whether this is Node, and load the others there; in a browser they do without. */
const SEAM = [
  "src/runtime.ts",
  "src/import-in-node.ts",
  "src/wgsl/sources.ts",
  "src/gpu/platform.ts",
  "src/files/open.ts",
  "src/doctor/kernel-tables.ts",
  "src/doctor/machine.ts",
];
/** What of the Hub's folder pages use too. */
const HUB_IN_PAGES = ["src/hub/access.ts", "src/hub/address.ts", "src/hub/request.ts"];
const MAX_LINES = 400;
const MAX_COLUMNS = 120;

const root = fileURLToPath(new URL("..", import.meta.url));

function sourcesIn(folder: string, extension: RegExp): Source[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extension.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .filter((path) => !path.startsWith("test/fixtures/") && !path.includes("/node_modules/"))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

/** The text without comments (strings that hold // or /* do not occur in import lines, where it matters). */
const code = (text: string) => text.replace(/\/\*.*?\*\//gs, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");

function importsOf(text: string): string[] {
  return [...code(text).matchAll(/\b(?:from|import)\s*\(?\s*(?:\/\*.*?\*\/\s*)?["']([^"']+)["']/g)].map(
    (match) => match[1],
  );
}

/** The rows of rooms in ARCHITECTURE.md's picture, top first: the words of a line before its explanation. */
function rowsOf(architecture: string, rooms: readonly string[]): string[][] {
  const picture = /^```\n(.*?)^```$/ms.exec(architecture)?.[1] ?? "";
  return picture.split("\n").map((line) => {
    const words = line.split(/\s+/);
    const end = words.findIndex((word) => !rooms.includes(word));
    return words.slice(0, end);
  });
}

/** Where the table of allowed imports and the picture differ: a room in no row or in two, an arrow that is not down. */
function pictureViolations(rows: readonly (readonly string[])[], mayImport: typeof MAY_IMPORT): string[] {
  const rowOf = (room: string): number => rows.findIndex((row) => row.includes(room));
  return Object.entries(mayImport).flatMap(([room, targets]) => [
    ...(rows.flat().filter((drawn) => drawn === room).length === 1 ? [] : [`${room} is not drawn once`]),
    ...targets
      .filter((target) => rowOf(target) <= rowOf(room))
      .map((target) => `${target} is not drawn below ${room}, which may import it`),
  ]);
}

/** Permissions that nobody uses. */
function unusedPermissions(files: readonly Source[], mayImport: typeof MAY_IMPORT): string[] {
  return Object.entries(mayImport).flatMap(([room, targets]) => {
    const specifiers = files
      .filter(({ path }) => path.startsWith(`src/${room}/`))
      .flatMap(({ path, text }) => importsOf(text).map((specifier) => join(dirname(path), specifier)));
    return targets
      .filter((target) => !specifiers.some((specifier) => specifier.startsWith(`src/${target}/`)))
      .map((target) => `${room} imports nothing of ${target}`);
  });
}

const isProgram = (path: string) =>
  /^src\/[^/]+\.ts$/.test(path) && path !== "src/index.ts" && !SHARED_LEAVES.includes(path.slice(4));

function importViolations({ path, text }: Source): string[] {
  const [, layer, file] = /^src\/(?:([^/]+)\/)?(.+)$/.exec(path)!;
  const bad: string[] = [];
  for (const specifier of importsOf(text)) {
    const refuse = (why: string) => bad.push(`${path} imports ${specifier}: ${why}`);
    if (!specifier.startsWith(".")) {
      const homes = [PACKAGES[specifier.split("/", 1)[0]] ?? []].flat();
      if (!specifier.startsWith("node:") && !homes.some((home) => path.startsWith(home)) && !isProgram(path))
        refuse("not its package");
      continue;
    }
    const target = relative(root, join(root, dirname(path), specifier)).replaceAll("\\", "/");
    if (!target.startsWith("src/")) {
      if (!target.endsWith(".json")) refuse("outside src");
      continue;
    }
    const parts = target.split("/").slice(1);
    const to = parts.length > 1 ? parts[0] : undefined;
    if (
      BEHIND_THE_SEAM.includes(target) &&
      !BEHIND_THE_SEAM.includes(path) &&
      !text.includes(`typeof import("${specifier}")`)
    )
      refuse("only through the seam");
    if (layer === undefined) {
      if (SHARED_LEAVES.includes(file) && !SHARED_LEAVES.includes(parts[0])) refuse("a shared leaf imports nothing");
      if (to === "cli" && !isProgram(path)) refuse("only programs use cli");
    } else if (to === undefined) {
      if (!SHARED_LEAVES.includes(parts[0])) refuse("programs and index.ts are at the top");
    } else if (to === layer) {
      const within = WITHIN[layer] ?? [];
      const [own, other] = [file, parts.slice(1).join("/")].map((name) => within.indexOf(name.split("/")[0]));
      if (own >= 0 && (other < 0 || other > own)) refuse(`within ${layer}, ${within.join(", ")} stand in this order`);
      if (layer === "autograd" && !COMMON_IN_AUTOGRAD.includes(parts[1]) && !COMMON_IN_AUTOGRAD.includes(file))
        refuse("sideways, from one operation to another");
    } else if (to !== "files" && !(MAY_IMPORT[layer] ?? []).includes(to)) {
      refuse(
        MAY_IMPORT[layer]
          ? `${layer} may import ${["files", ...MAY_IMPORT[layer]].join(", ")}`
          : `the table has no row for ${layer}`,
      );
    }
  }
  return bad;
}

/**
 * The imports that lie on circles of files, types included; also those on the way from one circle to another. Found by
 * leaving out, again and again, the files that import none of the others and those that none of the others imports.
 */
function circles(files: readonly Source[]): string[] {
  let edges = files.flatMap(({ path, text }) =>
    importsOf(text)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => ({ from: path, to: join(dirname(path), specifier).replaceAll("\\", "/") })),
  );
  for (let count = Infinity; edges.length < count;) {
    count = edges.length;
    const importing = new Set(edges.map(({ from }) => from));
    const imported = new Set(edges.map(({ to }) => to));
    edges = edges.filter(({ from, to }) => imported.has(from) && importing.has(to));
  }
  return edges.map(({ from, to }) => `${from} imports ${to}, and in the end itself`);
}

/** What only Node, Dawn and the programs know, outside the files that may. */
function seamViolations({ path, text }: Source): string[] {
  if (path.startsWith("src/cli/") || isProgram(path) || BEHIND_THE_SEAM.includes(path)) return [];
  const rules: [RegExp, string][] = [[/\bconsole\s*\./, "prints"]];
  if (path.startsWith("src/hub/") && !HUB_IN_PAGES.includes(path)) {
    // Downloads into a cache on disk: Node only, reached from cli alone, which gives it the environment.
    rules.push([/\bprocess\s*[.?[]|typeof process\b/, "uses process"]);
  } else if (SEAM.includes(path)) {
    // It may name Node's modules, but as types and by importInNode only: a literal import() would end up in a page.
    rules.push(
      [/^import\b(?! type).*["'](node:|webgpu)/m, "imports Node statically"],
      [/(?<!typeof )\bimport\(\s*["'](node:|webgpu|\.)/, "imports by a literal"],
    );
  } else {
    rules.push(
      [/["'](node:[a-z/_]+|webgpu|fs|path|os|child_process)["']/, "names a Node module or webgpu"],
      [/\bprocess\s*[.?[]|typeof process\b/, "uses process"],
      [/\bBuffer\b/, "uses Buffer"],
    );
  }
  return rules.filter(([pattern]) => pattern.test(code(text))).map(([, what]) => `${path} ${what}`);
}

/** What no file may hold. The marks are spelled so that this file does not hold them either. */
function contentViolations({ path, text }: Source): string[] {
  const mark = /\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b/.exec(text);
  const place = /(?<![\w.:/}])\/(work|home|root|Users|mnt)\/[\w.-]+/.exec(text);
  return [
    ...(mark ? [`${path} has a mark: ${mark[0]}`] : []),
    ...(place ? [`${path} names a place on one machine: ${place[0]}`] : []),
  ];
}

function lengthViolations({ path, text }: Source): string[] {
  const lines = text.split("\n").length - 1;
  return lines > MAX_LINES ? [`${path} has ${lines} lines, at most ${MAX_LINES} are wanted`] : [];
}

/**
 * Lines that are too long, but for what cannot be broken: a regular expression by itself on its line, a list of words
 * (data), and where 70 characters or more come without white space (alphabets, expressions, addresses).
 */
function wideLines({ path, text }: Source): string[] {
  return text.split("\n").flatMap((line, i) => {
    const unbreakable = /^\s*\/[^/*]/.test(line) || /^\s*[\p{L}\p{N}'’_ -]+$/u.test(line) || /\S{70}/.test(line);
    return line.length <= MAX_COLUMNS || unbreakable ? [] : [`${path}, line ${i + 1}: ${line.length} columns`];
  });
}

/**
 * The shader files that no kernel names, in full or without .wgsl, or by a template such as `matmul_${variant}.wgsl`. A
 * template that is all hole (`${name}.wgsl`) says nothing: its names stand elsewhere.
 */
function unusedShaders(names: readonly string[], users: string): string[] {
  const literals = [...users.matchAll(/["'`]([\w/]*(?:\$\{\w+\}[\w/]*)*)(?:\.wgsl)?["'`]/g)].map((match) => match[1]);
  const patterns = literals
    .filter((literal) => !/^(\$\{\w+\})*$/.test(literal))
    .map((literal) => new RegExp(`^${literal.replace(/\$\{\w+\}/g, "\\w+")}\\.wgsl$`));
  return names.filter((name) => !patterns.some((pattern) => pattern.test(name)));
}

/** The circles among the files' imports, types included: each as the files on it. */
function importCircles(sources: readonly Source[]): string[][] {
  const imports = new Map(
    sources.map(({ path, text }) => [
      path,
      importsOf(text).map((specifier) => relative(root, join(root, dirname(path), specifier)).replaceAll("\\", "/")),
    ]),
  );
  const done = new Set<string>();
  const circles: string[][] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) circles.push(way.slice(way.indexOf(path)));
    if (done.has(path) || way.includes(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return circles;
}

const library = sourcesIn("src", /\.ts$/);
const shaders = sourcesIn("src/wgsl", /\.wgsl$/);
/** Programs around the library. The sample stories' sentences are data. */
const programs = ["bench", "scripts", "studio/src", "examples"]
  .flatMap((folder) => sourcesIn(folder, /\.(ts|tsx|mjs|js)$/))
  .filter(({ path }) => !path.startsWith("scripts/stories/"));
const everything = [
  ...library,
  ...shaders,
  ...["test", "bench", "scripts"].flatMap((folder) => sourcesIn(folder, /\.(ts|mts|mjs|wgsl|json|md)$/)),
  ...sourcesIn("studio/src", /\.(ts|tsx|css)$/),
  ...sourcesIn("examples", /\.(js|mjs|html|md)$/),
  ...["writers", "developers", "engine", "teachers"].flatMap((folder) => sourcesIn(`docs/${folder}`, /\.md$/)),
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]
    .filter((file) => existsSync(join(root, file)))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") })),
];

describe("the repository", () => {
  it("is what was read", () => expect(library.length).toBeGreaterThan(20));
  it("has the rooms that ARCHITECTURE.md draws, and the table goes down its rows", () => {
    const rooms = readdirSync(join(root, "src"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(Object.keys(MAY_IMPORT).sort()).toEqual(rooms.sort());
    const rows = rowsOf(readFileSync(join(root, "ARCHITECTURE.md"), "utf8"), rooms);
    expect(rows.flat().sort()).toEqual(rooms);
    expect(pictureViolations(rows, MAY_IMPORT)).toEqual([]);
    expect(unusedPermissions(library, MAY_IMPORT)).toEqual([]);
  });
  it("imports only downwards", () => expect(library.flatMap(importViolations)).toEqual([]));
  it("has no circle of imports, types included", () => expect(importCircles(library)).toEqual([]));
  it("has no circle of imports", () =>
    expect(circles([...library, ...sourcesIn("bench", /\.ts$/), ...sourcesIn("test", /\.ts$/)])).toEqual([]));
  it("knows Node, Dawn and printing only where it may", () => expect(library.flatMap(seamViolations)).toEqual([]));
  it("keeps its files short", () => expect([...library, ...shaders].flatMap(lengthViolations)).toEqual([]));
  it("keeps its lines short", () => expect([...library, ...shaders, ...programs].flatMap(wideLines)).toEqual([]));
  it("holds no marks and no places of one machine", () => expect(everything.flatMap(contentViolations)).toEqual([]));

  it("lists every shader file, and every shader is used", () => {
    const names = shaders.map(({ path }) => path.slice("src/wgsl/".length)).sort();
    expect(Object.keys(wgslFiles).sort()).toEqual(names);
    for (const [name, url] of Object.entries(wgslFiles))
      expect(url.pathname.endsWith(`/src/wgsl/${name}`), name).toBe(true);
    const users = library
      .filter(({ path }) => /^src\/(kernels|gpu)\//.test(path))
      .map(({ text }) => code(text))
      .join("\n");
    expect(unusedShaders(names, users)).toEqual([]);
  });

  it("has a lock file without download addresses", () => {
    expect(readFileSync(join(root, "package-lock.json"), "utf8")).not.toMatch(
      /"resolved"\s*:\s*"(?!node_modules|file:)/,
    );
  });
});

describe("the checks catch", () => {
  const at = (path: string, text: string): Source => ({ path, text });

  it.each([
    [
      "an import upwards",
      at("src/kernels/x.ts", 'import { GPT2Model } from "../gpt2/model.ts";'),
      "kernels may import",
    ],
    ["a type import upwards", at("src/gpu/x.ts", 'import type { Kernel } from "../kernels/x.ts";'), "gpu may import"],
    ["a type in passing", at("src/gpu/x.ts", 'type M = import("../gpt2/model.ts").GPT2Model;'), "gpu may import"],
    ["one operation using another", at("src/autograd/linear.ts", 'import { gelu } from "./gelu.ts";'), "sideways"],
    [
      "the library using a program's parts",
      at("src/training/x.ts", 'import { Progress } from "../cli/progress.ts";'),
      "training may import",
    ],
    ["the library importing its own index", at("src/gpt2/x.ts", 'import { x } from "../index.ts";'), "at the top"],
    [
      "a page importing the disk",
      at("src/files/x.ts", 'import { DiskFolder } from "./disk-folder.ts";'),
      "only through the seam",
    ],
    [
      "a room within a room importing upwards",
      at("src/generation/scores/x.ts", 'import type { Run } from "../loops/run.ts";'),
      "stand in this order",
    ],
    [
      "a room within a room importing what is above it",
      at("src/generation/loops/x.ts", 'import { generate } from "../generate.ts";'),
      "stand in this order",
    ],
    ["a foreign package", at("src/gpt2/x.ts", 'import x from "commander";'), "not its package"],
    ["a folder without a row", at("src/extra/x.ts", 'import { x } from "../gpu/tensor.ts";'), "no row for extra"],
  ])("%s", (_name, source, message) => expect(importViolations(source).join()).toContain(message));

  it("circles, through types and over several files", () => {
    const files = [
      at("src/gpu/a.ts", 'import { b } from "./b.ts";'),
      at("src/gpu/b.ts", 'import type { C } from "./deep/c.ts"; import { d } from "./d.ts";'),
      at("src/gpu/deep/c.ts", 'type A = import("../a.ts").A;'),
      at("src/gpu/d.ts", 'import { readFile } from "node:fs";'),
      at("src/gpu/e.ts", 'export { a } from "./a.ts";'),
    ];
    expect(circles(files)).toHaveLength(3);
    expect(circles(files.slice(1))).toEqual([]);
    expect(circles([at("src/gpu/self.ts", 'import { x } from "./self.ts";')])).toHaveLength(1);
  });

  it("a room that is not drawn, an arrow that is not down, and one that nobody needs", () => {
    const rows = rowsOf("# A\n```\ntop     what it is\nleft  right    two\n```\n", ["top", "left", "right", "lost"]);
    expect(rows.flat()).toEqual(["top", "left", "right"]);
    expect(pictureViolations(rows, { top: ["left"], left: [], right: [] })).toEqual([]);
    expect(pictureViolations(rows, { lost: [] })).toHaveLength(1);
    expect(pictureViolations(rows, { left: ["right"] })).toHaveLength(1);
    expect(pictureViolations(rows, { right: ["top"] })).toHaveLength(1);
    const file = at("src/top/x.ts", 'import { y } from "../left/y.ts";');
    expect(unusedPermissions([file], { top: ["left", "right"] })).toEqual(["top imports nothing of right"]);
  });

  it.each([
    at("src/gpt2/x.ts", 'import { readFile } from "node:fs/promises";'),
    at("src/gpt2/x.ts", "const home = process.env.HOME;"),
    at("src/gpu/x.ts", 'const dawn = await import("webgpu");'),
    at("src/gpu/platform.ts", 'const fs = await import("node:fs");'),
    at("src/gpu/platform.ts", 'import { readFile } from "node:fs/promises";'),
    at("src/training/x.ts", "console.log(loss);"),
  ])("Node, Dawn or printing in $path: $text", (source) => expect(seamViolations(source)).toHaveLength(1));

  it("nothing in clean text", () => {
    const clean = at(
      "src/gpt2/x.ts",
      'import { UserError } from "../errors.ts"; // no process.env here, ' +
        'says "node:fs"\nimport { readText } from "../files/folder.ts";',
    );
    expect([
      ...importViolations(clean),
      ...seamViolations(clean),
      ...contentViolations(clean),
      ...lengthViolations(clean),
    ]).toEqual([]);
  });

  it("a circle of imports, of types too", () => {
    const a = at("src/gpu/a.ts", 'import { b } from "./b.ts";');
    const b = at("src/gpu/b.ts", 'import type { C } from "../gpt2/c.ts";');
    const c = at("src/gpt2/c.ts", 'import type { A } from "../gpu/a.ts";');
    expect(importCircles([a, b, c])).toEqual([["src/gpu/a.ts", "src/gpu/b.ts", "src/gpt2/c.ts"]]);
    expect(importCircles([a, b])).toEqual([]);
  });

  it("a shader that no kernel uses", () => {
    const users = 'source: ["lib/a.wgsl", `b_${kind}.wgsl`, `${name}.wgsl`], entry: "c"';
    expect(unusedShaders(["lib/a.wgsl", "b_x.wgsl", "c.wgsl", "d.wgsl", "a.wgsl"], users)).toEqual([
      "d.wgsl",
      "a.wgsl",
    ]);
  });

  it("wide lines, but for what cannot be broken", () => {
    const wide = "word, ".repeat(25);
    expect(wideLines(at("src/x.ts", `x();\n// ${wide}\nsay("${wide}");\n`))).toHaveLength(2);
    expect(wideLines(at("src/x.ts", `  /${wide}/u,\n${"word ".repeat(30)}\nf("${"x".repeat(200)}");\n`))).toEqual([]);
  });

  it("marks, places and long files", () => {
    expect(contentViolations(at("src/x.ts", `// TO${"DO"}: later`))).toHaveLength(1);
    expect(contentViolations(at("src/x.ts", `read("/${"home"}/me/model")`))).toHaveLength(1);
    expect(lengthViolations(at("src/x.ts", "\n".repeat(MAX_LINES + 1)))).toHaveLength(1);
  });
});
