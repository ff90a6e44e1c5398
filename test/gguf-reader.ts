// A small reader of GGUF files, written from the specification alone and kept apart from the writer: what the tests
// compare is read by other code than wrote it.
export interface ReadTensor {
  readonly dimensions: readonly number[];
  readonly type: number;
  /** Values in the file's order; F32, F16 and Q8_0 are known. */
  readonly values: Float64Array;
  readonly bytes: Uint8Array;
}

export interface ReadGguf {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: ReadonlyMap<string, ReadTensor>;
}

export function readGguf(file: Uint8Array): ReadGguf {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 0;
  const advance = (bytes: number): number => {
    at += bytes;
    return at - bytes;
  };
  const uint32 = (): number => view.getUint32(advance(4), true);
  const uint64 = (): number => Number(view.getBigUint64(advance(8), true));
  const text = (): string => {
    const length = uint64();
    const start = advance(length);
    return new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(start, at));
  };
  const value = (type: number): unknown => {
    if (type === 4) return uint32();
    if (type === 5) return view.getInt32(advance(4), true);
    if (type === 6) return view.getFloat32(advance(4), true);
    if (type === 7) return file[advance(1)] === 1;
    if (type === 8) return text();
    if (type !== 9) throw new Error(`value type ${type} at ${at}`);
    const element = uint32();
    return Array.from({ length: uint64() }, () => value(element));
  };

  if (new TextDecoder().decode(file.subarray(0, advance(4) + 4)) !== "GGUF") throw new Error("no GGUF");
  const version = uint32();
  const tensorCount = uint64();
  const metadata = new Map<string, unknown>();
  for (let left = uint64(); left > 0; left--) {
    const key = text();
    if (metadata.has(key)) throw new Error(`${key} twice`);
    metadata.set(key, value(uint32()));
  }
  const infos = Array.from({ length: tensorCount }, () => ({
    name: text(),
    dimensions: Array.from({ length: uint32() }, uint64),
    type: uint32(),
    offset: uint64(),
  }));
  const dataStart = Math.ceil(at / 32) * 32;
  const tensors = new Map<string, ReadTensor>();
  let end = 0;
  for (const { name, dimensions, type, offset } of infos) {
    if (offset !== Math.ceil(end / 32) * 32) throw new Error(`${name} begins at ${offset}, the last ended at ${end}`);
    const count = dimensions.reduce((product, size) => product * size, 1);
    const size = type === 0 ? 4 * count : type === 1 ? 2 * count : type === 8 ? (count / 32) * 34 : NaN;
    end = offset + size;
    const bytes = file.slice(dataStart + offset, dataStart + end);
    tensors.set(name, {
      dimensions,
      type,
      bytes,
      get values() {
        return decode(type, bytes);
      },
    });
  }
  if (file.byteLength !== dataStart + Math.ceil(end / 32) * 32) throw new Error(`${file.byteLength} bytes`);
  return { version, metadata, tensors };
}

function decode(type: number, bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer);
  if (type === 0) return Float64Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  if (type === 1) return Float64Array.from({ length: bytes.length / 2 }, (_, i) => half(view.getUint16(2 * i, true)));
  return Float64Array.from({ length: (bytes.length / 34) * 32 }, (_, i) => {
    const block = 34 * Math.floor(i / 32);
    return half(view.getUint16(block, true)) * view.getInt8(block + 2 + (i % 32));
  });
}

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
