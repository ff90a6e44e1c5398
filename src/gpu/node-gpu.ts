// WebGPU in Node: which adapter Dawn (the npm package webgpu) opens. A real GPU if there is one, else the system's
// software driver, else SwiftShader from npm. Reached only from platform.ts, by a dynamic import that bundlers do not
// follow.
import { existsSync } from "node:fs";
import { UserError } from "../errors.ts";
import { printable } from "../files/quote.ts";
import { quietCalls } from "./driver-output.ts";
import {
  SOFTWARE_ADAPTER_PACKAGE,
  softwareAdapterInstalled,
  softwareAdapterShips,
  withSoftwareAdapter,
} from "./software-adapter.ts";

/**
 * Forces an adapter: "swiftshader" is the one that npm brings; any other value is a part of an adapter's name, such as
 * "llvmpipe" or "H100", in any case.
 */
const OVERRIDE = "GPT2_WEBGPU_ADAPTER";

/**
 * More flags for Dawn, separated by spaces, for those who measure it, such as
 * "enable-dawn-features=disable_robustness".
 */
export const DAWN_FLAGS = "GPT2_WEBGPU_DAWN";

// Dawn leaves half-precision floats off on NVIDIA's Vulkan driver unless asked; other drivers ignore the toggle. It
// rounds timestamps to steps of 65.5 us, longer than most launches, to keep pages from timing each other.
const FEATURES = [
  "enable-dawn-features=vulkan_enable_f16_on_nvidia",
  "disable-dawn-features=timestamp_quantization",
] as const;

/**
 * Every Dawn instance made here. When one is collected while its devices live, the process aborts; were it held on
 * globalThis, the process would not exit.
 */
const instances: GPU[] = [];

/** The chosen instance of Dawn. Throws UserError, naming the remedies, when this machine offers no adapter. */
export async function openGpu(): Promise<GPU> {
  const create = await loadDawn();
  const quietly = await quietCalls();
  let said = "";
  const open = async (...flags: string[]): Promise<{ gpu: GPU; adapter: GPUAdapter } | undefined> => {
    const made = quietly(() => create([...FEATURES, ...flagsAsked(), ...flags]));
    instances.push(made.value);
    const gpu = quietGpu(made.value, (call) => {
      const asked = quietly(call);
      said = asked.said;
      return asked.value;
    });
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    return adapter ? { gpu, adapter } : undefined;
  };
  const openSoftware = () => withSoftwareAdapter(() => open());

  const wanted = process.env[OVERRIDE];
  if (wanted && /^swiftshader$/i.test(wanted)) {
    const refuse = (why: string): never => {
      throw new UserError(`${OVERRIDE} is ${wanted}, ${why}; or unset it, or name another adapter.`);
    };
    if (!softwareAdapterShips()) refuse("but the SwiftShader that npm brings is for x86-64 Linux: use that");
    if (!softwareAdapterInstalled())
      refuse(`which comes from npm and is not installed: npm install ${SOFTWARE_ADAPTER_PACKAGE}`);
    return (await openSoftware())?.gpu ?? refuse("and no driver answers; use another machine");
  }
  if (wanted) return openNamed(open, wanted);

  const found = await open();
  // Where a system has several software drivers, Dawn's first choice may be SwiftShader, which is 3 to 5 times slower
  // than Mesa's.
  if (found?.adapter.info.architecture === "swiftshader") return openNamed(open, "llvmpipe").catch(() => found.gpu);
  if (found) return found.gpu;
  let reason = "";
  if (softwareAdapterShips() && !softwareAdapterInstalled())
    reason = ` A driver that computes on the processor comes from npm: npm install ${SOFTWARE_ADAPTER_PACKAGE}.`;
  else if (softwareAdapterShips()) {
    try {
      const software = await openSoftware();
      if (software) return software.gpu;
    } catch (error) {
      reason = ` The software adapter from npm failed too: ${(error as Error).message}.`;
    }
  }
  if (said) reason += ` The driver said: ${printable(said, 400)}.`;
  throw new UserError(`No WebGPU adapter was found on this machine.${reason} ${remedies()}`);
}

const flagsAsked = (): string[] => process.env[DAWN_FLAGS]?.split(" ").filter(Boolean) ?? [];

/** `gpu`, whose search for adapters goes through `quietly`: drivers print during it, each time. */
function quietGpu(gpu: GPU, quietly: <R>(call: () => R) => R): GPU {
  return {
    __brand: "GPU",
    requestAdapter: (options) => quietly(() => gpu.requestAdapter(options)),
    getPreferredCanvasFormat: () => gpu.getPreferredCanvasFormat(),
    wgslLanguageFeatures: gpu.wgslLanguageFeatures,
  };
}

type Opener = (...flags: string[]) => Promise<{ gpu: GPU } | undefined>;

/** Dawn compares names by case and lists those it has when none matches. */
async function openNamed(open: Opener, wanted: string): Promise<GPU> {
  let listing = "";
  const attempt = async (name: string): Promise<GPU | undefined> => {
    try {
      return (await open(`adapter=${name}`))?.gpu;
    } catch (error) {
      listing = (error as Error).message;
      return undefined;
    }
  };
  const gpu = await attempt(wanted);
  if (gpu) return gpu;
  const names = [...listing.matchAll(/name: '(.*)'/g)].map((match) => match[1]);
  const match = names.find((name) => name.toLowerCase().includes(wanted.toLowerCase()));
  const second = match === undefined ? undefined : await attempt(match);
  if (second) return second;
  throw new UserError(
    `${OVERRIDE} is ${wanted}, but the adapters here are: ${names.join("; ") || "none"}; unset it or name one ` +
      `of these${softwareAdapterShips() ? ", or swiftshader" : ""}.`,
  );
}

async function loadDawn(): Promise<(flags: string[]) => GPU> {
  try {
    return (await import("webgpu")).create;
  } catch (error) {
    const cause = (error as Error).message.split("\n", 1)[0];
    throw new UserError(
      `The npm package webgpu does not load on ${process.platform} ${process.arch} (${cause}). ${
        /Cannot find (module|package)/.test(cause)
          ? "Install it (npm install webgpu); if this system has no build of it, use a browser with WebGPU."
          : "It needs x86-64 or arm64 Linux with glibc and libstdc++, macOS or Windows."
      }`,
    );
  }
}

/** What makes an adapter appear on this kind of system, or one faster than the software adapter `present`. */
export function remedies(present?: string): string {
  if (process.platform === "linux") {
    if (existsSync("/dev/nvidia0")) {
      return (
        "This machine has an NVIDIA GPU but no Vulkan driver that sees it: install the driver's graphics " +
        "part (Debian: nvidia-vulkan-icd); in a container, set NVIDIA_DRIVER_CAPABILITIES=all."
      );
    }
    const gpu = "a GPU with its maker's Vulkan driver";
    const mesa =
      "Mesa's software driver (Debian 13, Ubuntu 24.04: apt-get install mesa-vulkan-drivers; Debian 12: the " +
      "same from bookworm-backports)";
    if (present === "llvmpipe") return `Faster: ${gpu}.`;
    return present === undefined ? `Install ${gpu}, or ${mesa}.` : `Faster: ${gpu}, or ${mesa}.`;
  }
  if (process.platform === "darwin")
    return "WebGPU needs a Mac with Metal; a virtual machine needs its graphics enabled.";
  return "Install the graphics card's own driver; WebGPU needs Direct3D 12.";
}
