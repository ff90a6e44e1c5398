// The doctor: what it says of a machine, that it finds a kernel that computes wrongly, and its exit codes. The
// package's own, built here, since a clone's takes its tables from files like this one.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import { tableFiles } from "../bench/kernel-tables.ts";
import { buildJs, ROOT } from "../scripts/package/build-js.ts";
import type { DoctorReport } from "../src/doctor/doctor.ts";
import { examineStorage } from "../src/doctor/machine.ts";
import { fillHoles, show } from "../src/doctor/show.ts";
import { examplesIn } from "./docstrings.ts";
import { contentsOf, FakeDisk } from "./fake-handles.ts";

let project: string;
let dist: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "doctor-"));
  dist = join(project, "dist");
  await mkdir(dist);
  await buildJs(dist);
  await writeFile(join(project, "package.json"), JSON.stringify(packageJson));
  await symlink(join(ROOT, "node_modules"), join(project, "node_modules"));
});
afterAll(() => rm(project, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
const run = (argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  new Promise((done) => {
    execFile(process.execPath, argv, { cwd: project, env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
const doctor = (argv: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> =>
  run([join(dist, "gpt2-webgpu.js"), "doctor", ...argv], env);

describe("the package's doctor", () => {
  it("says what computes here, and that a kernel computes what it should", async () => {
    const { code, stdout, stderr } = await doctor(["gelu", "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const report = JSON.parse(stdout) as DoctorReport & { version: string; cache: object };
    expect(report).toMatchObject({
      version: `gpt2-webgpu ${packageJson.version}`,
      cache: { writable: true, path: expect.stringContaining("hub"), freeBytes: expect.any(Number) },
      machine: { runtime: expect.stringMatching(/^Node \d+\.\d+\.\d+ on \w+ \w+$/) },
      failed: 0,
      problems: [],
    });
    const { adapter, storage } = report.machine!;
    expect(adapter.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(adapter.maxBindingBytes);
    expect(Object.values(adapter.limits).every((limit) => Number.isInteger(limit))).toBe(true);
    expect([adapter.key, adapter.features.length > 0, storage]).toEqual([expect.stringMatching(/./), true, undefined]);
    expect(new Set(report.checks.map(({ kernel }) => kernel))).toEqual(new Set(["gelu"]));
    expect(report.passed).toBe(report.checks.reduce((sum, { passed }) => sum + passed, 0));
    expect(report.passed).toBeGreaterThan(10);
  });

  it("finds a kernel that computes wrongly, says which and how wrong, and fails", async () => {
    const broken = await mkdtemp(join(tmpdir(), "doctor-broken-"));
    await cp(dist, join(broken, "dist"), { recursive: true });
    await writeFile(join(broken, "package.json"), JSON.stringify(packageJson));
    await symlink(join(ROOT, "node_modules"), join(broken, "node_modules"));
    const file = join(broken, "dist", "wgsl", "sources.js");
    const text = await readFile(file, "utf8");
    const wrong = text.replaceAll("0.044715", "0.054715");
    expect(wrong).not.toBe(text);
    await writeFile(file, wrong);
    const { code, stdout, stderr } = await run([join(broken, "dist", "gpt2-webgpu.js"), "doctor", "gelu", "add"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}gelu +gelu backward, .* of 7, worst [\d.e+]+ times the tolerance\n {6}shape /m);
    expect(stdout).toMatch(/^ok {4}add +add, /m);
    expect(stdout).toMatch(/\n\d+ checks passed, \d+ failed\.\n$/);
    expect(stderr).toMatch(/^Error: A kernel computes wrongly on .*: gelu\. Update its driver; .*\n$/);
    await rm(join(broken, "dist", "doctor", "tables", "add.js"));
    const unopened = await run([join(broken, "dist", "gpt2-webgpu.js"), "doctor", "add"]);
    expect(unopened).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Error: The checks of add could not be/),
    });
    await rm(broken, { recursive: true });
  });

  it("fails with the remedies where no adapter is found, also in JSON", async () => {
    const { code, stdout, stderr } = await doctor(["--json"], { GPT2_WEBGPU_ADAPTER: "nonsense" });
    const { problems, machine, checks } = JSON.parse(stdout) as DoctorReport;
    expect([code, problems.length, machine, checks]).toEqual([1, 1, undefined, []]);
    expect(problems[0]).toMatch(/^GPT2_WEBGPU_ADAPTER is nonsense, but the adapters here are:/);
    expect(stderr).toBe(`Error: ${problems[0]}\n`);
  });

  it("fails where models cannot be kept, and leaves nothing where they can", async () => {
    const inFile = join(project, "package.json");
    const refused = await doctor(["--machine_only"], { HF_HOME: inFile, HF_HUB_CACHE: "", HUGGINGFACE_HUB_CACHE: "" });
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/^Models .*, not writable$/m);
    expect(refused.stderr).toMatch(/^Error: Models cannot be kept in .*hub \(.*\): set HF_HOME to a folder/);
    const HF_HUB_CACHE = join(project, "models", "hub");
    const { code, stdout } = await doctor(["--machine_only"], { HF_HUB_CACHE });
    expect([code, stdout.includes(HF_HUB_CACHE), stdout.includes("checks passed")]).toEqual([0, true, false]);
    expect(await readdir(project)).not.toContain("models");
  });

  it.each([
    [["geluu"], /^Error: There is no kernel "geluu"; there are adamw, add, .*, windows\.\n$/],
    [["--machine_only", "gelu"], /^Error: --machine_only checks no kernel, and "gelu" is named; /],
    [["--jason"], /^Error: Unknown flag --jason; did you mean --json\?/],
  ])("refuses %j", async (argv, message) => {
    expect(await doctor(argv)).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
  });

  it("is called as its docstring shows", async () => {
    const [example] = examplesIn("doctor/doctor.ts");
    const script = `import { doctor } from "./dist/entries/doctor.js";
      const show = (...words) => console.log(...words);\n${example}process.exit();`;
    await writeFile(join(project, "example.mjs"), script);
    const { code, stdout } = await run(["example.mjs"]);
    expect(stdout).toMatch(/^gelu\n(gelu\n)*\d+ checks passed\n$/);
    expect(code).toBe(0);
  });

  it("explains itself, and has a table for every kernel that has one in a clone", async () => {
    expect((await doctor(["--help"])).stdout).toMatch(/^Usage: npx gpt2-webgpu doctor \[flags\] kernel\.\.\./);
    const built = (await readdir(join(dist, "doctor", "tables"))).filter((file) => !file.startsWith("shared-"));
    expect(built.sort()).toEqual([...tableFiles().keys()].map((name) => `${name}.js`).sort());
    expect(built.length).toBeGreaterThan(20);
    for (const file of await readdir(join(dist, "doctor", "tables")))
      expect(await readFile(join(dist, "doctor", "tables", file), "utf8"), file).not.toMatch(/["'`]node:|\bprocess\./);
    expect(await readFile(join(dist, "vendor", "LICENSES.txt"), "utf8")).toMatch(/^fast-check [\d.]+, MIT$/m);
  });
});

it("a clone's doctor takes its tables from the test files", async () => {
  const { code, stdout } = await new Promise<Ended>((done) => {
    const argv = ["--import", "tsx", "src/doctor.ts", "add"];
    execFile(process.execPath, argv, { cwd: ROOT }, (error, out, err) =>
      done({ code: error ? Number(error.code) : 0, stdout: out, stderr: err }),
    );
  });
  expect(stdout).toMatch(/^ok {4}add +add, .* 5 checks/m);
  expect(code).toBe(0);
});

describe("a page's storage", () => {
  const examined = async (storage: object | undefined) => {
    vi.stubGlobal("navigator", storage && { storage });
    try {
      return await examineStorage();
    } finally {
      vi.unstubAllGlobals();
    }
  };

  it("is tried, and left as it was", async () => {
    const disk = new FakeDisk();
    const found = await examined({
      getDirectory: async () => disk.root,
      estimate: async () => ({ quota: 1000, usage: 300 }),
    });
    expect(found).toEqual({ usable: true, freeBytes: 700 });
    expect(Object.keys(contentsOf(disk.root))).toEqual([]);
  });

  it.each([
    ["there is none", undefined, /has no private file system/],
    ["it is denied", { getDirectory: () => Promise.reject(new DOMException("", "SecurityError")) }, /opfs:gpt2-webgpu/],
  ])("is not usable where %s, and says why", async (_name, storage, reason) => {
    expect(await examined(storage)).toEqual({ usable: false, reason: expect.stringMatching(reason) });
  });
});

describe("values in messages", () => {
  const VALUES: unknown[] = ["a", -0, NaN, null, undefined, [1, "a", [2]], [], {}, { a: 1, b: { c: [] } }];
  VALUES.push(new Map([[1, { a: "b" }]]), new Set([1, 2]), new Float32Array([1.5, NaN]), { deep: [[[[1]]]] });
  VALUES.push(Array.from({ length: 12 }, (_, i) => i));
  it("look as Node shows them", () => {
    for (const value of VALUES)
      expect(show(value)).toBe(inspect(value, { depth: 3, breakLength: Infinity, compact: true, maxArrayLength: 8 }));
  });

  it("fill the holes of a title in order", () => {
    expect(fillHoles("%s of %d, %j and %i", ["x", 2, [1, 2]])).toBe("x of 2, [ 1, 2 ] and %i");
  });
});
