// How much memory a device has, WebGPU does not tell: to know whether a run has room, ask for all of it and give it
// back.
import { UserError } from "../errors.ts";
import type { Device } from "./device.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Takes buffers of these sizes in bytes, the largest first, and gives them back. Returns how many bytes the device
 * gave: all of them, or what came before the first that it has no memory for. Software adapters and some integrated
 * GPUs promise memory that there is not. Throws where the device is lost.
 */
export async function trialAllocation(device: Device, sizes: readonly number[]): Promise<number> {
  const { pool, failures } = device;
  const taken: Tensor[] = [];
  let bytes = 0;
  try {
    for (const size of [...sizes].sort((a, b) => b - a)) {
      const { mark } = failures;
      taken.push(pool.reserve(size / 4));
      await failures.told(); // browsers tell later
      failures.throwSince(mark);
      bytes += size;
    }
  } catch (error) {
    failures.throwIfLost();
    if (!(error instanceof UserError)) throw error;
  } finally {
    for (const tensor of taken) pool.release(tensor);
  }
  await device.finish(); // now it really has them back
  return bytes;
}
