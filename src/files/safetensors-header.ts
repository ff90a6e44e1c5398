// The header of a safetensors file: 8 bytes of length (little-endian), then JSON that names each tensor's dtype, shape
// and byte range, then the data. A file comes from strangers, so everything is checked before a byte of data is read:
// what the Rust reference implementation checks, and repeated keys, which JSON.parse hides. Every fault throws
// UserError.
import { UserError } from "../errors.ts";
import { decodeUtf8 } from "./folder.ts";
import { quote } from "./quote.ts";

export interface TensorInfo {
  /** As the file says: "F32", "BF16", "I64", ... */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The `__metadata__` strings; empty when the file has none. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** The format's own limit, which keeps a wild length from being allocated. */
export const MAX_HEADER_BYTES = 100_000_000;

const DTYPE_BITS: ReadonlyMap<string, number> = new Map([
  ["F4", 4],
  ["F6_E2M3", 6],
  ["F6_E3M2", 6],
  ["BOOL", 8],
  ["U8", 8],
  ["I8", 8],
  ["F8_E5M2", 8],
  ["F8_E4M3", 8],
  ["F8_E8M0", 8],
  ["U16", 16],
  ["I16", 16],
  ["F16", 16],
  ["BF16", 16],
  ["U32", 32],
  ["I32", 32],
  ["F32", 32],
  ["U64", 64],
  ["I64", 64],
  ["F64", 64],
  ["C64", 64],
]);

/**
 * Bytes of JSON after the first 8, from a file's opening bytes (at least the first 256, or all when it is shorter).
 * Throws UserError for a Git LFS pointer and for anything else that cannot be a safetensors file of `fileSize` bytes.
 */
export function headerLength(opening: Uint8Array, fileSize: number, what: string): number {
  const text = new TextDecoder("latin1").decode(opening.subarray(0, 256));
  if (text.startsWith("version ") && text.includes("git-lfs")) {
    throw new UserError(
      `${what}: this is a Git LFS pointer, not the weights themselves; run "git lfs pull" in that repository, ` +
        "or download the file.",
    );
  }
  if (opening.byteLength < 8)
    throw new UserError(`${what}: has ${fileSize} bytes, too few for a safetensors file; fetch it again.`);
  const length = Number(new DataView(opening.buffer, opening.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || (opening.byteLength > 8 && opening[8] !== 0x7b)) {
    throw new UserError(
      `${what}: not a safetensors file (it opens with ${quote(text.slice(0, 24))}); fetch the .safetensors ` +
        "file of the model again.",
    );
  }
  if (8 + length > fileSize) throw truncated(what, 8 + length, fileSize);
  return length;
}

/** Checks and reads the JSON that follows the first 8 bytes; offsets become counted from the start of the file. */
export function parseHeader(json: Uint8Array, fileSize: number, what: string): SafetensorsHeader {
  const text = decodeUtf8(json, `${what}: header`);
  const refuse = (fault: string): never => {
    throw new UserError(`${what}: damaged safetensors header: ${fault}; fetch or save the file again.`);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return refuse("not valid JSON");
  }
  if (!text.startsWith("{") || !isRecord(parsed)) return refuse("not a JSON object");
  const repeated = repeatedKey(text);
  if (repeated !== undefined) return refuse(`the key ${quote(repeated)} appears twice`);

  const dataStart = 8 + json.byteLength;
  const tensors = new Map<string, TensorInfo>();
  let metadata = new Map<string, string>();
  for (const [name, entry] of Object.entries(parsed)) {
    if (name === "__metadata__") {
      if (!isRecord(entry) || !Object.values(entry).every((value) => typeof value === "string"))
        return refuse("__metadata__ is not a table of strings");
      metadata = new Map(Object.entries(entry as Record<string, string>));
    } else {
      tensors.set(
        name,
        tensorInfo(entry, dataStart, (fault) => refuse(`tensor ${quote(name)} ${fault}`)),
      );
    }
  }

  // Ranges must tile the data: no gap, no overlap, nothing left over.
  let end = dataStart;
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength);
  for (const [name, { offset, byteLength }] of inOrder) {
    if (offset !== end)
      return refuse(
        `the data of tensor ${quote(name)} starts at byte ${offset - dataStart}, expected ${end - dataStart} ` +
          "(the end of the tensor before it)",
      );
    end += byteLength;
  }
  if (end > fileSize) throw truncated(what, end, fileSize);
  if (end < fileSize) return refuse(`the tensors end at byte ${end}, the file has ${fileSize}`);
  return { tensors, metadata };
}

function tensorInfo(entry: unknown, dataStart: number, refuse: (fault: string) => never): TensorInfo {
  if (!isRecord(entry)) return refuse("is not a JSON object");
  const { dtype, shape, data_offsets: range } = entry;
  const bits = typeof dtype === "string" ? DTYPE_BITS.get(dtype) : undefined;
  if (bits === undefined) return refuse(`has the unknown dtype ${quote(dtype)}`);
  if (!isSizes(shape)) return refuse(`has the impossible shape ${quote(shape)}`);
  if (!isSizes(range) || range.length !== 2 || range[0] > range[1])
    return refuse(`has the impossible byte range ${quote(range)}`);
  const byteLength = range[1] - range[0];
  const wanted = shape.reduce((product, size) => product * size, bits) / 8;
  if (wanted !== byteLength)
    return refuse(`is ${dtype} ${quote(shape)}, which takes ${wanted} bytes, but its range holds ${byteLength}`);
  return { dtype: dtype as string, shape, offset: dataStart + range[0], byteLength };
}

/** The first key that an object in this (valid) JSON text holds twice, escapes decoded. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "{") open.push(new Set());
    else if (text[i] === "}") open.pop();
    else if (text[i] === '"') {
      const start = i++;
      while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
      let next = i + 1;
      while (text[next] === " " || text[next] === "\n" || text[next] === "\r" || text[next] === "\t") next++;
      if (text[next] !== ":") continue; // a value, not a key
      const key = JSON.parse(text.slice(start, i + 1)) as string;
      const keys = open[open.length - 1];
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function truncated(what: string, wanted: number, found: number): UserError {
  return new UserError(
    `${what}: truncated: its header speaks of ${wanted} bytes, the file has ${found}; fetch it again.`,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
