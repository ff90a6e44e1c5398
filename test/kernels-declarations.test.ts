// Every kernel's TypeScript declaration against its WGSL: bindings, access, parameters, constants; and every shader
// file is listed, exists and is used. What the type checker cannot see across the two languages.
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { definedKernels } from "../src/gpu/kernel.ts";
import type { Kernel, KernelSpec } from "../src/gpu/kernel.ts";
import { wgslFiles } from "../src/wgsl/index.ts";

const WGSL = new URL("../src/wgsl/", import.meta.url);
const KERNELS = new URL("../src/kernels/", import.meta.url);

function sourceOf(kernel: Pick<Kernel, "source">): string {
  return kernel.source.map((file) => readFileSync(new URL(file, WGSL), "utf8").replace(/\/\/.*$/gm, "")).join("\n");
}

/** What in `code` differs from the declaration, one line each. */
function mismatches(
  kernel: KernelSpec<Kernel["bindings"], Kernel["params"], Kernel["constants"]>,
  code: string,
): string[] {
  const found: string[] = [];
  const expectEqual = (what: string, declared: unknown, written: unknown): void => {
    const [a, b] = [JSON.stringify(declared), JSON.stringify(written)];
    if (a !== b) found.push(`${what}: declared ${a}, in WGSL ${b}`);
  };

  const storage = [...code.matchAll(/@group\((\d+)\)\s*@binding\((\d+)\)\s*var<storage,\s*(\w+)>\s*(\w+)\s*:/g)]
    .map(([, group, binding, access, name]) => ({ group: Number(group), binding: Number(binding), name, access }))
    .sort((a, b) => a.binding - b.binding);
  expectEqual(
    "bindings",
    Object.entries(kernel.bindings).map(([name, access], binding) => ({ group: 0, binding, name, access })),
    storage,
  );

  const uniforms = [...code.matchAll(/@group\((\d+)\)\s*@binding\((\d+)\)\s*var<uniform>\s*(\w+)\s*:\s*(\w+)/g)].map(
    (match) => match.slice(1, 5),
  );
  const fields = [...(/struct\s+Params\s*\{([^}]*)\}/.exec(code)?.[1] ?? "").matchAll(/(\w+)\s*:\s*(\w+)/g)].map(
    ([, name, type]) => [name, type],
  );
  expectEqual("uniform", Object.keys(kernel.params).length > 0 ? [["1", "0", "params", "Params"]] : [], uniforms);
  expectEqual("params", Object.entries(kernel.params), fields);

  for (const name of Object.keys(kernel.constants))
    if (!new RegExp(`\\b${name}\\b`).test(code)) found.push(`constant ${name}: declared, not in WGSL`);
  expectEqual(
    "entry points",
    ["main"],
    [...code.matchAll(/@compute[^{]*?fn\s+(\w+)/g)].map(([, name]) => name),
  );
  return found;
}

beforeAll(async () => {
  for (const file of readdirSync(KERNELS)) await import(new URL(file, KERNELS).href);
});

describe("kernel declarations", () => {
  it("agree with their WGSL", () => {
    expect(definedKernels().length).toBeGreaterThan(20);
    const problems = definedKernels().flatMap((kernel) =>
      mismatches(kernel, sourceOf(kernel)).map((line) => `${kernel.name} (${kernel.source.join(", ")}): ${line}`),
    );
    expect(problems).toEqual([]);
  });

  it("have parameters that fit a 256-byte slot", () => {
    for (const { name, params } of definedKernels()) expect(Object.keys(params).length, name).toBeLessThanOrEqual(64);
  });

  it("cover every shader file, and the index lists them all", () => {
    const onDisk = readdirSync(WGSL, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".wgsl"))
      .sort();
    expect(Object.keys(wgslFiles).sort()).toEqual(onDisk);
    for (const [file, url] of Object.entries(wgslFiles)) expect(url.href).toBe(new URL(file, WGSL).href);
    const used = new Set(definedKernels().flatMap(({ source }) => source));
    expect(onDisk.filter((file) => !used.has(file))).toEqual([]);
    expect([...used].filter((file) => !(file in wgslFiles))).toEqual([]);
  });
});

describe("the comparison itself", () => {
  const kernel: KernelSpec<Kernel["bindings"], Kernel["params"], Kernel["constants"]> = {
    name: "sample",
    source: [],
    bindings: { x: "read", y: "read_write" },
    params: { rows: "u32", scale: "f32" },
    constants: { C: "u32" },
  };
  const code = `
    struct Params { rows: u32, scale: f32 }
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
    @group(1) @binding(0) var<uniform> params: Params;
    @compute @workgroup_size(64)
    fn main(@builtin(workgroup_id) workgroup: vec3u) { let c = C; }`;

  it("accepts equal ones", () => expect(mismatches(kernel, code)).toEqual([]));

  it.each([
    ["a swapped binding", { bindings: { y: "read_write", x: "read" } }],
    ["another name", { bindings: { x: "read", z: "read_write" } }],
    ["another access", { bindings: { x: "read_write", y: "read_write" } }],
    ["a missing binding", { bindings: { x: "read" } }],
    ["swapped parameters", { params: { scale: "f32", rows: "u32" } }],
    ["another parameter type", { params: { rows: "u32", scale: "i32" } }],
    ["no parameters", { params: {} }],
    ["an unused constant", { constants: { C: "u32", D: "u32" } }],
  ] as const)("notices %s", (_, change) =>
    expect(mismatches({ ...kernel, ...change }, code)).toHaveLength(
      "params" in change && Object.keys(change.params).length === 0 ? 2 : 1,
    ),
  );

  it("notices another group, and a second entry point", () => {
    expect(mismatches(kernel, code.replace("@group(1)", "@group(0)"))).toHaveLength(1);
    expect(mismatches(kernel, `${code}\n@compute @workgroup_size(1) fn other() {}`)).toHaveLength(1);
  });
});
