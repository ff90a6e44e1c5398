// How the bench and a system talk: one line of JSON each way, over the pipes of a process of its own, so that turns
// alternate by messages and each system's peak memory is its own. A system says hello; then it is told to prepare a
// task, to run it so many times, again and again, and to end. Libraries print on stdout as well: lines of ours begin
// with a mark. pytorch.py speaks the same.
import type { Task } from "./work.ts";

export const MARK = "gpt2-peers ";

export type Request =
  | { readonly do: "prepare"; readonly task: Task }
  | { readonly do: "run"; readonly times: number }
  | { readonly do: "end" };

/** The first line of a system. */
export interface Hello {
  readonly name: string;
  readonly version: string;
  /** What computes, as far as the system tells. */
  readonly device: string;
}

/** What a task's first run gave, to be compared with the others before anything is timed. */
export interface Result {
  /** float32 in base64: of the first, the middle and the last position (forward), or of the last (prefill). */
  readonly logits?: string;
  /** Chosen tokens (decode, start). */
  readonly ids?: readonly number[];
  /** Mean losses of the first LOSSES steps, each before its update (train). */
  readonly losses?: readonly number[];
}
export const LOSSES = 3;

export type Reply =
  | { readonly hello: Hello }
  | { readonly prepared: Result }
  /** Milliseconds a run (decode: a token), and the most memory that the process has had. */
  | { readonly ms: readonly number[]; readonly peakBytes: number }
  /** It cannot do this, for a reason to be shown. */
  | { readonly unable: string }
  | { readonly failed: string };

export const writeLine = (message: Request | Reply): string => `${MARK}${JSON.stringify(message)}\n`;

/** The message of a line; undefined for a line of somebody else. Throws Error for one of ours that is broken. */
export function readLine(line: string): unknown {
  if (!line.startsWith(MARK)) return undefined;
  try {
    return JSON.parse(line.slice(MARK.length)) as unknown;
  } catch {
    throw new Error(`A line of the protocol is not JSON: ${line.slice(0, 200)}`);
  }
}

export function encodeFloats(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
}

/** Throws Error where `text` is not whole float32 numbers. */
export function decodeFloats(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.byteLength === 0 || bytes.byteLength % 4 !== 0)
    throw new Error(`Logits have ${bytes.byteLength} bytes, wanted float32 numbers`);
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** Positions of a forward pass whose logits are compared. */
export const comparedPositions = (length: number): readonly number[] => [0, Math.floor(length / 2), length - 1];

/** Of logits [1, T, V], or more columns each row, the rows that are compared. */
export function comparedRows(logits: Float32Array, length: number, vocabulary: number): Float32Array {
  const rows = new Float32Array(3 * vocabulary);
  for (const [i, position] of comparedPositions(length).entries())
    rows.set(logits.subarray(position * vocabulary, (position + 1) * vocabulary), i * vocabulary);
  return rows;
}
