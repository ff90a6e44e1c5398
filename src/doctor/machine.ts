// What computes here, and what keeps files: the facts that a report of a fault needs.
import { UserError } from "../errors.ts";
import { requestDevice } from "../gpu/device.ts";
import { requestAdapter } from "../gpu/platform.ts";
import { isNode, runtimeName } from "../runtime.ts";
import { freeBytes, opfsFolder } from "../storage/browser-folders.ts";

/** An adapter as WebGPU describes it, and what the engine makes of it. */
export interface AdapterReport {
  /** One line for people. */
  readonly description: string;
  /** The engine's name for its kind: "nvidia-ampere", "llvmpipe", ... */
  readonly key: string;
  /** It computes on the processor. */
  readonly software: boolean;
  /** On a software adapter: how to get a faster one. */
  readonly hint?: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  /** The driver's own words, its version among them where it tells. */
  readonly driver: string;
  /** Lanes of a subgroup; undefined where there are none, or the adapter does not say. */
  readonly subgroupSizes?: { readonly least: number; readonly most: number };
  readonly features: readonly string[];
  /** Of the shader compiler. */
  readonly wgslFeatures: readonly string[];
  /** Those that compute shaders meet, by WebGPU's names. */
  readonly limits: Readonly<Record<string, number>>;
  /** Bytes that the engine binds at once: larger tensors go by windows. */
  readonly maxBindingBytes: number;
}

/** A page's own file system (OPFS). */
export interface StorageReport {
  readonly usable: boolean;
  /** Why it is not usable. */
  readonly reason?: string;
  /** Bytes that the browser still gives, as it estimates. */
  readonly freeBytes?: number;
}

export interface Machine {
  /** "Node 20.20.1 on linux x64"; a browser's own words for itself. */
  readonly runtime: string;
  readonly adapter: AdapterReport;
  /** In browsers. */
  readonly storage?: StorageReport;
}

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupsPerDimension",
  "minStorageBufferOffsetAlignment",
  "minUniformBufferOffsetAlignment",
] as const;

/** Throws UserError, with the remedies, where there is no WebGPU or no adapter. */
export async function examineMachine(): Promise<Machine> {
  const adapter = await examineAdapter();
  return { runtime: runtimeName(), adapter, ...(isNode ? {} : { storage: await examineStorage() }) };
}

async function examineAdapter(): Promise<AdapterReport> {
  const { adapter, key, description, software, hint, wgslFeatures } = await requestAdapter();
  const { vendor, architecture, device, description: driver, subgroupMinSize, subgroupMaxSize } = adapter.info;
  const engine = await requestDevice();
  const { maxBindingBytes } = engine;
  engine.destroy();
  return {
    description,
    key,
    software,
    hint,
    vendor,
    architecture,
    device,
    driver,
    ...(subgroupMinSize && subgroupMaxSize && adapter.features.has("subgroups")
      ? { subgroupSizes: { least: subgroupMinSize, most: subgroupMaxSize } }
      : {}),
    features: [...adapter.features].sort(),
    wgslFeatures: [...wgslFeatures].sort(),
    limits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
    maxBindingBytes,
  };
}

/**
 * Writes a small file, reads it and removes it again.
 * @internal
 */
export async function examineStorage(): Promise<StorageReport> {
  const file = "check.txt";
  try {
    const folder = await opfsFolder("gpt2-webgpu-doctor");
    await folder.write(new Map([[file, "right"]]));
    const read = new TextDecoder().decode(await folder.read(file));
    await folder.clear();
    if (read !== "right") return { usable: false, reason: "what was written there is not what is read." };
    return { usable: true, freeBytes: await freeBytes() };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { usable: false, reason: error.message };
  }
}
