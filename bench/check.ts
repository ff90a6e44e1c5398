// npm run doctor: is the arithmetic right on this adapter? Runs the test files that use a GPU (every kernel against
// float64, the whole model against reference numbers) without a test runner, prints a line for each group, and says
// what to report. Works under plain Node from version 24, and under tsx. The package's doctor (src/doctor.ts) runs the
// kernels' tables alone, by the same parts.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { checkText, machineText } from "../src/cli/doctor/print.ts";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import type { Program } from "../src/cli/shared/flags.ts";
import { runCli } from "../src/cli/shared/run.ts";
import type { CliContext } from "../src/cli/shared/run.ts";
import { checkTable } from "../src/doctor/check-table.ts";
import { examineMachine } from "../src/doctor/machine.ts";
import { UserError } from "../src/errors.ts";
import { redirectVitest } from "./kernel-tables.ts";
import { shaderText } from "./print-shader.ts";

const TESTS = fileURLToPath(new URL("../test/", import.meta.url));
/** How a test opens a device. */
const OPENS_DEVICE = /\/check-kernel\.ts"|\brequestDevice\(/;
/** It puts something of its own in the place of what a page or a module has, for which vitest is needed. */
const MOCKS = /\bvi\.\w/;
/** It tests this program. */
const OWN_TEST = "bench.test.ts";
const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const flags = defineFlags({
  printShader: {
    type: "string",
    placeholder: "kernel",
    group: "What",
    help: "Instead of checking, print a kernel's WGSL as the driver gets it, in each of its forms, such as layernorm.",
  },
});
const DOCTOR: Program<typeof flags> = {
  command: "npm run doctor --",
  summary: "Checks on this adapter every kernel against float64, and the whole model against reference numbers.",
  flags,
  positionals: { name: "check", help: "only these test files: a part of their names, or paths" },
};

async function main({ argv, signal }: CliContext): Promise<number> {
  const { values, positionals } = parseFlags(DOCTOR, argv);
  if (values.printShader !== undefined) {
    process.stdout.write(shaderText(values.printShader));
    return 0;
  }
  redirectVitest();
  const files = chooseFiles(positionals);
  const machine = await examineMachine();
  process.stdout.write(machineText(machine));
  const hasSubgroups = machine.adapter.features.includes("subgroups");
  const skipped = files.filter(lacksPackage);
  let formsSkipped = 0;
  let failed = 0,
    passed = 0;
  for (const file of files) {
    if (skipped.includes(file)) print(`skip  ${name(file)}: needs the development package fast-check`);
    else
      for await (const check of checkTable(name(file), () => import(pathToFileURL(file).href), hasSubgroups)) {
        process.stdout.write(checkText(check));
        if (check.lacks !== undefined) formsSkipped++;
        failed += check.failures.length;
        passed += check.passed;
        if (signal.aborted) return 1;
      }
  }
  print(`\n${passed} checks passed, ${failed} failed${count(skipped.length, "file")}${count(formsSkipped, "group")}.`);
  if (failed > 0) print(ADVICE);
  return failed > 0 || passed === 0 ? 1 : 0; // having checked nothing is no good news
}

const count = (number: number, what: string): string =>
  number === 0 ? "" : `, ${number} ${what}${number === 1 ? "" : "s"} skipped`;

const ADVICE = `
Something computes wrongly here. Please report everything above, with the graphics card, its driver's version and
the system. What narrows it down:
  GPT2_WEBGPU_ADAPTER=swiftshader npm run doctor   right there: this adapter or its driver is at fault; update it
  a group "by workgroup" fails and "by subgroup" does not, or the other way: only that form of the kernels is at fault
  npm run doctor -- matmul                         one file again: if a failure comes and goes, it is the hardware`;

/** Names or paths on the command line; else every test file that uses the GPU, the whole model last. */
function chooseFiles(wanted: readonly string[]): string[] {
  const paths = wanted.filter((each) => existsSync(each));
  const words = wanted.filter((each) => !paths.includes(each));
  const all = readdirSync(TESTS)
    .filter((file) => file.endsWith(".test.ts") && file !== OWN_TEST)
    .map((file) => resolve(TESTS, file))
    .filter((file) => {
      const text = readFileSync(file, "utf8");
      return OPENS_DEVICE.test(text) && !MOCKS.test(text);
    })
    .sort((a, b) => Number(name(a).startsWith("reference")) - Number(name(b).startsWith("reference")));
  const unknown = words.find((word) => !all.some((file) => name(file).includes(word)));
  if (unknown !== undefined)
    throw new UserError(`There is no check ${unknown}; there are ${all.map(name).join(", ")}.`);
  const named = wanted.length > 0 ? all.filter((file) => words.some((word) => name(file).includes(word))) : all;
  return [...paths.map((path) => resolve(path)), ...named];
}

const name = (file: string): string => basename(file).replace(/\.test\.ts$/, "");

function lacksPackage(file: string): boolean {
  if (!readFileSync(file, "utf8").includes('"fast-check"')) return false;
  try {
    createRequire(import.meta.url).resolve("fast-check");
    return false;
  } catch {
    return true;
  }
}

await runCli(main);
