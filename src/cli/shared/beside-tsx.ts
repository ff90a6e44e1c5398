// For the programs, imported before all else. The command tsx runs a program below itself; when it is told to stop
// (Ctrl-C, SIGTERM) it waits 30 ms for the program to say that it heard, twice, and then kills it. A program that is
// computing, or on a busy machine, is not that fast, and what it had not saved is lost. So the program runs once more
// below, without tsx (which still compiles it); this process only tells it of signals, and is always fast to answer.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { forwardSignals } from "./forwarded-signals.ts";

/** Node's own arguments without those that tie a process to the command tsx; undefined: it was not started by it. */
function withoutTsxCommand(execArgv: readonly string[]): string[] | undefined {
  const at = execArgv.findIndex((arg) => /[\\/]tsx[\\/]dist[\\/]preflight\.cjs$/.test(arg));
  return at < 1 ? undefined : [...execArgv.slice(0, at - 1), ...execArgv.slice(at + 1)];
}

/** Runs the program below this process, which ends as it does. */
function runBelow(execArgv: readonly string[]): Promise<never> {
  const child = spawn(process.execPath, [...execArgv, ...process.argv.slice(1)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  forwardSignals(child);
  return new Promise((_, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal!]));
  });
}

const execArgv = withoutTsxCommand(process.execArgv);
// A debugger is attached to this process, not to one below.
if (execArgv && !execArgv.some((arg) => arg.startsWith("--inspect"))) await runBelow(execArgv);
