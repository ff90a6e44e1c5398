// The frame of a command-line program: how it stops, how it reports errors, and that it really ends. A live Dawn
// instance keeps Node alive, so the process is ended here, after what was written has gone out.
import { inspect } from "node:util";
import { UserError } from "../../errors.ts";
import { HelpRequested } from "./flags.ts";

export interface CliContext {
  /** Arguments without node and the script. */
  readonly argv: readonly string[];
  /**
   * Fires on the first Ctrl-C, on a request to terminate, and when the reader of stdout has gone: finish the step,
   * save, return.
   */
  readonly signal: AbortSignal;
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
const BROKEN_PIPE = 141;

/**
 * Runs `main` and ends the process: exit code 0, or what main returns, or 130 after Ctrl-C (143 terminated, 141 closed
 * pipe). A UserError prints its message alone, any other error with its stack, both on stderr with exit code 1. A
 * second Ctrl-C ends at once.
 */
export async function runCli(main: (cli: CliContext) => Promise<number | void>): Promise<never> {
  const stop = new AbortController();
  let stopCode = 0;
  const requestStop = (code: number) => {
    if (stopCode !== 0) return;
    stopCode = code;
    stop.abort();
  };
  for (const [name, code] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (stopCode !== 0) process.exit(code);
      if (name === "SIGINT") process.stderr.write("\nStopping; press Ctrl-C again to stop at once.\n");
      requestStop(code);
    });
  }
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    requestStop(BROKEN_PIPE);
  });
  process.stderr.on("error", () => {}); // nobody is left to tell

  let code: number;
  try {
    code = (await main({ argv: process.argv.slice(2), signal: stop.signal })) || stopCode;
  } catch (error) {
    code = report(error, stop.signal) || stopCode;
  }
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise<void>((done) => stream.write("", () => done()))),
  );
  process.exit(code || stopCode); // stopCode again: a broken pipe may show only now
}

/** Prints what stopped the program, if it should be printed; returns the exit code. */
function report(error: unknown, signal: AbortSignal): number {
  if (error instanceof HelpRequested) {
    process.stdout.write(error.message);
    return 0;
  }
  if (signal.aborted && (error === signal.reason || (error as Error)?.name === "AbortError")) return 0;
  process.stderr.write(`${error instanceof UserError ? `Error: ${error.message}` : inspect(error)}\n`);
  return 1;
}
