// The worker's device. Where the adapter is a new one its kernels are tuned, once; what was chosen is kept in the
// browser, as far as it keeps anything.
import { requestDevice } from "../gpu/device.ts";
import type { Device } from "../gpu/device.ts";
import { requestAdapter } from "../gpu/platform.ts";
import { hasTableRow } from "../gpu/tuning.ts";
import { opfsFolder } from "../storage/browser-folders.ts";

const KEPT_IN = "gpt2-webgpu-tuning";

/** `note`: told in a sentence what was chosen. */
export async function openDevice(note: (line: string) => void): Promise<Device> {
  const { key } = await requestAdapter();
  if (hasTableRow(key)) return requestDevice();
  const { requestTunedDevice, tunedLines } = await import("../tuning/tuned-device.ts"); // few adapters need it
  const folder = await opfsFolder(KEPT_IN).catch(() => undefined);
  return requestTunedDevice({ folder, onTuned: (...outcome) => tunedLines(...outcome).forEach(note) });
}
