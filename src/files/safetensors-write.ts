// Safetensors files, written as streams: the header first, then one tensor after the other, so that a file of any size
// takes the memory of its largest tensor. Files past a size are split into shards beside an index, as Hugging
// Face does.
import { UserError } from "../errors.ts";
import { beyondFloat16, encodeFloat16 } from "./float16.ts";
import type { FileData } from "./folder.ts";

/** Tensors to write, by name and in order. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** The values of a tensor, row-major; asked for once each, in order. */
export type ReadTensor = (name: string) => Float32Array | Promise<Float32Array>;

export interface SafetensorsOptions {
  readonly dtype?: "F32" | "F16";
  /** Default `{"format": "pt"}`, without which transformers refuses the file. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Hugging Face's save_pretrained takes this for its "5GB". */
const MAX_SHARD_BYTES = 5e9;

const BYTES = { F32: 4, F16: 2 } as const;

/**
 * The bytes of a safetensors file: tensors in the order of `shapes`, contiguous and aligned. The stream throws
 * UserError naming the tensor when a value does not fit F16.
 */
export async function* encodeSafetensors(
  shapes: Shapes,
  read: ReadTensor,
  { dtype = "F32", metadata = { format: "pt" } }: SafetensorsOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  yield encodeHeader(shapes, dtype, metadata);
  for (const [name, shape] of shapes) {
    const values = await read(name);
    const count = elements(shape);
    if (values.length !== count)
      throw new Error(
        `encodeSafetensors: cannot write ${name}: it has ${values.length} values, ` +
          `its shape [${shape.join(", ")}] holds ${count}`,
      );
    const stored = dtype === "F32" ? values : toHalf(name, values);
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  }
}

/**
 * One file `<stem>.safetensors`, or, where the tensors take more than `maxShardBytes`,
 * `<stem>-00001-of-0000N.safetensors` and so on beside `<stem>.safetensors.index.json` (the layout of Hugging Face's
 * save_pretrained). A tensor is never divided. For Folder.write.
 */
export function safetensorsFiles(
  stem: string,
  shapes: Shapes,
  read: ReadTensor,
  { maxShardBytes = MAX_SHARD_BYTES, ...options }: SafetensorsOptions & { readonly maxShardBytes?: number } = {},
): Map<string, FileData> {
  const width = BYTES[options.dtype ?? "F32"];
  const shards: Map<string, readonly number[]>[] = [];
  let room = 0;
  let total = 0;
  for (const [name, shape] of shapes) {
    const bytes = elements(shape) * width;
    if (shards.length === 0 || bytes > room) {
      shards.push(new Map());
      room = maxShardBytes;
    }
    shards[shards.length - 1].set(name, shape);
    room -= bytes;
    total += bytes;
  }
  if (shards.length <= 1) return new Map([[`${stem}.safetensors`, encodeSafetensors(shapes, read, options)]]);
  const files = new Map<string, FileData>();
  const placed = new Map<string, string>();
  const five = (number: number): string => String(number).padStart(5, "0");
  shards.forEach((shard, i) => {
    const file = `${stem}-${five(i + 1)}-of-${five(shards.length)}.safetensors`;
    files.set(file, encodeSafetensors(shard, read, options));
    for (const name of shard.keys()) placed.set(name, file);
  });
  const index = { metadata: { total_size: total }, weight_map: Object.fromEntries(placed) };
  return files.set(`${stem}.safetensors.index.json`, `${JSON.stringify(index, null, 2)}\n`);
}

/** The first 8 bytes and the JSON that says where each tensor lies, filled up with spaces to align the data. */
function encodeHeader(shapes: Shapes, dtype: "F32" | "F16", metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries = [`"__metadata__":${JSON.stringify(metadata)}`];
  let end = 0;
  for (const [name, shape] of shapes) {
    const start = end;
    end += elements(shape) * BYTES[dtype];
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`);
  }
  const json = new TextEncoder().encode(`{${entries.join(",")}}`);
  const header = new Uint8Array(Math.ceil((8 + json.byteLength) / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.byteLength - 8), true);
  header.set(json, 8);
  return header;
}

function toHalf(name: string, values: Float32Array): Uint16Array {
  const beyond = beyondFloat16(values);
  if (beyond !== undefined)
    throw new UserError(`Tensor ${name} holds ${beyond}, but half precision ends at 65504; save as float32 instead.`);
  return encodeFloat16(values);
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
