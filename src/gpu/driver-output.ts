// Keeps what a graphics driver and Dawn print off the terminal: they write to descriptor 2 from native code, inside the
// calls that look for adapters ("maxDynamicUniformBuffersPerPipelineLayout artificially reduced ..."), before the
// program has said its first word. For such a call descriptor 2 is a scratch file, whose text is handed to the caller
// for the error message. Node can open and close descriptors but not duplicate one, and an opened copy of a log file
// has a position of its own, so that our lines and the shell's would overwrite each other; hence the C library's dup.
import { closeSync, constants, openSync, readSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const STDERR = 2;
/** Bytes of what was said that are kept. */
const LONGEST = 4096;

export interface Quiet<R> {
  readonly value: R;
  /** What was written meanwhile: the first 4096 bytes, trimmed. */
  readonly said: string;
}

interface Descriptors {
  /** A new number for the same open file, or -1. */
  dup(from: number): number;
  /** Makes `to` another number for what `from` is. */
  dup2(from: number, to: number): number;
}

let loading: Promise<Descriptors | undefined> | undefined;

/** undefined where the system has no such calls (Windows, where drivers are quiet) or koffi no build for it. */
function loadDescriptors(): Promise<Descriptors | undefined> {
  return (loading ??= (async () => {
    if (process.platform === "win32") return undefined;
    try {
      const { default: koffi } = await import("koffi");
      const libc = koffi.load(null);
      return { dup: libc.func("int dup(int)"), dup2: libc.func("int dup2(int, int)") } as unknown as Descriptors;
    } catch {
      return undefined;
    }
  })());
}

/**
 * A function that runs the synchronous part of a call without its output on descriptor 2. Our own lines are safe:
 * process.stderr writes at once, and no JavaScript runs during a synchronous call. Where descriptors cannot be had
 * (too many are open, a runtime without koffi) the call simply runs.
 */
export async function quietCalls(): Promise<<R>(call: () => R) => Quiet<R>> {
  const descriptors = await loadDescriptors();
  if (!descriptors) return (call) => ({ value: call(), said: "" });
  return (call) => {
    const scratch = openScratch();
    const kept = scratch === undefined ? -1 : descriptors.dup(STDERR);
    if (scratch === undefined || kept < 0) {
      if (scratch !== undefined) closeSync(scratch);
      return { value: call(), said: "" };
    }
    try {
      descriptors.dup2(scratch, STDERR);
      const value = call();
      return { value, said: readStart(scratch) };
    } finally {
      descriptors.dup2(kept, STDERR);
      closeSync(kept);
      closeSync(scratch);
    }
  };
}

function readStart(file: number): string {
  const bytes = new Uint8Array(LONGEST);
  return new TextDecoder().decode(bytes.subarray(0, readSync(file, bytes, 0, LONGEST, 0))).trim();
}

/** A file without a name, so that nothing is left of it; undefined where none can be made. */
function openScratch(): number | undefined {
  const path = join(tmpdir(), `gpt2-webgpu-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    unlinkSync(path);
    return descriptor;
  } catch {
    return undefined;
  }
}
