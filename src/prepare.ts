// Command line: novels, ready examples or ILM's documents -> train.jsonl, validation.jsonl, test.jsonl and the
// template. See --help.
import { terminalWidth } from "./cli/shared/format.ts";
import { prepare } from "./cli/prepare/run.ts";
import { runCli } from "./cli/shared/run.ts";

await runCli(({ argv, signal }) =>
  prepare(argv, {
    print: (line) => process.stdout.write(`${line}\n`),
    color: process.stdout.isTTY && !process.env.NO_COLOR,
    width: terminalWidth(process.stdout, 120),
    signal,
  }),
);
