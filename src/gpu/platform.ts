// The one library file that tells Node from a browser: where WebGPU comes from and how files are opened. What only Node
// can load is imported by a specifier held in a variable, which no bundler follows, so a page never carries it.
import { UserError } from "../errors.ts";
import type { Folder } from "../files/folder.ts";
import { UrlFolder } from "../files/url-folder.ts";

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
  /** On a software adapter: how to get a faster one. */
  readonly hint?: string;
}

const isNode = typeof process === "object" && process.versions?.node !== undefined;

/** import() that bundlers leave alone. */
const importInNode = <M>(specifier: string): Promise<M> => import(/* @vite-ignore */ specifier);
const nodeGpu = () => importInNode<typeof import("./node-gpu.ts")>("./node-gpu.ts");

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
 */
export async function requestAdapter(options: GPURequestAdapterOptions = {}): Promise<FoundAdapter> {
  const gpu = await requestGpu();
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance", ...options });
  if (!adapter) throw new UserError(`No WebGPU adapter was found. ${await remedies()}`);
  const described = describeAdapter(adapter.info);
  return { adapter, ...described, ...(described.software ? { hint: await remedies(described.key) } : {}) };
}

async function remedies(present?: string): Promise<string> {
  if (isNode) return (await nodeGpu()).remedies(present);
  return "Turn hardware acceleration on in the browser's settings and update the graphics driver.";
}

/** Key, description and kind from an adapter's info (WebGPU names: vendor, architecture, device, description). */
export function describeAdapter(
  info: Pick<GPUAdapterInfo, "vendor" | "architecture" | "device" | "description" | "isFallbackAdapter">,
): Pick<FoundAdapter, "key" | "description" | "software"> {
  const { vendor, architecture, device, description } = info;
  if (/^llvmpipe/.test(device) || /^llvmpipe/.test(description)) {
    return {
      key: "llvmpipe",
      description: `Mesa llvmpipe, on the processor (${description.replace(/^llvmpipe: (Mesa )?/, "") || device})`,
      software: true,
    };
  }
  if (architecture === "swiftshader")
    return { key: "swiftshader", description: "SwiftShader, on the processor", software: true };
  const key = [vendor, architecture].filter(Boolean).join("-") || "unknown";
  const parts = [...new Set([device || key, description])].filter(Boolean);
  return { key, description: parts.join(", "), software: info.isFallbackAdapter };
}

/** All bytes behind a URL such as `new URL("./x.wgsl", import.meta.url)`. Throws Error when they cannot be had. */
export async function readBytes(url: URL): Promise<Uint8Array> {
  if (url.protocol === "file:" && isNode) {
    const bytes = await (await importInNode<typeof import("node:fs/promises")>("node:fs/promises")).readFile(url);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength); // plain: a Buffer's slice() shares memory
  }
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(
      `readBytes: cannot fetch ${url.href}: the server answered ${response.status} ${response.statusText}`,
    );
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * A folder by its path or address: read and written on disk in Node, read through fetch behind an http(s) address (in a
 * browser every path is one, relative to the page). Nothing is opened yet: a missing folder shows at the first read.
 */
export async function openFolder(pathOrUrl: string): Promise<Folder> {
  if (/^https?:/i.test(pathOrUrl)) return new UrlFolder(new URL(pathOrUrl));
  if (!isNode)
    return new UrlFolder(new URL(pathOrUrl, (globalThis as unknown as { location: { href: string } }).location.href));
  const { DiskFolder } = await importInNode<typeof import("../files/disk-folder.ts")>("../files/disk-folder.ts");
  if (!/^file:/i.test(pathOrUrl)) return new DiskFolder(pathOrUrl);
  return new DiskFolder((await importInNode<typeof import("node:url")>("node:url")).fileURLToPath(pathOrUrl));
}
