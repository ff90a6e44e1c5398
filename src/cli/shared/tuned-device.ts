// The programs' devices: with the kernels that suit the adapter, which one line tells of when they were just chosen.
import { openFolder } from "../../files/open.ts";
import { printableText } from "../../files/quote.ts";
import type { Device } from "../../gpu/device.ts";
import { requestTunedDevice, tunedLines } from "../../tuning/tuned-device.ts";
import type { TunedDeviceOptions } from "../../tuning/tuned-device.ts";
import { cacheFolder } from "./cache-folder.ts";
import { defineFlags } from "./flag-table.ts";

export const TUNE_FLAGS = defineFlags({
  noTune: {
    type: "bool",
    defaultText: "off",
    group: "Output",
    help:
      "On a graphics card that this program does not know yet, do not look for the fastest kernels. Without it they " +
      "are tried once, some seconds long, and kept in XDG_CACHE_HOME/gpt2-webgpu, else in ~/.cache.",
  },
});

/** As requestTunedDevice(); what was chosen is kept in the user's cache folder. */
export async function openTunedDevice(
  when: TunedDeviceOptions["when"],
  options: Omit<TunedDeviceOptions, "when" | "folder" | "onTuned"> = {},
): Promise<Device> {
  const folder = await openFolder(cacheFolder());
  return requestTunedDevice({
    ...options,
    when,
    folder,
    onTuned: (...outcome) =>
      tunedLines(...outcome).forEach((line, i) =>
        process.stderr.write(`${i === 0 ? "Tuned    " : "         "}${printableText(line)}\n`),
      ),
  });
}
