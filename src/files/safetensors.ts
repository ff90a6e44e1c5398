// Safetensors files, the format of Hugging Face weights, read: one tensor at a time through Folder.read, so that a large
// file is never in memory as a whole. safetensors-write.ts writes them.
import { UserError } from "../errors.ts";
import { decodeBFloat16, decodeFloat16 } from "./float16.ts";
import type { Folder } from "./folder.ts";
import { readJson } from "./json.ts";
import { headerLength, parseHeader } from "./safetensors-header.ts";
import type { TensorInfo } from "./safetensors-header.ts";

export type { TensorInfo } from "./safetensors-header.ts";

/** Tensors of one file, or of all the shards of a model, by name. */
export class Safetensors {
  readonly tensors: ReadonlyMap<string, TensorInfo & { readonly file: string }>;
  /** The `__metadata__` strings (of the first shard). */
  readonly metadata: ReadonlyMap<string, string>;
  private readonly folder: Folder;

  private constructor(folder: Folder, tensors: Safetensors["tensors"], metadata: ReadonlyMap<string, string>) {
    this.folder = folder;
    this.tensors = tensors;
    this.metadata = metadata;
  }

  /**
   * Reads and checks the header of one file. Throws UserError when it is missing, damaged, truncated or a Git LFS
   * pointer.
   */
  static async open(folder: Folder, file: string): Promise<Safetensors> {
    const what = `${folder.name}/${file}`;
    const size = await folder.size(file);
    const length = headerLength(await folder.read(file, { offset: 0, length: Math.min(256, size) }), size, what);
    const header = parseHeader(await folder.read(file, { offset: 8, length }), size, what);
    const tensors = new Map([...header.tensors].map(([name, info]) => [name, { ...info, file }]));
    return new Safetensors(folder, tensors, header.metadata);
  }

  /**
   * Opens every shard that an index file (`{"weight_map": {tensor: file}}`) names. Throws UserError when the index is
   * not one, or when a shard holds other tensors than the index says.
   */
  static async openSharded(folder: Folder, indexFile: string): Promise<Safetensors> {
    const what = `${folder.name}/${indexFile}`;
    const index = (await readJson(folder, indexFile)) as { weight_map?: unknown } | null;
    const entries = typeof index?.weight_map === "object" ? Object.entries(index.weight_map ?? {}) : [];
    if (entries.length === 0 || !entries.every(([, file]) => typeof file === "string")) {
      throw new UserError(`${what}: no usable "weight_map" (tensor name to file name); fetch the file again.`);
    }
    const weightMap = new Map(entries as [string, string][]);
    const shards = await Promise.all([...new Set(weightMap.values())].map((file) => Safetensors.open(folder, file)));
    const tensors = new Map<string, TensorInfo & { readonly file: string }>();
    for (const shard of shards) {
      for (const [name, info] of shard.tensors) {
        if (weightMap.get(name) !== info.file)
          throw new UserError(
            `${what}: ${info.file} holds the tensor ${name}, which the index does not place there; fetch index and shards again.`,
          );
        tensors.set(name, info);
      }
    }
    const missing = [...weightMap.keys()].find((name) => !tensors.has(name));
    if (missing !== undefined)
      throw new UserError(
        `${what}: ${weightMap.get(missing)} does not hold the tensor ${missing}; fetch index and shards again.`,
      );
    return new Safetensors(folder, tensors, shards[0].metadata);
  }

  /**
   * Values of one tensor, row-major, or `count` of them from number `start` on. The array may share the folder's memory:
   * read it, do not write into it. Throws UserError when there is no such tensor or its dtype is not F32, F16 or BF16.
   */
  async read(name: string, window?: { readonly start: number; readonly count: number }): Promise<Float32Array> {
    const info = this.tensors.get(name);
    if (!info) throw new UserError(`${this.folder.name}: no tensor ${name} in its safetensors files.`);
    const bytes = await this.folder.read(info.file, rangeOf(info, window));
    // Typed arrays need aligned bytes, which neither the format nor a folder promises. WebGPU's machines are
    // little-endian, as the format is.
    const align = (size: number): Uint8Array => (bytes.byteOffset % size === 0 ? bytes : bytes.slice());
    switch (info.dtype) {
      case "F32":
        return view(Float32Array, align(4));
      case "F16":
        return decodeFloat16(view(Uint16Array, align(2)));
      case "BF16":
        return decodeBFloat16(view(Uint16Array, align(2)));
      default:
        throw new UserError(
          `${this.folder.name}/${info.file}: tensor ${name} is ${info.dtype}, wanted F32, F16 or BF16; convert the weights first.`,
        );
    }
  }
}

/** Where in the file the values of a window lie, or of the whole tensor. */
function rangeOf(
  { dtype, offset, byteLength }: TensorInfo,
  window: { readonly start: number; readonly count: number } | undefined,
): { offset: number; length: number } {
  if (!window) return { offset, length: byteLength };
  const width = dtype === "F32" ? 4 : 2;
  if (window.start < 0 || window.count < 0 || (window.start + window.count) * width > byteLength)
    throw new Error(`Safetensors: values ${window.start} to ${window.start + window.count} are outside the tensor`);
  return { offset: offset + window.start * width, length: window.count * width };
}

function view<T>(type: new (buffer: ArrayBufferLike, offset: number, length: number) => T, bytes: Uint8Array): T {
  const size = (type as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
  return new type(bytes.buffer, bytes.byteOffset, bytes.byteLength / size);
}
