// The GGUF container, version 3, as llama.cpp reads it: a magic number, typed key-value pairs, a table of the tensors
// with their places, then their data, each tensor at a multiple of 32 bytes. Written as a stream, one piece of a tensor
// after the other: a file of any size takes the memory of what its tensors are read by.
// Source: the GGUF specification (docs/gguf.md of ggml).
import { bytesOf, typeNumber } from "./tensor-types.ts";
import type { GgufTensorType } from "./tensor-types.ts";

/** A value of the metadata with the type that it is stored in. */
export type GgufValue =
  | { readonly type: "uint32" | "float32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "int32[]"; readonly value: readonly number[] }
  | { readonly type: "string[]"; readonly value: readonly string[] };

export interface GgufTensor {
  readonly name: string;
  /** ggml's order: the dimension whose elements lie side by side comes first. */
  readonly dimensions: readonly number[];
  readonly type: GgufTensorType;
  /** All of the tensor's bytes in pieces, asked for once, after those of the tensors before it. */
  readonly data: () => AsyncIterable<Uint8Array>;
}

const MAGIC = 0x46554747; // "GGUF", little-endian
const VERSION = 3;
/** What the format takes where no `general.alignment` says otherwise. */
const ALIGNMENT = 32;
const VALUE_TYPES = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;

/** Bytes of the file that `ggufFile` writes. */
export function ggufSize(metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): number {
  const data = tensors.reduce((sum, { type, dimensions }) => sum + aligned(bytesOf(type, dimensions)), 0);
  return header(metadata, tensors).byteLength + data;
}

/**
 * The bytes of the file. A piece is only to be read until the next is asked for. The stream throws what a tensor's
 * `data` throws, and Error when that has another size than its type and dimensions say.
 */
export async function* ggufFile(
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufTensor[],
): AsyncGenerator<Uint8Array, void, undefined> {
  yield header(metadata, tensors);
  for (const { name, type, dimensions, data } of tensors) {
    const wanted = bytesOf(type, dimensions);
    let written = 0;
    for await (const piece of data()) {
      written += piece.byteLength;
      yield piece;
    }
    if (written !== wanted)
      throw new Error(`ggufFile: cannot write ${name}: it has ${written} bytes, expected ${wanted} (its dimensions)`);
    if (aligned(wanted) > wanted) yield new Uint8Array(aligned(wanted) - wanted);
  }
}

/** All before the data, filled up to where that begins. */
function header(metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Uint8Array {
  const out = new ByteWriter();
  out.uint32(MAGIC);
  out.uint32(VERSION);
  out.uint64(tensors.length);
  out.uint64(metadata.size);
  for (const [key, value] of metadata) {
    out.string(key);
    writeValue(out, value);
  }
  let offset = 0; // counted from where the data begins
  for (const { name, dimensions, type } of tensors) {
    out.string(name);
    out.uint32(dimensions.length);
    for (const size of dimensions) out.uint64(size);
    out.uint32(typeNumber(type));
    out.uint64(offset);
    offset += aligned(bytesOf(type, dimensions));
  }
  return out.bytes(ALIGNMENT);
}

function writeValue(out: ByteWriter, value: GgufValue): void {
  switch (value.type) {
    case "uint32":
      out.uint32(VALUE_TYPES.uint32);
      return out.uint32(value.value);
    case "float32":
      out.uint32(VALUE_TYPES.float32);
      return out.float32(value.value);
    case "bool":
      out.uint32(VALUE_TYPES.bool);
      return out.uint8(value.value ? 1 : 0);
    case "string":
      out.uint32(VALUE_TYPES.string);
      return out.string(value.value);
    case "int32[]":
      out.array(VALUE_TYPES.int32, value.value.length);
      return value.value.forEach((each) => out.int32(each));
    case "string[]":
      out.array(VALUE_TYPES.string, value.value.length);
      return value.value.forEach((each) => out.string(each));
    default:
      value satisfies never;
  }
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Little-endian values one after the other in a buffer that grows. */
class ByteWriter {
  private buffer = new Uint8Array(1 << 16);
  private view = new DataView(this.buffer.buffer);
  private length = 0;
  private readonly utf8 = new TextEncoder();

  uint8(value: number): void {
    const at = this.take(1);
    this.view.setUint8(at, value);
  }

  uint32(value: number): void {
    const at = this.take(4);
    this.view.setUint32(at, value, true);
  }

  int32(value: number): void {
    const at = this.take(4);
    this.view.setInt32(at, value, true);
  }

  float32(value: number): void {
    const at = this.take(4);
    this.view.setFloat32(at, value, true);
  }

  uint64(value: number): void {
    const at = this.take(8);
    this.view.setBigUint64(at, BigInt(value), true);
  }

  /** UTF-8 behind its length in bytes. */
  string(text: string): void {
    const bytes = this.utf8.encode(text);
    this.uint64(bytes.byteLength);
    const at = this.take(bytes.byteLength);
    this.buffer.set(bytes, at);
  }

  /** What stands before an array's elements. */
  array(elementType: number, length: number): void {
    this.uint32(VALUE_TYPES.array);
    this.uint32(elementType);
    this.uint64(length);
  }

  /** All that was written, and zeros up to a multiple of `alignment`. */
  bytes(alignment: number): Uint8Array {
    this.take(Math.ceil(this.length / alignment) * alignment - this.length);
    return this.buffer.subarray(0, this.length);
  }

  /** Where the next `count` bytes go; they may move the buffer, so ask first. */
  private take(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.buffer.byteLength) {
      const larger = new Uint8Array(Math.max(this.length, 2 * this.buffer.byteLength));
      larger.set(this.buffer);
      this.buffer = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }
}
