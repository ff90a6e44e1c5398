// One line that says what computes, and on a software adapter another that says how to get a faster one.
import type { Device } from "../../gpu/device.ts";

export function announce(device: Device): void {
  process.stderr.write(`Adapter  ${device.description}\n`);
  if (device.hint) process.stderr.write(`         ${device.hint}\n`);
}
