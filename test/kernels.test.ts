// What holds for every kernel in every form: it is what its declaration and its files say and nothing more, it
// compiles, and its files are named by one rule (ARCHITECTURE.md, "Shader files").
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../src/gpu/device.ts";
import type { Kernel } from "../src/gpu/kernel.ts";
import { composeModule, kernelTitle } from "../src/gpu/wgsl-module.ts";
import { allKernels } from "../src/kernels/all.ts";
import { wgslFiles } from "../src/wgsl/index.ts";
import { openDevice } from "./check-kernel.ts";

const KERNELS = new URL("../src/kernels/", import.meta.url);
const source = (file: string): string => readFileSync(wgslFiles[file], "utf8");
const withoutComments = (wgsl: string): string => wgsl.replace(/\/\/.*$/gm, "");
const codeOf = (kernel: Kernel): string => kernel.source.map(source).map(withoutComments).join("\n");
const library = allKernels();

describe("kernels", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  it("are all imported by kernels/all.ts", () => {
    const launches = readdirSync(KERNELS).filter((file) =>
      /\b(defineKernel|defineRowKernel|defineElementKernel|defineAttention)\(\{/.test(
        readFileSync(new URL(file, KERNELS), "utf8"),
      ),
    );
    const imported = [
      ...readFileSync(new URL("all.ts", KERNELS), "utf8").matchAll(/^export \* as \w+ from "\.\/(.*)";$/gm),
    ];
    expect(imported.map(([, file]) => file)).toEqual(
      launches.filter((file) => !["rows.ts", "elements.ts", "attention-blocks.ts"].includes(file)),
    );
    expect(new Set(library.map(kernelTitle)).size).toBe(library.length);
  });

  it("compile in every form, as the device's compiler reads them", async () => {
    const { adapterKey, gpu } = device;
    const problems: string[] = [];
    for (const kernel of library) {
      if (kernel.needs.includes("subgroup_id") && device.tuning.subgroupIds === "computed") continue;
      if (kernel.needs.includes("subgroups") && !gpu.features.has("subgroups")) continue;
      if (kernel.needs.includes("f16") && !gpu.features.has("shader-f16")) continue;
      const module = composeModule(kernel, kernel.example ?? {}, source);
      const { messages } = await gpu.createShaderModule({ code: module.code }).getCompilationInfo();
      for (const { message, lineNum } of messages)
        problems.push(`${kernelTitle(kernel)} on ${adapterKey}: ${module.origin(lineNum)}: ${message}`);
    }
    expect(problems).toEqual([]);
    await device.finish();
  });

  it("use every binding and constant that they declare", () => {
    const unused = library.flatMap((kernel) => {
      const code = codeOf(kernel);
      return [...kernel.bindingNames, ...kernel.constantNames]
        .filter((name) => !new RegExp(`\\b${name}\\b`).test(code))
        .map((name) => `${kernelTitle(kernel)}: ${name}`);
    });
    expect(unused).toEqual([]);
  });

  it("use every parameter that they declare, those that share a list of them together", () => {
    const lists = new Set(library.map(({ paramNames }) => paramNames.join()));
    const unused = [...lists].flatMap((list) => {
      const kernels = library.filter(({ paramNames }) => paramNames.join() === list);
      const code = kernels.map(codeOf).join("\n");
      return kernels[0].paramNames
        .filter((name) => !new RegExp(`\\bparams\\.${name}\\b`).test(code))
        .map((name) => `${kernelTitle(kernels[0])}: ${name}`);
    });
    expect(unused).toEqual([]);
  });
});

describe("shader files", () => {
  it("hold mathematics only: what a declaration generates stands in none of them", () => {
    const declaring = /@group|@binding|\bstruct\s+Params\b|^\s*(enable|requires|diagnostic)\b/m;
    expect(Object.keys(wgslFiles).filter((file) => declaring.test(withoutComments(source(file))))).toEqual([]);
    expect(declaring.test(withoutComments("fn f() {}\nenable subgroups;"))).toBe(true);
  });

  it("are all part of a kernel", () => {
    const used = new Set(library.flatMap((kernel) => kernel.source));
    expect(Object.keys(wgslFiles).filter((file) => !used.has(file))).toEqual([]);
  });

  it("are named by one rule", () => expect(misnamed(library)).toEqual([]));

  it("named otherwise are noticed", () => {
    const kernel = (name: string, ...files: string[]) => ({ name, source: files }) as unknown as Kernel;
    expect(misnamed([kernel("add", "lib/grid.wgsl", "add.wgsl")])).toEqual([]);
    expect(misnamed([kernel("add", "sum.wgsl")])).toHaveLength(2); // not its file, and it has none
    expect(misnamed([kernel("add", "add_fast.wgsl")])).toHaveLength(2);
    expect(misnamed([kernel("add", "add.wgsl"), kernel("sub", "sub.wgsl", "add.wgsl")])).toHaveLength(1);
    expect(misnamed([kernel("add", "add.wgsl", "other/a.wgsl")])).toHaveLength(1);
    expect(misnamed([kernel("add", "add_workgroup.wgsl")])).toEqual([]);
  });
});

/** A kernel's own files are <kernel>.wgsl and <kernel>_<variant>.wgsl, all others stand in these folders. */
const VARIANTS = ["invocation", "subgroup", "workgroup", "workgroup_128"];
const FOLDERS = ["lib", "prologue", "epilogue"];

function misnamed(kernels: readonly Kernel[]): string[] {
  return kernels.flatMap(({ name, source: files }) => {
    const own = [`${name}.wgsl`, ...VARIANTS.map((variant) => `${name}_${variant}.wgsl`)];
    const wrong = files.filter((file) => {
      const folder = file.includes("/") ? file.split("/")[0] : undefined;
      return folder === undefined ? !own.includes(file) : !FOLDERS.includes(folder);
    });
    return [
      ...wrong.map((file) => `${name}: ${file}`),
      ...(files.some((file) => own.includes(file)) ? [] : [`${name}: has no file of its own`]),
    ];
  });
}
