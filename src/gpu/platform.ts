// Where WebGPU comes from: the runtime's own (a browser, Deno), or Dawn in Node.
import { UserError } from "../errors.ts";
import { importInNode } from "../import-in-node.ts";
import { isNode } from "../runtime.ts";

export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  /**
   * Stable name of the kind of adapter, the key of the tuning table: "llvmpipe", "swiftshader", "nvidia-hopper", ...
   */
  readonly key: string;
  /** One line for people: what computes. */
  readonly description: string;
  /** Computes on the processor. */
  readonly software: boolean;
  /** Language features of the WGSL compiler; empty where it does not tell. */
  readonly wgslFeatures: ReadonlySet<string>;
  /** On a software adapter: how to get a faster one. */
  readonly hint?: string;
  /** Errors are told within the call that makes them, as Dawn does in this process; a browser tells them afterwards. */
  readonly errorsAtOnce: boolean;
}

const nodeGpu = () => importInNode<typeof import("./node-gpu.ts")>("./gpu/node-gpu.ts");

let opening: Promise<GPU> | undefined;

/**
 * The entry point of WebGPU: navigator.gpu where it exists, else Dawn through the npm package webgpu, opened once a
 * process and held here for as long as the process lives. In Node the environment variable GPT2_WEBGPU_ADAPTER forces
 * an adapter: "swiftshader" for the one that npm brings, else a part of the adapter's name, such as "llvmpipe".
 * Throws UserError where there is no WebGPU, with the remedies.
 */
export function requestGpu(): Promise<GPU> {
  return (opening ??= openGpu().catch((error) => {
    opening = undefined; // a later call may succeed
    throw error;
  }));
}

async function openGpu(): Promise<GPU> {
  const { navigator, isSecureContext } = globalThis as { navigator?: { gpu?: GPU }; isSecureContext?: boolean };
  if (navigator?.gpu) return navigator.gpu;
  if (isNode) return (await nodeGpu()).openGpu();
  throw new UserError(
    isSecureContext === false
      ? "This page has no WebGPU because it is not a secure context: serve it over HTTPS or from localhost."
      : "This browser has no WebGPU: use a current Chrome, Edge, Firefox or Safari, with hardware acceleration on.",
  );
}

/**
 * The best adapter, high performance unless `options` say otherwise. Throws UserError naming the remedies when there is
 * none.
 * @internal
 */
export async function requestAdapter(options: GPURequestAdapterOptions = {}): Promise<FoundAdapter> {
  const gpu = await requestGpu();
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance", ...options });
  if (!adapter) throw new UserError(`No WebGPU adapter was found. ${await remedies()}`);
  const described = describeAdapter(adapter.info);
  const errorsAtOnce = gpu !== (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  const wgslFeatures: ReadonlySet<string> = gpu.wgslLanguageFeatures ?? new Set();
  return {
    adapter,
    errorsAtOnce,
    wgslFeatures,
    ...described,
    ...(described.software ? { hint: await remedies(described.key) } : {}),
  };
}

async function remedies(present?: string): Promise<string> {
  if (isNode) return (await nodeGpu()).remedies(present);
  return "Turn hardware acceleration on in the browser's settings and update the graphics driver.";
}

/** Deno names vendors by their number on the PCI bus; the browsers and Dawn by these words. */
const PCI_VENDORS: Readonly<Record<string, string>> = {
  4318: "nvidia",
  4098: "amd",
  32902: "intel",
  4203: "apple",
  5045: "arm",
  20803: "qualcomm",
};

/**
 * Key, description and kind from an adapter's info (WebGPU names: vendor, architecture, device, description).
 * @internal
 */
export function describeAdapter(
  info: Pick<GPUAdapterInfo, "vendor" | "architecture" | "device" | "description" | "isFallbackAdapter">,
): Pick<FoundAdapter, "key" | "description" | "software"> {
  const { architecture, device, description } = info;
  const vendor = PCI_VENDORS[info.vendor] ?? info.vendor;
  if (/^llvmpipe/.test(device) || /^llvmpipe/.test(description)) {
    return {
      key: "llvmpipe",
      description: `Mesa llvmpipe, on the processor (${description.replace(/^llvmpipe: (Mesa )?/, "") || device})`,
      software: true,
    };
  }
  if (architecture === "swiftshader" || /^SwiftShader/.test(description))
    return { key: "swiftshader", description: "SwiftShader, on the processor", software: true };
  const key = [vendor, architecture].filter(Boolean).join("-") || "unknown";
  const parts = [...new Set([device || key, description])].filter(Boolean);
  return { key, description: parts.join(", "), software: info.isFallbackAdapter };
}
