// npm run doctor: is the arithmetic right on this adapter? Runs the test files that use a GPU (every kernel against
// float64, the whole model against reference numbers) without a test runner, prints a line for each group, and says
// what to report. Works under plain Node from version 24, and under tsx.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { basename, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import type { Program } from "../src/cli/shared/flags.ts";
import { runCli } from "../src/cli/shared/run.ts";
import type { CliContext } from "../src/cli/shared/run.ts";
import { UserError } from "../src/errors.ts";
import { requestDevice } from "../src/gpu/device.ts";
import { shaderText } from "./print-shader.ts";
import { collectTests, runGroups, withoutSubgroupForms } from "./test-shim.ts";
import type { Group, Outcome } from "./test-shim.ts";

const TESTS = fileURLToPath(new URL("../test/", import.meta.url));
/** How a test opens a device. */
const OPENS_DEVICE = /\/check-kernel\.ts"|\brequestDevice\(/;
/** It tests this program. */
const OWN_TEST = "bench.test.ts";
const SHOWN = 3; // failures printed of a group
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
  redirectVitest(new URL("./test-shim.ts", import.meta.url).href);
  const files = chooseFiles(positionals);
  const hasSubgroups = await describeMachine();
  const skipped = files.filter(lacksPackage);
  let formsSkipped = 0;
  let failed = 0,
    passed = 0;
  for (const file of files) {
    if (skipped.includes(file)) print(`skip  ${name(file)}: needs the development package fast-check`);
    else
      for await (const group of checkFile(file, hasSubgroups)) {
        if ("lacks" in group) {
          print(`skip  ${name(file).padEnd(18)} ${group.name}: this adapter has no ${group.lacks} here`);
          formsSkipped++;
          continue;
        }
        printGroup(file, group);
        failed += group.outcome.failures.length;
        passed += group.outcome.passed;
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
    .filter((file) => OPENS_DEVICE.test(readFileSync(file, "utf8")))
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
    nodeModule.createRequire(import.meta.url).resolve("fast-check");
    return false;
  } catch {
    return true;
  }
}

/** Prints what computes; returns whether it has subgroup operations. */
async function describeMachine(): Promise<boolean> {
  const device = await requestDevice();
  const { description, adapterKey, subgroupSize, maxBindingBytes, gpu } = device;
  print(`Adapter   ${description} (${adapterKey})`);
  print(
    `          subgroups of ${subgroupSize || "varying size or none"}, ` +
      `binds ${Math.floor(maxBindingBytes / 2 ** 20)} MiB, ${[...gpu.features].sort().join(" ")}`,
  );
  const { deno } = process.versions as { deno?: string };
  const runtime = deno === undefined ? `Node      ${process.version}` : `Deno      ${deno}`;
  print(`${runtime}, ${process.platform} ${process.arch}`);
  device.destroy();
  return gpu.features.has("subgroups");
}

/** A group that is not run, and what it needs. */
interface Withheld {
  readonly name: string;
  readonly lacks: string;
}

async function* checkFile(file: string, hasSubgroups: boolean): AsyncGenerator<Group | Withheld> {
  try {
    const suite = await collectTests(() => import(pathToFileURL(file).href));
    const { rest, withheld } = hasSubgroups ? { rest: suite, withheld: [] } : withoutSubgroupForms(suite);
    for (const form of withheld) yield { name: form, lacks: "subgroups" };
    yield* runGroups(rest);
  } catch (error) {
    yield {
      name: "",
      outcome: { passed: 0, failures: [{ name: "opening the file", error: error as Error }] },
      milliseconds: 0,
    };
  }
}

function printGroup(file: string, { name: group, outcome, milliseconds }: Group): void {
  const { passed, failures } = outcome;
  const title = `${name(file).padEnd(18)} ${group.padEnd(60)}`;
  if (failures.length === 0) {
    print(`ok    ${title} ${String(passed).padStart(3)} checks ${(milliseconds / 1000).toFixed(1).padStart(6)} s`);
    return;
  }
  print(`FAIL  ${title} ${String(failures.length).padStart(3)} of ${passed + failures.length}${worst(outcome)}`);
  for (const { name: test, error } of failures.slice(0, SHOWN)) print(`      ${test}: ${firstLines(error).join(": ")}`);
  if (failures.length > SHOWN) print(`      and ${failures.length - SHOWN} more`);
}

/** Of the error and what caused it: a property's failure has the one that says why as its cause. */
function firstLines({ message, cause }: Error): string[] {
  const [line] = message.split("\n", 1);
  return cause instanceof Error ? [line, ...firstLines(cause)] : [line];
}

/** The greatest "N times the tolerance" among the messages. */
function worst({ failures }: Outcome): string {
  const ratios = failures.flatMap(({ error }) =>
    [...error.message.matchAll(/([\d.e+]+|Infinity) times the tolerance/g)].map((match) => Number(match[1])),
  );
  return ratios.length > 0 ? `, worst ${Math.max(...ratios).toPrecision(3)} times the tolerance` : "";
}

/**
 * From here on, importing "vitest" gives the module at `url`: by hooks in this thread where Node has them, else in
 * Node's loader thread.
 */
function redirectVitest(url: string): void {
  type Resolve = (specifier: string, context: unknown) => unknown;
  const { registerHooks } = nodeModule as {
    registerHooks?: (hooks: { resolve(specifier: string, context: unknown, next: Resolve): unknown }) => void;
  };
  if (registerHooks) {
    registerHooks({
      resolve: (specifier, context, next) =>
        specifier === "vitest" ? { url, shortCircuit: true } : next(specifier, context),
    });
    return;
  }
  const hook =
    `export const resolve = (specifier, context, next) => specifier === "vitest" ? { url: ` +
    `${JSON.stringify(url)}, shortCircuit: true } : next(specifier, context);`;
  nodeModule.register(`data:text/javascript,${encodeURIComponent(hook)}`);
}

await runCli(main);
