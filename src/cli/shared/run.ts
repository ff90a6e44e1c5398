// The frame of a command-line program: how it stops, how it reports errors, and that it really ends. A live Dawn
// instance keeps Node alive, so the process is ended here, after what was written has gone out.
import { inspect } from "node:util";
import { UserError } from "../../errors.ts";
import { printableText } from "../../files/quote.ts";
import { TextRequested } from "./flags.ts";
import { onForwardedSignal, SIGNALS } from "./forwarded-signals.ts";
import type { SignalName } from "./forwarded-signals.ts";
import { onOrphaned } from "./orphan.ts";

export interface CliContext {
  /** Arguments without node and the script. */
  readonly argv: readonly string[];
  /**
   * Fires on the first Ctrl-C, on a request to terminate, when the terminal has gone or the reader of stdout, and when
   * npm, which started this, was ended: finish the step, save, return.
   */
  readonly signal: AbortSignal;
}

/**
 * Equal signals within this time are one: a terminal sends Ctrl-C to every process of a command, and those in front
 * (npm, tsx) send it on.
 */
const SAME_SIGNAL_MS = 1000;
const BROKEN_PIPE = 141;

/**
 * Runs `main` and ends the process: exit code 0, or what main returns, or 130 after Ctrl-C (143 terminated, 129 hung
 * up, 141 closed pipe). A UserError prints its message alone, and so does what the system refuses for a reason that a
 * person can mend (a full disk, also behind stdout; too many open files); any other error prints its stack. Both go to
 * stderr with exit code 1. A second Ctrl-C, a second or more after the first, ends at once.
 */
export async function runCli(main: (cli: CliContext) => Promise<number | void>): Promise<never> {
  const stop = new AbortController();
  let stopCode = 0;
  const requestStop = (code: number) => {
    if (stopCode !== 0) return;
    stopCode = code;
    stop.abort();
  };
  const begin = (name: SignalName): void => {
    if (name === "SIGINT" && stopCode === 0) process.stderr.write("\nStopping; press Ctrl-C again to stop at once.\n");
    requestStop(SIGNALS[name]);
  };
  const told = new Patience();
  const sent = new Patience();
  const hasOneAbove = onForwardedSignal(
    (name, at) => {
      begin(name);
      if (told.ends(name, at)) process.exit(SIGNALS[name]);
    },
    () => requestStop(SIGNALS.SIGTERM),
  );
  for (const name of Object.keys(SIGNALS) as SignalName[])
    process.on(name, () => {
      begin(name);
      // The process above hears the same, and hears it in time, while this one may be computing for seconds.
      if (!hasOneAbove() && sent.ends(name, performance.now())) process.exit(SIGNALS[name]);
    });
  onOrphaned(() => requestStop(SIGNALS.SIGTERM));
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (stopCode === 0 && error.code !== "EPIPE") report(new UserError(`Cannot write to stdout: ${reasonOf(error)}.`));
    requestStop(error.code === "EPIPE" ? BROKEN_PIPE : 1);
  });
  process.stderr.on("error", () => {}); // nobody is left to tell

  let code: number;
  try {
    code = (await main({ argv: process.argv.slice(2), signal: stop.signal })) || stopCode;
  } catch (error) {
    if (error instanceof TextRequested) {
      process.stdout.write(error.message);
      code = 0;
    } else {
      code = isStop(error, stop.signal) ? stopCode : report(error);
    }
  }
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise<void>((done) => stream.write("", () => done()))),
  );
  process.exit(code || stopCode); // stopCode again: a full disk or a broken pipe may show only now
}

/** Tells who asks again from what is only heard again. */
class Patience {
  private readonly heard = new Map<SignalName, number>();

  /** Whether this signal, heard `at` so many milliseconds, asks again, and means: at once. */
  ends(name: SignalName, at: number): boolean {
    const again = this.heard.size > 0;
    const before = this.heard.get(name) ?? -Infinity;
    if (at - before < SAME_SIGNAL_MS) return false;
    this.heard.set(name, at);
    // A terminal that closes may say so more than once; nobody sits before it who could be impatient.
    return again && name !== "SIGHUP";
  }
}

/** Whether the error only says that the program was asked to stop. */
function isStop(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error as Error)?.name === "AbortError");
}

/** Characters of a message: what more says comes from a file, and nobody reads it. */
const LONGEST_MESSAGE = 4000;

/** Prints what stopped the program; returns the exit code. */
function report(error: unknown): number {
  const refusal = systemRefusal(error);
  const text =
    error instanceof UserError
      ? `Error: ${error.message}`
      : refusal === undefined
        ? inspect(error)
        : `Error: ${reasonOf(refusal)}${refusal.path === undefined ? "" : ` (${refusal.path})`}.`;
  const shown = text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}...` : text;
  process.stderr.write(`${printableText(shown)}\n`);
  return 1;
}

/** What a system's refusal means, for those that are no fault of the program. */
const REASONS: Readonly<Record<string, string>> = {
  EMFILE: "Too many files are open: the system allows this process too few; raise the limit (ulimit -n 1024)",
  ENFILE: "Too many files are open on this machine; close other programs",
  ENOSPC: "No space is left on the disk; make room and run again",
  EDQUOT: "Your quota on the disk is used up; make room and run again",
  EFBIG: "The file is larger than the disk or the system's limit allows",
  EROFS: "The disk is mounted for reading only; write elsewhere",
  EACCES: "Access is denied; check the path and who may use it",
  EPERM: "The system does not permit it; check the path and who may use it",
  EIO: "The disk or the terminal failed while reading or writing",
  ENOMEM: "The machine is out of memory; use a smaller model or batch",
};

/** The error, or one that caused it, that the system gave for one of these reasons. */
function systemRefusal(error: unknown): NodeJS.ErrnoException | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code !== undefined && code in REASONS && syscall !== undefined ? error : systemRefusal(error.cause);
}

const reasonOf = (error: NodeJS.ErrnoException): string => REASONS[error.code ?? ""] ?? error.message;
