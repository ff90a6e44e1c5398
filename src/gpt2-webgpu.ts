#!/usr/bin/env node
// The package's command, gpt2-webgpu: runs one of the programs beside this file, with the flags that it has.
import { UserError } from "./errors.ts";
import { quote } from "./files/quote.ts";
import { TextRequested } from "./cli/shared/flags.ts";
import { versionLine } from "./cli/shared/project-path.ts";
import { runCli } from "./cli/shared/run.ts";

interface Program {
  readonly does: string;
  /** Importing it runs it, and ends the process. */
  readonly run: () => Promise<unknown>;
}

const PROGRAMS: ReadonlyMap<string, Program> = new Map([
  ["generate", { does: "writes the paragraph between two others", run: () => import("./generate.ts") }],
  ["train", { does: "fine-tunes a model, or trains one from scratch", run: () => import("./train.ts") }],
  ["prepare", { does: "makes examples to train on from books", run: () => import("./prepare.ts") }],
  ["evaluate", { does: "says whether a model uses what it is given", run: () => import("./evaluate.ts") }],
  ["export", { does: "writes a model as a GGUF file, for llama.cpp", run: () => import("./export.ts") }],
  ["studio", { does: "opens the page for writers", run: () => import("./studio.ts") }],
  ["doctor", { does: "says what computes here, and checks it", run: () => import("./doctor.ts") }],
]);

const HELP = `Usage: npx gpt2-webgpu <program> [flags]

${[...PROGRAMS].map(([name, { does }]) => `  ${name.padEnd(10)} ${does}`).join("\n")}

npx gpt2-webgpu <program> --help lists a program's flags; --version says which version this is.
`;

const [name] = process.argv.slice(2);
const program = name === undefined ? undefined : PROGRAMS.get(name);
if (program) {
  process.argv.splice(2, 1);
  await program.run();
} else {
  await runCli(async () => {
    if (name === undefined || ["help", "--help", "-h"].includes(name)) throw new TextRequested(HELP);
    if (name === "--version") throw new TextRequested(`${versionLine()}\n`);
    throw new UserError(`There is no program ${quote(name)}; there are ${[...PROGRAMS.keys()].join(", ")}.`);
  });
}
