// Command line: what computes here, and does it compute what it should? See --help.
// oxlint-disable-next-line import/no-unassigned-import -- it takes effect before the others are evaluated
import "./cli/shared/beside-tsx.ts";
import { DOCTOR } from "./cli/doctor/flags.ts";
import { cacheProblem, examineCache } from "./cli/doctor/places.ts";
import { cacheText, checkText, machineText } from "./cli/doctor/print.ts";
import { parseFlags } from "./cli/shared/flags.ts";
import { versionLine } from "./cli/shared/project-path.ts";
import { runCli } from "./cli/shared/run.ts";
import type { CliContext } from "./cli/shared/run.ts";
import { openTunedDevice } from "./cli/shared/tuned-device.ts";
import { doctor } from "./doctor/doctor.ts";
import { UserError } from "./errors.ts";
import { quote } from "./files/quote.ts";

async function main({ argv, signal }: CliContext): Promise<number> {
  const { values, positionals } = parseFlags(DOCTOR, argv);
  const { json, machineOnly, tune } = values;
  if (machineOnly && positionals.length > 0)
    throw new UserError(
      `--machine_only checks no kernel, and ${quote(positionals[0])} is named; leave one of them out.`,
    );
  const print = (text: string): void => void (json || process.stdout.write(text));
  const cache = await examineCache();
  print(`${versionLine()}\n`);
  const report = await doctor({
    kernels: positionals.length > 0 ? positionals : machineOnly || tune ? [] : undefined,
    signal,
    onMachine: (machine) => print(machineText(machine) + cacheText(cache)),
    onCheck: (check) => print(checkText(check)),
  });
  const problems = [...report.problems, ...(cache.writable ? [] : [cacheProblem(cache)])];
  if (json)
    process.stdout.write(`${JSON.stringify({ version: versionLine(), cache, ...report, problems }, null, 2)}\n`);
  if (tune && report.machine) await tuneAnew(print);
  if (report.checks.length > 0) print(`\n${summary(report)}\n`);
  for (const problem of problems) process.stderr.write(`Error: ${problem}\n`);
  return problems.length > 0 ? 1 : 0;
}

async function tuneAnew(print: (text: string) => void): Promise<void> {
  const device = await openTunedDevice("again", {
    onTried(candidate, ratio, wrong) {
      const name =
        Object.entries(candidate)
          .map((entry) => entry.join(" "))
          .join(", ") || "as it is";
      print(`${name.padEnd(50)} ${wrong ?? `${ratio.toFixed(2)} of the time`}\n`);
    },
  });
  device.destroy();
}

function summary({ passed, failed, checks }: Awaited<ReturnType<typeof doctor>>): string {
  const skipped = checks.filter(({ lacks }) => lacks !== undefined).length;
  const unrun = skipped === 0 ? "" : `, ${skipped} group${skipped === 1 ? "" : "s"} skipped`;
  return `${passed} checks passed, ${failed} failed${unrun}.`;
}

await runCli(main);
