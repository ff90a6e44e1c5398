// Command line: novels, ready examples or ILM's documents -> train.jsonl, validation.jsonl, test.jsonl and the
// template. See --help.
// oxlint-disable-next-line import/no-unassigned-import -- it takes effect before the others are evaluated
import "./cli/shared/beside-tsx.ts";
import { terminalWidth } from "./cli/shared/format.ts";
import { prepare } from "./cli/prepare/run.ts";
import { runCli } from "./cli/shared/run.ts";
import { hasColour } from "./cli/shared/style.ts";

await runCli(({ argv, signal }) =>
  prepare(argv, {
    print: (line) => process.stdout.write(`${line}\n`),
    color: hasColour(process.stdout),
    width: terminalWidth(process.stdout, 120),
    signal,
  }),
);
