// For programs that must hear every Ctrl-C, imported before all else. The command tsx runs a program below itself; on
// Ctrl-C it waits 30 ms for the program to say that it heard, twice, and then kills it. A program that is computing, or
// on a busy machine, is not that fast, and what it had not saved is lost. So on a terminal the program runs once more
// below, without tsx (which still compiles it), where the terminal's Ctrl-C reaches it, too; this process only waits
// for it and is always fast to answer.
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** Node's own arguments without those that tie a process to the command tsx; undefined: it was not started by it. */
function withoutTsxCommand(execArgv: readonly string[]): string[] | undefined {
  const at = execArgv.findIndex((arg) => /[\\/]tsx[\\/]dist[\\/]preflight\.cjs$/.test(arg));
  return at < 1 ? undefined : [...execArgv.slice(0, at - 1), ...execArgv.slice(at + 1)];
}

/** Runs the program below this process, which ends as it does. */
function runBelow(execArgv: readonly string[]): Promise<never> {
  const child = spawn(process.execPath, [...execArgv, ...process.argv.slice(1)], { stdio: "inherit" });
  // The terminal sends these to the child as well: sent on late, they would count as a second press.
  for (const name of ["SIGINT", "SIGHUP"] as const) process.on(name, () => {});
  process.once("SIGTERM", () => {
    process.on("SIGTERM", () => {}); // tsx sends it again
    child.kill("SIGTERM");
  });
  return new Promise((_, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal!]));
  });
}

const execArgv = withoutTsxCommand(process.execArgv);
if (execArgv && process.stdin.isTTY) await runBelow(execArgv);
