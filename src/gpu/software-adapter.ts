// SwiftShader, a Vulkan driver that runs on the processor, as it comes inside the npm package @sparticuz/chromium:
// unpacked once into a cache folder, then shown to Dawn by environment variables. Nothing under node_modules needs to
// be writable and no root is needed. Only node-gpu.ts and the install script import this file; a browser never sees it.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { constants, homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";

/** The npm package that holds it, as package.json's peerDependencies have it: installed only by who has no GPU. */
export const SOFTWARE_ADAPTER_PACKAGE = "@sparticuz/chromium@147.0.0";
const ARCHIVE = join("bin", "swiftshader.tar.br");
const LOADER = "libvulkan.so.1";
const DRIVER = "libvk_swiftshader.so";
const MANIFEST = "vk_swiftshader_icd.json"; // names the driver by a path relative to itself
const FILES = [LOADER, DRIVER, MANIFEST];

/**
 * Environment variables that choose the Vulkan driver: the present name, and the one that loaders before 1.3.207 know.
 */
const DRIVER_VARIABLES = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] as const;

/** Whether npm brings a driver for this machine: the package holds x86-64 Linux libraries. */
export function softwareAdapterShips(): boolean {
  return process.platform === "linux" && process.arch === "x64";
}

export function softwareAdapterInstalled(): boolean {
  try {
    return softwarePackage() !== "";
  } catch {
    return false;
  }
}

/** Throws Error where the package is not installed. */
const softwarePackage = (): string => createRequire(import.meta.url).resolve("@sparticuz/chromium");

/**
 * Runs `open` with SwiftShader as the only Vulkan driver. The variables are put back afterwards, so that child
 * processes choose for themselves; an instance of Dawn that has enumerated its adapters keeps them.
 * Throws where the package is missing or no folder can be written.
 */
export async function withSoftwareAdapter<R>(open: () => Promise<R>): Promise<R> {
  const folder = unpackSoftwareAdapter();
  loadVulkanLoader(join(folder, LOADER));
  const before = DRIVER_VARIABLES.map((name) => process.env[name]);
  for (const name of DRIVER_VARIABLES) process.env[name] = join(folder, MANIFEST);
  try {
    return await open();
  } finally {
    DRIVER_VARIABLES.forEach((name, i) => {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    });
  }
}

/**
 * Dawn opens libvulkan.so.1 by name. Where the system has none, a copy that is already in the process answers to that
 * name. process.dlopen brings it in: it then throws, since the library is no Node add-on, but RTLD_NODELETE keeps it
 * loaded. Where the system has a loader and Dawn has opened it, that one keeps answering and this is harmless.
 */
function loadVulkanLoader(path: string): void {
  const RTLD_NODELETE = 0x1000;
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  } catch (error) {
    if (!/did not self-register/.test((error as Error).message)) throw error;
  }
}

/**
 * The folder with the unpacked files: in the first of `caches` that has them or can be written (node_modules/.cache,
 * the user's cache), else a temporary folder that goes with the process. Unpacking takes 0.3 s and 7 MB.
 */
export function unpackSoftwareAdapter(caches?: readonly string[]): string {
  const require = createRequire(import.meta.url);
  const root = packageRoot(softwarePackage());
  const { version } = require(join(root, "package.json")) as { version: string };
  const folders = (
    caches ?? [join(root, "..", "..", ".cache"), process.env.XDG_CACHE_HOME || join(homedir(), ".cache")]
  ).map((cache) => join(cache, "gpt2-webgpu", `swiftshader-${version}`));
  const ready = folders.find((folder) => FILES.every((file) => existsSync(join(folder, file))));
  if (ready) return ready;
  const files = readTar(brotliDecompressSync(readFileSync(join(root, ARCHIVE))), FILES);
  for (const folder of folders) {
    try {
      unpackInto(folder, files);
      return folder;
    } catch {
      // Not writable, or full: the next folder may be better.
    }
  }
  const folder = mkdtempSync(join(tmpdir(), "gpt2-webgpu-")); // fresh and private: others cannot plant a library in it
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const [file, bytes] of files) writeFileSync(join(folder, file), bytes);
  return folder;
}

/** Writes aside and renames, so that a folder of that name is always whole, also when two processes unpack at once. */
function unpackInto(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  mkdirSync(dirname(folder), { recursive: true });
  const aside = mkdtempSync(`${folder}.`);
  try {
    chmodSync(aside, 0o755); // what an administrator installed, other users may read
    for (const [file, bytes] of files) writeFileSync(join(aside, file), bytes);
    renameSync(aside, folder);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    if (!FILES.every((file) => existsSync(join(folder, file)))) throw error; // else another process was first
  }
}

function packageRoot(entry: string): string {
  let folder = dirname(entry);
  while (!existsSync(join(folder, ARCHIVE))) {
    if (folder === dirname(folder))
      throw new Error(`software adapter: @sparticuz/chromium is installed without ${ARCHIVE}`);
    folder = dirname(folder);
  }
  return folder;
}

/** The named regular files of a tar archive (512-byte blocks: name at 0, octal size at 124). */
export function readTar(tar: Uint8Array, wanted: readonly string[]): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const text = (from: number, length: number) =>
    new TextDecoder().decode(tar.subarray(from, from + length)).split("\0", 1)[0];
  for (let block = 0; block + 512 <= tar.length && tar[block] !== 0;) {
    const name = text(block, 100).replace(/^\.\//, "");
    const size = parseInt(text(block + 124, 12), 8);
    if (wanted.includes(name)) found.set(name, tar.subarray(block + 512, block + 512 + size));
    block += 512 + Math.ceil(size / 512) * 512;
  }
  const missing = wanted.filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`software adapter: the archive lacks ${missing.join(", ")}`);
  return found;
}
