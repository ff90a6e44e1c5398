// Safetensors files, the format of Hugging Face weights, read: one tensor at a time through Folder.read, so that a
// large file is never in memory as a whole. safetensors-write.ts writes them.
import { UserError } from "../errors.ts";
import { decodeBFloat16, decodeFloat16 } from "./float16.ts";
import type { Folder } from "./folder.ts";
import { isObject, readJsonObject } from "./json.ts";
import { printable } from "./quote.ts";
import { headerLength, parseHeader } from "./safetensors-header.ts";
import type { TensorInfo } from "./safetensors-header.ts";

export type { TensorInfo } from "./safetensors-header.ts";

/** The dtypes whose values `Safetensors.read` gives. */
export const FLOAT_DTYPES: readonly string[] = ["F64", "F32", "F16", "BF16"];

type Tensors = ReadonlyMap<string, TensorInfo & { readonly file: string }>;

/** Tensors of one file, or of all the shards of a model, by name. */
export class Safetensors {
  readonly tensors: Tensors;
  /** The `__metadata__` strings (of the first shard). */
  readonly metadata: ReadonlyMap<string, string>;
  /** Tensors that the index lists and its shards lack -> the file where they should be. */
  readonly absent: ReadonlyMap<string, string>;
  private readonly folder: Folder;

  private constructor(
    folder: Folder,
    tensors: Tensors,
    metadata: ReadonlyMap<string, string>,
    absent: ReadonlyMap<string, string> = new Map(),
  ) {
    this.folder = folder;
    this.tensors = tensors;
    this.metadata = metadata;
    this.absent = absent;
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
   * not one, when a shard holds a tensor that the index places elsewhere, and, unless `allowAbsent`, when it lacks one
   * (indices list a tied head that the shards leave out).
   */
  static async openSharded(
    folder: Folder,
    indexFile: string,
    { allowAbsent = false }: { readonly allowAbsent?: boolean } = {},
  ): Promise<Safetensors> {
    const what = `${folder.name}/${indexFile}`;
    const { weight_map: map } = await readJsonObject(folder, indexFile);
    const entries = isObject(map) ? Object.entries(map) : [];
    const isName = (file: unknown): boolean => typeof file === "string" && file === printable(file, 255);
    if (entries.length === 0 || !entries.every(([, file]) => isName(file))) {
      throw new UserError(`${what}: no usable "weight_map" (tensor name to file name); fetch the file again.`);
    }
    const absent = new Map(entries as [string, string][]);
    const placed = new Map(absent);
    const tensors = new Map<string, TensorInfo & { readonly file: string }>();
    let metadata: ReadonlyMap<string, string> | undefined;
    for (const file of new Set(placed.values())) {
      const shard = await Safetensors.open(folder, file); // one after the other: few files may be open at once
      metadata ??= shard.metadata;
      for (const [name, info] of shard.tensors) {
        if ((placed.get(name) ?? file) !== file || tensors.has(name))
          throw new UserError(
            `${what}: ${printable(file)} holds the tensor ${printable(name)}, which the index does not place there; ` +
              "fetch index and shards again.",
          );
        tensors.set(name, info);
        absent.delete(name);
      }
    }
    const [missing] = absent;
    if (missing !== undefined && !allowAbsent)
      throw new UserError(
        `${what}: ${printable(missing[1])} does not hold the tensor ${printable(missing[0])}; ` +
          "fetch index and shards again.",
      );
    return new Safetensors(folder, tensors, metadata!, absent);
  }

  /**
   * Values of one tensor, row-major, or `count` of them from number `start` on. The array may share the folder's
   * memory: read it, do not write into it. Throws UserError when there is no such tensor, its dtype is none of
   * `FLOAT_DTYPES`, or a double is too large for float32.
   */
  async read(name: string, window?: { readonly start: number; readonly count: number }): Promise<Float32Array> {
    const info = this.tensors.get(name);
    if (!info) throw new UserError(`${this.folder.name}: no tensor ${printable(name)} in its safetensors files.`);
    const bytes = await this.folder.read(info.file, rangeOf(info, window));
    // Typed arrays need aligned bytes, which neither the format nor a folder promises. WebGPU's machines are
    // little-endian, as the format is.
    const align = (size: number): Uint8Array => (bytes.byteOffset % size === 0 ? bytes : bytes.slice());
    switch (info.dtype) {
      case "F64":
        return narrow(view(Float64Array, align(8)), `${this.folder.name}/${info.file}: tensor ${printable(name)}`);
      case "F32":
        return view(Float32Array, align(4));
      case "F16":
        return decodeFloat16(view(Uint16Array, align(2)));
      case "BF16":
        return decodeBFloat16(view(Uint16Array, align(2)));
      default:
        throw new UserError(
          `${this.folder.name}/${info.file}: tensor ${printable(name)} is ${info.dtype}, ` +
            `wanted ${FLOAT_DTYPES.join(", ")}; convert the weights first.`,
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
  const width = dtype === "F64" ? 8 : dtype === "F32" ? 4 : 2;
  if (window.start < 0 || window.count < 0 || (window.start + window.count) * width > byteLength)
    throw new Error(`Safetensors: values ${window.start} to ${window.start + window.count} are outside the tensor`);
  return { offset: offset + window.start * width, length: window.count * width };
}

/** Doubles as floats, as torch casts them; a finite one beyond float32 would become an infinity. */
function narrow(doubles: Float64Array, what: string): Float32Array {
  const floats = Float32Array.from(doubles);
  const lost = floats.findIndex((value, i) => !Number.isFinite(value) && Number.isFinite(doubles[i]));
  if (lost < 0) return floats;
  throw new UserError(`${what} holds ${doubles[lost]}, too large for float32, in which this engine computes.`);
}

function view<T>(type: new (buffer: ArrayBufferLike, offset: number, length: number) => T, bytes: Uint8Array): T {
  const size = (type as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
  return new type(bytes.buffer, bytes.byteOffset, bytes.byteLength / size);
}
