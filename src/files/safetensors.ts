// Safetensors files, the format of Hugging Face weights: tensors are read one at a time through Folder.read, so that a
// large file is never in memory as a whole, and written into one buffer that is filled tensor by tensor.
import { UserError } from "../errors.ts";
import { decodeBFloat16, decodeFloat16, encodeFloat16 } from "./float16.ts";
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
   * Values of one tensor, row-major. The array may share the folder's memory: read it, do not write into it.
   * Throws UserError when there is no such tensor or its dtype is not F32, F16 or BF16.
   */
  async read(name: string): Promise<Float32Array> {
    const info = this.tensors.get(name);
    if (!info) throw new UserError(`${this.folder.name}: no tensor ${name} in its safetensors files.`);
    const bytes = await this.folder.read(info.file, { offset: info.offset, length: info.byteLength });
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

/**
 * A safetensors file: metadata {"format": "pt"} (without it transformers refuses the file), tensors in the order of
 * `shapes`, contiguous and aligned. `read` is called once per tensor, in that order. Throws UserError naming the tensor
 * when a value does not fit F16, or when the whole is too large for one buffer.
 */
export async function encodeSafetensors(
  shapes: ReadonlyMap<string, readonly number[]>,
  read: (name: string) => Float32Array | Promise<Float32Array>,
  dtype: "F32" | "F16" = "F32",
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Promise<Uint8Array> {
  const bytesPerValue = dtype === "F32" ? 4 : 2;
  const entries = [`"__metadata__":${JSON.stringify(metadata)}`];
  let end = 0;
  for (const [name, shape] of shapes) {
    const start = end;
    end += elements(shape) * bytesPerValue;
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`);
  }
  const header = new TextEncoder().encode(`{${entries.join(",")}}`);
  const dataStart = Math.ceil((8 + header.byteLength) / 8) * 8;
  const file = allocate(dataStart + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - 8), true);
  file.set(header, 8);
  file.fill(0x20, 8 + header.byteLength, dataStart); // spaces after the JSON align the data
  let offset = dataStart;
  for (const [name, shape] of shapes) {
    const values = await read(name);
    const count = elements(shape);
    if (values.length !== count)
      throw new Error(
        `encodeSafetensors: cannot write ${name}: it has ${values.length} values, its shape [${shape.join(", ")}] holds ${count}`,
      );
    if (dtype === "F32") new Float32Array(file.buffer, offset, count).set(values);
    else refuseOverflow(name, values, encodeFloat16(values, new Uint16Array(file.buffer, offset, count)));
    offset += count * bytesPerValue;
  }
  return file;
}

function refuseOverflow(name: string, values: Float32Array, halves: Uint16Array): void {
  for (let i = 0; i < halves.length; i++) {
    if ((halves[i] & 0x7fff) === 0x7c00 && Number.isFinite(values[i])) {
      throw new UserError(
        `Tensor ${name} holds ${values[i]}, but half precision ends at 65504; save as float32 instead.`,
      );
    }
  }
}

function allocate(byteLength: number): Uint8Array {
  try {
    return new Uint8Array(byteLength);
  } catch {
    throw new UserError(
      `The weights take ${byteLength} bytes, more than one buffer holds here; save as float16, which halves that.`,
    );
  }
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function view<T>(type: new (buffer: ArrayBufferLike, offset: number, length: number) => T, bytes: Uint8Array): T {
  const size = (type as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
  return new type(bytes.buffer, bytes.byteOffset, bytes.byteLength / size);
}
