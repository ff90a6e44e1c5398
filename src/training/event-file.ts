// TensorBoard's event files (events.out.tfevents.*): records of one protocol-buffer message each, behind their length
// and followed by a checksum of it, so that a reader sees where a killed program stopped. Scalars are named as Hugging
// Face's Trainer names them. No library of npm that is kept up writes them; what is needed is these few fields.
// Source: TensorFlow's record format (record_writer.h), event.proto and summary.proto.

export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly scalars: Readonly<Record<string, number>>;
}

/** What a file begins with, which says its version. */
export function firstEvent(wallTime: number): Uint8Array {
  return record([...double(1, wallTime), ...bytes(3, utf8("brain.Event:2"))]);
}

/** Makes a reader forget what earlier files of the folder say of `step` and later ones: a run goes on from before. */
export function purgeEvent(wallTime: number, step: number): Uint8Array {
  const sessionStart = varint(1, 1);
  return record([...double(1, wallTime), ...varint(2, step), ...bytes(7, sessionStart)]);
}

/** The scalars of a step. */
export function scalarEvent({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const summary = Object.entries(scalars).flatMap(([tag, value]) =>
    bytes(1, [...bytes(1, utf8(tag)), ...float(2, value)]),
  );
  return record([...double(1, wallTime), ...varint(2, step), ...bytes(5, summary)]);
}

/** {loss, eval_loss} -> {train/loss, eval/loss}, as rewrite_logs() of transformers; the step is no scalar. */
export function scalarNames(entry: Readonly<Record<string, number>>): Record<string, number> {
  const named = Object.entries(entry)
    .filter(([name]) => name !== "step")
    .map(([name, value]) => [name.startsWith("eval_") ? name.replace("eval_", "eval/") : `train/${name}`, value]);
  return Object.fromEntries(named) as Record<string, number>;
}

/** Length, its checksum, the message, its checksum; all little-endian. */
function record(message: readonly number[]): Uint8Array {
  const data = Uint8Array.from(message);
  const out = new Uint8Array(12 + data.length + 4);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return out;
}

const utf8 = (text: string): readonly number[] => [...new TextEncoder().encode(text)];

/** Protocol-buffer fields: their number and wire type, then the value. */
const key = (field: number, wireType: number): number[] => [(field << 3) | wireType];
const double = (field: number, value: number): number[] => [
  ...key(field, 1),
  ...little(8, (v) => v.setFloat64(0, value, true)),
];
const float = (field: number, value: number): number[] => [
  ...key(field, 5),
  ...little(4, (v) => v.setFloat32(0, value, true)),
];
const bytes = (field: number, value: readonly number[]): number[] => [
  ...key(field, 2),
  ...base128(value.length),
  ...value,
];
const varint = (field: number, value: number): number[] => [...key(field, 0), ...base128(value)];

function little(size: number, set: (view: DataView) => void): number[] {
  const view = new DataView(new ArrayBuffer(size));
  set(view);
  return [...new Uint8Array(view.buffer)];
}

/** A whole number in groups of seven bits, the lowest first. */
function base128(value: number): number[] {
  const groups: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) groups.push((value % 128) | 128);
  return [...groups, value];
}

/** A checksum that is itself checked is rotated and moved, so that its own is no constant. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), bits reversed, as in RFC 3720. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
