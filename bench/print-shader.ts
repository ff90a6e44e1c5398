// npm run doctor -- --print_shader layernorm: the WGSL module of a kernel in each of its forms, whole, as the driver
// gets it: what the declaration generates, then its files. Constants have the values that are usual for GPT-2.
import { readFileSync } from "node:fs";
import { UserError } from "../src/errors.ts";
import { composeModule, kernelTitle } from "../src/gpu/wgsl-module.ts";
import { allKernels } from "../src/kernels/all.ts";
import { wgslFiles } from "../src/wgsl/index.ts";

/**
 * The modules of the kernel `wanted`, or of one form of it by its title ("layernorm, workgroup"). Dashes count as
 * underscores. Throws UserError that lists the kernels when there is none of that name.
 */
export function shaderText(wanted: string): string {
  const name = wanted.trim().replaceAll("-", "_");
  const kernels = allKernels();
  const chosen = kernels.filter((kernel) => kernel.name === name || kernelTitle(kernel) === name);
  if (chosen.length === 0) {
    const names = [...new Set(kernels.map((kernel) => kernel.name))].sort();
    throw new UserError(`There is no kernel ${JSON.stringify(wanted)}; there are ${names.join(", ")}.`);
  }
  const source = (file: string): string => readFileSync(wgslFiles[file], "utf8");
  return chosen.map((kernel) => composeModule(kernel, kernel.example ?? {}, source).code).join("\n\n");
}
