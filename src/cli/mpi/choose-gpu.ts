// Which of a machine's GPUs a rank opens. WebGPU names adapters by their kind, so four equal ones are one to it; Mesa's
// layer for Vulkan, which comes with its drivers and works with every maker's, shows a program one GPU by its place on
// the PCI bus. Launchers that show each process its own GPU (Slurm with --gpus-per-task, Kubernetes) leave one to see.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors.ts";

const PCI_DEVICES = "/sys/bus/pci/devices";
/** Base class of a PCI device: display controllers, of which 0x0300 draw and 0x0302 only compute. */
const DISPLAY = /^0x03/;
/**
 * NVIDIA, AMD, Intel: of several, a machine computes on the first. Virtual machines' screens and servers' management
 * chips are display controllers, too, and compute nothing.
 */
const GPU_VENDORS = ["0x10de", "0x1002", "0x8086"];

/** PCI addresses of the GPUs to compute on, in order ("0000:41:00.0"); none where the system does not tell. */
export function gpuAddresses(devices = PCI_DEVICES): string[] {
  const property = (address: string, name: string): string => {
    try {
      return readFileSync(join(devices, address, name), "utf8").trim();
    } catch {
      return "";
    }
  };
  if (!existsSync(devices)) return [];
  const displays = readdirSync(devices)
    .filter((address) => DISPLAY.test(property(address, "class")))
    .sort();
  for (const vendor of GPU_VENDORS) {
    const found = displays.filter((address) => property(address, "vendor") === vendor);
    if (found.length > 0) return found;
  }
  return [];
}

type Environment = Record<string, string | undefined>;

/** Whether the Vulkan loader finds Mesa's layer, by the places that its documentation names. */
export function hasDeviceSelectLayer(env: Environment = process.env): boolean {
  const data = env.XDG_DATA_DIRS?.split(":") ?? ["/usr/local/share", "/usr/share"];
  const places = ["/etc", "/usr/local/etc", ...data, env.XDG_DATA_HOME ?? join(homedir(), ".local/share")];
  return places.some((place) => existsSync(join(place, "vulkan/implicit_layer.d/VkLayer_MESA_device_select.json")));
}

interface Machine {
  readonly addresses: readonly string[];
  readonly hasLayer: boolean;
}

/**
 * Lets this process see GPU number `localRank` alone (of fewer, counted round), where there are several and nobody has
 * chosen. To be called before the first adapter is asked for. Throws UserError where that cannot be.
 */
export function chooseGpu(localRank: number, env: Environment = process.env, machine = thisMachine()): void {
  const { addresses, hasLayer } = machine;
  const chosen = env.GPT2_WEBGPU_ADAPTER ?? env.DRI_PRIME ?? env.MESA_VK_DEVICE_SELECT;
  if (addresses.length < 2 || chosen !== undefined) return;
  const place = localRank % addresses.length;
  const shown = env.CUDA_VISIBLE_DEVICES ?? env.ROCR_VISIBLE_DEVICES; // where a launcher has given each process its own
  if (!hasLayer && place > 0 && !/^[^,]+$/.test(shown ?? ""))
    throw new UserError(
      `This machine has ${addresses.length} GPUs, and the Vulkan layer that tells them apart is missing ` +
        "(VkLayer_MESA_device_select, of Debian's mesa-vulkan-drivers): install it, or let the launcher show each " +
        "process its own GPU (srun --gpus-per-task=1).",
    );
  env.DRI_PRIME = `pci-${addresses[place].replace(/[:.]/g, "_")}`;
  env.MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE = "1";
}

const thisMachine = (): Machine => ({ addresses: gpuAddresses(), hasLayer: hasDeviceSelectLayer() });
