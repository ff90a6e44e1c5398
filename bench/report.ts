// One command for a machine with a GPU: what it lists, whether every kernel is right there, then what it can do at most
// and what this engine makes of it. `npx tsx bench/report.ts`, or `node bench/report.ts` from version 24.
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineFlags, parseFlags } from "../src/cli/shared/flags.ts";
import type { Program } from "../src/cli/shared/flags.ts";
import { formatDuration } from "../src/cli/shared/format.ts";
import { runCli } from "../src/cli/shared/run.ts";
import type { CliContext } from "../src/cli/shared/run.ts";
import type { Machine } from "../src/doctor/machine.ts";
import { examine } from "./report/machine.ts";
import type { MatrixConfig } from "./report/machine.ts";
import { machineLines, stageLines, toggleLines } from "./report/print.ts";
import { runStage } from "./report/run-stage.ts";
import type { StageOutcome } from "./report/run-stage.ts";
import { stages } from "./report/stages.ts";

interface Report {
  readonly date: string;
  readonly machine: Machine;
  readonly matrices: readonly MatrixConfig[];
  readonly stages: readonly StageOutcome[];
}

const flags = defineFlags({
  minutes: { type: "float", above: 0, default: 8, group: "What", help: "Stages that would begin later are left out." },
  quick: { type: "bool", group: "What", help: "Small sizes and few checks: to see that everything works." },
  output: {
    type: "string",
    defaultText: "bench/results/report-<adapter>.json",
    placeholder: "file",
    group: "Output",
    help: "Where the JSON goes, rewritten after each stage.",
  },
});
const REPORT: Program<typeof flags> = {
  command: "npx tsx bench/report.ts",
  summary: "Checks the kernels on this adapter and measures it and them: JSON in a file, tables on stdout.",
  flags,
};

async function main({ argv, signal }: CliContext): Promise<number> {
  const { values } = parseFlags(REPORT, argv);
  const started = performance.now();
  const { machine, matrices } = await examine();
  print(machineLines(machine, matrices));
  const file = values.output ?? fileURLToPath(new URL(`./results/report-${machine.adapter.key}.json`, import.meta.url));
  if (values.output === undefined) await mkdir(new URL("./results/", import.meta.url), { recursive: true });
  const done: StageOutcome[] = [];
  const plan = stages(values.quick);
  for (const stage of plan) {
    if (signal.aborted) return 1;
    if (stage.skipped !== undefined) {
      print(`\n${stage.name}: skipped: ${stage.skipped}\n`);
      continue;
    }
    const minutes = (performance.now() - started) / 60_000;
    if (minutes > values.minutes) {
      print(`\n${stage.name}: left out after ${minutes.toFixed(1)} minutes\n`);
      continue;
    }
    const outcome = await runStage(stage, signal);
    done.push(outcome);
    print(stageLines(outcome));
    const report: Report = { date: new Date().toISOString(), machine, matrices, stages: done };
    await writeFile(file, `${JSON.stringify(report, undefined, 1)}\n`);
    if (stage.must && outcome.ended === "failed") {
      print("Nothing is timed where the arithmetic is wrong.\n");
      return 1;
    }
  }
  print(
    toggleLines(
      done,
      plan.filter(({ toggles }) => toggles !== undefined).map(({ name }) => name),
    ),
  );
  print(`\n${file}, after ${formatDuration((performance.now() - started) / 1000)}\n`);
  return done.some(({ ended }) => ended === "failed") ? 1 : 0;
}

function print(text: string): void {
  process.stdout.write(text);
}

await runCli(main);
