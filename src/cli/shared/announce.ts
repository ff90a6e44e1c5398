// Lines on stderr about a run: what computes (on a software adapter, how to get a faster one), and notes.
import type { Device } from "../../gpu/device.ts";

export function announce(device: Device): void {
  process.stderr.write(`Adapter  ${device.description}\n`);
  if (device.hint) process.stderr.write(`         ${device.hint}\n`);
}

/** One sentence that the user should read. */
export function writeNote(note: string): void {
  process.stderr.write(`Note     ${note}\n`);
}
