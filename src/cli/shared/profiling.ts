// --no_tune, --profile and --trace: the run's devices are opened through this, and at its end it says where the time
// went.
import { open, writeFile } from "node:fs/promises";
import { UserError } from "../../errors.ts";
import { requestDevice } from "../../gpu/device.ts";
import type { Device } from "../../gpu/device.ts";
import { measureCeiling } from "../../profile/ceiling.ts";
import { profileLines } from "../../profile/table.ts";
import { Trace } from "../../profile/trace.ts";
import { writeNote } from "./announce.ts";
import { openTunedDevice, TUNE_FLAGS } from "./tuned-device.ts";
import { defineFlags } from "./flag-table.ts";

export const DEVICE_FLAGS = defineFlags({
  ...TUNE_FLAGS,
  profile: {
    type: "bool",
    defaultText: "off",
    group: "Output",
    help:
      "At the end print where the time went: GPU time, GFLOP/s and GB/s of every kernel, how far they are from the " +
      "most that the adapter was measured to do, and how long it had no work. Slows the run.",
  },
  trace: {
    type: "string",
    placeholder: "file",
    group: "Output",
    help:
      "x.json: write the run as a timeline of host and GPU, for Perfetto (Chrome's trace format); an older one is " +
      "written over. Slows the run.",
  },
});

interface DeviceValues {
  readonly noTune?: boolean;
  readonly profile: boolean;
  readonly trace?: string | undefined;
}

export class Profiling {
  private readonly values: DeviceValues;
  private readonly print: (line: string) => void;
  private began = 0;
  private device: Device | undefined;
  private trace: Trace | undefined;

  private constructor(values: DeviceValues, print: (line: string) => void) {
    this.values = values;
    this.print = print;
  }

  /** Throws UserError when the trace could not be written. Measures nothing unless the flags ask for it. */
  static async begin(values: DeviceValues, print: (line: string) => void): Promise<Profiling> {
    if (values.trace !== undefined) await requireWritable(values.trace);
    return new Profiling(values, print);
  }

  /** A device of the run; where one replaces another that was lost, the profile is of the last. */
  async openDevice(): Promise<Device> {
    const { profile, trace, noTune } = this.values;
    const device = await openTunedDevice(noTune ? "never" : "once", { profile: profile || trace !== undefined });
    const { profiler } = device;
    if (!profiler) return device;
    this.began = performance.now();
    this.device = device;
    if (trace !== undefined) profiler.observer = this.trace = new Trace(device.description, profiler.timed);
    return device;
  }

  /** Does `work`, a span of the trace. */
  async span<T>(name: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.device?.profiler?.span("program", name, began);
    }
  }

  /** Prints the profile and writes the trace, as far as the flags ask for them. */
  async end(): Promise<void> {
    const { device, trace, print } = this;
    if (!device) return;
    const wall = performance.now() - this.began;
    const report = await device.profiler!.report();
    if (trace) {
      await writeFile(this.values.trace!, trace.text());
      print(`Trace    ${this.values.trace}: ${trace.launches} launches; open it in Perfetto`);
      if (trace.leftOut > 0) writeNote(`The ${trace.leftOut} launches after these are not in the trace.`);
    }
    if (!this.values.profile) return;
    const plain = await requestDevice();
    try {
      const ceiling = await measureCeiling(plain, { runs: 7, runMs: 20 });
      const lines = profileLines(report, { wall, adapter: device.description, ceiling });
      for (const [i, line] of lines.entries()) print(`${(i === 0 ? "Profile" : "").padEnd(8)} ${line}`.trimEnd());
    } finally {
      plain.destroy();
    }
  }
}

/** An older trace stays until there is a new one. */
async function requireWritable(path: string): Promise<void> {
  try {
    await (await open(path, "a")).close();
  } catch (error) {
    throw new UserError(`Cannot write ${path}: ${(error as Error).message}; choose another --trace file.`);
  }
}
