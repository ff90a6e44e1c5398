// A device whose kernels suit the adapter: from the table where that has a row for it; else as they were chosen when
// the adapter was first used (tune.ts), which is kept in a folder.
import { UserError } from "../errors.ts";
import { digest } from "../files/digest.ts";
import { readText } from "../files/folder.ts";
import type { Folder } from "../files/folder.ts";
import { requestDevice } from "../gpu/device.ts";
import type { Device, DeviceOptions } from "../gpu/device.ts";
import { requestAdapter } from "../gpu/platform.ts";
import { checkTuning, hasTableRow } from "../gpu/tuning.ts";
import { shaderSources } from "../wgsl/sources.ts";
import { tune } from "./tune.ts";
import type { Candidate, Tuned, TuneOptions } from "./tune.ts";

export const TUNING_FILE = "tuning.json";
/** Adapters that one file holds; the oldest goes. */
const MOST_ADAPTERS = 16;

export interface TunedDeviceOptions extends DeviceOptions {
  /** Where it is kept what was chosen; default: nowhere. */
  readonly folder?: Folder;
  /**
   * When kernels are tried. "once" (the default): on an adapter without a row in the table for which nothing is kept;
   * "again": on any; "never". What is kept for an adapter is used in any case.
   */
  readonly when?: "once" | "again" | "never";
  readonly onTried?: TuneOptions["onTried"];
  /** Which kernels are tried (default: all), and until when; see TuneOptions. "again" has no such end. */
  readonly only?: TuneOptions["only"];
  readonly budgetMs?: TuneOptions["budgetMs"];
  /** Told what was chosen just now, and why it could not be kept. */
  readonly onTuned?: (tuned: Tuned, seconds: number, notKept: string | undefined) => void;
}

interface Kept {
  /** For people. */
  readonly adapter: string;
  readonly tuning: Candidate;
}

/**
 * As requestDevice(), with the kernels that are fastest on this adapter. Choosing takes about five seconds, once;
 * "again" takes as long as trying everything does. An adapter that computes on the processor is left as it is unless
 * asked for: compiling what is tried would cost it more than is won. `tuning` overrides single entries. Throws
 * UserError as requestDevice() does.
 */
export async function requestTunedDevice({
  folder,
  when = "once",
  onTried,
  only,
  budgetMs,
  onTuned,
  ...options
}: TunedDeviceOptions = {}): Promise<Device> {
  checkTuning(options.tuning ?? {});
  const { key, description, software } = await requestAdapter();
  const mayTune = when === "again" || (when === "once" && !software && !hasTableRow(key));
  const all = folder ? await readKept(folder) : {};
  if (!mayTune && Object.keys(all).length === 0) return requestDevice(options);
  const id = await identity();
  let { [id]: kept } = all;
  if (mayTune && (!kept || when === "again")) {
    const began = performance.now();
    const budget = when === "again" ? Infinity : budgetMs;
    const tuned = await tune({ open: requestDevice, onTried, only, budgetMs: budget });
    const seconds = (performance.now() - began) / 1000;
    kept = { adapter: description, tuning: tuned.tuning };
    const others = Object.entries(all).filter(([other]) => other !== id);
    const text = JSON.stringify(Object.fromEntries([...others, [id, kept]].slice(-MOST_ADAPTERS)), undefined, 1);
    const notKept = await folder?.write(new Map([[TUNING_FILE, `${text}\n`]])).then(
      () => undefined,
      (error: Error) => error.message,
    );
    onTuned?.(tuned, seconds, notKept);
  }
  return requestDevice({ ...options, tuning: { ...kept?.tuning, ...options.tuning } });
}

/** What onTuned is told, in words. */
export function tunedLines({ tuning, tried, wrong }: Tuned, seconds: number, notKept: string | undefined): string[] {
  const changes = Object.entries(tuning).map(([name, value]) => `${name} ${value}`);
  const chosen = changes.length === 0 ? "the usual ones are the fastest" : `chosen: ${changes.join(", ")}`;
  return [
    `kernels for this adapter: ${tried} forms tried in ${seconds.toFixed(1)} s; ${chosen}`,
    ...wrong.map((each) => `wrong on this adapter, and so left out: ${each}`),
    ...(notKept === undefined ? [] : [`not kept for the next run: ${notKept}`]),
  ];
}

/** Of an adapter, its driver, and the kernels that were tried: another driver or other shaders are tuned anew. */
async function identity(): Promise<string> {
  const [{ adapter, key }, sources] = await Promise.all([requestAdapter(), shaderSources()]);
  const { vendor, architecture, device, description } = adapter.info;
  const shaders = [...sources].sort(([a], [b]) => (a < b ? -1 : 1));
  return digest(JSON.stringify([key, vendor, architecture, device, description, shaders]));
}

/** What is damaged, or of another version's entries, is as if it were not there. */
async function readKept(folder: Folder): Promise<Readonly<Record<string, Kept>>> {
  try {
    if (!(await folder.has(TUNING_FILE))) return {};
    const all = JSON.parse(await readText(folder, TUNING_FILE)) as Record<string, Kept>;
    for (const { tuning } of Object.values(all)) checkTuning(tuning);
    return all;
  } catch (error) {
    if (error instanceof UserError || error instanceof SyntaxError || error instanceof TypeError) return {};
    throw error;
  }
}
