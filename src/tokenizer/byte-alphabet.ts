// The byte alphabet of byte-level BPE: one printable character per byte, so that vocabularies can be stored as text.
// The
// 188 bytes that print in Latin-1 stand for themselves, the other 68 take U+0100 onwards in order (a space is "Ġ", a
// line feed "Ċ"). Listing the printable ones first also gives the order of the first 256 ids of GPT-2's vocabulary.
// Source: bytes_to_unicode in OpenAI's GPT-2 encoder.py.

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

const everyByte = Array.from({ length: 256 }, (_, byte) => byte);
const unprintable = everyByte.filter((byte) => !isPrintable(byte));

/** The 256 bytes in the order of GPT-2's first ids. */
export const bytesInIdOrder: readonly number[] = [...everyByte.filter(isPrintable), ...unprintable];

/** byte -> its character. */
export const charOfByte: readonly string[] = everyByte.map((byte) =>
  String.fromCharCode(isPrintable(byte) ? byte : 0x100 + unprintable.indexOf(byte)),
);

const byteOfChar: ReadonlyMap<string, number> = new Map(charOfByte.map((char, byte) => [char, byte]));

/** Bytes written in the alphabet: the form in which files store a piece. */
export function bytesToPiece(bytes: Iterable<number>): string {
  let piece = "";
  for (const byte of bytes) piece += charOfByte[byte];
  return piece;
}

/** The bytes that a piece stands for; a piece with a character outside the alphabet stands for its own UTF-8. */
export function pieceToBytes(piece: string): Uint8Array {
  const bytes = new Uint8Array(piece.length);
  for (let i = 0; i < piece.length; i++) {
    const byte = byteOfChar.get(piece[i]);
    if (byte === undefined) return new TextEncoder().encode(piece);
    bytes[i] = byte;
  }
  return bytes;
}
